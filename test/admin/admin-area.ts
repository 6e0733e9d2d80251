import { fileURLToPath } from 'node:url'
import express, { type ErrorRequestHandler, type Express } from 'express'
import { pino } from 'pino'
import { createAdminRoutes } from '../../src/admin/admin-routes.ts'
import { AdminService } from '../../src/admin/admin-service.ts'
import { createAdminSession } from '../../src/admin/admin-session.ts'
import { AdminSessionStore } from '../../src/admin/admin-session-store.ts'
import { ChannelAdminService } from '../../src/admin/channel-admin-service.ts'
import { OverviewService } from '../../src/admin/overview-service.ts'
import { SearchService } from '../../src/admin/search-service.ts'
import { SignInCounts } from '../../src/admin/sign-in-counts.ts'
import { AuditLog } from '../../src/audit/audit-log.ts'
import { ChannelService } from '../../src/channels/channel-service.ts'
import type { Database } from '../../src/database/database.ts'
import { Jobs } from '../../src/jobs/jobs.ts'
import { HealthService } from '../../src/keys/health-service.ts'
import { KeyDecisionService } from '../../src/keys/key-decision-service.ts'
import { MintLedger } from '../../src/keys/mint-ledger.ts'
import { MintService } from '../../src/keys/mint-service.ts'
import { ProbeService } from '../../src/keys/probe-service.ts'
import { NoticeRepository } from '../../src/notices/notice-repository.ts'
import { NoticeService } from '../../src/notices/notice-service.ts'
import { ConnectSessionService } from '../../src/onboarding/connect-session-service.ts'
import { FailedPages } from '../../src/onboarding/failed-pages.ts'
import { OwnerAskingService } from '../../src/onboarding/owner-asking-service.ts'
import { OwnerConfirmationStore } from '../../src/onboarding/owner-confirmation-store.ts'
import { ReturnRepository } from '../../src/onboarding/return-repository.ts'
import { ReturnService } from '../../src/onboarding/return-service.ts'
import { ReviewRepository } from '../../src/onboarding/review-repository.ts'
import { ReviewService } from '../../src/onboarding/review-service.ts'
import { preparePages } from '../../src/web/render-page.ts'
import { sameOriginForms } from '../../src/web/same-origin-forms.ts'
import { loadTranslations } from '../../src/web/translations.ts'
import { newTrouble } from '../d360/memory-trouble.ts'
import { TestClock } from '../test-clock.ts'

export const PASSWORD = 'correct horse battery'

export interface AdminArea {
  readonly app: Express
  readonly clock: TestClock
  readonly admins: AdminService
  readonly audit: AuditLog
  readonly reviews: ReviewService
  /** How often the worker was woken. */
  woken(): number
}

/** The admin area alone, with its real services. */
export async function openAdminArea(
  db: Database,
  { publicUrl = new URL('http://localhost:3000'), signInsPerMinute = 1000 } = {},
): Promise<AdminArea> {
  const clock = new TestClock()
  const audit = new AuditLog({ db, clock, logger: pino({}, { write() {} }) })
  const admins = new AdminService({ db, audit, clock })
  const channels = new ChannelService({ db })
  const jobs = new Jobs({ db, clock })
  let woken = 0
  jobs.onDue(() => {
    woken += 1
  })
  // The pages read and move rows: what would call 360dialog is not built here.
  const stored = { db, channels, jobs, audit, clock, returns: new ReturnRepository({ db }) }
  const sessions = new ConnectSessionService(stored as never)
  const failedPages = new FailedPages({ db, clock })
  const trouble = newTrouble(clock)
  const returns = new ReturnService(stored as never)
  const reviews = new ReviewService({ ...stored, sessions, reviews: new ReviewRepository({ db }) } as never)
  const health = new HealthService(stored as never)
  const store = new AdminSessionStore({ db, clock })
  const routes = createAdminRoutes({
    session: createAdminSession({ publicUrl, secrets: ['s'.repeat(43)], store }),
    publicUrl,
    admins,
    counts: new SignInCounts({ db, clock }),
    overview: new OverviewService({
      ...{ failedPages, channels, sessions, returns, reviews, audit, jobs, trouble, clock },
    }),
    search: new SearchService({ db, failedPages, channels, sessions, returns, trouble, clock }),
    channelAdmin: new ChannelAdminService({
      ...{ db, channels, returns, audit, trouble, clock },
      notices: new NoticeService({ notices: new NoticeRepository({ db }) } as never),
      mints: new MintService({ ...stored, ledger: new MintLedger(stored as never) } as never),
      probes: new ProbeService({ ...stored, health } as never),
      health,
    }),
    decisions: new KeyDecisionService({
      proof: { standardAddress: 'https://waba-v2.360dialog.io' },
    } as never),
    reviews,
    owners: new OwnerAskingService({
      ...stored,
      confirmations: new OwnerConfirmationStore(stored as never),
    } as never),
    clock,
    signInsPerMinute,
  })
  const app = await createTestApp(publicUrl)
  app.use(routes)
  app.use(answerError)
  return { app, clock, admins, audit, reviews, woken: () => woken }
}

async function createTestApp(publicUrl: URL): Promise<Express> {
  const app = express()
  app.set('view engine', 'ejs')
  app.set('views', fileURLToPath(new URL('../../views', import.meta.url)))
  app.set('query parser', 'simple')
  const brand = { name: 'Nordlicht', logoUrl: undefined, supportEmail: undefined, privacyUrl: undefined }
  app.use(preparePages({ brand, demo: false, translations: await loadTranslations() }))
  app.use(express.urlencoded({ extended: false }))
  app.use(sameOriginForms(publicUrl))
  return app
}

const answerError: ErrorRequestHandler = (error, _req, res, _next) => {
  res.status(error.status ?? 500).send(error.status ? error.message : String(error.stack))
}
