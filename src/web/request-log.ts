import type { Request, RequestHandler, Response } from 'express'
import type { Logger } from 'pino'
import type { Failure } from '../errors.ts'
import { newCode } from '../identifiers.ts'

/** Told of every request that was answered. */
export type OnAnswered = (method: string, route: string, status: number, seconds: number) => void

/** Told of every answer that was a failure page. */
export type OnFailed = (failure: Failure) => void

/**
 * Logs every answer by its route pattern: a path, query or referer could hold a link, a nonce or an id.
 * The code that an error page shows is on the line, so that support finds it.
 */
export function requestLog(logger: Logger, onAnswered: OnAnswered, onFailed: OnFailed): RequestHandler {
  return (req, res, next) => {
    const started = process.hrtime.bigint()
    res.once('close', () => {
      const seconds = Number(process.hrtime.bigint() - started) / 1e9
      const found = routeOf(req)
      const route = found ?? '(none)'
      onAnswered(req.method, route, res.statusCode, seconds)
      const { failure, code, sessionId } = res.locals
      // Nobody reads a page that was asked for in another way.
      if (failure && /^(GET|POST)$/.test(req.method))
        onFailed({ ...failure, code, route: found, status: res.statusCode, sessionId })
      logger.info(
        {
          method: req.method,
          route,
          status: res.statusCode,
          ms: Math.round(seconds * 1e4) / 10,
          ...(res.locals.code && { code: res.locals.code }),
          ...(!res.writableFinished && { aborted: true }),
        },
        'request',
      )
    })
    next()
  }
}

/** The code of this request, created when a page first needs one. */
export function requestCode(res: Response): string {
  res.locals.code ??= newCode()
  return res.locals.code as string
}

/** Undefined when it is an address that this site does not have. */
function routeOf(req: Request): string | undefined {
  const route: unknown = req.route?.path
  return typeof route === 'string' ? `${req.baseUrl}${route}` : undefined
}
