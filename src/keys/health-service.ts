import type { Clock } from '../clock.ts'
import { isOfGateway } from '../d360/messaging-address.ts'
import { type MessagingApi, MessagingApiError } from '../d360/messaging-api.ts'
import type { Database } from '../database/database.ts'
import type { Row } from '../database/schema.ts'
import { type Jobs, type LeasedJob, priorities } from '../jobs/jobs.ts'
import type { Work } from '../jobs/runner.ts'
import type { KeyStore, OpenedApiKey, StoredApiKey } from './key-store.ts'
import { isRejection, type KeyVerdicts, type KeyVersion } from './key-verdicts.ts'

/** How often 360dialog may be asked for the health of one channel. */
export const ASKED_EVERY_MS = 300_000
const USUALLY_MS = 6 * 60 * 60_000
const AT_LEAST_MS = 15 * 60_000

export type ChannelHealth = Row<'channelHealth'> & {
  /** From when on 360dialog may be asked again. */
  readonly mayAskAt: Date
}

/** After a call that came to nothing the next ones wait so long: 360dialog may be away for all channels. */
const AWAY_MS = 1_000

interface Dependencies {
  readonly db: Database
  readonly jobs: Jobs
  readonly keys: KeyStore
  readonly verdicts: KeyVerdicts
  readonly messagingApi: Pick<MessagingApi, 'readHealth'>
  readonly clock: Clock
}

/**
 * A channel's health: asked for once in 300 seconds at most, by whoever it may be, in whatever process; and for each key
 * in use by itself, which shows whether the key still works.
 */
export class HealthService {
  readonly work: Work = { kind: 'health', loops: 2, run: (job) => this.#run(job) }
  readonly #dependencies: Dependencies
  #awayUntil = 0

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  /** What was answered last; undefined while nothing was asked. */
  async find(channelId: string, db = this.#dependencies.db): Promise<ChannelHealth | undefined> {
    const rows = db.selectFrom('channelHealth').selectAll().where('channelId', '=', channelId)
    const row = await rows.executeTakeFirst()
    return row && { ...row, mayAskAt: new Date(row.askedAt.getTime() + ASKED_EVERY_MS) }
  }

  /** When it is asked for by itself; undefined: it is not. */
  async findDue(channelId: string): Promise<Date | undefined> {
    return (await this.#dependencies.jobs.find('health', channelId))?.dueAt
  }

  /**
   * Asks, or takes what this key was answered within the last 300 seconds. Answers when it was asked.
   *
   * @throws MessagingApiError when 360dialog did not say; also `unreachable` when another answer is wanted than the last
   *   one (`isFresh`), and it may not be asked yet
   */
  async ask(key: OpenedApiKey, { isFresh = false } = {}): Promise<Date> {
    const taken = await this.#take(key)
    if (taken) return this.#askNow(key, taken)
    const last = isFresh ? undefined : await this.find(key.channelId)
    const { askedAt, answeredAt, failure } = (last?.version === key.version && last) || {}
    if (askedAt && answeredAt && answeredAt >= askedAt && !failure) return askedAt
    // What is remembered rejects no key: only what 360dialog says now.
    throw new MessagingApiError(failure && failure !== 'key_rejected' ? failure : 'unreachable')
  }

  /** Plans the first time for a key that was just proven, not for many at once. */
  async plan(channelId: string, trx: Database): Promise<void> {
    const { jobs, clock } = this.#dependencies
    const dueAt = new Date(clock.now().getTime() + Math.random() * AT_LEAST_MS)
    await jobs.ensure({ kind: 'health', subject: channelId, priority: priorities.last, dueAt }, trx)
  }

  /** Asks as soon as it may be asked, before all that nobody waits for. Answers when. */
  async askSoon({ channelId, version }: KeyVersion, trx: Database): Promise<Date> {
    const { jobs, clock } = this.#dependencies
    const last = await this.find(channelId, trx)
    const now = clock.now()
    const dueAt = last && last.version === version && last.mayAskAt > now ? last.mayAskAt : now
    await jobs.plan({ kind: 'health', subject: channelId, priority: priorities.first, dueAt }, trx)
    return dueAt
  }

  /** With a key that is not in use any more only when somebody wants to know; with one that is held back never. */
  async #run(job: LeasedJob): Promise<void> {
    const { db, keys, clock } = this.#dependencies
    const isWanted = job.priority === priorities.first
    const key = await keys.findNewest(job.subject)
    if (key?.status !== 'stored' && !isWanted) return
    const isPutOff = key?.isHeldBack || (!isWanted && clock.now().getTime() < this.#awayUntil)
    if (!isPutOff) await this.#check(job.subject)
    if ((await keys.findNewest(job.subject))?.status !== 'stored') return
    const pause = isPutOff ? AT_LEAST_MS : await this.#pauseOf(job.subject)
    await job.again(this.#soonAfter(pause), db, priorities.last)
  }

  async #check(channelId: string): Promise<void> {
    const { keys, verdicts, clock } = this.#dependencies
    const key = await keys.open(channelId)
    if (!key) return
    try {
      await verdicts.confirm(key, await this.ask(key))
    } catch (error) {
      if (!(error instanceof MessagingApiError)) throw error
      if (isRejection(error)) await verdicts.refuse(key)
      if (error.failure === 'unreachable') this.#awayUntil = clock.now().getTime() + AWAY_MS
    }
  }

  /** 6 hours, or less while it is not well; but the longer that lasts, the more. */
  async #pauseOf(channelId: string): Promise<number> {
    const now = this.#dependencies.clock.now()
    const { state, sinceAt, failedAt } = (await this.find(channelId)) ?? {}
    if (state === 'available' && !failedAt) return USUALLY_MS
    const lasts = now.getTime() - (failedAt ?? sinceAt ?? now).getTime()
    return Math.min(USUALLY_MS, Math.max(AT_LEAST_MS, lasts))
  }

  /** Spread over time: what is due at one moment is not due at one moment for ever. */
  #soonAfter(ms: number): Date {
    return new Date(this.#dependencies.clock.now().getTime() + ms * (1 + Math.random() / 4))
  }

  /** One conditional update: of any number of askers and processes one may ask. */
  async #take({ channelId, version, address }: StoredApiKey): Promise<Row<'channelHealth'> | undefined> {
    const { db, clock } = this.#dependencies
    const askedAt = clock.now()
    const due = new Date(askedAt.getTime() - ASKED_EVERY_MS)
    return db
      .insertInto('channelHealth')
      .values({
        channelId,
        version,
        isOnGateway: isOfGateway(address),
        askedAt,
        state: 'unknown',
        findings: [],
      })
      .onConflict((conflict) =>
        conflict
          .column('channelId')
          .doUpdateSet({ version, askedAt })
          .where((row) =>
            row.or([
              row('channelHealth.version', '<', version),
              row.and([row('channelHealth.version', '=', version), row('channelHealth.askedAt', '<=', due)]),
            ]),
          ),
      )
      .returningAll()
      .executeTakeFirst()
  }

  async #askNow(key: OpenedApiKey, taken: Row<'channelHealth'>): Promise<Date> {
    const { db, messagingApi, clock } = this.#dependencies
    const write = db
      .updateTable('channelHealth')
      .where('channelId', '=', key.channelId)
      // With a newer key it may have been asked for meanwhile.
      .where('askedAt', '=', taken.askedAt)
    try {
      const { state, findings } = await messagingApi.readHealth(key, taken)
      const answeredAt = clock.now()
      const sinceAt = (state === taken.state && taken.sinceAt) || answeredAt
      await write.set({ state, findings, sinceAt, answeredAt, failure: null, failedAt: null }).execute()
    } catch (error) {
      if (!(error instanceof MessagingApiError)) throw error
      // The other address is asked next time: a second call at once would be one too many.
      const isOnGateway = error.upstreamStatus === 404 ? !taken.isOnGateway : taken.isOnGateway
      const failed = { failure: error.failure, failedAt: taken.failedAt ?? clock.now() }
      await write.set({ ...failed, isOnGateway }).execute()
      throw error
    }
    return taken.askedAt
  }
}
