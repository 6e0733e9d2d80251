import { type RequestHandler, Router } from 'express'
import type { Clock } from '../clock.ts'
import type { KeyDecisionService } from '../keys/key-decision-service.ts'
import type { OwnerAskingService } from '../onboarding/owner-asking-service.ts'
import type { ReviewService } from '../onboarding/review-service.ts'
import { paths } from '../paths.ts'
import { prepareAdminPages } from './admin-page.ts'
import type { AdminService } from './admin-service.ts'
import { createAuditRoutes } from './audit-routes.ts'
import type { ChannelAdminService } from './channel-admin-service.ts'
import { createChannelRoutes } from './channel-routes.ts'
import { createOverviewRoutes } from './overview-routes.ts'
import type { OverviewService } from './overview-service.ts'
import { signInFor } from './return-to.ts'
import { createReviewRoutes } from './review-routes.ts'
import { createSearchRoutes } from './search-routes.ts'
import type { SearchService } from './search-service.ts'
import type { SignInCounts } from './sign-in-counts.ts'
import { createSignInRoutes } from './sign-in-routes.ts'

interface Dependencies {
  /** From `createAdminSession`. */
  readonly session: RequestHandler
  readonly publicUrl: URL
  readonly admins: AdminService
  readonly counts: SignInCounts
  readonly overview: OverviewService
  readonly search: SearchService
  readonly channelAdmin: ChannelAdminService
  readonly decisions: KeyDecisionService
  readonly reviews: ReviewService
  readonly owners: OwnerAskingService
  readonly clock: Clock
  /** `rateLimits.signIn`: tries a minute and address. */
  readonly signInsPerMinute: number
}

/** The admin area. Only what is under /admin has a session, and all but its sign-in needs one. */
export function createAdminRoutes(dependencies: Dependencies): Router {
  const router = Router()
  router.use(paths.admin, noStore, dependencies.session, prepareAdminPages(dependencies.clock))
  router.use(createSignInRoutes(dependencies))
  router.use(paths.admin, requireAdmin)
  router.use(createOverviewRoutes(dependencies))
  router.use(createSearchRoutes(dependencies))
  router.use(createChannelRoutes(dependencies))
  router.use(createReviewRoutes(dependencies))
  router.use(createAuditRoutes(dependencies))
  return router
}

const noStore: RequestHandler = (_req, res, next) => {
  res.set('Cache-Control', 'no-store')
  next()
}

const requireAdmin: RequestHandler = (req, res, next) => {
  if (req.session.adminId !== undefined) return next()
  const isPage = req.method === 'GET' || req.method === 'HEAD'
  res.redirect(303, isPage ? signInFor(req.originalUrl) : paths.adminSignIn)
}
