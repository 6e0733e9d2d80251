import type { Request, RequestHandler } from 'express'
import type { Clock } from '../clock.ts'
import { signInAgainFor } from './return-to.ts'

const FRESH_MS = 10 * 60_000

/**
 * Lets a form through only within 10 minutes of its admin's sign-in. Later nothing is carried out: the admin signs
 * in again, comes back to the page that `backTo` names (one that a GET shows), and sends the form from there.
 */
export function requireFreshSignIn<P>(clock: Clock, backTo: (req: Request<P>) => string): RequestHandler<P> {
  return (req, res, next) => {
    const age = clock.now().getTime() - Date.parse(req.session.signedInAt ?? '')
    // Not a number, when nothing says when the sign-in was: that is not fresh either.
    if (age < FRESH_MS) return next()
    res.redirect(303, signInAgainFor(backTo(req as Request<P>)))
  }
}
