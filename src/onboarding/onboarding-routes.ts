import { type Request, type RequestHandler, type Response, Router } from 'express'
import type { Logger } from 'pino'
import { z } from 'zod'
import { InvalidInputError, NotFoundError } from '../errors.ts'
import { hashOf } from '../identifiers.ts'
import { linkPath, paths, statusPath } from '../paths.ts'
import type { BrowserId } from '../web/browser-id.ts'
import { frameOf, renderKeptPage, renderPage } from '../web/render-page.ts'
import { requestCode } from '../web/request-log.ts'
import { readCallbackQuery } from './callback-query.ts'
import type { ConnectSession } from './connect-session-repository.ts'
import type { LaunchService } from './launch-service.ts'
import { maskPhoneNumber, showPhoneNumber } from './phone-number.ts'
import type { Progress, SessionStatus } from './progress.ts'
import type { ProgressService } from './progress-service.ts'
import type { ReturnService } from './return-service.ts'
import { signUpForm } from './sign-up-form.ts'

interface Given {
  readonly launches: LaunchService
  readonly returns: ReturnService
  readonly progress: ProgressService
  readonly browsers: BrowserId
  readonly selfSignup: boolean
  readonly launchPageHeaders: RequestHandler
  readonly limit: RequestHandler
  readonly logger: Logger
}

/** The client's way: sign-up or link, 360dialog's permission screen, return, status page. */
export function createOnboardingRoutes(given: Given): Router {
  const { launches, returns, progress, browsers, limit, launchPageHeaders, logger } = given
  const router = Router()

  router.get(paths.home, launchPageHeaders, (_req, res) => showHome(res, given.selfSignup))

  router.post(paths.signUp, limit, launchPageHeaders, async (req, res) => {
    if (!given.selfSignup) throw new NotFoundError()
    const form = signUpForm.safeParse(req.body ?? {})
    if (!form.success) return showSignUp(res.status(422), req.body, z.flattenError(form.error).fieldErrors)
    const screen = await launches.signUp(form.data, browsers.ensure(req, res))
    res.redirect(303, screen.href)
  })

  router.get(paths.link, launchPageHeaders, async (req, res) => {
    const session = await launches.findByLink(String(req.params.token))
    if (!session || launches.isExpired(session)) return showUnusableLink(res, session)
    showLink(res, session, String(req.params.token))
  })

  router.post(paths.link, limit, launchPageHeaders, async (req, res) => {
    const session = await launches.findByLink(String(req.params.token))
    if (!session || launches.isExpired(session)) return showUnusableLink(res, session)
    const screen = await launches.launch(session, browsers.ensure(req, res))
    res.redirect(303, screen.href)
  })

  router.all(paths.callback, onlyGet)
  // Stores what came back and moves on to an address without ids; the worker does the rest.
  router.get(paths.callback, async (req, res) => {
    res.set('cache-control', 'no-store')
    const query = readQuery(req, res, logger)
    const received = await returns.receive(query, browsers.read(req))
    res.redirect(303, received.kind === 'accepted' ? statusPath(received.statusId) : paths.returned)
  })

  router.get(paths.returned, (_req, res) => {
    renderPage(res, 'onboarding/returned', { title: frameOf(res).t('returned.title') })
  })

  router.get(paths.status, launchPageHeaders, async (req, res) => {
    res.set({ 'cache-control': 'no-store', 'x-robots-tag': 'noindex' })
    const found = await progress.find(String(req.params.id))
    if (!found) throw new NotFoundError()
    if (req.accepts(['html', 'json']) === 'json') {
      res.json(toJson(found.progress))
      return
    }
    showStatus(req, res, { ...found, isExpired: launches.isExpired(found.session) })
  })

  // "Start again": whoever holds a status page may launch its session anew, as whoever holds its link may.
  router.post(paths.status, limit, launchPageHeaders, async (req, res) => {
    const found = await progress.find(String(req.params.id))
    if (!found || launches.isExpired(found.session)) return showUnusableLink(res, found?.session)
    const screen = await launches.launch(found.session, browsers.ensure(req, res))
    res.redirect(303, screen.href)
  })

  return router
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
  renderPage(res, 'onboarding/closed', { title: frameOf(res).t('closed.title') })
}

function showSignUp(res: Response, values: unknown, errors: object): void {
  const entered = typeof values === 'object' && values !== null ? values : {}
  const title = frameOf(res).t('signUp.title')
  renderPage(res, 'onboarding/sign-up', { title, action: paths.signUp, values: entered, errors })
}

function showLink(res: Response, session: ConnectSession, token: string): void {
  const { tenantName, number, code } = session
  renderPage(res, 'onboarding/link', {
    title: frameOf(res).t('link.title'),
    action: linkPath(token),
    tenantName,
    number: number && showPhoneNumber(number),
    code,
  })
}

function showUnusableLink(res: Response, session: ConnectSession | undefined): void {
  const { t } = frameOf(res)
  const code = session?.code ?? requestCode(res)
  const locals = {
    title: t(session ? 'linkExpired.title' : 'linkUnknown.title'),
    known: session !== undefined,
    code,
  }
  renderPage(res.status(session ? 410 : 404), 'onboarding/link-unusable', locals)
}

/** Seconds until the page looks again, without a script; a page that cannot change by itself does not. */
const REFRESH_SECONDS: Partial<Record<SessionStatus, number>> = { returned: 3, waiting: 10, needs_review: 60 }

/** Where starting again from the page is the next thing to do. */
const ENDED: ReadonlySet<SessionStatus> = new Set(['launched', 'declined', 'failed', 'expired'])

function showStatus(
  req: Request,
  res: Response,
  found: { session: ConnectSession; progress: Progress; isExpired: boolean },
): void {
  const { session, progress, isExpired } = found
  const seconds = REFRESH_SECONDS[progress.status]
  const stopped = req.query.refresh === 'off'
  // A header, not a meta element: whoever reads slowly can stop it by the link on the page.
  if (seconds !== undefined && !stopped) res.set('refresh', String(seconds))
  renderKeptPage(res, 'onboarding/status', {
    title: frameOf(res).t(`status.${progress.status}.title`),
    status: progress.status,
    code: session.code,
    tenantName: session.tenantName,
    canStartAgain: ENDED.has(progress.status) && !isExpired,
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
