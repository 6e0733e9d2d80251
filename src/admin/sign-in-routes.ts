import { type Request, type Response, Router } from 'express'
import { z } from 'zod'
import type { Clock } from '../clock.ts'
import { InvalidInputError } from '../errors.ts'
import { paths } from '../paths.ts'
import { perMinute } from '../web/rate-limit.ts'
import { renderAdminPage } from './admin-page.ts'
import type { AdminService } from './admin-service.ts'
import { endSession, startSession } from './admin-session.ts'
import { SignInAttempts } from './sign-in-attempts.ts'
import { readWish } from './wish.ts'

const text = z.string().catch('')
const signInForm = z
  .object({ name: text, password: text, next: text, again: text })
  .catch({ name: '', password: '', next: '', again: '' })

export interface SignInServices {
  readonly admins: AdminService
  readonly clock: Clock
  /** `rateLimits.signIn`: tries a minute and address. */
  readonly signInsPerMinute: number
}

/** The door of the admin area: name and password, a one-time link, and the way out. */
export function createSignInRoutes({ admins, clock, signInsPerMinute }: SignInServices): Router {
  const router = Router()
  const attempts = new SignInAttempts(clock)
  const limit = perMinute(signInsPerMinute, (req, res) =>
    showSignIn(res.status(429), req.body, 'Too many tries from your address. Wait a minute, then try again.'),
  )

  router.get(paths.adminSignIn, (req, res) => {
    const { adminId, adminName } = req.session
    const isThere = adminId !== undefined && req.query.again !== '1'
    if (isThere) return res.redirect(303, readWish(req.query.next))
    showSignIn(res, { name: adminName, ...req.query })
  })

  router.post(paths.adminSignIn, limit, async (req, res) => {
    const { name, password, next } = signInForm.parse(req.body)
    const waitMs = attempts.begin(name)
    if (waitMs > 0)
      return showSignIn(res.status(429).set('Retry-After', secondsOf(waitMs)), req.body, toWait(waitMs))
    const admin = await admins.signIn(name, password)
    if (!admin)
      return showSignIn(res.status(422), req.body, 'This name and this password do not belong together.')
    attempts.succeed(name)
    await startSession(req, admin, clock.now())
    res.redirect(303, readWish(next))
  })

  router.post(paths.adminSignOut, async (req, res) => {
    await endSession(req)
    res.redirect(303, paths.adminSignIn)
  })

  // Express answers HEAD with the GET handler, and mail scanners ask with it: it must not use the link up.
  router.all(paths.adminFirst, limit, async (req: Request<{ code: string }>, res) => {
    if (req.method !== 'GET' || req.get('sec-purpose') !== undefined) {
      res.set('Allow', 'GET')
      throw new InvalidInputError('This link works in a browser only, opened by you.', 405)
    }
    const admin = await admins.redeemCode(req.params.code)
    if (admin) await startSession(req, admin, clock.now())
    else if (req.session.adminId === undefined) return showUsedLink(res)
    res.redirect(303, paths.admin)
  })

  return router
}

function showSignIn(res: Response, given: unknown, problem?: string): void {
  const { name, next, again } = signInForm.parse(given)
  renderAdminPage(res, 'sign-in', {
    title: again === '1' ? 'Sign in again' : 'Sign in',
    action: paths.adminSignIn,
    name: name.slice(0, 100),
    next: readWish(next),
    again: again === '1',
    problem,
  })
}

function showUsedLink(res: Response): void {
  renderAdminPage(res.status(410), 'first-link-used', {
    title: 'This link has been used',
    signInPath: paths.adminSignIn,
  })
}

function toWait(ms: number): string {
  const minutes = Math.ceil(ms / 60_000)
  return `Too many tries with this name. Wait ${minutes} minute${minutes === 1 ? '' : 's'}, then try again.`
}

function secondsOf(ms: number): string {
  return String(Math.ceil(ms / 1000))
}
