import type { Request, RequestHandler, Response } from 'express'
import { ipKeyGenerator, rateLimit, type Store } from 'express-rate-limit'
import { RateLimitedError } from '../errors.ts'

interface Options {
  readonly onTooMany?: RequestHandler
  /** Where it is counted; in this process unless said. */
  readonly store?: Store
  readonly skip?: (req: Request, res: Response) => boolean
}

/** At most `limit` requests a minute and address: an IPv6 address counts with its /56. */
export function perMinute(limit: number, { onTooMany = tellTooMany, ...more }: Options = {}): RequestHandler {
  return rateLimit({
    windowMs: 60_000,
    limit,
    ...more,
    // Who has hung up has no address any more: all of them are counted together.
    keyGenerator: ({ ip }) => addressKey(ip),
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    // Whether a proxy is trusted is TRUST_PROXY's to say; anybody may send the header.
    validate: { xForwardedForHeader: false, forwardedHeader: false },
    handler: (req, res, next) => onTooMany(req, res, next),
  })
}

function addressKey(ip: string | undefined): string {
  return ip === undefined ? 'gone' : ipKeyGenerator(ip)
}

/** The network that an address is in: what one attacker can easily have addresses of. IPv4 /24, IPv6 /56. */
export function networkKey(ip: string | undefined): string {
  return addressKey(ip).replace(/^(\d+\.\d+\.\d+)\.\d+$/, '$1.0/24')
}

const tellTooMany: RequestHandler = () => {
  throw new RateLimitedError()
}
