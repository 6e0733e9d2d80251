import { Router } from 'express'
import { paths } from '../paths.ts'
import { readQueryText, renderAdminPage } from './admin-page.ts'
import type { OverviewService } from './overview-service.ts'

/** What was done, and by whom. */
export function createAuditRoutes({ overview }: { overview: OverviewService }): Router {
  const router = Router()

  router.get(paths.adminAudit, async (req, res) => {
    const before = readQueryText(req.query.before)
    const { rows, next } = await overview.listAudit(before)
    renderAdminPage(res, 'audit', {
      title: 'Audit',
      entries: rows,
      isFirstPage: before === '',
      nextHref: next && `${paths.adminAudit}?before=${encodeURIComponent(next)}`,
    })
  })

  return router
}
