import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import express, { type Express } from 'express'
import type { i18n } from 'i18next'
import { createAdminRoutes } from './admin/admin-routes.ts'
import { createAdminSession } from './admin/admin-session.ts'
import type { Config } from './config/config.ts'
import type { Context } from './context.ts'
import { isOutOfOrder } from './database/database-failure.ts'
import { isMigrated } from './database/migrate.ts'
import { NotFoundError } from './errors.ts'
import { createNoticeRoutes } from './notices/notice-routes.ts'
import { createConfirmRoutes } from './onboarding/confirm-routes.ts'
import { createLinkRoutes } from './onboarding/link-routes.ts'
import { createOnboardingRoutes } from './onboarding/onboarding-routes.ts'
import { paths } from './paths.ts'
import { createProductApiRoutes } from './product-api/product-api-routes.ts'
import { createReachRoutes } from './setup/reach-routes.ts'
import { VaultError } from './vault/vault.ts'
import { openChecks } from './vault/vault-check.ts'
import { brandStyle } from './web/brand-style.ts'
import { BrowserId, isSecure } from './web/browser-id.ts'
import { errorHandler } from './web/error-handler.ts'
import { forwardedAddresses } from './web/forwarded-addresses.ts'
import { createHealthRoutes } from './web/health-routes.ts'
import { loopbackOnly } from './web/loopback-only.ts'
import { againByGet } from './web/only-method.ts'
import { plainAddress } from './web/plain-address.ts'
import { perMinute } from './web/rate-limit.ts'
import { preparePages } from './web/render-page.ts'
import { requestLog } from './web/request-log.ts'
import { sameOriginForms } from './web/same-origin-forms.ts'
import { launchPageHeaders, securityHeaders } from './web/security-headers.ts'

const folder = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url))
const pico = createRequire(import.meta.url).resolve('@picocss/pico/css/pico.min.css')

/** The HTTP pipeline, in the order in which a request meets it. */
export function createApp(context: Context, translations: i18n): Express {
  const { config, logger, metrics, openRequests } = context
  const app = express()
  app.disable('x-powered-by')
  // An ETag is a digest of the body, and so of a key.
  app.disable('etag')
  app.enable('view cache')
  app.set('trust proxy', config.trustProxy)
  app.set('view engine', 'ejs')
  app.set('views', folder('views'))
  app.set('query parser', 'simple')

  const headers = { secure: isSecure(config.publicUrl), logoOrigin: config.brand.logoUrl?.origin }
  app.use(forwardedAddresses)
  app.use(openRequests.count)
  app.use(requestLog(logger, metrics.onAnswered, (failure) => context.failedPages.record(failure)))
  app.use(securityHeaders(headers))
  if (config.mode === 'demo') app.use(loopbackOnly)
  app.use(createProductApiRoutes(context))
  app.use(
    createNoticeRoutes({
      ...config.notices,
      notices: context.notices,
      limit: perMinute(config.rateLimits.public),
      onNotice: metrics.onNotice,
    }),
  )
  app.use(preparePages({ brand: toBrand(config), demo: toDemo(config), translations }))
  app.use(plainAddress)
  useFiles(app, config)
  app.use(
    createReachRoutes({
      secrets: config.sessionSecrets,
      isBehindProxy: isSecure(config.publicUrl),
    }),
  )
  app.use(createHealthRoutes(toHealth(context)))
  app.post(paths.callback, againByGet)
  app.post(/.*/, express.urlencoded({ extended: false, limit: '16kb', parameterLimit: 50 }))
  app.use(sameOriginForms(config.publicUrl))

  const launching = {
    ...context,
    browsers: new BrowserId(config.publicUrl),
    launchPageHeaders: launchPageHeaders(headers),
    limit: perMinute(config.rateLimits.public),
  }
  const { selfSignup, brand, paidBy } = config
  app.use(createLinkRoutes({ ...launching, selfSignup, brandName: brand.name }))
  app.use(createOnboardingRoutes({ ...launching, paidBy, publicUrl: config.publicUrl }))
  app.use(createConfirmRoutes(context.answers, perMinute(config.rateLimits.public)))
  app.use(
    createAdminRoutes({
      session: createAdminSession({
        publicUrl: config.publicUrl,
        secrets: config.sessionSecrets,
        store: context.adminSessions,
      }),
      publicUrl: config.publicUrl,
      admins: context.admins,
      counts: context.signInCounts,
      overview: context.overview,
      search: context.search,
      channelAdmin: context.channelAdmin,
      decisions: context.decisions,
      reviews: context.reviews,
      owners: context.owners,
      clock: context.clock,
      signInsPerMinute: config.rateLimits.signIn,
    }),
  )

  app.use(() => {
    throw new NotFoundError()
  })
  app.use(errorHandler({ logger, isOutOfOrder: isSiteOutOfOrder }))
  return app
}

/** The database is away, or a vault key is not here. One sealed value that does not open is a fault of its own. */
function isSiteOutOfOrder(error: unknown): boolean {
  return isOutOfOrder(error) || (error instanceof VaultError && error.reason === 'unknown_key')
}

function useFiles(app: Express, { brand }: Config): void {
  const lasting = { maxAge: '1h', etag: true } as const
  const style = brandStyle(brand.color)
  // Only what looks like a file is looked for on the disk: every other request would cost a look there.
  app.get(/\.(?:css|svg)$/, express.static(folder('public'), { ...lasting, index: false }))
  app.get('/pico.css', (_req, res) => res.sendFile(pico, lasting))
  app.get('/brand.css', (_req, res) => {
    res.type('css').set('cache-control', 'public, max-age=3600').send(style)
  })
}

function toDemo({ simulator }: Config) {
  return simulator ? { simulator: `http://localhost:${simulator.port}` } : false
}

function toBrand({ brand }: Config) {
  const { name, supportEmail, logoUrl, privacyUrl } = brand
  return { name, supportEmail, logoUrl: logoUrl?.href, privacyUrl: privacyUrl?.href }
}

function toHealth({ config, db, vault, metrics, trouble }: Context) {
  return {
    metricsTokens: config.metricsTokens,
    readMetrics: metrics.read,
    checks: {
      database: async () => {
        if (!(await isMigrated(db))) throw new Error('migrations are missing')
      },
      vault: async () => {
        await openChecks(db, config.hubId, vault)
      },
    },
    details: { '360dialog': async () => (await trouble.find())?.kind ?? 'ok' },
  }
}
