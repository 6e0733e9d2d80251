import { Router } from 'express'
import type { AuditEntry } from '../audit/audit-log.ts'
import type { Clock } from '../clock.ts'
import { adminChannelPath, paths } from '../paths.ts'
import { readQueryText, renderAdminPage } from './admin-page.ts'
import { detailOf } from './history.ts'
import { toMoment } from './moment.ts'
import type { OverviewService } from './overview-service.ts'

/** What was done, and by whom. */
export function createAuditRoutes({ overview, clock }: { overview: OverviewService; clock: Clock }): Router {
  const router = Router()

  router.get(paths.adminAudit, async (req, res) => {
    const before = readQueryText(req.query.before)
    const { rows, next } = await overview.listAudit(before)
    renderAdminPage(res, 'audit', {
      title: 'Audit',
      entries: rows.map((entry) => toAuditRow(entry, clock.now())),
      isFirstPage: before === '',
      firstHref: paths.adminAudit,
      nextHref: next && `${paths.adminAudit}?before=${encodeURIComponent(next)}`,
    })
  })

  return router
}

function toAuditRow(entry: AuditEntry, now: Date) {
  return {
    at: toMoment(entry.at, now),
    actor: entry.actor,
    action: entry.action,
    channel: entry.channelId,
    channelHref: entry.channelId && adminChannelPath(entry.channelId),
    tenant: entry.tenantId,
    detail: detailOf(entry),
  }
}
