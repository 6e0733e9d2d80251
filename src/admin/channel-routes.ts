import { type Request, Router } from 'express'
import { z } from 'zod'
import type { Clock } from '../clock.ts'
import { InvalidInputError } from '../errors.ts'
import { adminChannelPath, paths } from '../paths.ts'
import { adminNameOf, renderAdminPage } from './admin-page.ts'
import { type ChannelDesk, tries } from './channel-desk.ts'
import { toChannelPage } from './channel-page.ts'

const tryForm = z.object({ what: z.enum(tries) })

const notes: ReadonlyMap<unknown, string> = new Map([
  ['now', 'Latchkey looks at it now. Load this page again in a few seconds.'],
  ['nothing', 'There was nothing to try: it has gone on in the meantime.'],
])

/** The page of one channel and its "Try now" buttons. */
export function createChannelRoutes({ desk, clock }: { desk: ChannelDesk; clock: Clock }): Router {
  const router = Router()

  router.get(paths.adminChannel, async (req: Request<{ id: string }>, res) => {
    const page = toChannelPage(await desk.read(req.params.id), clock.now())
    const note = notes.get(req.query.tried)
    renderAdminPage(res, 'channel', { title: `Number ${page.row.number}`, note, ...page })
  })

  router.post(paths.adminChannelTry, async (req: Request<{ id: string }>, res) => {
    const form = tryForm.safeParse(req.body)
    if (!form.success) throw new InvalidInputError('This form cannot be used. Open the page again.')
    const waited = await desk.tryNow(req.params.id, form.data.what, adminNameOf(req))
    res.redirect(303, `${adminChannelPath(req.params.id)}?tried=${waited ? 'now' : 'nothing'}`)
  })

  return router
}
