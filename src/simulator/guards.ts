import type { RequestHandler } from 'express'

const ownHosts = ['localhost', '127.0.0.1', '[::1]']

/** Refuses other host names (a foreign one that resolves to loopback is DNS rebinding), and what was forwarded. */
export const refuseForeignHost: RequestHandler = (req, res, next) => {
  const name = (req.headers.host ?? '').replace(/:\d+$/, '')
  const isForwarded = Object.keys(req.headers).some((header) =>
    /^(x-forwarded-.*|forwarded|via)$/.test(header),
  )
  if (ownHosts.includes(name) && !isForwarded) return next()
  res
    .status(421)
    .type('text')
    .send(
      'The simulator answers to localhost and 127.0.0.1 only, and to nothing that a proxy or a tunnel forwarded.\n',
    )
}

/** Refuses changes that a page of another origin sends through the developer's browser. */
export const refuseForeignPost: RequestHandler = (req, res, next) => {
  const site = req.get('sec-fetch-site')
  const origin = req.get('origin')
  const isOwn = site
    ? site === 'same-origin' || site === 'none'
    : !origin || origin === `http://${req.headers.host}`
  if (isOwn || req.method === 'GET' || req.method === 'HEAD') return next()
  res.status(403).type('text').send('This form was sent by another site.\n')
}

/** No `form-action`: browsers apply it to the redirect to the partner's site as well. */
export function setPageHeaders(images = "'none'"): RequestHandler {
  const policy = `default-src 'none'; style-src 'self'; img-src ${images}; base-uri 'none'; frame-ancestors 'none'`
  return (_req, res, next) => {
    res.set({
      'Content-Security-Policy': policy,
      'Referrer-Policy': 'same-origin',
      'X-Content-Type-Options': 'nosniff',
      'Cache-Control': 'no-store',
    })
    next()
  }
}
