import { type Request, Router } from 'express'
import type { Clock } from '../clock.ts'
import { NotFoundError } from '../errors.ts'
import { adminCasePath, paths } from '../paths.ts'
import { readQueryText, renderAdminPage } from './admin-page.ts'
import { toChannelRow } from './channel-row.ts'
import { toMoment } from './moment.ts'
import { type Case, isCode, type OverviewService } from './overview-service.ts'
import { toReturnRow } from './return-row.ts'
import { toReviewRow } from './review-page.ts'

/** What needs the admin, the list of permissions, and the case behind a client's code. */
export function createOverviewRoutes({
  overview,
  clock,
}: {
  overview: OverviewService
  clock: Clock
}): Router {
  const router = Router()

  router.get(paths.admin, async (req, res) => {
    const [search, after] = [readQueryText(req.query.q), readQueryText(req.query.after)]
    const code = await overview.findCode(search)
    if (code) return res.redirect(303, adminCasePath(code))
    const now = clock.now()
    const found = await overview.listChannels({ search, after })
    const needs = await overview.listInNeed()
    renderAdminPage(res, 'overview', {
      title: 'Permissions',
      action: paths.admin,
      search,
      isUnknownCode: isCode(search),
      isFirstPage: after === '',
      firstHref: pageHref(search, ''),
      nextHref: found.next && pageHref(search, found.next),
      rows: found.rows.map((channel) => toChannelRow(channel, now)),
      needs: needs.channels.map((channel) => toChannelRow(channel, now)),
      hasMoreNeeds: needs.moreChannels,
      reviews: needs.reviews.map((review) => toReviewRow(review, now)),
      hasMoreReviews: needs.moreReviews,
      reviewsHref: paths.adminReviews,
    })
  })

  router.get(paths.adminCase, async (req: Request<{ code: string }>, res) => {
    const found = await overview.findCase(req.params.code)
    if (!found) throw new NotFoundError('unknown_session', 'No customer has this code.')
    renderAdminPage(res, 'case', { title: `Case ${found.session.code}`, ...toCasePage(found, clock.now()) })
  })

  return router
}

function toCasePage({ session, returns, reviews, channels }: Case, now: Date) {
  return {
    session: {
      code: session.code,
      tenant: session.tenantName,
      tenantId: session.tenantId,
      origin: session.origin === 'link' ? 'a connect link' : 'the sign-up page',
      email: session.email,
      isEmailVerified: session.emailVerified,
      number: session.number,
      created: toMoment(session.createdAt, now),
      expires: toMoment(session.expiresAt, now),
    },
    returns: returns.map((received) => toReturnRow(received, reviews, now)),
    rows: channels.map((channel) => toChannelRow(channel, now)),
  }
}

function pageHref(search: string, after: string): string {
  const query = new URLSearchParams({ ...(search && { q: search }), ...(after && { after }) })
  return query.size > 0 ? `${paths.admin}?${query}` : paths.admin
}
