import type { Logger } from 'pino'
import { AdminRepository } from './admin/admin-repository.ts'
import { AdminService } from './admin/admin-service.ts'
import { AdminSessionStore } from './admin/admin-session-store.ts'
import { ChannelDesk } from './admin/channel-desk.ts'
import { OverviewService } from './admin/overview-service.ts'
import { AuditLog } from './audit/audit-log.ts'
import { ChannelRepository } from './channels/channel-repository.ts'
import { TenantRepository } from './channels/tenant-repository.ts'
import { type Clock, systemClock } from './clock.ts'
import type { Config } from './config/config.ts'
import { standardMessagingAddress } from './d360/messaging-address.ts'
import { MessagingApi } from './d360/messaging-api.ts'
import { PartnerApi } from './d360/partner-api.ts'
import { RateLimitRepository } from './d360/rate-limit-repository.ts'
import { RateLimiter } from './d360/rate-limiter.ts'
import { type Database, engineOf, openDatabase } from './database/database.ts'
import { claimForHub } from './database/installation.ts'
import { migrate } from './database/migrate.ts'
import { ApiKeyRepository } from './keys/api-key-repository.ts'
import { KeyDecisionService } from './keys/key-decision-service.ts'
import { KeyImportService } from './keys/key-import-service.ts'
import { KeyProof } from './keys/key-proof.ts'
import { KnownKeyService } from './keys/known-key-service.ts'
import { MintAnswers } from './keys/mint-answers.ts'
import { MintRepository } from './keys/mint-repository.ts'
import { MintService } from './keys/mint-service.ts'
import { MintStates } from './keys/mint-states.ts'
import { ProbeService } from './keys/probe-service.ts'
import { createLogger } from './logger.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import { ConnectSessionRepository } from './onboarding/connect-session-repository.ts'
import { LaunchService } from './onboarding/launch-service.ts'
import { ProgressService } from './onboarding/progress-service.ts'
import { ReturnReception } from './onboarding/return-reception.ts'
import { ReturnRepository } from './onboarding/return-repository.ts'
import { ReturnService } from './onboarding/return-service.ts'
import { ReviewRepository } from './onboarding/review-repository.ts'
import { ReviewService } from './onboarding/review-service.ts'
import { SignatureSeconds } from './onboarding/signature-seconds.ts'
import { UnattachedReturnService } from './onboarding/unattached-return-service.ts'
import { paths } from './paths.ts'
import { PermissionService } from './permissions/permission-service.ts'
import { KeyReadService } from './product-api/key-read-service.ts'
import { TokenService } from './product-api/token-service.ts'
import { Vault } from './vault/vault.ts'
import { proveVaultKeys } from './vault/vault-check.ts'
import { OpenRequests } from './web/open-requests.ts'
import type { Reached } from './worker/step.ts'
import { Worker, type WorkName } from './worker/worker.ts'

export interface Surroundings {
  readonly clock?: Clock
  readonly logger?: Logger
  readonly reached?: Reached
}

export type Context = Awaited<ReturnType<typeof createContext>>

/**
 * Opens the database, brings it up to date, proves that it is ours and that the vault opens it, and builds
 * everything that works on it. Starts nothing.
 */
export async function createContext(config: Config, surroundings: Surroundings = {}) {
  const { clock = systemClock, logger = createLogger(config.logLevel) } = surroundings
  const vault = new Vault(config.vaultKeys)
  const db = openDatabase(config.databaseUrl)
  try {
    const applied = await migrate(db, engineOf(config.databaseUrl))
    if (applied.length > 0) logger.info({ applied }, 'database brought up to date')
    await claimForHub(db, config.hubId)
    await proveVaultKeys(db, config.hubId, vault, clock)
  } catch (error) {
    await db.destroy()
    throw error
  }
  const metrics = await createMetrics(config.metricsTokens.length > 0)
  return build(config, { db, vault, clock, logger, metrics, reached: surroundings.reached ?? (() => {}) })
}

interface Ground {
  readonly db: Database
  readonly vault: Vault
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  readonly reached: Reached
}

function build(config: Config, { db, vault, clock, logger, metrics, reached }: Ground) {
  const { hubId } = config
  const audit = new AuditLog({ db, hubId, clock, logger })

  const rateLimiter = new RateLimiter({
    rate: config.partnerApi.rate,
    store: new RateLimitRepository(db, hubId),
    clock,
  })
  const partnerApi = new PartnerApi({
    ...config.partnerApi,
    ...{ rateLimiter, clock, onCall: metrics.onCall },
    onUnreadableRow: (endpoint) => logger.warn({ endpoint }, 'a row of 360dialog could not be read'),
  })
  const messagingApi = new MessagingApi({ allowedHosts: config.messagingHosts, onCall: metrics.onCall })

  const channels = new ChannelRepository({ db, hubId })
  const permissions = new PermissionService({ db, hubId })
  const keys = new ApiKeyRepository({ db, hubId, vault })
  const mints = new MintRepository({ db, hubId })
  const probes = new ProbeService({
    ...{ db, hubId, keys, channels, permissions, messagingApi, audit, clock, logger, reached },
    webhook: config.channelWebhook,
  })
  const states = new MintStates({ db, mints, keys, channels, audit, clock })
  const outcomes = { reached, onOutcome: metrics.onMint }
  const answers = new MintAnswers({
    ...{ db, hubId, mints, states, keys, channels, permissions, probes, vault, audit, clock, logger },
    ...outcomes,
    messagingHosts: config.messagingHosts,
    wake: (name) => worker.wake(name),
  })
  const mintService = new MintService({
    ...{ db, mints, states, answers, keys, channels, permissions, probes, partnerApi, audit, clock, logger },
    ...outcomes,
  })

  const wake = (name: WorkName) => worker.wake(name)
  const proof = new KeyProof({
    ...{ messagingApi, messagingHosts: config.messagingHosts },
    standardAddress: standardMessagingAddress(config.partnerApi.baseUrl),
  })
  const takeover = { db, proof, mints, channels, audit, clock, wake }
  const tenants = new TenantRepository({ hubId })
  const knownKeys = new KnownKeyService({ ...takeover, keys, tenants, permissions, probes })
  const decisions = new KeyDecisionService({ ...takeover, states, answers, knownKeys })
  const keyImport = new KeyImportService({ partnerApi, knownKeys })

  const sessions = new ConnectSessionRepository({ db, hubId })
  const returns = new ReturnRepository({ db, hubId })
  const callbackUrl = new URL(paths.callback, config.publicUrl)
  const { partnerId } = config.partnerApi
  const launches = new LaunchService({
    ...{ db, sessions, clock },
    signatureSeconds: new SignatureSeconds({ db, hubId }),
    settings: { ...config.launch, partnerId, callbackUrl },
  })
  const reviews = new ReviewRepository({ db, hubId })
  const reviewService = new ReviewService({
    ...{ db, reviews, returns, sessions, channels, permissions, partnerApi, audit, clock, wake },
    mints: mintService,
  })
  const unattached = new UnattachedReturnService({
    ...{ db, hubId, reviews, channels, partnerApi, clock, logger, wake },
  })
  const reception = new ReturnReception({ sessions, returns, unattached, clock, reached, wake })
  const returnService = new ReturnService({
    ...{ db, hubId, sessions, returns, reviews, reviewService, channels, permissions, probes, partnerApi },
    ...{ audit, clock, logger, reached, wake },
    mints: mintService,
  })
  const progress = new ProgressService({ sessions, returns, channels, clock })

  const tokens = new TokenService({ db, hubId, audit, clock })
  const keyReads = new KeyReadService({ db, hubId, keys, audit, clock })

  const admins = new AdminService({ db, admins: new AdminRepository({ db, hubId }), audit, clock })
  const adminSessions = new AdminSessionStore({ db, hubId, clock })
  const overview = new OverviewService({ channels, sessions, returns, reviews, audit })
  const desk = new ChannelDesk({
    ...{ db, channels, permissions, mints, returns, audit, mintService, probes, clock },
    wake: () => worker.wake(),
  })
  const openRequests = new OpenRequests()
  const worker = new Worker({
    ...{ clock, logger, isAwaited: openRequests.any },
    sources: [returnService, unattached, mintService, probes],
  })

  return {
    ...{ config, db, vault, clock, logger, metrics, audit, worker, openRequests },
    ...{ channels, permissions, keys, mints, mintService, probes, decisions, keyImport, returns, sessions },
    ...{ launches, reception, reviews, reviewService, progress, tokens, keyReads },
    ...{ admins, adminSessions, overview, desk },
  }
}
