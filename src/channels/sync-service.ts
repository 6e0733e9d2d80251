import type { Logger } from 'pino'
import type { Clock } from '../clock.ts'
import type { HubPage, PartnerApi } from '../d360/partner-api.ts'
import { matchShares } from '../d360/shared-numbers.ts'
import { type Database, inTransaction } from '../database/database.ts'
import type { Row } from '../database/schema.ts'
import { PartnerApiError } from '../errors.ts'
import { FAILING, nextTry } from '../jobs/backoff.ts'
import type { CrashPoint } from '../jobs/crash-points.ts'
import type { Jobs, LeasedJob } from '../jobs/jobs.ts'
import type { Work } from '../jobs/runner.ts'
import type { AccountService } from './account-service.ts'
import type { ChannelService } from './channel-service.ts'
import { writeDescription } from './description.ts'

type Sync = Row<'sync'>

/** A whole walk: when it ended, and how many clients and channels it read. */
export interface SyncResult extends Pick<Sync, 'clients' | 'channels'> {
  readonly completedAt: Date
}

const EVERY_MS = 15 * 60_000
/** A start has better things to do first. */
const FIRST_AFTER_MS = 60_000
/** A walk that came no further for so long begins anew: what it read is old. */
const STALE_MS = 60 * 60_000
/** Clients that are asked in one walk which numbers they share: one call each. */
const SHARES_AT_ONCE = 50
/** So many clients in a row of which the hub does not say: it does not say of others either. */
const SILENT = 3

interface Dependencies {
  readonly db: Database
  readonly jobs: Pick<Jobs, 'plan' | 'ensure' | 'leaseNext'>
  readonly channels: ChannelService
  readonly accounts: Pick<AccountService, 'describeHub'>
  readonly partnerApi: Pick<PartnerApi, 'readPartner' | 'readPage' | 'listSharedNumbers'>
  /** The partner pays: then there is no permission screen, and 360dialog is not asked which numbers are shared. */
  readonly isSharedByDefault: boolean
  /** Told of channels that run now and did not before, in the transaction that writes it down. */
  readonly onStarted: (channelIds: readonly string[], trx: Database) => Promise<void>
  readonly clock: Clock
  readonly logger: Logger
  readonly crashPoint: CrashPoint
}

/**
 * Walks through all clients and channels of the hub, page by page, so that no lost message matters for longer than
 * one cycle. Each page is written down together with how far the walk has come: after a stop it goes on from there.
 * It never asks for a key, and deletes nothing.
 */
export class SyncService {
  readonly work: Work = { kind: 'sync', run: (job) => this.#run(job), loops: 1 }
  readonly #dependencies: Dependencies

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  /** Plans it, unless it is planned: for every start. */
  async ensure(): Promise<void> {
    const { db, jobs, clock } = this.#dependencies
    const dueAt = new Date(clock.now().getTime() + FIRST_AFTER_MS)
    await jobs.ensure({ kind: 'sync', subject: 'hub', dueAt }, db)
  }

  /** How far it has come; undefined before the first walk. */
  async read(db = this.#dependencies.db): Promise<Sync | undefined> {
    return db.selectFrom('sync').selectAll().executeTakeFirst()
  }

  /**
   * Walks now, from the beginning, or waits for the process that does.
   * @throws PartnerApiError when 360dialog could not be read to the end
   */
  async complete(): Promise<SyncResult> {
    const { db, jobs, clock } = this.#dependencies
    const since = clock.now()
    await inTransaction(db, async (trx) => {
      await trx.updateTable('sync').set({ startedAt: null }).execute()
      await jobs.plan({ kind: 'sync', subject: 'hub' }, trx)
    })
    for (;;) {
      const job = await jobs.leaseNext('sync')
      if (job) await this.#run(job)
      const { completeFromAt, completedAt, failedAt, clients = 0, channels = 0 } = (await this.read()) ?? {}
      if (completedAt && completeFromAt && completeFromAt >= since) return { completedAt, clients, channels }
      if (failedAt && failedAt >= since) throw new PartnerApiError('unknown')
      if (!job) await clock.sleep(1_000)
    }
  }

  async #run(job: LeasedJob): Promise<void> {
    try {
      for (let previous: HubPage | undefined; !job.isSettled; ) {
        const sync = await this.#begin()
        if (sync.list === 'permissions') await this.#readShares(sync, job)
        else previous = await this.#walk(sync, previous, job)
      }
    } catch (error) {
      if (!(error instanceof PartnerApiError)) throw error
      await this.#fail(error, job)
    }
  }

  /** The walk that is under way, or a new one. */
  async #begin(): Promise<Sync> {
    const { db, clock } = this.#dependencies
    const now = clock.now()
    const sync = await this.read()
    if (sync?.startedAt && now.getTime() - (sync.readAt ?? sync.startedAt).getTime() < STALE_MS) return sync
    const begun = {
      list: 'clients',
      place: 0,
      startedAt: now,
      readAt: null,
      clients: 0,
      channels: 0,
    } as const
    await this.#readHub(now)
    await db
      .insertInto('sync')
      .values({ id: 1, ...begun, failures: 0 })
      .onConflict((conflict) => conflict.column('id').doUpdateSet(begun))
      .execute()
    return {
      failures: 0,
      failedAt: undefined,
      completeFromAt: undefined,
      completedAt: undefined,
      ...sync,
      id: 1,
      ...begun,
      readAt: undefined,
    }
  }

  /** What the hub lets its clients do. A hub that does not say it is walked through all the same. */
  async #readHub(now: Date): Promise<void> {
    const { accounts, partnerApi } = this.#dependencies
    try {
      await accounts.describeHub(await partnerApi.readPartner(), now)
    } catch (error) {
      if (!(error instanceof PartnerApiError)) throw error
    }
  }

  /** Reads one page and writes it down. Answers it, so that the next one can be told from it. */
  async #walk(sync: Sync, previous: HubPage | undefined, job: LeasedJob): Promise<HubPage | undefined> {
    const { db, channels, partnerApi, isSharedByDefault, clock, crashPoint, onStarted } = this.#dependencies
    const list = sync.list === 'clients' ? 'clients' : 'channels'
    const page = await partnerApi.readPage(list, sync.place)
    crashPoint('sync.page_read')
    // A server that ignores where to begin sends the same page again and again: that was all.
    const isLast = page.isLast || page.mark === previous?.mark
    await inTransaction(db, async (trx) => {
      await job.extend(trx)
      const now = clock.now()
      const { started } = await writeDescription(page.clients, page.channels, now, trx)
      if (isSharedByDefault)
        await channels.shareByDefault(
          page.channels.map(({ id }) => id),
          now,
          trx,
        )
      await onStarted(started, trx)
      const next = list === 'clients' ? 'channels' : 'permissions'
      await trx
        .updateTable('sync')
        .set({
          ...(isLast ? { list: next, place: 0 } : { place: sync.place + page.read }),
          readAt: now,
          clients: sync.clients + page.clients.length,
          channels: sync.channels + page.channels.length,
        })
        // Somebody who wants a new walk has ended this one.
        .where('startedAt', '=', sync.startedAt ?? null)
        .execute()
    })
    crashPoint('sync.page_stored')
    return isLast ? undefined : page
  }

  /** The walk ends with what 360dialog says of permissions, client by client, the one not asked for longest first. */
  async #readShares(sync: Sync, job: LeasedJob): Promise<void> {
    const { db, channels } = this.#dependencies
    let silent = 0
    for (const clientId of await channels.listClientsToAsk(SHARES_AT_ONCE)) {
      await job.extend(db)
      silent = (await this.readSharesOf(clientId)) ? 0 : silent + 1
      if (silent >= SILENT) break
    }
    await this.#complete(sync, job)
  }

  /** Asks which numbers a client shares, and writes it down. False when 360dialog does not say. */
  async readSharesOf(clientId: string): Promise<boolean> {
    const { db, channels, partnerApi, isSharedByDefault, clock } = this.#dependencies
    if (isSharedByDefault) return false
    const shared = await partnerApi.listSharedNumbers(clientId)
    return inTransaction(db, async (trx) => {
      const now = clock.now()
      await channels.noteAsked(clientId, now, trx)
      const known = await channels.list({ clientId }, trx)
      const ids = shared && matchShares(shared, known)
      if (!ids) return false
      for (const { id, tenantId } of known)
        if (tenantId) {
          const says = ids.has(id) ? 'shared' : 'missing'
          await channels.observe(id, { source: 'api', says, observedAt: now }, trx)
        }
      return true
    })
  }

  async #complete(sync: Sync, job: LeasedJob): Promise<void> {
    const { db, channels, clock, logger } = this.#dependencies
    const now = clock.now()
    await inTransaction(db, async (trx) => {
      // Rows that move between pages may be missed once: only who is missing in two whole walks is not listed.
      if (sync.completeFromAt) await channels.markUnlisted(sync.completeFromAt, now, trx)
      const completed = {
        startedAt: null,
        completeFromAt: sync.startedAt ?? now,
        completedAt: now,
        failures: 0,
      }
      await trx
        .updateTable('sync')
        .set(completed)
        .where('startedAt', '=', sync.startedAt ?? null)
        .execute()
      await job.again(new Date(now.getTime() + EVERY_MS), trx)
    })
    const { clients, channels: read } = sync
    logger.info({ clients, channels: read }, 'all of the hub was read')
  }

  /** What was read is kept, and the walk goes on from there. */
  async #fail({ failure, upstreamStatus: status }: PartnerApiError, job: LeasedJob): Promise<void> {
    const { db, clock, logger } = this.#dependencies
    const now = clock.now()
    const failures = ((await this.read())?.failures ?? 0) + 1
    logger.warn({ failure, status }, 'the hub could not be read to the end')
    await inTransaction(db, async (trx) => {
      await trx.updateTable('sync').set({ failures, failedAt: now }).execute()
      await job.again(nextTry(now, failures, FAILING), trx)
    })
  }
}
