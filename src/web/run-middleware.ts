import type { Request, RequestHandler, Response } from 'express'

/** Resolves when a middleware lets the request through, and rejects with what it says otherwise. */
export function runMiddleware(middleware: RequestHandler, req: Request, res: Response): Promise<void> {
  return new Promise((resolve, reject) => {
    middleware(req, res, (error?: unknown) => (error ? reject(error) : resolve()))
  })
}
