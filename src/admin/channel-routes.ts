import { type Request, type Response, Router } from 'express'
import { z } from 'zod'
import type { Clock } from '../clock.ts'
import { ConflictError, InvalidInputError } from '../errors.ts'
import type { Decision, KeyDecisionService } from '../keys/key-decision-service.ts'
import { keyFactsOf } from '../keys/key-facts.ts'
import { recordsKnownOf } from '../keys/mint-judgement.ts'
import { paths, pathTo } from '../paths.ts'
import { shownOf } from '../shown-facts.ts'
import { formText } from '../web/form-text.ts'
import { englishContext } from '../web/render-page.ts'
import { adminNameOf, noteOf, renderAdminPage } from './admin-page.ts'
import { type AdminChannel, type ChannelAdminService, retries } from './channel-admin-service.ts'
import { showFacts } from './channel-facts.ts'
import { requireConfirmed } from './confirmation.ts'
import { requireFreshSignIn } from './fresh-sign-in.ts'
import { toHistory } from './history.ts'

const retryForm = z.object({ what: z.enum(retries) })
const decisionForm = z.object({ shown: formText, confirm: formText, key: formText, address: formText })

/** What an admin has just done on the page of a channel. */
export const channelNotes = [
  'now',
  'later',
  'nothing',
  'replace',
  'pasted',
  'there',
  'moved',
  'confirmed',
  'retired',
] as const
type Done = (typeof channelNotes)[number]

/** What was wrong with a decision that an admin sent, and in which form. */
interface FormError {
  readonly form: 'replace' | 'paste' | 'confirm' | 'retire'
  readonly problem: string
}

interface Asked extends Decision {
  readonly channel: AdminChannel['channel']
  readonly form: z.infer<typeof decisionForm>
}

interface OfChannel {
  readonly id: string
}

interface Dependencies {
  readonly channelAdmin: ChannelAdminService
  readonly decisions: KeyDecisionService
  readonly clock: Clock
}

/**
 * The page of one channel, its "Try now" buttons, and the answers to "this number has a key already": let it be
 * replaced, or keep it, by handing it in or by confirming that of a former holder.
 */
export function createChannelRoutes({ channelAdmin, decisions, clock }: Dependencies): Router {
  const router = Router()

  router.get(paths.adminChannel, async (req: Request<OfChannel>, res) => {
    show(res, await channelAdmin.read(req.params.id))
  })

  router.post(paths.adminChannelTry, async (req: Request<OfChannel>, res) => {
    const form = retryForm.safeParse(req.body)
    if (!form.success) throw new InvalidInputError('This form cannot be used. Open the page again.')
    const tried = await channelAdmin.retryNow(req.params.id, form.data.what, adminNameOf(req))
    redirectBack(res, req.params.id, tried)
  })

  const fresh = requireFreshSignIn<OfChannel>(clock, (req) => pathTo('adminChannel', req.params.id))

  const replace = decide('replace', async ({ channel, form, ...decision }) => {
    requireConfirmed(channel, form.confirm)
    await decisions.replace(decision)
    return 'replace'
  })
  router.post(paths.adminChannelReplace, fresh, replace)

  const confirm = decide('confirm', async ({ channel, form, ...decision }) => {
    requireConfirmed(channel, form.confirm)
    await decisions.confirm(decision)
    return 'confirmed'
  })
  router.post(paths.adminChannelConfirm, fresh, confirm)

  const retire = decide('retire', async ({ channel: _, form: __, ...decision }) => {
    await decisions.retire(decision)
    return 'retired'
  })
  router.post(paths.adminChannelRetire, fresh, retire)

  const paste = decide('paste', async ({ channel: _, form, ...decision }) => {
    const key = { apiKey: form.key, address: form.address || undefined }
    return (await decisions.paste(decision, key)) === 'stored' ? 'pasted' : 'there'
  })
  router.post(paths.adminChannelPaste, fresh, paste)

  /** Sends the admin back to the page, which says what was done, or what was wrong. */
  function decide(which: FormError['form'], act: (asked: Asked) => Promise<Done>) {
    return async (req: Request<OfChannel>, res: Response) => {
      const { channel } = await channelAdmin.read(req.params.id)
      try {
        const { success, data: form } = decisionForm.safeParse(req.body ?? {})
        if (!success) throw new InvalidInputError(englishContext(res).t('form.unprintable'))
        const decision = { channelId: channel.id, shown: form.shown, adminName: adminNameOf(req) }
        const asked = { ...decision, channel, form }
        redirectBack(res, channel.id, await act(asked))
      } catch (error) {
        if (!(error instanceof InvalidInputError || error instanceof ConflictError)) throw error
        const formError = { form: which, problem: error.message }
        show(res.status(error.status), await channelAdmin.read(channel.id), formError)
      }
    }
  }

  /** Shows a channel, and what was wrong with a decision that was sent from its page. What was typed is gone. */
  function show(res: Response, found: AdminChannel, formError?: FormError): void {
    renderAdminPage(res, 'channel', {
      title: `Number ${found.channel.phoneNumber ?? found.channel.id}`,
      note: noteOf(res, 'channelNote', channelNotes, res.req.query.tried),
      problem: formError?.problem,
      failedForm: formError?.form,
      ...found,
      shown: shownOf(keyFactsOf(found.channel, openMintOf(found))),
      hasKeptAnswer: hasKeptAnswer(found),
      isBlind: isBlind(found),
      standardAddress: decisions.standardAddress,
      history: toHistory(found, englishContext(res).t),
      facts: showFacts(found.channel, clock.now(), englishContext(res).t),
    })
  }

  return router
}

function redirectBack(res: Response, channelId: string, done: Done): void {
  res.redirect(303, `${pathTo('adminChannel', channelId)}?tried=${done}`)
}

/** An answer came and is kept, but could not be read; one that was lost is not there. */
function hasKeptAnswer({ channel: { mintState, mintProblem } }: AdminChannel): boolean {
  const isUnread = mintProblem !== 'answer_lost' && mintProblem?.startsWith('answer_') === true
  return mintState === 'needs_decision' && isUnread
}

/** Which keys there are could not be read, so a new one ends whatever is there. */
function isBlind(found: AdminChannel): boolean {
  const open = openMintOf(found)
  return open !== undefined && recordsKnownOf(open) === undefined
}

function openMintOf({ channel, mints }: AdminChannel) {
  return mints.find(({ id }) => id === channel.mintId)
}
