import { type Request, type RequestHandler, type Response, Router } from 'express'
import type { Logger } from 'pino'
import { z } from 'zod'
import type { Language } from '../database/schema.ts'
import { InvalidInputError, NotFoundError } from '../errors.ts'
import { hashOf } from '../identifiers.ts'
import { linkPath, paths, returnPagePath, statusPath } from '../paths.ts'
import type { BrowserId } from '../web/browser-id.ts'
import { formText } from '../web/form-text.ts'
import { onlyMethod } from '../web/only-method.ts'
import { pageContext, renderCached, renderPage } from '../web/render-page.ts'
import { requestCode } from '../web/request-log.ts'
import { runMiddleware } from '../web/run-middleware.ts'
import { readCallbackQuery } from './callback-query.ts'
import { findNameProblem } from './company-name.ts'
import type { ConnectSession, ConnectSessionService, SessionEnd } from './connect-session-service.ts'
import { maskEmail } from './email-address.ts'
import { maskPhoneNumber, readPhoneNumber, showPhoneNumber } from './phone-number.ts'
import type { Progress, Situation } from './progress.ts'
import type { ReturnReceiver, WaitingReturn } from './return-receiver.ts'
import type { StatusService } from './status-service.ts'

type PaidBy = 'direct' | 'partner'

interface Dependencies {
  readonly sessions: ConnectSessionService
  readonly receiver: ReturnReceiver
  readonly status: StatusService
  readonly browsers: BrowserId
  readonly selfSignup: boolean
  readonly brandName: string
  readonly paidBy: PaidBy
  readonly launchPageHeaders: RequestHandler
  readonly limit: RequestHandler
  readonly logger: Logger
}

/** The client's way: sign-up or link, 360dialog's permission screen, return, status page. */
export function createOnboardingRoutes(dependencies: Dependencies): Router {
  const { sessions, receiver, status, browsers, selfSignup, paidBy, limit, launchPageHeaders, logger } =
    dependencies
  const signUpForm = signUpFormOf(dependencies.brandName)
  const router = Router()

  router.get(paths.home, launchPageHeaders, (_req, res) => showHome(res, selfSignup))

  router.post(paths.signUp, limit, launchPageHeaders, async (req, res) => {
    if (!selfSignup) throw new NotFoundError()
    const form = signUpForm.safeParse(req.body ?? {})
    if (!form.success) return showSignUp(res.status(422), req.body, z.flattenError(form.error).fieldErrors)
    const screen = await sessions.signUp(form.data, browsers.ensure(req, res), languageOf(res))
    res.redirect(303, screen.href)
  })

  router.get(paths.link, launchPageHeaders, async (req, res) => {
    const session = await sessions.findByLink(String(req.params.token))
    if (!session || sessions.endOf(session)) return showUnusableLink(res, session)
    if (req.method === 'GET') await sessions.noteOpened(session)
    showLink(res, session, String(req.params.token))
  })

  router.post(paths.link, limit, launchPageHeaders, async (req, res) => {
    const session = await sessions.findByLink(String(req.params.token))
    if (!session || sessions.endOf(session)) return showUnusableLink(res, session)
    const screen = await sessions.launch(session, browsers.ensure(req, res), { language: languageOf(res) })
    res.redirect(303, screen.href)
  })

  router.all(paths.callback, onlyMethod('GET'))
  // Stores what came back and moves on to an address without ids; the worker does the rest.
  router.get(paths.callback, async (req, res) => {
    res.set('cache-control', 'no-store')
    const query = readQuery(req, res, logger)
    const match = await receiver.match(query, browsers.read(req))
    // A live nonce is never limited; what anybody can send again and again is.
    if (!match.isLive) await runMiddleware(limit, req, res)
    // A browser that goes on from here is known again when it does.
    const browserHash = match.kind === 'launch' ? browsers.ensure(req, res) : undefined
    const isKept = await receiver.store(query, match, browserHash)
    if (match.kind === 'unattached') return res.redirect(303, paths.returned)
    if (match.arrival === 'launch') return res.redirect(303, statusPath(match.pageId))
    if (!isKept) return showUnusableLink(res, await sessions.find(match.launch.sessionId))
    res.redirect(303, returnPagePath(match.pageId))
  })

  router.get(paths.returnPage, launchPageHeaders, async (req, res) => {
    res.set(privatePage)
    const waiting = await receiver.findWaiting(String(req.params.id))
    if (!waiting) throw new NotFoundError()
    const { session, state, arrival, browserHash } = waiting
    const end = sessions.endOf(session)
    if (arrival === 'resumed' || !BEFORE_JUDGEMENT.has(state)) {
      const progress = await status.read(session, { isExpired: true, browserHash })
      return showStatus(req, res, { session, progress, end, paidBy, canContinue: true })
    }
    if (end) return showUnusableLink(res, session)
    showReturn(res, waiting, String(req.params.id))
  })

  // "Continue here": whoever holds this page may launch its session, as whoever holds its link may.
  router.post(paths.returnPage, limit, launchPageHeaders, async (req, res) => {
    const waiting = await receiver.findWaiting(String(req.params.id))
    if (!waiting || sessions.endOf(waiting.session)) return showUnusableLink(res, waiting?.session)
    const screen = await sessions.launch(waiting.session, browsers.ensure(req, res), {
      isContinuation: true,
      language: languageOf(res),
    })
    res.redirect(303, screen.href)
  })

  router.get(paths.returned, (_req, res) => {
    renderPage(res, 'onboarding/returned', { title: pageContext(res).t('returned.title') })
  })

  router.get(paths.status, launchPageHeaders, async (req, res) => {
    res.set(privatePage)
    const found = await status.find(String(req.params.id))
    if (!found) throw new NotFoundError()
    if (req.accepts(['html', 'json']) === 'json') {
      res.json(toJson(found.progress))
      return
    }
    showStatus(req, res, { ...found, end: sessions.endOf(found.session), paidBy })
  })

  // "Start again": whoever holds a status page may launch its session anew, as whoever holds its link may.
  router.post(paths.status, limit, launchPageHeaders, async (req, res) => {
    const found = await status.find(String(req.params.id))
    if (!found || sessions.endOf(found.session)) return showUnusableLink(res, found?.session)
    const screen = await sessions.launch(found.session, browsers.ensure(req, res), {
      language: languageOf(res),
    })
    res.redirect(303, screen.href)
  })

  function showUnusableLink(res: Response, session: ConnectSession | undefined): void {
    const { t } = pageContext(res)
    const why = session ? (sessions.endOf(session) ?? 'used_up') : 'unknown'
    renderPage(res.status(session ? 410 : 404), 'onboarding/link-unusable', {
      title: t(`linkEnd.${why}.title`),
      why,
      code: session?.code ?? requestCode(res),
    })
  }

  return router
}

function languageOf(res: Response): Language {
  return pageContext(res).lang === 'de' ? 'de' : 'en'
}

/** The self-signup form; each problem is the key of its translation. */
const signUpFormOf = (brandName: string) =>
  z.object({
    company: formText.pipe(
      z
        .string()
        .min(1, 'form.companyMissing')
        .max(100, 'form.companyLong')
        .superRefine((company, context) => {
          const message = findNameProblem(company, brandName)
          if (message) context.addIssue({ code: 'custom', message })
        }),
    ),
    email: formText.pipe(z.email('form.emailBad').max(254, 'form.emailBad')),
    number: formText.transform((value, context) => {
      if (value === '') return undefined
      const number = readPhoneNumber(value)
      if (number === undefined) context.addIssue({ code: 'custom', message: 'form.numberBad' })
      return number
    }),
    consent: z.literal('yes', 'form.consentMissing'),
  })

/** Nobody else's copy, and in no search: who knows the address sees the page. */
const privatePage = { 'cache-control': 'no-store', 'x-robots-tag': 'noindex' } as const

/** What cannot be read is not stored: its hash and length in the log tell whether it came before. */
function readQuery(req: Request, res: Response, logger: Logger) {
  try {
    return readCallbackQuery(req.originalUrl)
  } catch (error) {
    if (error instanceof InvalidInputError) {
      const seen = { sha256: hashOf(req.originalUrl).slice(0, 16), length: req.originalUrl.length }
      logger.warn({ ...seen, code: requestCode(res) }, 'unreadable return')
    }
    throw error
  }
}

function showHome(res: Response, selfSignup: boolean): void {
  if (selfSignup) return showSignUp(res, {}, {})
  renderPage(res, 'onboarding/closed', { title: pageContext(res).t('closed.title') })
}

function showSignUp(res: Response, values: unknown, errors: object): void {
  const entered = typeof values === 'object' && values !== null ? values : {}
  const title = pageContext(res).t('signUp.title')
  renderPage(res, 'onboarding/sign-up', { title, action: paths.signUp, values: entered, errors })
}

function showLink(res: Response, session: ConnectSession, token: string): void {
  const { tenantName, number, code } = session
  renderPage(res, 'onboarding/link', {
    title: pageContext(res).t('link.title'),
    action: linkPath(token),
    tenantName,
    number: number && showPhoneNumber(number),
    code,
  })
}

function showReturn(res: Response, { session, arrival }: WaitingReturn, pageId: string): void {
  const way = arrival === 'expired_launch' ? 'late' : arrival === 'open_launch' ? 'unsure' : 'elsewhere'
  renderPage(res, 'onboarding/return', {
    title: pageContext(res).t(`return.${way}.title`),
    action: returnPagePath(pageId),
    way,
    tenantName: session.tenantName,
    code: session.code,
  })
}

/** Seconds until the page looks again, without a script; a page that cannot change by itself does not. */
const REFRESH_SECONDS: Partial<Record<Situation, number>> = {
  returned: 3,
  not_listed_yet: 60,
  waiting: 10,
  owner: 10,
  needs_review: 60,
}

/** Where a "Continue here" page has nothing to tell but that. */
const BEFORE_JUDGEMENT: ReadonlySet<WaitingReturn['state']> = new Set(['pending', 'received', 'declined'])

/** Where starting again from the page is the next thing to do. */
const CAN_START_AGAIN = new Set<Situation>([
  'launched',
  'elsewhere',
  'declined',
  'revoked',
  'not_listed',
  'failed',
  'expired',
])

function showStatus(
  req: Request,
  res: Response,
  found: {
    session: ConnectSession
    progress: Progress
    end: SessionEnd | undefined
    paidBy: PaidBy
    canContinue?: boolean
  },
): void {
  const { session, progress, end, paidBy, canContinue = false } = found
  const { situation } = progress
  const seconds = REFRESH_SECONDS[situation]
  const stopped = req.query.refresh === 'off'
  // A header, not a meta element: whoever reads slowly can stop it by the link on the page.
  if (seconds !== undefined && !stopped) res.set('refresh', String(seconds))
  renderCached(res, 'onboarding/status', {
    title: pageContext(res).t(`status.${situation}.title`),
    situation,
    code: session.code,
    tenantName: session.tenantName,
    canStartAgain: CAN_START_AGAIN.has(situation),
    canContinue: canContinue && situation === 'needs_review' && !end,
    end,
    steps: progress.steps.map(({ name, state }) => ({ name, state })),
    numbers: progress.numbers.map(({ phoneNumber, state }) => ({
      number: maskPhoneNumber(phoneNumber),
      state,
    })),
    ownerEmail: progress.ownerEmail && maskEmail(progress.ownerEmail),
    paidBy,
    refreshes: seconds !== undefined,
    stopped,
  })
}

function toJson({ status, steps, numbers }: Progress): object {
  return {
    status,
    steps: steps.map(({ name, state, at }) => ({ name, state, at: at?.toISOString() ?? null })),
    numbers: numbers.map(({ phoneNumber }) => maskPhoneNumber(phoneNumber)),
  }
}
