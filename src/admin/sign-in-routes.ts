import { type Request, type Response, Router } from 'express'
import { rateLimit } from 'express-rate-limit'
import { z } from 'zod'
import type { Clock } from '../clock.ts'
import { InvalidInputError } from '../errors.ts'
import { hashOf } from '../identifiers.ts'
import { paths } from '../paths.ts'
import { perMinute } from '../web/rate-limit.ts'
import { englishContext } from '../web/render-page.ts'
import { renderAdminPage } from './admin-page.ts'
import { type AdminService, normaliseAdminName } from './admin-service.ts'
import { endSession, startSession } from './admin-session.ts'
import { safeReturnTo } from './return-to.ts'

const MAX_FAILURES = 10
const FAILURES_WINDOW_MS = 15 * 60_000

const text = z.string().catch('')
const signInForm = z
  .object({ name: text, password: text, next: text, again: text })
  .catch({ name: '', password: '', next: '', again: '' })

interface Dependencies {
  readonly admins: AdminService
  readonly clock: Clock
  /** `rateLimits.signIn`: tries a minute and address. */
  readonly signInsPerMinute: number
}

/** How an admin comes in: by name and password or a one-time link; and the way out. */
export function createSignInRoutes({ admins, clock, signInsPerMinute }: Dependencies): Router {
  const router = Router()
  const addressLimit = perMinute(signInsPerMinute, (req, res) => {
    showSignIn(res.status(429), req.body, englishContext(res).t('admin.signIn.addressWaits'))
  })
  const nameLimit = limitByName()

  router.get(paths.adminSignIn, (req, res) => {
    const { adminId, adminName } = req.session
    const isSignedIn = adminId !== undefined && req.query.again !== '1'
    if (isSignedIn) return res.redirect(303, safeReturnTo(req.query.next))
    showSignIn(res, { name: adminName, ...req.query })
  })

  router.post(paths.adminSignIn, addressLimit, nameLimit, async (req, res) => {
    const { name, password, next } = signInForm.parse(req.body)
    const admin = await admins.signIn(name, password)
    if (!admin) return showSignIn(res.status(422), req.body, englishContext(res).t('admin.signIn.wrong'))
    nameLimit.resetKey(keyOf(name))
    await startSession(req, admin, clock.now())
    res.redirect(303, safeReturnTo(next))
  })

  router.post(paths.adminSignOut, async (req, res) => {
    await endSession(req)
    res.redirect(303, paths.adminSignIn)
  })

  // Express answers HEAD with the GET handler, and mail scanners ask with it: it must not use the link up.
  router.all(paths.adminFirst, addressLimit, async (req: Request<{ code: string }>, res) => {
    if (req.method !== 'GET' || req.get('sec-purpose') !== undefined) {
      res.set('Allow', 'GET')
      throw new InvalidInputError('This link works in a browser only, opened by you.', 405)
    }
    const admin = await admins.redeemCode(req.params.code)
    if (admin) await startSession(req, admin, clock.now())
    else if (req.session.adminId === undefined)
      return renderAdminPage(res.status(410), 'first-link-used', { title: 'This link has been used' })
    res.redirect(303, paths.admin)
  })

  return router
}

/**
 * Slows down guessing at one name from many addresses: ten failures in 15 minutes, then that name waits. A try
 * counts as failed from the beginning, so that many at once are not more than ten. Names that no admin has wait the
 * same, so waiting does not tell which exist. Counted in memory, by process.
 */
function limitByName() {
  return rateLimit({
    windowMs: FAILURES_WINDOW_MS,
    limit: MAX_FAILURES,
    keyGenerator: (req) => keyOf(signInForm.parse(req.body).name),
    standardHeaders: false,
    legacyHeaders: false,
    validate: { xForwardedForHeader: false, forwardedHeader: false },
    handler: (req, res) => {
      const { resetTime } = (req as typeof req & { rateLimit?: { resetTime?: Date } }).rateLimit ?? {}
      const seconds = Math.max(Math.ceil(((resetTime?.getTime() ?? 0) - Date.now()) / 1000), 1)
      const count = Math.ceil(seconds / 60)
      const problem = englishContext(res).t('admin.signIn.nameWaits', { count })
      showSignIn(res.status(429).set('Retry-After', String(seconds)), req.body, problem)
    },
  })
}

// A name can be long, and can be a password by mistake: only its hash is held.
function keyOf(name: string): string {
  return hashOf(normaliseAdminName(name))
}

function showSignIn(res: Response, entered: unknown, problem?: string): void {
  const { name, next, again } = signInForm.parse(entered)
  renderAdminPage(res, 'sign-in', {
    title: again === '1' ? 'Sign in again' : 'Sign in',
    name: name.slice(0, 100),
    next: safeReturnTo(next),
    again: again === '1',
    problem,
  })
}
