import { STATUS_CODES } from 'node:http'
import type { ErrorRequestHandler, Response } from 'express'
import type { Logger } from 'pino'
import { BusyError, type ErrorCode, type FailureKind, LatchkeyError } from '../errors.ts'
import { failedPage } from './failed-page.ts'
import { pageContext, renderPage } from './render-page.ts'
import { requestCode } from './request-log.ts'

interface Problem {
  readonly status: number
  readonly what: FailureKind
  /** Seconds after which it is worth to come again. */
  readonly retryAfter?: number
  readonly code: ErrorCode
  /** Undefined when the error's own words are not for visitors. */
  readonly message: string | undefined
  readonly details: LatchkeyError['details']
}

interface Dependencies {
  readonly logger: Logger
  /** The database or the vault does not work now, and what was asked of it was right. */
  readonly isOutOfOrder: (error: unknown) => boolean
}

/** The one place where failures become answers: a problem document for the API, a page for people. */
export function errorHandler({ logger, isOutOfOrder }: Dependencies): ErrorRequestHandler {
  return (error: unknown, _req, res, next) => {
    const problem = isOutOfOrder(error) ? OUT_OF_ORDER : toProblem(error)
    report(logger, error, problem, requestCode(res))
    if (res.headersSent) return next(error)
    res.set('cache-control', 'no-store')
    if (problem.retryAfter) res.set('retry-after', String(problem.retryAfter))
    // The API answers before any page is prepared: `/api/v1` and `/API/v1/x` are its addresses, too.
    if (res.locals.pageContext === undefined) return sendProblem(res, problem)
    showErrorPage(res, problem)
  }
}

const OUT_OF_ORDER: Problem = {
  ...{ status: 503, what: 'out_of_order', code: 'unavailable', retryAfter: 300, details: {} },
  message: 'This site is out of order. Nothing that was stored is lost. Try again in five minutes.',
}

function toProblem(error: unknown): Problem {
  if (error instanceof LatchkeyError) {
    const { status, code, message, details } = error
    const isShort = status === 429 || error instanceof BusyError
    return { status, what: kindOf(status), code, message, details, ...(isShort && { retryAfter: 60 }) }
  }
  const status = statusOf(error)
  if (status === undefined)
    return { status: 500, what: 'bug', code: 'internal', message: undefined, details: {} }
  const message = 'This request cannot be read.'
  return { status, what: 'unreadable', code: 'invalid_request', message, details: {} }
}

const KINDS: Readonly<Record<number, FailureKind>> = {
  403: 'forbidden',
  404: 'not_found',
  429: 'too_many',
  502: 'upstream',
  503: 'busy',
}

function kindOf(status: number): FailureKind {
  return KINDS[status] ?? (status < 500 ? 'unreadable' : 'bug')
}

/** Express and its parsers say by a 4xx status that the request is at fault: too large, broken, not decodable. */
function statusOf(error: unknown): number | undefined {
  const status: unknown = error instanceof Error && 'status' in error ? error.status : undefined
  return typeof status === 'number' && status >= 400 && status < 500 ? status : undefined
}

function report(logger: Logger, error: unknown, { status, what, code }: Problem, requestCode: string): void {
  if (what === 'bug') return logger.error({ err: error, code: requestCode }, 'a bug')
  if (what === 'out_of_order') return logger.error({ err: error, code: requestCode }, 'out of order')
  const level = status === 403 || status === 502 || status === 503 ? 'warn' : 'info'
  logger[level]({ status, problem: code, code: requestCode }, 'refused')
}

function sendProblem(res: Response, { status, what, code, message, details }: Problem): void {
  if (status === 401) res.set('www-authenticate', 'Bearer realm="latchkey"')
  res.status(status).type('application/problem+json')
  res.send(
    JSON.stringify({
      type: 'about:blank',
      title: STATUS_CODES[status] ?? 'Error',
      status,
      code,
      detail: message ?? `Something went wrong here. Quote ${failedPage(res, what)}.`,
      ...details,
    }),
  )
}

function showErrorPage(res: Response, { status, what }: Problem): void {
  const { t } = pageContext(res)
  const locals = { title: t(`error.${what}.title`), kind: what, code: failedPage(res, what) }
  renderPage(res.status(status), 'error', locals)
}
