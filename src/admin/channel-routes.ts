import { type Request, type Response, Router } from 'express'
import { z } from 'zod'
import type { Clock } from '../clock.ts'
import { InvalidInputError } from '../errors.ts'
import type { KeyDecisionService } from '../keys/key-decision-service.ts'
import { adminChannelPath, paths } from '../paths.ts'
import { adminNameOf, renderAdminPage } from './admin-page.ts'
import { type ChannelDesk, type ChannelFile, tries } from './channel-desk.ts'
import { toChannelPage } from './channel-page.ts'
import { type Misstep, toDecisionSection } from './decision-section.ts'

const tryForm = z.object({ what: z.enum(tries) })

const notes = {
  now: 'Latchkey looks at it now. Load this page again in a few seconds.',
  nothing: 'There was nothing to try: it has gone on in the meantime.',
  replace: 'The old key is being replaced. Load this page again in a few seconds.',
  pasted: 'The key belongs to this number and is stored. Whoever uses it can go on using it.',
  there: 'This key is stored already.',
} as const

/** What an admin has just done on the page of a channel. */
export type Done = keyof typeof notes

export interface ChannelServices {
  readonly desk: ChannelDesk
  readonly decisions: KeyDecisionService
  readonly clock: Clock
}

/** The page of one channel and its "Try now" buttons. */
export function createChannelRoutes(services: ChannelServices): Router {
  const router = Router()
  const { desk } = services

  router.get(paths.adminChannel, async (req: Request<{ id: string }>, res) => {
    showChannel(res, await desk.read(req.params.id), services)
  })

  router.post(paths.adminChannelTry, async (req: Request<{ id: string }>, res) => {
    const form = tryForm.safeParse(req.body)
    if (!form.success) throw new InvalidInputError('This form cannot be used. Open the page again.')
    const waited = await desk.tryNow(req.params.id, form.data.what, adminNameOf(req))
    res.redirect(303, `${adminChannelPath(req.params.id)}?tried=${waited ? 'now' : 'nothing'}`)
  })

  return router
}

/** Shows a channel, and what was wrong with a decision that was sent from its page. What was typed is gone. */
export function showChannel(
  res: Response,
  file: ChannelFile,
  { decisions, clock }: Pick<ChannelServices, 'decisions' | 'clock'>,
  misstep?: Misstep,
): void {
  const page = toChannelPage(file, clock.now())
  renderAdminPage(res, 'channel', {
    title: `Number ${page.row.number}`,
    note: new Map<unknown, string>(Object.entries(notes)).get(res.req.query.tried),
    problem: misstep?.problem,
    decision: toDecisionSection(file, decisions.standardAddress, misstep),
    ...page,
  })
}
