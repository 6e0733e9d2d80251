import type { RequestHandler } from 'express'
import { rateLimit } from 'express-rate-limit'
import { RateLimitedError } from '../errors.ts'

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
