import type { Response } from 'express'
import type { Failure, FailureKind } from '../errors.ts'
import { networkKey } from './rate-limit.ts'
import { requestCode } from './request-log.ts'

/**
 * Says that this answer tells somebody of a failure, and answers the code to quote: that of the session when it is known,
 * and one of its own otherwise. What the code leads to is recorded when the answer has been sent.
 */
export function failedPage(
  res: Response,
  what: FailureKind,
  session?: { readonly id: string; readonly code: string } | undefined,
): string {
  if (session) {
    res.locals.code = session.code
    concernsSession(res, session)
  }
  res.locals.failure = { what, network: networkKey(res.req.ip) } satisfies Pick<Failure, 'what' | 'network'>
  return requestCode(res)
}

/** Whose session this request is about, should it fail. */
export function concernsSession(res: Response, session: { readonly id: string } | undefined): void {
  if (session) res.locals.sessionId = session.id
}
