import { STATUS_CODES } from 'node:http'
import type { ErrorRequestHandler, Response } from 'express'
import type { Logger } from 'pino'
import { BusyError, type ErrorCode, LatchkeyError } from '../errors.ts'
import { pageContext, renderPage } from './render-page.ts'
import { requestCode } from './request-log.ts'

interface Problem {
  readonly status: number
  readonly code: ErrorCode
  /** Undefined when the error's own words are not for visitors. */
  readonly message: string | undefined
  readonly details: LatchkeyError['details']
}

/** The one place where failures become answers: a problem document for the API, a page for people. */
export function errorHandler(logger: Logger): ErrorRequestHandler {
  return (error: unknown, _req, res, next) => {
    const problem = toProblem(error)
    report(logger, error, problem, requestCode(res))
    if (res.headersSent) return next(error)
    res.set('cache-control', 'no-store')
    if (problem.status === 429 || error instanceof BusyError) res.set('retry-after', '60')
    // The API answers before any page is prepared: `/api/v1` and `/API/v1/x` are its addresses, too.
    if (res.locals.pageContext === undefined) return sendProblem(res, problem)
    showErrorPage(res, problem)
  }
}

function toProblem(error: unknown): Problem {
  if (error instanceof LatchkeyError) {
    const { status, code, message, details } = error
    return { status, code, message, details }
  }
  const status = statusOf(error)
  if (status === undefined) return { status: 500, code: 'internal', message: undefined, details: {} }
  return { status, code: 'invalid_request', message: 'This request cannot be read.', details: {} }
}

/** Express and its parsers say by a 4xx status that the request is at fault: too large, broken, not decodable. */
function statusOf(error: unknown): number | undefined {
  const status: unknown = error instanceof Error && 'status' in error ? error.status : undefined
  return typeof status === 'number' && status >= 400 && status < 500 ? status : undefined
}

function report(logger: Logger, error: unknown, { status, code }: Problem, requestCode: string): void {
  if (status === 500) return logger.error({ err: error, code: requestCode }, 'a bug')
  const level = status === 403 || status === 502 || status === 503 ? 'warn' : 'info'
  logger[level]({ status, problem: code, code: requestCode }, 'refused')
}

function sendProblem(res: Response, { status, code, message, details }: Problem): void {
  if (status === 401) res.set('www-authenticate', 'Bearer realm="latchkey"')
  res.status(status).type('application/problem+json')
  res.send(
    JSON.stringify({
      type: 'about:blank',
      title: STATUS_CODES[status] ?? 'Error',
      status,
      code,
      detail: message ?? `Something went wrong here. Quote ${requestCode(res)}.`,
      ...details,
    }),
  )
}

function showErrorPage(res: Response, { status }: Problem): void {
  const { t } = pageContext(res)
  const kind = [400, 403, 404, 429, 503].includes(status) ? status : status < 500 ? 400 : 500
  const locals = { title: t(`error.${kind}.title`), kind, code: requestCode(res) }
  renderPage(res.status(status), 'error', locals)
}
