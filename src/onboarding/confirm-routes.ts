import { type Request, type RequestHandler, type Response, Router } from 'express'
import { z } from 'zod'
import { PartnerApiError } from '../errors.ts'
import { confirmPath, paths } from '../paths.ts'
import { showPhoneNumber } from '../phone-number.ts'
import { concernsSession, failedPage } from '../web/failed-page.ts'
import { pageContext, renderPage } from '../web/render-page.ts'
import { requestCode } from '../web/request-log.ts'
import { idsOf, type Objection, type OwnerAnswerService, type OwnerQuestion } from './owner-answer-service.ts'

/** What the owner said, and the numbers that the page had shown. */
const answerForm = z.object({
  answer: z.enum(['yes', 'no', 'stop']),
  channels: z.string().max(10_000).default(''),
})

type Problem = Objection | 'unreachable' | 'unclear'

/** The page behind the link in the owner's mail. Looking at it changes nothing: mail scanners open links, too. */
export function createConfirmRoutes(answers: OwnerAnswerService, limit: RequestHandler): Router {
  const router = Router()

  router.get(paths.confirm, async (req: Request<{ id: string }>, res) => {
    show(res, await answers.find(req.params.id), req.params.id)
  })

  router.post(paths.confirm, limit, async (req: Request<{ id: string }>, res) => {
    const { id } = req.params
    const question = await answers.find(id)
    concernsSession(res, question?.session)
    if (!question?.isOpen) return show(res, question, id)
    const form = answerForm.safeParse(req.body)
    const problem = form.success ? await settle(form.data, question) : 'unclear'
    if (problem) return show(res.status(statusOf[problem]), await answers.find(id), id, problem)
    res.redirect(303, confirmPath(id))
  })

  async function settle(
    { answer, channels }: z.infer<typeof answerForm>,
    question: OwnerQuestion,
  ): Promise<Problem | undefined> {
    if (answer !== 'yes') {
      await answers.refuse(question, { stop: answer === 'stop' })
      return undefined
    }
    try {
      return await answers.confirm(question, channels.split(','))
    } catch (error) {
      if (error instanceof PartnerApiError) return 'unreachable'
      throw error
    }
  }

  return router
}

const statusOf: Readonly<Record<Problem, number>> = {
  changed: 409,
  notListed: 409,
  unreachable: 502,
  unclear: 422,
}

function show(res: Response, question: OwnerQuestion | undefined, id: string, problem?: Problem): void {
  res.set({ 'cache-control': 'no-store', 'x-robots-tag': 'noindex' })
  if (!question?.isOpen) return showEnd(res, question)
  const { session, channels } = question
  const { t, lang } = pageContext(res)
  renderPage(res, 'onboarding/confirm', {
    title: t('confirm.title'),
    ...{ problem, action: confirmPath(id) },
    tenantName: session.tenantName,
    isSelfMade: session.origin === 'self_signup',
    numbers: channels.map(({ phoneNumber, id }) => (phoneNumber ? showPhoneNumber(phoneNumber) : id)),
    channelIds: idsOf(channels).join(),
    startedAt: session.createdAt.toLocaleString(lang, {
      dateStyle: 'long',
      timeStyle: 'short',
      timeZone: 'UTC',
    }),
    code: session.code,
  })
}

/** There is nothing to answer here, or not any more. */
function showEnd(res: Response, question: OwnerQuestion | undefined): void {
  const kind = kindOfEnd(question)
  const status = { unknown: 404, expired: 410, yes: 200, elsewhere: 200, no: 200 }[kind]
  const session = question?.session
  const isFailure = kind === 'unknown' || kind === 'expired'
  const code = isFailure ? failedPage(res, `question_${kind}`, session) : (session?.code ?? requestCode(res))
  const title = pageContext(res).t(`confirm.${kind}.title`)
  renderPage(res.status(status), 'onboarding/confirm-ended', { title, kind, code })
}

function kindOfEnd(question: OwnerQuestion | undefined) {
  if (!question) return 'unknown'
  const { confirmation, session, channels } = question
  if (confirmation.answer === 'no') return 'no'
  if (confirmation.answer !== 'yes') return 'expired'
  return channels.every(({ tenantId }) => tenantId === session.tenantId) ? 'yes' : 'elsewhere'
}
