import { fileURLToPath } from 'node:url'
import express, { type ErrorRequestHandler, type Express } from 'express'
import { pino } from 'pino'
import { AdminRepository } from '../../src/admin/admin-repository.ts'
import { createAdminRoutes } from '../../src/admin/admin-routes.ts'
import { AdminService } from '../../src/admin/admin-service.ts'
import { createAdminSession } from '../../src/admin/admin-session.ts'
import { AdminSessionStore } from '../../src/admin/admin-session-store.ts'
import { ChannelDesk } from '../../src/admin/channel-desk.ts'
import { OverviewService } from '../../src/admin/overview-service.ts'
import { AuditLog } from '../../src/audit/audit-log.ts'
import { ChannelRepository } from '../../src/channels/channel-repository.ts'
import type { Database } from '../../src/database/database.ts'
import { KeyDecisionService } from '../../src/keys/key-decision-service.ts'
import { MintRepository } from '../../src/keys/mint-repository.ts'
import { MintService } from '../../src/keys/mint-service.ts'
import { ProbeService } from '../../src/keys/probe-service.ts'
import { ConnectSessionRepository } from '../../src/onboarding/connect-session-repository.ts'
import { ReturnRepository } from '../../src/onboarding/return-repository.ts'
import { ReviewRepository } from '../../src/onboarding/review-repository.ts'
import { ReviewService } from '../../src/onboarding/review-service.ts'
import { PermissionService } from '../../src/permissions/permission-service.ts'
import { preparePages } from '../../src/web/render-page.ts'
import { sameOriginForms } from '../../src/web/same-origin-forms.ts'
import { loadWords } from '../../src/web/words.ts'
import { TestClock } from '../test-clock.ts'

export const HUB = 'hub'
export const PASSWORD = 'correct horse battery'

export interface AdminArea {
  readonly app: Express
  readonly clock: TestClock
  readonly admins: AdminService
  readonly audit: AuditLog
  readonly sessions: ConnectSessionRepository
  /** How often the worker was woken. */
  woken(): number
}

/** The admin area alone, with its real services. */
export async function openAdminArea(
  db: Database,
  { publicUrl = new URL('http://localhost:3000'), signInsPerMinute = 1000 } = {},
): Promise<AdminArea> {
  const clock = new TestClock()
  const logger = pino({}, { write() {} })
  const place = { db, hubId: HUB }
  const audit = new AuditLog({ ...place, clock, logger })
  const admins = new AdminService({ db, admins: new AdminRepository(place), audit, clock })
  const channels = new ChannelRepository(place)
  const returns = new ReturnRepository(place)
  const sessions = new ConnectSessionRepository(place)
  const reviews = new ReviewRepository(place)
  const mints = new MintRepository(place)
  let woken = 0
  const wake = () => {
    woken += 1
  }
  // The buttons only move rows: what would call 360dialog is not built here.
  const mintService = new MintService({ mints, clock } as never)
  const probes = new ProbeService({ ...place, clock } as never)
  const store = new AdminSessionStore({ ...place, clock })
  const routes = createAdminRoutes({
    session: createAdminSession({ publicUrl, secrets: ['s'.repeat(43)], store }),
    admins,
    overview: new OverviewService({ channels, sessions, returns, reviews, audit }),
    desk: new ChannelDesk({
      ...{ db, channels, mints, returns, audit, mintService, probes, clock, wake },
      permissions: new PermissionService(place),
    }),
    decisions: new KeyDecisionService({
      proof: { standardAddress: 'https://waba-v2.360dialog.io' },
    } as never),
    reviews: new ReviewService({ ...{ db, reviews, returns, sessions, channels, audit, clock } } as never),
    clock,
    signInsPerMinute,
  })
  const app = await createTestApp(publicUrl)
  app.use(routes)
  app.use(answerError)
  return { app, clock, admins, audit, sessions, woken: () => woken }
}

async function createTestApp(publicUrl: URL): Promise<Express> {
  const app = express()
  app.set('view engine', 'ejs')
  app.set('views', fileURLToPath(new URL('../../views', import.meta.url)))
  app.set('query parser', 'simple')
  const brand = { name: 'Nordlicht', logoUrl: undefined, supportEmail: undefined, privacyUrl: undefined }
  app.use(preparePages({ brand, demo: false, words: await loadWords() }))
  app.use(express.urlencoded({ extended: false }))
  app.use(sameOriginForms(publicUrl))
  return app
}

const answerError: ErrorRequestHandler = (error, _req, res, _next) => {
  res.status(error.status ?? 500).send(error.status ? error.message : String(error.stack))
}
