import { type Request, type Response, Router } from 'express'
import { z } from 'zod'
import { InvalidInputError } from '../errors.ts'
import type { Decision } from '../keys/key-decision-service.ts'
import { adminChannelPath, paths } from '../paths.ts'
import { adminNameOf } from './admin-page.ts'
import type { ChannelFile } from './channel-desk.ts'
import { type ChannelServices, type Done, showChannel } from './channel-routes.ts'
import { isConfirmed, type Misstep } from './decision-section.ts'
import { requireFreshSignIn } from './fresh-sign-in.ts'

const text = z.string().trim().catch('')
const decisionForm = z
  .object({ mint: text, confirm: text, key: text, address: text })
  .catch({ mint: '', confirm: '', key: '', address: '' })

interface Asked extends Decision {
  readonly channel: ChannelFile['channel']
  readonly form: z.infer<typeof decisionForm>
}

interface OfChannel {
  readonly id: string
}

/** The two answers to "this number has a key already": let it be replaced, or hand in the key in use. */
export function createDecisionRoutes(services: ChannelServices): Router {
  const { desk, decisions, clock } = services
  const router = Router()
  const fresh = requireFreshSignIn<OfChannel>(clock, (req) => adminChannelPath(req.params.id))

  /** Sends the admin back to the page, which says what was done, or what was wrong. */
  const decide = (which: Misstep['form'], act: (asked: Asked) => Promise<Done>) => {
    return async (req: Request<OfChannel>, res: Response) => {
      const { channel } = await desk.read(req.params.id)
      const form = decisionForm.parse(req.body)
      const asked = { channelId: channel.id, mintId: form.mint, adminName: adminNameOf(req), channel, form }
      try {
        res.redirect(303, `${adminChannelPath(channel.id)}?tried=${await act(asked)}`)
      } catch (error) {
        if (!(error instanceof InvalidInputError)) throw error
        const misstep = { form: which, problem: error.message }
        showChannel(res.status(422), await desk.read(channel.id), services, misstep)
      }
    }
  }

  const replace = decide('replace', async ({ channel, form, ...decision }) => {
    if (!isConfirmed(channel, form.confirm))
      throw new InvalidInputError('What you typed does not match this number. Nothing was changed.')
    await decisions.replace(decision)
    return 'replace'
  })
  router.post(paths.adminChannelReplace, fresh, replace)

  const paste = decide('paste', async ({ form, ...decision }) => {
    const taken = await decisions.paste(decision, { apiKey: form.key, address: form.address || undefined })
    return taken === 'stored' ? 'pasted' : 'there'
  })
  router.post(paths.adminChannelPaste, fresh, paste)

  return router
}
