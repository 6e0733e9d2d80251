import type { RequestHandler } from 'express'
import { ForbiddenError } from '../errors.ts'

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * Lets a form through only if it was sent from this site: by `Sec-Fetch-Site`, and by `Origin` where a browser
 * does not say. A client that says neither is not a browser, and holds no cookie of another visitor.
 */
export function sameOriginForms(publicUrl: URL): RequestHandler {
  return (req, _res, next) => {
    if (SAFE.has(req.method)) return next()
    const site = req.get('sec-fetch-site')
    const origin = req.get('origin')
    const ours =
      site === undefined ? origin === undefined || origin === publicUrl.origin : site === 'same-origin'
    if (ours) return next()
    throw new ForbiddenError(
      'This form was sent from another site. Open the page again and send it from there.',
    )
  }
}
