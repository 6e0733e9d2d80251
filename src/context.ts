import type { i18n } from 'i18next'
import type { Logger } from 'pino'
import { AdminService } from './admin/admin-service.ts'
import { AdminSessionStore } from './admin/admin-session-store.ts'
import { ChannelAdminService } from './admin/channel-admin-service.ts'
import { OverviewService } from './admin/overview-service.ts'
import { SearchService } from './admin/search-service.ts'
import { SignInCounts } from './admin/sign-in-counts.ts'
import { AuditLog } from './audit/audit-log.ts'
import { AccountService } from './channels/account-service.ts'
import { ChannelService } from './channels/channel-service.ts'
import { SyncService } from './channels/sync-service.ts'
import { type Clock, systemClock } from './clock.ts'
import type { Config } from './config/config.ts'
import { HubTrouble } from './d360/hub-trouble.ts'
import { HubTroubleRepository } from './d360/hub-trouble-repository.ts'
import { standardMessagingAddress } from './d360/messaging-address.ts'
import { MessagingApi } from './d360/messaging-api.ts'
import { PartnerApi } from './d360/partner-api.ts'
import { RateLimitRepository } from './d360/rate-limit-repository.ts'
import { RateLimiter } from './d360/rate-limiter.ts'
import { type Database, engineOf, openDatabase } from './database/database.ts'
import { bindToHub } from './database/installation.ts'
import { migrate } from './database/migrate.ts'
import { WAIT_SECONDS, waitForDatabase } from './database/wait-for-database.ts'
import type { CrashPoint } from './jobs/crash-points.ts'
import { Jobs } from './jobs/jobs.ts'
import { Retention } from './jobs/retention.ts'
import { Runner } from './jobs/runner.ts'
import { HealthService } from './keys/health-service.ts'
import { KeyDecisionService } from './keys/key-decision-service.ts'
import { KeyImportService } from './keys/key-import-service.ts'
import { KeyProof } from './keys/key-proof.ts'
import { KeyStore } from './keys/key-store.ts'
import { KeyVerdicts } from './keys/key-verdicts.ts'
import { KnownKeyService } from './keys/known-key-service.ts'
import { MintLedger } from './keys/mint-ledger.ts'
import { MintService } from './keys/mint-service.ts'
import { ProbeService } from './keys/probe-service.ts'
import { createLogger, openTerminal } from './logger.ts'
import { Mailer } from './mail/mailer.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import { NoticeRepository } from './notices/notice-repository.ts'
import { NoticeService } from './notices/notice-service.ts'
import { ConnectSessionService } from './onboarding/connect-session-service.ts'
import { FailedPages } from './onboarding/failed-pages.ts'
import { KnownRefusalService } from './onboarding/known-refusal-service.ts'
import { LaunchSigner } from './onboarding/launch-signer.ts'
import { OwnerAnswerService } from './onboarding/owner-answer-service.ts'
import { OwnerAskingService } from './onboarding/owner-asking-service.ts'
import { OwnerConfirmationStore } from './onboarding/owner-confirmation-store.ts'
import type { Translator } from './onboarding/owner-mail.ts'
import { OwnerMailService } from './onboarding/owner-mail-service.ts'
import { forgetOnboarding } from './onboarding/retention.ts'
import { ReturnReceiver } from './onboarding/return-receiver.ts'
import { ReturnRepository } from './onboarding/return-repository.ts'
import { ReturnService } from './onboarding/return-service.ts'
import { ReviewRepository } from './onboarding/review-repository.ts'
import { ReviewService } from './onboarding/review-service.ts'
import { StatusService } from './onboarding/status-service.ts'
import { paths } from './paths.ts'
import { KeyReadService } from './product-api/key-read-service.ts'
import { TokenService } from './product-api/token-service.ts'
import { SetupService } from './setup/setup-service.ts'
import { Vault } from './vault/vault.ts'
import { proveVaultKeys } from './vault/vault-check.ts'
import { OpenRequests } from './web/open-requests.ts'
import { loadTranslations } from './web/translations.ts'

/** What a test puts in the place of the machine's own. */
export interface Overrides {
  readonly clock?: Clock
  readonly logger?: Logger
  readonly crashPoint?: CrashPoint
  /** Of one call to the Partner API. */
  readonly timeoutMs?: number
}

export type Context = Awaited<ReturnType<typeof createContext>>

/**
 * Opens the database, brings it up to date, proves that it is ours and that the vault opens it, and builds
 * everything that works on it. Starts nothing.
 */
export async function createContext(config: Config, overrides: Overrides = {}) {
  const { clock = systemClock, crashPoint = () => {} } = overrides
  const logger = overrides.logger ?? createLogger(config.logLevel, await openTerminal(1))
  const vault = new Vault(config.vaultKeys)
  const db = openDatabase(config.databaseUrl)
  try {
    await waitForDatabase(db, {
      onWaiting: (says) => logger.warn(`${says}. Trying again for up to ${WAIT_SECONDS} s`),
    })
    const applied = await migrate(db, engineOf(config.databaseUrl))
    if (applied.length > 0) logger.info({ applied }, 'database brought up to date')
    await bindToHub(db, config.hubId)
    await proveVaultKeys(db, config.hubId, vault, clock)
  } catch (error) {
    await db.destroy()
    throw error
  }
  const metrics = await createMetrics(config.metricsTokens.length > 0)
  const audit = new AuditLog({ db, clock, logger })
  const jobs = new Jobs({ db, clock })
  const channels = new ChannelService({ db })
  const accounts = new AccountService({ db })
  const translate = translatorFor(await loadTranslations(), config.brand.name)
  const infrastructure = {
    config,
    db,
    vault,
    clock,
    logger,
    metrics,
    audit,
    jobs,
    channels,
    accounts,
    crashPoint,
    translate,
  }

  const hub = createHub(infrastructure, overrides.timeoutMs)
  const keys = createKeys(infrastructure, hub)
  const sync = new SyncService({
    ...{ ...infrastructure, ...hub },
    isSharedByDefault: config.paidBy === 'partner',
    onStarted: async (channelIds, trx) => {
      for (const id of channelIds) await keys.mints.retryNow(id, trx)
    },
  })
  const notices = createNotices(infrastructure, hub, keys, sync)
  const onboarding = createOnboarding(infrastructure, hub, keys, sync)
  const productApi = createProductApi(infrastructure, keys)
  const admin = createAdmin(infrastructure, hub, keys, notices, onboarding)
  const setup = createSetup(infrastructure, hub, sync, notices, onboarding)
  const retention = new Retention({
    ...{ db, jobs, clock, logger },
    forgets: {
      onboarding: (now) => forgetOnboarding(now, db, channels),
      failedPages: (now) => onboarding.failedPages.forget(now),
      notices: (now) => notices.forget(now),
      keyReads: (now) => productApi.keyReads.forget(now),
      admins: (now) => admin.admins.forget(now),
    },
  })
  // While the hub is in trouble they rest, and one of them asks whether that is over.
  const asking = [...onboarding.returns.works, notices.work, keys.mints.work, sync.work]
  const isReady = () => hub.partnerApi.isReady()
  const works = [
    ...asking.map((work) => ({ ...work, isReady })),
    ...[onboarding.ownerMails.work, ...keys.probes.works, keys.health.work, retention],
  ]
  const openRequests = new OpenRequests()
  const { hasRequestsInFlight } = openRequests
  const runner = new Runner({ db, jobs, works, clock, logger, hasRequestsInFlight })
  return {
    ...infrastructure,
    ...hub,
    ...keys,
    notices,
    ...onboarding,
    ...productApi,
    ...admin,
    sync,
    setup,
    retention,
    runner,
    openRequests,
  }
}

interface Infrastructure {
  readonly config: Config
  readonly db: Database
  readonly vault: Vault
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  readonly audit: AuditLog
  readonly jobs: Jobs
  readonly channels: ChannelService
  readonly accounts: AccountService
  readonly crashPoint: CrashPoint
  readonly translate: Translator
}

type Hub = ReturnType<typeof createHub>
type Keys = ReturnType<typeof createKeys>
type Onboarding = ReturnType<typeof createOnboarding>

function translatorFor(translations: i18n, brand: string): Translator {
  return (language, key, values) => translations.getFixedT(language)(key, { brand, ...values })
}

const troubleWords = {
  away: '360dialog does not answer: what has to ask it waits',
  credentials_refused: '360dialog refuses the credentials of this Partner Hub: what has to ask it waits',
  not_understood: 'The lists of 360dialog are not understood: what has to ask for them waits',
}

/** 360dialog, as this site reaches it. */
function createHub({ config, db, clock, logger, metrics }: Infrastructure, timeoutMs?: number) {
  const store = new RateLimitRepository({ db })
  const rateLimiter = new RateLimiter({ rate: config.partnerApi.rate, store, clock })
  const trouble = new HubTrouble({
    ...{ store: new HubTroubleRepository({ db }), clock },
    onChange: (begun) => {
      const { kind, upstreamStatus: status } = begun ?? {}
      if (kind) logger.error({ status }, troubleWords[kind])
      else logger.info('360dialog answers again')
    },
  })
  const partnerApi = new PartnerApi({
    ...config.partnerApi,
    ...{ rateLimiter, trouble, clock, onCall: metrics.onCall, ...(timeoutMs && { timeoutMs }) },
    onUnreadableRow: (endpoint) => logger.warn({ endpoint }, 'a row of 360dialog could not be read'),
    onUnreadDate: (field) => logger.warn({ field }, 'a date of 360dialog could not be read'),
  })
  const messagingApi = new MessagingApi({ allowedHosts: config.messagingHosts, onCall: metrics.onCall })
  return { partnerApi, messagingApi, trouble }
}

function createKeys(infrastructure: Infrastructure, { partnerApi, messagingApi }: Hub) {
  const { config, db, vault, metrics } = infrastructure
  const { hubId, messagingHosts } = config
  const standardAddress = standardMessagingAddress(config.partnerApi.baseUrl)
  const keys = new KeyStore({ db, hubId, vault })
  const ledger = new MintLedger({ ...infrastructure, keys })
  const verdicts = new KeyVerdicts({ ...infrastructure, keys, ledger })
  const proving = { ...infrastructure, keys, verdicts, messagingApi }
  const health = new HealthService(proving)
  const probes = new ProbeService({ ...proving, health, webhook: config.channelWebhook })
  const mints = new MintService({
    ...infrastructure,
    ...{
      hubId,
      ledger,
      keys,
      probes,
      verdicts,
      partnerApi,
      messagingHosts,
      standardAddress,
      onOutcome: metrics.onMint,
    },
  })
  const proof = new KeyProof({ messagingApi, messagingHosts, standardAddress })
  const knownKeys = new KnownKeyService({ ...infrastructure, proof, keys, ledger, probes })
  const decisions = new KeyDecisionService({
    ...{ ...infrastructure, keys, ledger, mints, probes, proof, knownKeys },
  })
  const keyImport = new KeyImportService({ partnerApi, knownKeys })
  return { keys, health, probes, ledger, mints, decisions, keyImport }
}

function createNotices(
  infrastructure: Infrastructure,
  { partnerApi }: Hub,
  { mints, probes }: Keys,
  sync: SyncService,
): NoticeService {
  const notices = new NoticeRepository(infrastructure)
  return new NoticeService({ ...infrastructure, notices, sync, mints, probes, partnerApi })
}

function createOnboarding(
  infrastructure: Infrastructure,
  { partnerApi, trouble }: Hub,
  { mints, probes }: Keys,
  sync: SyncService,
) {
  const { config } = infrastructure
  const callbackUrl = new URL(paths.callback, config.publicUrl)
  const { partnerId } = config.partnerApi
  const { ioSignatureSecret: secret, ...launch } = config.launch
  const sessions = new ConnectSessionService({
    ...infrastructure,
    settings: { ...launch, partnerId, callbackUrl },
    signer: new LaunchSigner({ ...infrastructure, partnerId, secret }),
  })
  const { publicUrl, brand } = config
  const refusals = new KnownRefusalService({
    ...infrastructure,
    partner: { publicUrl, supportEmail: brand.supportEmail },
  })
  const stored = { ...infrastructure, sessions, returns: new ReturnRepository(infrastructure) }
  const reviews = new ReviewService({
    ...{ ...stored, mints, partnerApi },
    reviews: new ReviewRepository(infrastructure),
  })
  const { hubId, mail } = config
  const mailer = mail && new Mailer(mail)
  const asking = { ...stored, confirmations: new OwnerConfirmationStore({ ...infrastructure, hubId }) }
  const owners = new OwnerAskingService({ ...asking, canSendMail: mailer !== undefined })
  const answers = new OwnerAnswerService({ ...asking, reviews, mints, partnerApi })
  const ownerMails = new OwnerMailService({ ...asking, publicUrl, mailer, answers })
  const returns = new ReturnService({ ...stored, owners, reviews, mints, probes, partnerApi, sync })
  const receiver = new ReturnReceiver(stored)
  const status = new StatusService({ ...stored, owners, refusals, trouble })
  const failedPages = new FailedPages(infrastructure)
  return {
    mailer,
    failedPages,
    sessions,
    refusals,
    reviews,
    owners,
    answers,
    ownerMails,
    returns,
    receiver,
    status,
  }
}

function createProductApi(infrastructure: Infrastructure, { keys }: Keys) {
  const tokens = new TokenService(infrastructure)
  const keyReads = new KeyReadService({
    ...infrastructure,
    ...{ keys, messagingHosts: infrastructure.config.messagingHosts },
  })
  return { tokens, keyReads }
}

function createAdmin(
  infrastructure: Infrastructure,
  { trouble }: Hub,
  { mints, probes, health }: Keys,
  notices: NoticeService,
  { failedPages, sessions, returns, reviews }: Onboarding,
) {
  const told = { ...infrastructure, trouble }
  const admins = new AdminService(infrastructure)
  const signInCounts = new SignInCounts(infrastructure)
  const adminSessions = new AdminSessionStore(infrastructure)
  const overview = new OverviewService({ ...told, failedPages, sessions, returns, reviews })
  const search = new SearchService({ ...told, failedPages, sessions, returns })
  const channelAdmin = new ChannelAdminService({
    ...{ ...told, mints, probes, health, notices, returns },
  })
  return { admins, signInCounts, adminSessions, overview, search, channelAdmin }
}

function createSetup(
  infrastructure: Infrastructure,
  { partnerApi }: Hub,
  sync: SyncService,
  notices: NoticeService,
  { mailer }: Onboarding,
): SetupService {
  const { config } = infrastructure
  const { mode, publicUrl, hubId, sessionSecrets } = config
  const settings = {
    ...{ mode, publicUrl, hubId, sessionSecrets },
    partnerApiUrl: config.partnerApi.baseUrl,
    platformSecrets: config.notices.secrets,
  }
  const findLastNotice = () => notices.findLast()
  return new SetupService({ ...infrastructure, settings, partnerApi, sync, mailer, findLastNotice })
}
