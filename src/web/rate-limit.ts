import type { RequestHandler } from 'express'
import { ipKeyGenerator, rateLimit } from 'express-rate-limit'
import { RateLimitedError } from '../errors.ts'

/** At most `limit` requests a minute and address, counted in this process. */
export function perMinute(limit: number, onTooMany: RequestHandler = tellTooMany): RequestHandler {
  return rateLimit({
    windowMs: 60_000,
    limit,
    // Who has hung up has no address any more: all of them are counted together.
    keyGenerator: ({ ip }) => (ip === undefined ? 'gone' : ipKeyGenerator(ip)),
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    // Whether a proxy is trusted is TRUST_PROXY's to say; anybody may send the header.
    validate: { xForwardedForHeader: false, forwardedHeader: false },
    handler: (req, res, next) => onTooMany(req, res, next),
  })
}

const tellTooMany: RequestHandler = () => {
  throw new RateLimitedError()
}
