import type { Logger } from 'pino'
import type { AuditLog } from '../audit/audit-log.ts'
import type { ChannelRepository } from '../channels/channel-repository.ts'
import type { Clock } from '../clock.ts'
import type { Channel } from '../d360/channel.ts'
import type { Client } from '../d360/client.ts'
import type { PartnerApi } from '../d360/partner-api.ts'
import { type Database, inTransaction } from '../database/database.ts'
import { claimDue, postpone } from '../database/due-rows.ts'
import { PartnerApiError } from '../errors.ts'
import type { MintService } from '../keys/mint-service.ts'
import type { ProbeService } from '../keys/probe-service.ts'
import type { PermissionService } from '../permissions/permission-service.ts'
import { FAILING, nextTry } from '../worker/backoff.ts'
import type { Reached } from '../worker/step.ts'
import type { WorkName, WorkSource } from '../worker/worker.ts'
import { judgeBelonging, type Verdict } from './belonging.ts'
import type { ConnectSession, ConnectSessionRepository, Launch } from './connect-session-repository.ts'
import { type Return, type ReturnRepository, toReturn } from './return-repository.ts'
import type { ReviewRepository } from './review-repository.ts'
import type { ReviewService } from './review-service.ts'

/** More returns than a person makes: what a session sends beyond them stands in line behind everybody else’s. */
const MOST_HURRIED = 20

interface Given {
  readonly db: Database
  readonly hubId: string
  readonly sessions: ConnectSessionRepository
  readonly returns: ReturnRepository
  readonly reviews: ReviewRepository
  readonly reviewService: Pick<ReviewService, 'onBound'>
  readonly channels: ChannelRepository
  readonly permissions: PermissionService
  readonly mints: MintService
  readonly probes: ProbeService
  readonly partnerApi: PartnerApi
  readonly audit: AuditLog
  readonly clock: Clock
  readonly logger: Logger
  readonly reached: Reached
  readonly wake: (name: WorkName) => void
}

/** Works out what a stored return means: whose its channels are, and which keys to ask for. */
export class ReturnService implements WorkSource {
  readonly name = 'returns' as const
  readonly #given: Given

  constructor(given: Given) {
    this.#given = given
  }

  async workOnce(): Promise<boolean> {
    const { db, hubId, clock, logger } = this.#given
    const row = await claimDue(db, 'connect_return', hubId, clock.now())
    if (!row) return false
    try {
      await this.#work(toReturn(row))
    } catch (error) {
      if (!(error instanceof PartnerApiError)) logger.error({ err: error, return: row.id }, 'return failed')
      else
        logger.warn({ return: row.id, failure: error.failure, status: error.upstreamStatus }, 'return waits')
      await postpone(db, 'connect_return', row.id, nextTry(clock.now(), row.attempts, FAILING))
    }
    return true
  }

  /**
   * Works through one return: whose the channels are, which tenant they are bound to, which keys to ask for.
   * Safe to repeat after a crash at any line: what was done is seen on the rows.
   */
  async #work(received: Return): Promise<void> {
    const { db, sessions, returns, partnerApi, clock, reached, wake } = this.#given
    const { clientId } = received
    if (clientId === undefined) throw new Error('a stored return has no client')
    const isFlood = await returns.hasMoreOfSession(received.sessionId, MOST_HURRIED)
    const found = await partnerApi.findClientWithChannels(clientId, isFlood ? 'known' : 'mint')
    const { client, channels: listed } = found ?? { client: undefined, channels: [] }
    const launch = await sessions.findLaunch(received.launchId)
    const session = await sessions.find(received.sessionId)
    if (!launch || !session) throw new Error('a stored return has no launch')
    reached('return.verified')

    await inTransaction(db, async (trx) => {
      const verdict = await this.#judge({ received, clientId, client, listed, launch, session }, trx)
      await this.#carryOut(verdict, { received, clientId, client, listed, launch, session }, clock.now(), trx)
    })
    reached('return.bound')
    wake('mints')
  }

  async #judge(known: Known, trx: Database): Promise<Verdict> {
    const { received, clientId, client, listed, launch, session } = known
    if (received.channelIds.length === 0) return { bound: [], review: [], rule: undefined, reason: undefined }
    const { channels, sessions, returns } = this.#given
    const siblings = await channels.list({ clientId, tenantId: session.tenantId, limit: 1 }, trx)
    return judgeBelonging({
      tenantId: session.tenantId,
      email: session.email,
      emailVerified: session.emailVerified,
      number: session.number,
      launchedAt: launch.createdAt,
      returnedAt: received.receivedAt,
      came: received.came,
      fixedClientId: (await sessions.findLaunch(launch.id, trx))?.clientId,
      clientId,
      channelIds: received.channelIds,
      client,
      listed,
      boundTenants: await channels.tenantsOf(received.channelIds, trx),
      clientIsKnown: siblings.length > 0,
      // Asked only where it can matter: it looks at all that the session has sent.
      hasRival:
        client?.email === session.email?.toLowerCase() &&
        ((await returns.isContested(received, received.browserHash ?? launch.browserHash, trx)) ||
          (await sessions.hasRival(session, launch, received.receivedAt, trx))),
    })
  }

  async #carryOut(judged: Verdict, known: Known, now: Date, trx: Database): Promise<void> {
    const { sessions, channels, returns, audit } = this.#given
    const { received, clientId, client, listed, launch, session } = known
    const named = listed.filter(({ id }) => [...received.channelIds, ...received.revokedIds].includes(id))
    await channels.describe(client, named, now, trx)
    // What comes without the launch's live nonce says nothing of a permission: anybody may have sent it.
    const isOwn = received.came === 'launch' || received.came === 'taken_up'
    if (client && isOwn && judged.reason !== 'another_client')
      await sessions.fixClient(launch.id, clientId, trx)

    const verdict = toReview(await this.#bind(judged, session.tenantId, now, trx), named)
    for (const id of verdict.bound) await this.#onGranted(id, known, isOwn, now, trx)
    for (const id of verdict.review) await this.#onDoubted(id, verdict, known, now, trx)
    for (const id of received.revokedIds) await this.#onRevoked(id, session.tenantId, isOwn, now, trx)
    await returns.close(received.id, verdict.review.length > 0 ? 'needs_review' : 'bound', verdict, now, trx)
    for (const channelId of verdict.bound) {
      const detail = { rule: verdict.rule ?? '', return: received.id }
      await audit.record(
        { actor: 'latchkey', action: 'channel.bound', channelId, tenantId: session.tenantId, detail },
        trx,
      )
    }
  }

  /** Two sign-ups may meet here: the row decides, and who comes second goes to review. */
  async #bind(verdict: Verdict, tenantId: string, now: Date, trx: Database): Promise<Verdict> {
    const refused: string[] = []
    for (const id of verdict.bound)
      if (!(await this.#given.channels.bind(id, tenantId, now, trx))) refused.push(id)
    if (refused.length === 0) return verdict
    return {
      ...verdict,
      bound: verdict.bound.filter((id) => !refused.includes(id)),
      review: [...verdict.review, ...refused],
      reason: 'bound_elsewhere',
    }
  }

  async #onGranted(
    channelId: string,
    { received, launch, session }: Known,
    isOwn: boolean,
    now: Date,
    trx: Database,
  ): Promise<void> {
    const { permissions, mints, reviewService } = this.#given
    const shared = { source: 'return', says: 'shared', observedAt: received.receivedAt } as const
    if (isOwn) await permissions.observe(channelId, shared, trx)
    await mints.request({ channelId, askedBy: received.id, launchedAt: launch.createdAt, now }, trx)
    await reviewService.onBound(channelId, session.tenantId, now, trx)
  }

  async #onDoubted(
    channelId: string,
    { reason = 'nothing_matches' }: Verdict,
    { received, clientId, session, listed }: Known,
    now: Date,
    trx: Database,
  ): Promise<void> {
    const isListed = listed.some(({ id }) => id === channelId)
    const { id: returnId, sessionId, came } = received
    const { tenantId } = session
    const review = { clientId, channelId, returnId, sessionId, tenantId, came, reason }
    await this.#given.reviews.open(review, now, trx, { isListed })
  }

  /** A revocation in a redirect is a hint: it makes us look at the key, and takes nothing away. */
  async #onRevoked(
    channelId: string,
    tenantId: string,
    isOwn: boolean,
    now: Date,
    trx: Database,
  ): Promise<void> {
    const { channels, permissions, probes } = this.#given
    const bound = await channels.tenantsOf([channelId], trx)
    if (bound.get(channelId) !== tenantId) return
    const reported = { source: 'return', says: 'revocation_reported', observedAt: now } as const
    if (isOwn) await permissions.observe(channelId, reported, trx)
    await probes.retry(channelId, 'probe', now, trx)
  }
}

/**
 * What an admin is asked about: the channels that 360dialog lists. Ids that it does not know show beside them;
 * if it knows none, one of them stands for all.
 */
function toReview(verdict: Verdict, listed: readonly Channel[]): Verdict {
  const known = verdict.review.filter((id) => listed.some((channel) => channel.id === id))
  return { ...verdict, review: known.length > 0 ? known : verdict.review.slice(0, 1) }
}

interface Known {
  readonly received: Return
  readonly clientId: string
  readonly client: Client | undefined
  readonly listed: readonly Channel[]
  readonly launch: Launch
  readonly session: ConnectSession
}
