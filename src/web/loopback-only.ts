import type { RequestHandler } from 'express'
import { isLoopback } from '../loopback.ts'

const WHY = `This is a demo of Latchkey. It answers only to the browser of the machine that it runs on, by localhost,
127.0.0.1 or [::1], and to nothing that was forwarded by a proxy or a tunnel: its pages may be seen by nobody else.
To show it to others, go live: README, "Go live".
`

/** Refuses other host names (DNS rebinding) and what a proxy or a tunnel passed on, which comes from elsewhere. */
export const loopbackOnly: RequestHandler = (req, res, next) => {
  const name = /^(.+?)(?::\d{1,5})?$/.exec(req.headers.host ?? '')?.[1] ?? ''
  const isForwarded = Object.keys(req.headers).some((header) =>
    /^(x-forwarded-.*|forwarded|via)$/.test(header),
  )
  if (isLoopback(name) && !isForwarded) return next()
  res.status(421).set('cache-control', 'no-store').type('text').send(WHY)
}
