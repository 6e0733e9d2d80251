import { type Request, type RequestHandler, type Response, Router } from 'express'
import type { Logger } from 'pino'
import { z } from 'zod'
import { InvalidInputError, NotFoundError } from '../errors.ts'
import { hashOf } from '../identifiers.ts'
import { linkPath, paths, returnPagePath, statusPath } from '../paths.ts'
import type { BrowserId } from '../web/browser-id.ts'
import { formText } from '../web/form-text.ts'
import { pageContext, renderCached, renderPage } from '../web/render-page.ts'
import { requestCode } from '../web/request-log.ts'
import { readCallbackQuery } from './callback-query.ts'
import type { ConnectSession, ConnectSessionService } from './connect-session-service.ts'
import { maskPhoneNumber, readPhoneNumber, showPhoneNumber } from './phone-number.ts'
import type { Progress, Situation } from './progress.ts'
import type { ReturnReceiver, WaitingReturn } from './return-receiver.ts'
import type { StatusService } from './status-service.ts'

interface Dependencies {
  readonly sessions: ConnectSessionService
  readonly receiver: ReturnReceiver
  readonly status: StatusService
  readonly browsers: BrowserId
  readonly selfSignup: boolean
  readonly launchPageHeaders: RequestHandler
  readonly limit: RequestHandler
  readonly logger: Logger
}

/** The client's way: sign-up or link, 360dialog's permission screen, return, status page. */
export function createOnboardingRoutes(dependencies: Dependencies): Router {
  const { sessions, receiver, status, browsers, selfSignup, limit, launchPageHeaders, logger } = dependencies
  const router = Router()

  router.get(paths.home, launchPageHeaders, (_req, res) => showHome(res, selfSignup))

  router.post(paths.signUp, limit, launchPageHeaders, async (req, res) => {
    if (!selfSignup) throw new NotFoundError()
    const form = signUpForm.safeParse(req.body ?? {})
    if (!form.success) return showSignUp(res.status(422), req.body, z.flattenError(form.error).fieldErrors)
    const screen = await sessions.signUp(form.data, browsers.ensure(req, res))
    res.redirect(303, screen.href)
  })

  router.get(paths.link, launchPageHeaders, async (req, res) => {
    const session = await sessions.findByLink(String(req.params.token))
    if (!session || sessions.isExpired(session)) return showUnusableLink(res, session)
    showLink(res, session, String(req.params.token))
  })

  router.post(paths.link, limit, launchPageHeaders, async (req, res) => {
    const session = await sessions.findByLink(String(req.params.token))
    if (!session || sessions.isExpired(session)) return showUnusableLink(res, session)
    const screen = await sessions.launch(session, browsers.ensure(req, res))
    res.redirect(303, screen.href)
  })

  router.all(paths.callback, onlyGet)
  // Stores what came back and moves on to an address without ids; the worker does the rest.
  router.get(paths.callback, async (req, res) => {
    res.set('cache-control', 'no-store')
    const query = readQuery(req, res, logger)
    const match = await receiver.match(query, browsers.read(req))
    // A live nonce is never limited; what anybody can send again and again is.
    if (!match.isLive) await runMiddleware(limit, req, res)
    // A browser that goes on from here is known again when it does.
    const browserHash = match.kind === 'launch' ? browsers.ensure(req, res) : undefined
    await receiver.store(query, match, browserHash)
    if (match.kind === 'unattached') return res.redirect(303, paths.returned)
    res.redirect(303, match.arrival === 'launch' ? statusPath(match.pageId) : returnPagePath(match.pageId))
  })

  router.get(paths.returnPage, launchPageHeaders, async (req, res) => {
    res.set(privatePage)
    const waiting = await receiver.findWaiting(String(req.params.id))
    if (!waiting) throw new NotFoundError()
    const { session, state, arrival, browserHash } = waiting
    const isExpired = sessions.isExpired(session)
    if (arrival === 'resumed' || !BEFORE_JUDGEMENT.has(state)) {
      const progress = await status.read(session, { isExpired: true, browserHash })
      return showStatus(req, res, { session, progress, isExpired, canContinue: true })
    }
    if (isExpired) return showUnusableLink(res, session)
    showReturn(res, waiting, String(req.params.id))
  })

  // "Continue here": whoever holds this page may launch its session, as whoever holds its link may.
  router.post(paths.returnPage, limit, launchPageHeaders, async (req, res) => {
    const waiting = await receiver.findWaiting(String(req.params.id))
    if (!waiting || sessions.isExpired(waiting.session)) return showUnusableLink(res, waiting?.session)
    const screen = await sessions.launch(waiting.session, browsers.ensure(req, res), { isContinuation: true })
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
    showStatus(req, res, { ...found, isExpired: sessions.isExpired(found.session) })
  })

  // "Start again": whoever holds a status page may launch its session anew, as whoever holds its link may.
  router.post(paths.status, limit, launchPageHeaders, async (req, res) => {
    const found = await status.find(String(req.params.id))
    if (!found || sessions.isExpired(found.session)) return showUnusableLink(res, found?.session)
    const screen = await sessions.launch(found.session, browsers.ensure(req, res))
    res.redirect(303, screen.href)
  })

  return router
}

/** The self-signup form; each problem is the key of its translation. */
const signUpForm = z.object({
  company: formText.pipe(z.string().min(1, 'form.companyMissing').max(100, 'form.companyLong')),
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

/** Resolves when a middleware lets the request through, and rejects with what it says otherwise. */
function runMiddleware(middleware: RequestHandler, req: Request, res: Response): Promise<void> {
  return new Promise((resolve, reject) => {
    middleware(req, res, (error?: unknown) => (error ? reject(error) : resolve()))
  })
}

const onlyGet: RequestHandler = (req, res, next) => {
  if (req.method === 'GET') return next()
  res.set('allow', 'GET').status(405).end()
}

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

function showUnusableLink(res: Response, session: ConnectSession | undefined): void {
  const { t } = pageContext(res)
  const code = session?.code ?? requestCode(res)
  const locals = {
    title: t(session ? 'linkExpired.title' : 'linkUnknown.title'),
    known: session !== undefined,
    code,
  }
  renderPage(res.status(session ? 410 : 404), 'onboarding/link-unusable', locals)
}

/** Seconds until the page looks again, without a script; a page that cannot change by itself does not. */
const REFRESH_SECONDS: Partial<Record<Situation, number>> = { returned: 3, waiting: 10, needs_review: 60 }

/** Where a "Continue here" page has nothing to tell but that. */
const BEFORE_JUDGEMENT: ReadonlySet<WaitingReturn['state']> = new Set(['pending', 'received', 'declined'])

/** Where starting again from the page is the next thing to do. */
const CAN_START_AGAIN = new Set<Situation>([
  'launched',
  'elsewhere',
  'declined',
  'revoked',
  'failed',
  'expired',
])

function showStatus(
  req: Request,
  res: Response,
  found: { session: ConnectSession; progress: Progress; isExpired: boolean; canContinue?: boolean },
): void {
  const { session, progress, isExpired, canContinue = false } = found
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
    canContinue: canContinue && situation === 'needs_review' && !isExpired,
    isExpired,
    steps: progress.steps.map(({ name, state }) => ({ name, state })),
    numbers: progress.numbers.map(({ phoneNumber, state }) => ({
      number: maskPhoneNumber(phoneNumber),
      state,
    })),
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
