import { type Request, type RequestHandler, type Response, Router } from 'express'
import { z } from 'zod'
import type { Clock } from '../clock.ts'
import { InvalidInputError } from '../errors.ts'
import { paths } from '../paths.ts'
import { networkKey, perMinute } from '../web/rate-limit.ts'
import { englishContext } from '../web/render-page.ts'
import { AdminBrowser } from './admin-browser.ts'
import { renderAdminPage } from './admin-page.ts'
import { type AdminService, normaliseAdminName } from './admin-service.ts'
import { endSession, startSession } from './admin-session.ts'
import { safeReturnTo } from './return-to.ts'
import type { SignInCounts, SignInPlace } from './sign-in-counts.ts'

const text = z.string().catch('')
const signInForm = z
  .object({ name: text, password: text, next: text, again: text })
  .catch({ name: '', password: '', next: '', again: '' })

interface Dependencies {
  readonly publicUrl: URL
  readonly admins: AdminService
  readonly counts: SignInCounts
  readonly clock: Clock
  /** `rateLimits.signIn`: tries a minute and address. */
  readonly signInsPerMinute: number
}

/** How an admin comes in: by name and password or a one-time link; and the way out. */
export function createSignInRoutes({
  publicUrl,
  admins,
  counts,
  clock,
  signInsPerMinute,
}: Dependencies): Router {
  const router = Router()
  const browser = new AdminBrowser({ publicUrl, admins })
  const addressLimit = perMinute(signInsPerMinute, {
    store: counts.store(60_000),
    skip: (req) => triesOf.get(req)?.browserHash !== undefined,
    onTooMany: (req, res) => {
      showSignIn(res.status(429), req.body, englishContext(res).t('admin.signIn.addressWaits'))
    },
  })

  router.get(paths.adminSignIn, (req, res) => {
    const { adminId, adminName } = req.session
    const isSignedIn = adminId !== undefined && req.query.again !== '1'
    if (isSignedIn) return res.redirect(303, safeReturnTo(req.query.next))
    showSignIn(res, { name: adminName, ...req.query })
  })

  router.post(paths.adminSignIn, readTry(browser), addressLimit, async (req, res) => {
    const { name, password, next } = signInForm.parse(req.body)
    const place = placeOf(req)
    const { waitsUntil } = await counts.takeTry(place)
    if (waitsUntil) return showWait(req, res, waitsUntil.getTime() - clock.now().getTime())
    const admin = await admins.signIn(name, password)
    if (!admin) return showSignIn(res.status(422), req.body, englishContext(res).t('admin.signIn.wrong'))
    await counts.forgetTries(place)
    await browser.remember(req, res, admin)
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
    if (admin) {
      await browser.remember(req, res, admin)
      await startSession(req, admin, clock.now())
    } else if (req.session.adminId === undefined)
      return renderAdminPage(res.status(410), 'first-link-used', { title: 'This link has been used' })
    res.redirect(303, paths.admin)
  })

  return router
}

/** Who tries, as the limits see it. */
interface Try {
  readonly name: string
  /** Of a browser in which this admin has signed in before. */
  readonly browserHash: string | undefined
}

const triesOf = new WeakMap<Request, Try>()

function readTry(admins: AdminBrowser): RequestHandler {
  return async (req, _res, next) => {
    const name = normaliseAdminName(signInForm.parse(req.body).name)
    triesOf.set(req, { name, browserHash: await admins.findFor(req, name) })
    next()
  }
}

/** A browser in which the admin has signed in has a place of its own, so that no stranger can use it up. */
function placeOf(req: Request): SignInPlace {
  const { name = '', browserHash } = triesOf.get(req) ?? {}
  return { name, place: browserHash === undefined ? networkKey(req.ip) : `browser ${browserHash}` }
}

function showWait(req: Request, res: Response, waitMs: number): void {
  const seconds = Math.max(Math.ceil(waitMs / 1000), 1)
  const [unit, count] = seconds < 60 ? ['Seconds', seconds] : ['Minutes', Math.ceil(seconds / 60)]
  const problem = englishContext(res).t(`admin.signIn.nameWaits${unit}`, { count })
  showSignIn(res.status(429).set('Retry-After', String(seconds)), req.body, problem)
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
