import type { AuditLog } from '../audit/audit-log.ts'
import type { ChannelService } from '../channels/channel-service.ts'
import type { Clock } from '../clock.ts'
import type { Channel } from '../d360/channel.ts'
import type { Client } from '../d360/client.ts'
import type { PartnerApi } from '../d360/partner-api.ts'
import type { Priority } from '../d360/rate-limiter.ts'
import { afterCommit, type Database, inTransaction } from '../database/database.ts'
import type { CrashPoint } from '../jobs/crash-points.ts'
import type { LeasedJob } from '../jobs/jobs.ts'
import type { Work } from '../jobs/runner.ts'
import type { MintService } from '../keys/mint-service.ts'
import type { ProbeService } from '../keys/probe-service.ts'
import { isSameEmail, judgeBelonging, type Verdict } from './belonging.ts'
import type { ConnectSession, ConnectSessionService, Launch } from './connect-session-service.ts'
import type { JudgedChannel, ReturnDetails, ReturnRepository } from './return-repository.ts'
import type { ReviewService } from './review-service.ts'

/** More returns than a person causes: what a session sends beyond them goes behind everybody else’s at 360dialog. */
const MAX_PRIORITY_RETURNS = 20

interface Dependencies {
  readonly db: Database
  readonly sessions: ConnectSessionService
  readonly returns: ReturnRepository
  readonly reviews: Pick<ReviewService, 'open' | 'onBound'>
  readonly channels: ChannelService
  readonly mints: Pick<MintService, 'request'>
  readonly probes: Pick<ProbeService, 'retry'>
  readonly partnerApi: Pick<PartnerApi, 'findClientWithChannels'>
  readonly audit: AuditLog
  readonly clock: Clock
  readonly crashPoint: CrashPoint
}

/** Finds out what a stored return means: whose its channels are, and which keys to ask for. */
export class ReturnService {
  /** Of a kind of its own, returns of no launch never keep a customer waiting. */
  readonly works: readonly Work[] = [
    { kind: 'return', run: (job) => this.#run(job) },
    { kind: 'unattached_return', run: (job) => this.#run(job) },
  ]
  readonly #dependencies: Dependencies

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  /** Oldest first. */
  listOfSession(sessionId: string): Promise<ReturnDetails[]> {
    return this.#dependencies.returns.listOfSession(sessionId)
  }

  /** Newest first: the returns that named a channel. */
  listOfChannel(channelId: string, limit: number): Promise<ReturnDetails[]> {
    return this.#dependencies.returns.listOfChannel(channelId, limit)
  }

  async #run(job: LeasedJob): Promise<void> {
    const received = await this.#dependencies.returns.find(job.subject)
    if (received?.state !== 'received') return
    if (received.launchId === undefined) await this.#workUnattached(received, job)
    else await this.#workAttached(received, job)
  }

  /** Whose the channels are, which tenant they are bound to, which keys to ask for. */
  async #workAttached(received: ReturnDetails, job: LeasedJob): Promise<void> {
    const { db, sessions, returns, clock, crashPoint } = this.#dependencies
    const { launchId = '', sessionId = '' } = received
    const isFlood = await returns.hasMoreOfSession(sessionId, MAX_PRIORITY_RETURNS)
    const { clientId, client, listed } = await this.#askHub(received, isFlood ? 'known' : 'mint')
    const launch = await sessions.findLaunch(launchId)
    const session = await sessions.find(sessionId)
    if (!launch || !session) throw new Error('a stored return has no launch')
    crashPoint('return.verified')

    await inTransaction(db, async (trx) => {
      // Before anything that follows from it is begun.
      afterCommit(trx, () => crashPoint('return.bound'))
      await this.#decide({ received, clientId, client, listed, launch, session, now: clock.now() }, trx)
      await job.finish(trx)
    })
  }

  /**
   * A return of no launch goes to review if 360dialog confirms client and channel and it belongs to nobody yet.
   * Nothing is attached to anybody, and of everything else nothing is kept.
   */
  async #workUnattached(received: ReturnDetails, job: LeasedJob): Promise<void> {
    const { db, returns, reviews, channels, clock } = this.#dependencies
    const { id: returnId, arrival } = received
    const channelId = received.channels[0]?.channelId ?? ''
    const { clientId, client, listed } = await this.#askHub(received, 'known')
    const channel = listed.find(({ id }) => id === channelId)
    const now = clock.now()
    await inTransaction(db, async (trx) => {
      const isBound = (await channels.tenantsOf([channelId], trx)).has(channelId)
      if (client && channel && !isBound) {
        const reason = 'no_session'
        await channels.describe(client, [channel], now, trx)
        await reviews.open({ clientId, channelId, returnId, arrival, reason }, now, trx)
        await returns.judge(returnId, [{ channelId, outcome: 'review', reason }], now, trx)
      } else await returns.remove(returnId, trx)
      await job.finish(trx)
    })
  }

  async #askHub({ clientId }: ReturnDetails, priority: Priority) {
    if (clientId === undefined) throw new Error('a stored return has no client')
    const found = await this.#dependencies.partnerApi.findClientWithChannels(clientId, priority)
    return { clientId, client: found?.client, listed: found?.channels ?? [] }
  }

  async #decide(known: Known, trx: Database): Promise<void> {
    const { channels, returns } = this.#dependencies
    const { received, client, listed, now } = known
    const named = listed.filter(({ id }) => received.channels.some(({ channelId }) => channelId === id))
    // Judged by what was known before: a channel that has moved to this client does not make the client known.
    const verdict = await this.#judge(known, await this.#fixClient(known, trx), trx)
    await channels.describe(client, named, now, trx)

    const judged = await this.#bind(verdict, known, trx)
    for (const channel of judged) {
      if (channel.outcome === 'bound') await this.#onGranted(channel, known, trx)
      else await this.#onDoubted(channel, known, trx)
    }
    for (const { channelId, isRevoked } of received.channels)
      if (isRevoked) await this.#onRevoked(channelId, known, trx)
    await returns.judge(received.id, judged, now, trx)
  }

  /** Before anything is judged, so that the row decides between returns that two workers judge at once. */
  async #fixClient(known: Known, trx: Database): Promise<string | undefined> {
    const { sessions, channels } = this.#dependencies
    const { client, clientId, launch, now } = known
    if (client && isOwn(known)) {
      await channels.describe(client, [], now, trx)
      return sessions.fixClient(launch.id, clientId, trx)
    }
    return (await sessions.findLaunch(launch.id, trx))?.clientId
  }

  async #judge(
    { received, clientId, client, listed, launch, session }: Known,
    fixedClientId: string | undefined,
    trx: Database,
  ): Promise<Verdict> {
    const { channels, sessions, returns } = this.#dependencies
    const channelIds = received.channels.flatMap((one) => (one.isRevoked ? [] : [one.channelId]))
    if (channelIds.length === 0) return { bound: [], review: [], rule: undefined, reason: undefined }
    const { tenantId, email, isEmailVerified, number } = session
    const siblings = await channels.list({ clientId, tenantId, limit: 1 }, trx)
    return judgeBelonging({
      ...{ tenantId, email, isEmailVerified, number },
      launchedAt: launch.createdAt,
      returnedAt: received.receivedAt,
      arrival: received.arrival,
      ...{ fixedClientId, clientId, channelIds, client, listed },
      boundTenants: await channels.tenantsOf(channelIds, trx),
      clientIsKnown: siblings.length > 0,
      // Asked only where it can matter: it looks at all that the session has sent.
      hasRival:
        isSameEmail(client?.email, email) &&
        ((await returns.isContested(received, trx)) ||
          (await sessions.hasRival(session, launch, received.receivedAt, trx))),
    })
  }

  /** Two sign-ups may meet here: the row decides, and who comes second goes to review. */
  async #bind(
    { bound, review, rule, reason = 'nothing_matches' }: Verdict,
    { session, listed, now }: Known,
    trx: Database,
  ): Promise<JudgedChannel[]> {
    const judged: JudgedChannel[] = toReview(review, listed).map((channelId) => {
      return { channelId, outcome: 'review', reason }
    })
    for (const channelId of bound) {
      const isBound = await this.#dependencies.channels.bind(channelId, session.tenantId, now, trx)
      if (isBound) judged.push({ channelId, outcome: 'bound', rule })
      else judged.push({ channelId, outcome: 'review', reason: 'bound_elsewhere' })
    }
    return judged
  }

  async #onGranted({ channelId, rule }: JudgedChannel, known: Known, trx: Database): Promise<void> {
    const { channels, mints, probes, reviews, audit } = this.#dependencies
    const { received, launch, session, now } = known
    const { tenantId } = session
    const shared = { source: 'return', says: 'shared', observedAt: received.receivedAt } as const
    if (isOwn(known)) {
      await channels.observe(channelId, shared, trx)
      await mints.request({ channelId, askedBy: received.id, launchedAt: launch.createdAt }, trx)
      // An old address from a browser's history asks for nothing: it makes us look, and ends no key.
    } else await probes.retry(channelId, 'probe', trx)
    await reviews.onBound(channelId, tenantId, now, trx)
    const detail = { rule: rule ?? '', return: received.id }
    await audit.record({ actor: 'latchkey', action: 'channel.bound', channelId, tenantId, detail }, trx)
  }

  async #onDoubted(
    { channelId, reason = 'nothing_matches' }: JudgedChannel,
    { received, clientId, session, listed, now }: Known,
    trx: Database,
  ): Promise<void> {
    const { id: returnId, sessionId, arrival } = received
    const { tenantId } = session
    const isListed = listed.some(({ id }) => id === channelId)
    const review = { clientId, channelId, returnId, sessionId, tenantId, arrival, reason }
    await this.#dependencies.reviews.open(review, now, trx, { isListed })
  }

  /** A revocation in a redirect is a hint: it makes us look at the key, and takes nothing away. */
  async #onRevoked(channelId: string, known: Known, trx: Database): Promise<void> {
    const { channels, probes } = this.#dependencies
    const bound = await channels.tenantsOf([channelId], trx)
    if (bound.get(channelId) !== known.session.tenantId) return
    const reported = { source: 'return', says: 'revocation_reported', observedAt: known.now } as const
    if (isOwn(known)) await channels.observe(channelId, reported, trx)
    await probes.retry(channelId, 'probe', trx)
  }
}

interface Known {
  readonly received: ReturnDetails
  readonly clientId: string
  readonly client: Client | undefined
  readonly listed: readonly Channel[]
  readonly launch: Launch
  readonly session: ConnectSession
  readonly now: Date
}

/** What comes without the launch's live nonce says nothing of a permission: anybody may have sent it. */
function isOwn({ received }: Known): boolean {
  return received.arrival === 'launch' || received.arrival === 'resumed'
}

/**
 * What an admin is asked about: the channels that 360dialog lists. Ids that it does not know show beside them;
 * if it knows none, one of them stands for all.
 */
function toReview(channelIds: readonly string[], listed: readonly Channel[]): readonly string[] {
  const known = channelIds.filter((id) => listed.some((channel) => channel.id === id))
  return known.length > 0 ? known : channelIds.slice(0, 1)
}
