import type { AuditLog } from '../audit/audit-log.ts'
import type { ChannelService } from '../channels/channel-service.ts'
import type { SyncService } from '../channels/sync-service.ts'
import type { Clock } from '../clock.ts'
import type { Channel } from '../d360/channel.ts'
import type { Client } from '../d360/client.ts'
import type { PartnerApi } from '../d360/partner-api.ts'
import type { Priority as Lane } from '../d360/rate-limiter.ts'
import { afterCommit, type Database, inTransaction } from '../database/database.ts'
import type { ReviewReason } from '../database/schema.ts'
import { PartnerApiError } from '../errors.ts'
import { nextTry } from '../jobs/backoff.ts'
import type { CrashPoint } from '../jobs/crash-points.ts'
import { type LeasedJob, priorities } from '../jobs/jobs.ts'
import type { Work } from '../jobs/runner.ts'
import type { MintService } from '../keys/mint-service.ts'
import type { ProbeService } from '../keys/probe-service.ts'
import { judgeBelonging, type Verdict } from './belonging.ts'
import type { ConnectSession, ConnectSessionService, Launch } from './connect-session-service.ts'
import type { OwnerAskingService } from './owner-asking-service.ts'
import type {
  JudgedChannel,
  ReturnDetails,
  ReturnRepository,
  StuckReturn,
  UnansweredReturn,
} from './return-repository.ts'
import type { ReviewService } from './review-service.ts'

/** What 360dialog could not confirm in this time is not kept: a return of no launch, that anybody may have sent. */
const UNATTACHED_LIFE_MS = 24 * 60 * 60_000
/** How often a return of no launch asks whether there is time for it. */
const IDLY = { first: 5_000, most: 60_000 }
/** How long a return is looked at again of which 360dialog lists nothing, and how often: a dozen times. */
const UNLISTED_FOR_MS = 24 * 60 * 60_000
const UNLISTED = { first: 30_000, most: 4 * 60 * 60_000 }
/** The same for the further returns of a session, of which anybody may send many. */
const UNLISTED_FURTHER = { first: 60 * 60_000, most: 4 * 60 * 60_000 }

interface Dependencies {
  readonly db: Database
  readonly sessions: ConnectSessionService
  readonly returns: ReturnRepository
  readonly reviews: Pick<ReviewService, 'open' | 'onBound'>
  readonly owners: Pick<OwnerAskingService, 'ask'>
  readonly channels: ChannelService
  readonly mints: Pick<MintService, 'request'>
  readonly probes: Pick<ProbeService, 'retry'>
  readonly partnerApi: Pick<PartnerApi, 'findClientWithChannels' | 'takeSpareCall'>
  readonly sync: Pick<SyncService, 'readSharesOf'>
  readonly audit: AuditLog
  readonly clock: Clock
  readonly crashPoint: CrashPoint
}

/** Finds out what a stored return means: whose its channels are, and which keys to ask for. */
export class ReturnService {
  /** Half of the loops are for first returns, and returns of no launch are of a kind of their own: no flood holds a customer up. */
  readonly works: readonly Work[] = [
    { kind: 'return', run: (job) => this.#workAttached(job), urgentLoops: 2 },
    { kind: 'unattached_return', run: (job) => this.#workUnattached(job), loops: 1 },
  ]
  readonly #dependencies: Dependencies

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  /** Oldest first. */
  listOfSession(sessionId: string): Promise<ReturnDetails[]> {
    return this.#dependencies.returns.listOfSession(sessionId)
  }

  /** Oldest first: of launches, and waiting since before then for 360dialog to say whether they are true. */
  listUnanswered(before: Date, limit: number): Promise<UnansweredReturn[]> {
    return this.#dependencies.returns.listUnanswered(before, limit)
  }

  /** Newest first: customers who came back, cannot go on by themselves, and have not come back otherwise since. */
  listStuck(limit: number): Promise<StuckReturn[]> {
    return this.#dependencies.returns.listStuck(this.#dependencies.clock.now(), limit)
  }

  /** What came raw in the returns of a session that cannot be read, by their ids. */
  findUnread(sessionId: string): Promise<ReadonlyMap<string, string>> {
    return this.#dependencies.returns.findUnread(sessionId)
  }

  /** Oldest first: the returns of several sessions. */
  listOfSessions(sessionIds: readonly string[]): Promise<ReturnDetails[]> {
    return this.#dependencies.returns.listOfSessions(sessionIds)
  }

  /** Newest first: the returns that named a channel. */
  listOfChannel(channelId: string, limit: number): Promise<ReturnDetails[]> {
    return this.#dependencies.returns.listOfChannel(channelId, limit)
  }

  /** Whose the channels are, which tenant they are bound to, which keys to ask for. */
  async #workAttached(job: LeasedJob): Promise<void> {
    const { db, sessions, returns, clock, crashPoint } = this.#dependencies
    const received = await returns.find(job.subject)
    if (received?.state !== 'received') return
    const { launchId = '', sessionId = '', clientId = '' } = received
    const isFirst = job.priority === priorities.first
    const lane = isFirst && job.attempts === 1 ? 'mint' : 'known'
    const { client, listed } = await this.#askAbout(received.id, clientId, lane)
    const launch = await sessions.findLaunch(launchId)
    const session = await sessions.find(sessionId)
    if (!launch || !session) throw new Error('a stored return has no launch')
    crashPoint('return.verified')
    if (isUnlisted(received, listed)) {
      const reason = client ? 'channel_not_listed' : 'client_not_listed'
      return this.#onUnlisted({ received, session, now: clock.now() }, reason, job)
    }

    await this.#askWhatIsShared(received, session)
    await inTransaction(db, async (trx) => {
      // Before anything that follows from it is begun.
      afterCommit(trx, () => crashPoint('return.bound'))
      await this.#decide({ received, clientId, client, listed, launch, session, now: clock.now() }, trx)
      await job.finish(trx)
    })
  }

  /** What is reported of a permission, 360dialog may say itself; a return does not wait until it does. */
  async #askWhatIsShared(
    { clientId = '', channels: named }: ReturnDetails,
    { tenantId }: ConnectSession,
  ): Promise<void> {
    const { channels, sync } = this.#dependencies
    const revokedIds = named.flatMap(({ channelId, isRevoked }) => (isRevoked ? [channelId] : []))
    const tenants = await channels.tenantsOf(revokedIds)
    if (![...tenants.values()].includes(tenantId)) return
    try {
      await sync.readSharesOf(clientId)
    } catch (error) {
      if (!(error instanceof PartnerApiError)) throw error
    }
  }

  /**
   * 360dialog may list what is new a little later, so a client's own return is looked at again for a day. Then nothing
   * of it is connected, and the client's page says so; no admin is asked about what 360dialog does not know.
   */
  async #onUnlisted(
    known: Pick<Known, 'received' | 'session' | 'now'>,
    reason: 'channel_not_listed' | 'client_not_listed',
    job: LeasedJob,
  ): Promise<void> {
    const { db, returns } = this.#dependencies
    const { received, now } = known
    const isOver = now.getTime() - received.receivedAt.getTime() >= UNLISTED_FOR_MS
    const pace = job.priority === priorities.first ? UNLISTED : UNLISTED_FURTHER
    await inTransaction(db, async (trx) => {
      if (mayBeListedLater(known) && !isOver) {
        await returns.explain(received.id, reason, trx)
        return job.again(nextTry(now, job.attempts, pace), trx)
      }
      const judged = grantedIn(received).map(
        (channelId) => ({ channelId, outcome: 'refused', reason }) as const,
      )
      await returns.judge(received.id, judged, now, trx)
      await this.#onAllRevoked(known, trx)
      await job.finish(trx)
    })
  }

  /**
   * The returns of no launch that named a client go to review where 360dialog confirms client and channel and it
   * belongs to nobody yet. Nothing is attached to anybody, and of everything else nothing is kept. All are answered
   * by one question, which is asked only while 360dialog has time for it.
   */
  async #workUnattached(job: LeasedJob): Promise<void> {
    const { db, returns, partnerApi, clock } = this.#dependencies
    const waiting = await returns.listUnattached(job.subject)
    const [oldest] = waiting
    if (!oldest) return
    const now = clock.now()
    const isOver = oldest.receivedAt.getTime() + UNATTACHED_LIFE_MS <= now.getTime()
    if (!isOver && !(await partnerApi.takeSpareCall())) return job.again(nextTry(now, job.attempts, IDLY), db)
    const { client, listed } = isOver ? NOT_LISTED : await this.#askHub(job.subject, 'sync')
    await inTransaction(db, async (trx) => {
      for (const received of waiting) await this.#decideUnattached(received, { client, listed }, trx)
      await job.finish(trx)
    })
  }

  async #decideUnattached(
    { id: returnId, arrival, clientId = '', channels: [named] }: ReturnDetails,
    { client, listed }: Pick<Known, 'client' | 'listed'>,
    trx: Database,
  ): Promise<void> {
    const { returns, reviews, channels, clock } = this.#dependencies
    const now = clock.now()
    const channel = listed.find(({ id }) => id === named?.channelId)
    if (!client || !channel || (await channels.tenantsOf([channel.id], trx)).has(channel.id))
      return returns.remove(returnId, trx)
    const { id: channelId } = channel
    const reason = 'no_session'
    await channels.describe(client, [channel], now, trx)
    await reviews.open({ clientId, channelId, returnId, arrival, reason }, now, trx)
    await returns.judge(returnId, [{ channelId, outcome: 'review', reason }], now, trx)
  }

  /** What is in the way is kept with the return: the admin reads it there while the job goes on trying. */
  async #askAbout(returnId: string, clientId: string, lane: Lane): Promise<Pick<Known, 'client' | 'listed'>> {
    try {
      return await this.#askHub(clientId, lane)
    } catch (error) {
      if (error instanceof PartnerApiError)
        await this.#dependencies.returns.noteProblem(returnId, error.problem)
      throw error
    }
  }

  async #askHub(clientId: string, lane: Lane): Promise<Pick<Known, 'client' | 'listed'>> {
    const found = await this.#dependencies.partnerApi.findClientWithChannels(clientId, lane)
    return found ? { client: found.client, listed: found.channels } : NOT_LISTED
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
      else if (channel.outcome === 'review') await this.#onDoubted(channel, known, trx)
    }
    await this.#onAllRevoked(known, trx)
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
    { received, clientId, client, listed, session }: Known,
    fixedClientId: string | undefined,
    trx: Database,
  ): Promise<Verdict> {
    const { channels } = this.#dependencies
    const channelIds = grantedIn(received)
    // Without a client, too, nothing was granted.
    if (channelIds.length === 0 || !client)
      return { bound: [], owner: [], review: [], rule: undefined, reason: undefined }
    const { tenantId, email, isEmailVerified, number } = session
    const siblings = await channels.list({ clientId, tenantId, limit: 1 }, trx)
    return judgeBelonging({
      ...{ tenantId, email, isEmailVerified, number },
      arrival: received.arrival,
      ...{ fixedClientId, clientId, channelIds, client, listed },
      boundTenants: await channels.tenantsOf(channelIds, trx),
      clientIsKnown: siblings.length > 0,
    })
  }

  /** Two sign-ups may meet here: the row decides, and who comes second goes to review. */
  async #bind(
    { bound, owner, review, rule, reason = 'nothing_matches' }: Verdict,
    known: Known,
    trx: Database,
  ): Promise<Judged[]> {
    const { session, listed, now } = known
    const judged: Judged[] = toReview(review, listed).map((channelId) => {
      return { channelId, outcome: 'review', reason }
    })
    for (const channelId of bound) {
      const isBound = await this.#dependencies.channels.bind(channelId, session.tenantId, now, trx)
      if (isBound) judged.push({ channelId, outcome: 'bound', rule })
      else judged.push({ channelId, outcome: 'review', reason: 'bound_elsewhere' })
    }
    if (owner.length > 0) judged.push(...(await this.#askOwner(owner, known, trx)))
    return judged
  }

  /** One mail to the owner; where that cannot be, an admin decides. */
  async #askOwner(
    channelIds: readonly string[],
    { session, launch, clientId, client, now }: Known,
    trx: Database,
  ): Promise<Judged[]> {
    const emails = client?.emails ?? []
    const request = { session, launch, clientId, emails, channelIds, by: 'latchkey' }
    const reason = await this.#dependencies.owners.ask(request, now, trx)
    return channelIds.map((channelId) =>
      reason ? { channelId, outcome: 'review', reason } : { channelId, outcome: 'owner' },
    )
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
    { channelId, reason = 'nothing_matches' }: Judged,
    { received, clientId, session, now }: Known,
    trx: Database,
  ): Promise<void> {
    const { id: returnId, sessionId, arrival } = received
    const { tenantId } = session
    const review = { clientId, channelId, returnId, sessionId, tenantId, arrival, reason }
    await this.#dependencies.reviews.open(review, now, trx)
  }

  async #onAllRevoked(known: Pick<Known, 'received' | 'session' | 'now'>, trx: Database): Promise<void> {
    for (const { channelId, isRevoked } of known.received.channels)
      if (isRevoked) await this.#onRevoked(channelId, known, trx)
  }

  /** A revocation in a redirect is a hint: it makes us look at the key, and takes nothing away. */
  async #onRevoked(
    channelId: string,
    known: Pick<Known, 'received' | 'session' | 'now'>,
    trx: Database,
  ): Promise<void> {
    const { channels, probes } = this.#dependencies
    const bound = await channels.tenantsOf([channelId], trx)
    if (bound.get(channelId) !== known.session.tenantId) return
    const reported = { source: 'return', says: 'revocation_reported', observedAt: known.now } as const
    if (isOwn(known)) await channels.observe(channelId, reported, trx)
    await probes.retry(channelId, 'probe', trx)
  }
}

const NOT_LISTED = { client: undefined, listed: [] }

/** Judged by what 360dialog lists. */
type Judged = JudgedChannel & { readonly reason?: ReviewReason | undefined }

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
function isOwn({ received }: Pick<Known, 'received'>): boolean {
  return received.arrival === 'launch' || received.arrival === 'resumed'
}

/** What came with a live nonce may be too new for 360dialog's lists. */
function mayBeListedLater(known: Pick<Known, 'received'>): boolean {
  return isOwn(known) || known.received.arrival === 'no_cookie'
}

/** What an admin is asked about: the channels that 360dialog lists. Ids that it does not know show beside them. */
function toReview(channelIds: readonly string[], listed: readonly Channel[]): readonly string[] {
  return channelIds.filter((id) => listed.some((channel) => channel.id === id))
}

/** It grants something, and 360dialog lists nothing of that for this client. */
function isUnlisted(received: ReturnDetails, listed: readonly Channel[]): boolean {
  const granted = grantedIn(received)
  return granted.length > 0 && toReview(granted, listed).length === 0
}

function grantedIn({ channels }: ReturnDetails): string[] {
  return channels.flatMap(({ channelId, isRevoked }) => (isRevoked ? [] : [channelId]))
}
