import type { RequestHandler } from 'express'

/** Refuses every other method, HEAD included. */
export function onlyMethod(method: 'GET' | 'POST'): RequestHandler {
  return (req, res, next) => {
    if (req.method === method) return next()
    res.set('allow', method).status(405).end()
  }
}

/** Refuses a POST, and lets the browser that sent it come again by GET: nothing of what it brought is read. */
export const againByGet: RequestHandler = (_req, res) => {
  const again = { allow: 'GET', refresh: '0', 'cache-control': 'no-store' }
  res.status(405).set(again).type('html').send('<!doctype html><html lang="en"><title>…</title></html>')
}
