import type { AuditLog } from '../audit/audit-log.ts'
import type { ChannelService } from '../channels/channel-service.ts'
import type { Clock } from '../clock.ts'
import { type Database, inTransaction } from '../database/database.ts'
import type { KeyStatus, Row } from '../database/schema.ts'
import { newId } from '../identifiers.ts'
import { nextTry, WAITING } from '../jobs/backoff.ts'
import { type Jobs, type LeasedJob, LeaseLostError } from '../jobs/jobs.ts'
import type { KeyStore, StoreKey } from './key-store.ts'

/** One key creation: a row of the ledger. */
export type Mint = Row<'mint'>

/** A mint that this worker works on; its problem is the one it had when the job was taken. */
export interface HeldMint {
  readonly mint: Mint
  readonly job: LeasedJob
}

export type MintOrder = Pick<Mint, 'channelId' | 'reason' | 'askedBy' | 'launchedAt'> & {
  readonly recordsBefore?: readonly string[] | undefined
  readonly isHeldBack?: boolean
}

type Change = Partial<{
  state: Mint['state']
  problem: string | null
  upstreamStatus: number | null
  recordsBefore: string[]
  recordsAfter: string[]
  sealedAnswer: null
  sentAt: Date
  closedAt: Date
}>

interface Dependencies {
  readonly db: Database
  readonly jobs: Jobs
  readonly keys: KeyStore
  readonly channels: ChannelService
  readonly audit: AuditLog
  readonly clock: Clock
}

/**
 * The ledger of key creations: nothing else writes it. A row is never deleted, and at most one of a channel is open.
 * Each transition changes the mint, its job and what the channel shows of it in one transaction. Those of a worker
 * throw LeaseLostError, and change nothing, when another worker holds the mint by now or its state has changed.
 */
export class MintLedger {
  readonly #dependencies: Dependencies

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  find(id: string): Promise<Mint | undefined> {
    return this.#dependencies.db.selectFrom('mint').selectAll().where('id', '=', id).executeTakeFirst()
  }

  findOpen(channelId: string, db = this.#dependencies.db): Promise<Mint | undefined> {
    return db
      .selectFrom('mint')
      .selectAll()
      .where('channelId', '=', channelId)
      .where('closedAt', 'is', null)
      .executeTakeFirst()
  }

  /** Newest first. */
  listOfChannel(channelId: string): Promise<Mint[]> {
    const mints = this.#dependencies.db.selectFrom('mint').selectAll()
    return mints.where('channelId', '=', channelId).orderBy('id', 'desc').execute()
  }

  /** Opens a mint, unless one is open for the channel: that one then looks at once, if it only waits. */
  async request({ recordsBefore, ...order }: MintOrder, trx: Database): Promise<void> {
    const { jobs, keys, clock } = this.#dependencies
    const { channelId } = order
    const now = clock.now()
    const id = newId('min', now)
    const version = ((await keys.findNewest(channelId, trx))?.version ?? 0) + 1
    const inserted = await trx
      .insertInto('mint')
      .values({
        ...order,
        id,
        version,
        state: 'waiting',
        recordsBefore: recordsBefore?.slice(),
        requestedAt: now,
        sinceAt: now,
      })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst()
    if (inserted.numInsertedOrUpdatedRows === 1n) {
      await this.#show(channelId, 'waiting', trx)
      return jobs.plan({ kind: 'mint', subject: id }, trx)
    }
    await this.#lookAgain(channelId, trx)
    await this.retryNow(channelId, trx)
  }

  /** Another system's key that was in the way may be gone by now. */
  async #lookAgain(channelId: string, trx: Database): Promise<void> {
    const { numUpdatedRows } = await trx
      .updateTable('mint')
      .set({ state: 'waiting', problem: null, sinceAt: this.#dependencies.clock.now() })
      .where('channelId', '=', channelId)
      .where('closedAt', 'is', null)
      .where('state', '=', 'needs_decision')
      .where('problem', 'in', ['key_in_use', 'key_records_unreadable'])
      .executeTakeFirst()
    if (numUpdatedRows === 1n) await this.#show(channelId, 'waiting', trx)
  }

  /** Something new was heard of the channel: a mint that only waits looks now. False when none does. */
  async retryNow(channelId: string, trx: Database): Promise<boolean> {
    const open = await this.findOpen(channelId, trx)
    if (open?.state !== 'waiting' && open?.state !== 'unknown') return false
    await this.#dependencies.jobs.plan({ kind: 'mint', subject: open.id }, trx)
    return true
  }

  /** An answer that is kept and could not be read is read again: the settings may allow its host by now. */
  async readAgain(channelId: string, trx: Database): Promise<boolean> {
    const sealed = await trx
      .updateTable('mint')
      .set({ state: 'sealed', sinceAt: this.#dependencies.clock.now() })
      .where('channelId', '=', channelId)
      .where('state', '=', 'needs_decision')
      .where('sealedAnswer', 'is not', null)
      .returning('id')
      .executeTakeFirst()
    if (sealed) await this.#dependencies.jobs.plan({ kind: 'mint', subject: sealed.id }, trx)
    return sealed !== undefined
  }

  /**
   * Closes an open mint before it begins, and keeps its answer if it has one; a worker that holds it loses it, and
   * must not send. False, and nothing changes, when it is in none of these states any more.
   */
  async cancel(
    { id }: Pick<Mint, 'id'>,
    states: readonly ('waiting' | 'needs_decision')[],
    trx: Database,
  ): Promise<boolean> {
    const { jobs, clock } = this.#dependencies
    const cancelled = await trx
      .updateTable('mint')
      .set({ state: 'not_needed', closedAt: clock.now() })
      .where('id', '=', id)
      .where('state', 'in', states)
      .executeTakeFirst()
    if (cancelled.numUpdatedRows === 0n) return false
    await jobs.cancel('mint', id, trx)
    return true
  }

  /** The open mint as it is now: until the transaction ends nobody else changes it. */
  lockOpen(channelId: string, trx: Database): Promise<Mint | undefined> {
    return trx
      .updateTable('mint')
      .set({ channelId })
      .where('channelId', '=', channelId)
      .where('closedAt', 'is', null)
      .returningAll()
      .executeTakeFirst()
  }

  /**
   * The channel goes to another tenant: what the former one had is served to nobody before an admin has decided. A mint
   * that was not sent is cancelled; the key of one that was is held back when it comes.
   */
  async holdBack(channelId: string, trx: Database): Promise<void> {
    const { keys } = this.#dependencies
    const open = await this.lockOpen(channelId, trx)
    const isSent = open?.sealedAnswer !== undefined
    const unsent = isSent ? (['waiting'] as const) : (['waiting', 'needs_decision'] as const)
    const isCancelled = open !== undefined && (await this.cancel(open, unsent, trx))
    if (open && !isCancelled)
      await trx.updateTable('mint').set({ isHeldBack: true }).where('id', '=', open.id).execute()
    const isKeyHeldBack = await keys.setHeldBack(channelId, true, trx)
    if (open && !isCancelled) await this.#show(channelId, statusOf(open), trx)
    else if (isCancelled || isKeyHeldBack) await this.#show(channelId, 'none', trx)
  }

  /** Back to waiting: nothing happened at 360dialog. */
  wait({ mint, job }: HeldMint, problem: string, upstreamStatus: number | undefined): Promise<void> {
    const dueAt = nextTry(this.#dependencies.clock.now(), job.attempts, WAITING)
    const waiting = { state: 'waiting', problem, upstreamStatus: upstreamStatus ?? null } as const
    return this.#move({ mint, job }, waiting, 'waiting', (trx) => job.again(dueAt, trx))
  }

  /** The same step again: 360dialog could not be asked. The state stays, since nothing was learned. */
  async postpone(
    { mint, job }: HeldMint,
    { problem, upstreamStatus, dueAt }: { problem: string; upstreamStatus: number | undefined; dueAt: Date },
  ): Promise<void> {
    const failed = { problem, upstreamStatus: upstreamStatus ?? null }
    await this.#move({ mint, job }, failed, undefined, (trx) => job.again(dueAt, trx))
  }

  /** The last thing before the request leaves: from here on the answer may be lost. */
  async intend({ mint, job }: HeldMint, recordsBefore: string[] | undefined): Promise<HeldMint> {
    const sent = { state: 'minting', sentAt: this.#dependencies.clock.now() } as const
    const change = { ...sent, ...(recordsBefore && { recordsBefore }) }
    await this.#move({ mint, job }, change, 'minting', (trx) => job.extend(trx))
    return { mint: { ...mint, ...sent }, job }
  }

  /**
   * Keeps the answer as it came, whoever holds the mint by now: it may be the only copy of a key. One that comes when
   * the mint is closed is kept on it, and changes nothing else. False when there was one already.
   */
  async seal({ mint, job }: HeldMint, sealedAnswer: string): Promise<boolean> {
    const { db, jobs } = this.#dependencies
    return inTransaction(db, async (trx) => {
      const first = trx.updateTable('mint').where('id', '=', mint.id).where('sealedAnswer', 'is', null)
      const sealed = await first
        .set({ sealedAnswer, state: 'sealed', problem: null })
        .where('closedAt', 'is', null)
        .executeTakeFirst()
      if (sealed.numUpdatedRows === 0n)
        return (await first.set({ sealedAnswer }).executeTakeFirst()).numUpdatedRows === 1n
      await job.extend(trx).catch((error) => {
        if (!(error instanceof LeaseLostError)) throw error
        return jobs.plan({ kind: 'mint', subject: mint.id }, trx)
      })
      return true
    })
  }

  /** Stores the key. The raw answer goes: from now on the sealed key is the only copy. */
  store({ mint, job }: HeldMint, storeKey: StoreKey): Promise<void> {
    const closedAt = this.#dependencies.clock.now()
    const stored = { state: 'stored', problem: null, sealedAnswer: null, closedAt } as const
    return this.#move({ mint, job }, stored, undefined, async (trx, { isHeldBack }) => {
      await job.finish(trx)
      await storeKey(trx, isHeldBack)
      const status = isHeldBack ? 'retired' : 'stored'
      await this.#dependencies.channels.setKeyStatus(mint.channelId, status, trx, mint.version)
    })
  }

  /** Waits for an admin: nothing happens by itself any more. */
  stop(
    { mint, job }: HeldMint,
    problem: string,
    records: Pick<Change, 'recordsBefore' | 'recordsAfter'>,
  ): Promise<void> {
    const stopped = { ...records, state: 'needs_decision', problem } as const
    return this.#move({ mint, job }, stopped, 'needs_decision', async (trx) => {
      await job.finish(trx)
      await this.#record(mint, 'mint.needs_decision', { mint: mint.id, problem }, trx)
    })
  }

  /** Ends without a key: none is needed, or 360dialog has refused for long enough. */
  close({ mint, job }: HeldMint, state: 'not_needed' | 'refused'): Promise<void> {
    const closed = { state, closedAt: this.#dependencies.clock.now() }
    return this.#move({ mint, job }, closed, 'none', (trx) => job.finish(trx))
  }

  /** The answer is lost, or not there yet: the key records are looked at when `dueAt` comes. */
  lose(
    { mint, job }: HeldMint,
    dueAt: Date,
    change: Pick<Change, 'upstreamStatus' | 'recordsAfter'>,
  ): Promise<void> {
    const lost = { ...change, state: 'unknown', problem: 'answer_lost' } as const
    return this.#move({ mint, job }, lost, 'unknown', (trx) => job.again(dueAt, trx))
  }

  /** Closes a mint whose key is lost, and opens the one that takes its place. */
  repeat({ mint, job }: HeldMint, recordsAfter: string[]): Promise<void> {
    const { channelId, askedBy, launchedAt } = mint
    const closedAt = this.#dependencies.clock.now()
    const closed = { state: 'unknown', problem: 'answer_lost', recordsAfter, closedAt } as const
    return this.#move({ mint, job }, closed, undefined, async (trx, { isHeldBack }) => {
      await job.finish(trx)
      const order = {
        ...{ channelId, askedBy, launchedAt, isHeldBack },
        reason: 'lost_answer',
        recordsBefore: recordsAfter,
      } as const
      await this.request(order, trx)
      await this.#record(mint, 'mint.repeated', { mint: mint.id }, trx)
    })
  }

  /** The mint's row first, as everywhere: two transactions that lock in the same order never wait for each other. */
  async #move(
    { mint }: HeldMint,
    change: Change,
    shown: KeyStatus | undefined,
    settle: (trx: Database, now: Pick<Mint, 'isHeldBack'>) => Promise<void>,
  ): Promise<void> {
    const { problem } = change
    const isNews = problem !== undefined && (problem ?? undefined) !== mint.problem
    await inTransaction(this.#dependencies.db, async (trx) => {
      const moved = await trx
        .updateTable('mint')
        .set({ ...change, ...(isNews && { sinceAt: this.#dependencies.clock.now() }) })
        .where('id', '=', mint.id)
        .where('state', '=', mint.state)
        .where('closedAt', 'is', null)
        // The channel may have gone to another tenant since the worker read the row.
        .returning('isHeldBack')
        .executeTakeFirst()
      if (!moved) throw new LeaseLostError()
      await settle(trx, moved)
      if (shown) await this.#show(mint.channelId, shown, trx)
    })
  }

  /** A key that is stored stays the answer for the product while another one is created, unless it is held back. */
  async #show(channelId: string, status: KeyStatus, trx: Database): Promise<void> {
    const { keys, channels } = this.#dependencies
    const newest = await keys.findNewest(channelId, trx)
    const resting = status === 'none' ? 'retired' : status
    const kept = newest?.isHeldBack ? resting : 'stored'
    await channels.setKeyStatus(channelId, newest?.status === 'stored' ? kept : status, trx)
  }

  #record({ channelId }: Mint, action: string, detail: Record<string, string>, trx: Database): Promise<void> {
    return this.#dependencies.audit.record({ actor: 'latchkey', action, channelId, detail }, trx)
  }
}

/** What the channel shows of an open mint that was sent, or has stopped. */
function statusOf({ state }: Pick<Mint, 'state'>): KeyStatus {
  return state === 'unknown' || state === 'needs_decision' ? state : 'minting'
}
