import type { Database } from '../database/database.ts'
import { claimDue, LEASE_MS, unlessHurried } from '../database/due-rows.ts'
import type { MintRow } from '../database/schema.ts'
import { newId } from '../identifiers.ts'

/** One key creation: a row of the ledger. */
export interface Mint {
  readonly id: string
  readonly channelId: string
  /** The version that the key will have. */
  readonly version: number
  readonly reason: MintRow['reason']
  readonly askedBy: string
  readonly launchedAt: Date | undefined
  readonly state: MintRow['state']
  readonly problem: string | undefined
  readonly upstreamStatus: number | undefined
  readonly recordsBefore: readonly string[] | undefined
  readonly recordsAfter: readonly string[] | undefined
  readonly sealedAnswer: string | undefined
  readonly requestedAt: Date
  readonly sentAt: Date | undefined
  readonly closedAt: Date | undefined
  readonly attempts: number
  readonly leaseUntil: string | undefined
}

export interface NewMint {
  readonly channelId: string
  readonly reason: MintRow['reason']
  readonly askedBy: string
  readonly launchedAt: Date | undefined
  readonly recordsBefore?: readonly string[] | undefined
  readonly now: Date
}

export type MintChange = Partial<
  Pick<
    MintRow,
    | 'state'
    | 'problem'
    | 'upstream_status'
    | 'sealed_answer'
    | 'sent_at'
    | 'closed_at'
    | 'due_at'
    | 'lease_until'
  >
> & {
  readonly records_before?: readonly string[] | undefined
  readonly records_after?: readonly string[] | undefined
  readonly attempts?: number
}

/** The ledger of key creations. A row is never deleted; one open row for a channel at most. */
export class MintRepository {
  readonly #db: Database
  readonly #hubId: string

  constructor({ db, hubId }: { db: Database; hubId: string }) {
    this.#db = db
    this.#hubId = hubId
  }

  /** Opens a mint, unless one is open for the channel: that one then looks at once, if it is only waiting. */
  async request(
    { channelId, reason, askedBy, launchedAt, recordsBefore, now }: NewMint,
    trx: Database,
  ): Promise<void> {
    const at = now.toISOString()
    const inserted = await trx
      .insertInto('mint')
      .values({
        hub_id: this.#hubId,
        id: newId('min', now),
        channel_id: channelId,
        version: await this.#nextVersion(channelId, trx),
        reason,
        asked_by: askedBy,
        launched_at: launchedAt?.toISOString() ?? null,
        state: 'waiting',
        problem: null,
        upstream_status: null,
        records_before: toList(recordsBefore),
        records_after: null,
        sealed_answer: null,
        requested_at: at,
        sent_at: null,
        closed_at: null,
        due_at: at,
        lease_until: null,
        attempts: 0,
      })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst()
    if (inserted.numInsertedOrUpdatedRows === 1n) return
    await this.#lookAgain(channelId, trx)
    await this.hurry(channelId, now, trx)
  }

  /** A key of somebody else's that stood in the way may be gone by now. */
  async #lookAgain(channelId: string, trx: Database): Promise<void> {
    await trx
      .updateTable('mint')
      .set({ state: 'waiting' })
      .where('hub_id', '=', this.#hubId)
      .where('channel_id', '=', channelId)
      .where('closed_at', 'is', null)
      .where('state', '=', 'needs_decision')
      .where('problem', 'in', ['key_in_use', 'key_records_unreadable'])
      .execute()
  }

  /** Something new was heard of the channel: a mint that only waits looks now, and counts its tries anew. */
  async hurry(channelId: string, now: Date, db: Database = this.#db): Promise<boolean> {
    const hurried = await db
      .updateTable('mint')
      .set({ due_at: now.toISOString(), attempts: 0 })
      .where('hub_id', '=', this.#hubId)
      .where('channel_id', '=', channelId)
      .where('closed_at', 'is', null)
      .where('state', 'in', ['waiting', 'unknown'])
      .executeTakeFirst()
    return hurried.numUpdatedRows === 1n
  }

  async claim(now: Date): Promise<Mint | undefined> {
    const row = await claimDue(this.#db, 'mint', this.#hubId, now)
    return row && toMint(row)
  }

  /**
   * Changes a mint that this worker holds; answers false, and changes nothing, when it does so no longer
   * (the lease ran out, and another worker took over).
   */
  async change(mint: Mint, change: MintChange, db: Database = this.#db): Promise<boolean> {
    const changed = await db
      .updateTable('mint')
      .set(toColumns(mint, change))
      .where('id', '=', mint.id)
      .where('lease_until', '=', mint.leaseUntil ?? '')
      .executeTakeFirst()
    return changed.numUpdatedRows === 1n
  }

  /** Changes a mint that this worker holds and holds it for another full lease; undefined as `change` is false. */
  async renew(mint: Mint, change: MintChange, now: Date, db: Database = this.#db): Promise<Mint | undefined> {
    const leaseUntil = new Date(now.getTime() + LEASE_MS).toISOString()
    const held = await this.change(mint, { ...change, lease_until: leaseUntil }, db)
    return held ? { ...mint, leaseUntil } : undefined
  }

  /** Changes a mint and gives it back, to be found again when its `due_at` says; false as in `change`. */
  release(mint: Mint, change: MintChange, db: Database = this.#db): Promise<boolean> {
    return this.change(mint, { ...change, lease_until: null }, db)
  }

  /** Keeps an answer whoever holds the mint by now: it may hold the only copy of a key. */
  async keepAnswer(mint: Mint, sealed_answer: string): Promise<boolean> {
    const kept = await this.#db
      .updateTable('mint')
      .set({ sealed_answer, state: 'sealed', problem: null })
      .where('id', '=', mint.id)
      .where('sealed_answer', 'is', null)
      .executeTakeFirst()
    return kept.numUpdatedRows === 1n
  }

  /** A stored answer that could not be read is read again: the settings may allow its host by now. */
  async readAgain(channelId: string, now: Date, db: Database): Promise<boolean> {
    const changed = await db
      .updateTable('mint')
      .set({ state: 'sealed', due_at: now.toISOString() })
      .where('hub_id', '=', this.#hubId)
      .where('channel_id', '=', channelId)
      .where('state', '=', 'needs_decision')
      .where('sealed_answer', 'is not', null)
      .executeTakeFirst()
    return changed.numUpdatedRows === 1n
  }

  async findOpen(channelId: string, db: Database = this.#db): Promise<Mint | undefined> {
    const row = await db
      .selectFrom('mint')
      .selectAll()
      .where('hub_id', '=', this.#hubId)
      .where('channel_id', '=', channelId)
      .where('closed_at', 'is', null)
      .executeTakeFirst()
    return row && toMint(row)
  }

  /**
   * Closes an open mint before it begins, and keeps its answer if it has one. False, and nothing changes, when it is
   * in none of these states any more. A worker that holds it loses it, and must not send.
   */
  async dismiss(
    { id }: Pick<Mint, 'id'>,
    states: readonly ('waiting' | 'needs_decision')[],
    now: Date,
    trx: Database,
  ): Promise<boolean> {
    const dismissed = await trx
      .updateTable('mint')
      .set({ state: 'not_needed', closed_at: now.toISOString(), due_at: null, lease_until: null })
      .where('id', '=', id)
      .where('closed_at', 'is', null)
      .where('state', 'in', states)
      .executeTakeFirst()
    return dismissed.numUpdatedRows === 1n
  }

  /** Newest first. */
  async listOfChannel(channelId: string): Promise<Mint[]> {
    const rows = await this.#db
      .selectFrom('mint')
      .selectAll()
      .where('hub_id', '=', this.#hubId)
      .where('channel_id', '=', channelId)
      .orderBy('id', 'desc')
      .execute()
    return rows.map(toMint)
  }

  async #nextVersion(channelId: string, trx: Database): Promise<number> {
    const newest = await trx
      .selectFrom('api_key')
      .select((row) => row.fn.max('version').as('version'))
      .where('hub_id', '=', this.#hubId)
      .where('channel_id', '=', channelId)
      .executeTakeFirst()
    return Number(newest?.version ?? 0) + 1
  }
}

function toColumns({ attempts }: Mint, { records_before, records_after, due_at, ...columns }: MintChange) {
  return {
    ...columns,
    // What ends a mint, or leaves it to an admin, ends its being due, whoever asked for a look meanwhile.
    ...(due_at !== undefined && { due_at: due_at && unlessHurried(attempts, due_at) }),
    ...(records_before !== undefined && { records_before: toList(records_before) }),
    ...(records_after !== undefined && { records_after: toList(records_after) }),
  }
}

function toList(ids: readonly string[] | undefined): string | null {
  return ids === undefined ? null : JSON.stringify(ids)
}

function fromList(text: string | null): string[] | undefined {
  return text === null ? undefined : JSON.parse(text)
}

function toDate(text: string | null): Date | undefined {
  return text === null ? undefined : new Date(text)
}

function toMint(row: MintRow): Mint {
  return {
    id: row.id,
    channelId: row.channel_id,
    version: row.version,
    reason: row.reason,
    askedBy: row.asked_by,
    launchedAt: toDate(row.launched_at),
    state: row.state,
    problem: row.problem ?? undefined,
    upstreamStatus: row.upstream_status ?? undefined,
    recordsBefore: fromList(row.records_before),
    recordsAfter: fromList(row.records_after),
    sealedAnswer: row.sealed_answer ?? undefined,
    requestedAt: new Date(row.requested_at),
    sentAt: toDate(row.sent_at),
    closedAt: toDate(row.closed_at),
    attempts: row.attempts,
    leaseUntil: row.lease_until ?? undefined,
  }
}
