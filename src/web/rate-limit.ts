import type { RequestHandler } from 'express'
import { rateLimit } from 'express-rate-limit'
import { LatchkeyError } from '../errors.ts'

/** Too many requests from one address. */
export class RateLimitedError extends LatchkeyError {
  readonly status = 429
  constructor() {
    super('rate_limited', 'Too many requests from your address. Wait a minute, then try again.')
  }
}

/** At most `limit` requests a minute and address, counted in this process. */
export function perMinute(limit: number): RequestHandler {
  return rateLimit({
    windowMs: 60_000,
    limit,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    handler: (_req, _res, next) => next(new RateLimitedError()),
  })
}
