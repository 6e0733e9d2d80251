import { type Request, type RequestHandler, type Response, Router } from 'express'
import type { Logger } from 'pino'
import { NotFoundError } from '../errors.ts'
import { hashOf } from '../identifiers.ts'
import { paths, returnPagePath, statusPath } from '../paths.ts'
import type { BrowserId } from '../web/browser-id.ts'
import { concernsSession, failedPage } from '../web/failed-page.ts'
import { onlyMethod } from '../web/only-method.ts'
import { pageContext, renderPage } from '../web/render-page.ts'
import { inAppBrowserOf } from '../web/in-app-browser.ts'
import { requestCode } from '../web/request-log.ts'
import { runMiddleware } from '../web/run-middleware.ts'
import { type CallbackQuery, readCallbackQuery, UnreadableReturnError } from './callback-query.ts'
import type { ConnectSession, ConnectSessionService } from './connect-session-service.ts'
import type { KnownRefusalService } from './known-refusal-service.ts'
import { stopsEverybodyNew } from './known-refusals.ts'
import { languageOf, privatePage, showUnusableLink } from './onboarding-pages.ts'
import type { ReturnReceiver, WaitingReturn } from './return-receiver.ts'
import { type PaidBy, showStatus, toJson } from './status-page.ts'
import type { StatusService } from './status-service.ts'

interface Dependencies {
  readonly sessions: ConnectSessionService
  readonly receiver: ReturnReceiver
  readonly status: StatusService
  readonly refusals: KnownRefusalService
  readonly browsers: BrowserId
  readonly paidBy: PaidBy
  readonly publicUrl: URL
  readonly launchPageHeaders: RequestHandler
  readonly limit: RequestHandler
  readonly logger: Logger
}

/** The client's way back: from 360dialog's permission screen to the status page. */
export function createOnboardingRoutes(dependencies: Dependencies): Router {
  const { sessions, receiver, status, browsers, paidBy, publicUrl, limit, launchPageHeaders, logger } =
    dependencies
  const router = Router()

  // Put together without looking, the query may not begin as one; else nobody would read it.
  router.use((req, _res, next) => {
    req.url = req.url.replace(NO_QUERY_YET, `${paths.callback}?`)
    next()
  })
  router.all(paths.callback, onlyMethod('GET'))
  // Stores what came back and moves on to an address without ids; the worker does the rest.
  router.get(paths.callback, async (req, res) => {
    res.set('cache-control', 'no-store')
    const query = readOrRefuse(req.url)
    if (query instanceof UnreadableReturnError) return keepUnreadable(req, res, query)
    const match = await receiver.match(query, browsers.read(req))
    if (match.kind === 'launch') concernsSession(res, { id: match.launch.sessionId })
    // A live nonce is never limited; what anybody can send again and again is.
    if (!match.isLive) await runMiddleware(limit, req, res)
    // A browser that goes on from here is known again when it does.
    const browserHash = match.kind === 'launch' ? browsers.ensure(req, res).hash : undefined
    const isKept = await receiver.store(query, match, browserHash)
    if (match.kind === 'unattached') return res.redirect(303, paths.returned)
    if (match.arrival === 'launch') return res.redirect(303, statusPath(match.pageId))
    if (!isKept) return showUnusableLink(res, sessions, await sessions.find(match.launch.sessionId))
    res.redirect(303, returnPagePath(match.pageId))
  })

  /** What came with a live nonce is kept; of anything else its hash and length in the log tell whether it came before. */
  async function keepUnreadable(req: Request, res: Response, unreadable: UnreadableReturnError) {
    const match = await receiver.match(unreadable, browsers.read(req))
    const live = match.kind === 'launch' && match.isLive ? match : undefined
    const session = live && (await sessions.find(live.launch.sessionId))
    const isKept = live && (await receiver.storeUnreadable(unreadable, live, browsers.ensure(req, res).hash))
    const code = session ? failedPage(res, 'unreadable_return', session) : requestCode(res)
    const seen = { sha256: hashOf(req.originalUrl).slice(0, 16), length: req.originalUrl.length }
    logger.warn({ ...seen, code, ...(session && { session: session.id }) }, 'unreadable return')
    if (!session) throw unreadable
    if (!isKept) return showUnusableLink(res, sessions, session)
    await runMiddleware(launchPageHeaders, req, res)
    renderPage(res.status(400), 'onboarding/unreadable', {
      title: pageContext(res).t('unreadable.title'),
      action: live.arrival === 'launch' ? statusPath(live.pageId) : returnPagePath(live.pageId),
      tenantName: session.tenantName,
      code,
    })
  }

  router.use([paths.returnPage, paths.returned, paths.status], privatePage)

  router.get(paths.returnPage, launchPageHeaders, async (req, res) => {
    const waiting = await receiver.findWaiting(String(req.params.id))
    concernsSession(res, waiting?.session)
    if (!waiting) throw new NotFoundError()
    const { session, state, arrival, browserHash } = waiting
    const end = sessions.endOf(session)
    const isCircle = arrival === 'no_cookie' && keepsNoCookie(req, waiting)
    if (arrival === 'no_cookie' || arrival === 'resumed' || !BEFORE_JUDGEMENT.has(state)) {
      const progress = await status.read(session, { launchedAt: undefined, isExpired: true, browserHash })
      const isJudged = arrival === 'resumed' || !(isCircle ? BEFORE_DECISION : BEFORE_JUDGEMENT).has(state)
      if (isJudged || progress.numbers.length > 0)
        return showStatus(req, res, { session, progress, end, paidBy, canContinue: true })
    }
    if (end) return showUnusableLink(res, sessions, session)
    if (isCircle) return showWithoutCookies(req, res, waiting, publicUrl)
    showReturn(res, waiting, String(req.params.id))
  })

  /** Without a cookie right after the redirect that set one. Later, or by hand, another browser may come for the first time. */
  function keepsNoCookie(req: Request, { isFresh }: WaitingReturn): boolean {
    if (browsers.read(req) || req.query[COPIED] !== undefined) return false
    const from = req.get('sec-fetch-site')
    return from === undefined || (from !== 'none' && isFresh)
  }

  // "Continue here": whoever holds this page may launch its session, as whoever holds its link may.
  router.post(paths.returnPage, limit, launchPageHeaders, async (req, res) => {
    const waiting = await receiver.findWaiting(String(req.params.id))
    concernsSession(res, waiting?.session)
    if (!waiting || sessions.endOf(waiting.session)) return showUnusableLink(res, sessions, waiting?.session)
    await launchAgain(req, res, waiting.session, true)
  })

  router.get(paths.returned, (_req, res) => {
    const code = failedPage(res, 'no_launch')
    renderPage(res, 'onboarding/returned', { title: pageContext(res).t('returned.title'), code })
  })

  router.get(paths.status, launchPageHeaders, async (req, res) => {
    const found = await status.find(String(req.params.id))
    concernsSession(res, found?.session)
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
    concernsSession(res, found?.session)
    if (!found || sessions.endOf(found.session)) return showUnusableLink(res, sessions, found?.session)
    await launchAgain(req, res, found.session, false)
  })

  /** Whoever has an account at 360dialog logs in, and so does everybody where no new one is taken. */
  async function launchAgain(req: Request, res: Response, session: ConnectSession, isContinuation: boolean) {
    const { hasAccount, refusals } = await dependencies.refusals.ofSession(session)
    const wish = {
      isContinuation,
      login: hasAccount || stopsEverybodyNew(refusals),
      language: languageOf(res),
    }
    const screen = await sessions.launch(session, browsers.ensure(req, res), wish)
    res.redirect(303, screen.href)
  }

  return router
}

function readOrRefuse(url: string): CallbackQuery | UnreadableReturnError {
  try {
    return readCallbackQuery(url)
  } catch (error) {
    if (error instanceof UnreadableReturnError) return error
    throw error
  }
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

/** "Continue here" leads round in circles in this browser: what leads out, with an address that any other can open. */
function showWithoutCookies(req: Request, res: Response, { session }: WaitingReturn, publicUrl: URL): void {
  const page = returnPagePath(String(req.params.id))
  renderPage(res, 'onboarding/no-cookies', {
    title: pageContext(res).t('noCookies.title'),
    action: page,
    copied: new URL(`${page}?${COPIED}`, publicUrl).href,
    inApp: inAppBrowserOf(req.get('user-agent') ?? ''),
    tenantName: session.tenantName,
    code: session.code,
  })
}

/** In the address to copy. */
const COPIED = 'copied'
const NO_QUERY_YET = new RegExp(`^${paths.callback}/?(?:%3F|&(?:amp;)?)`, 'i')

/** Where a "Continue here" page has nothing to tell but that. */
const BEFORE_JUDGEMENT: ReadonlySet<WaitingReturn['state']> = new Set([
  ...(['pending', 'received', 'declined', 'unreadable'] as const),
])
/** And where that only waits for somebody's decision, in a browser that cannot continue. */
const BEFORE_DECISION: typeof BEFORE_JUDGEMENT = new Set([...BEFORE_JUDGEMENT, 'needs_review'])
