import type { Database } from '../database/database.ts'

/** What the processes of one hub share. `calls` are the times of the last calls, oldest first. */
export interface RateLimitState {
  readonly slowUntil?: Date | undefined
  readonly blockedUntil?: Date | undefined
  readonly calls: readonly Date[]
}

/** Keeps a hub's last calls in one row, which its processes change by conditional updates. */
export class RateLimitRepository {
  readonly #db: Database
  readonly #hubId: string

  constructor(db: Database, hubId: string) {
    this.#db = db
    this.#hubId = hubId
  }

  async read(): Promise<RateLimitState> {
    const row = await this.#db
      .selectFrom('call_budget')
      .select(['slow_until', 'blocked_until', 'calls'])
      .where('hub_id', '=', this.#hubId)
      .executeTakeFirst()
    if (!row) return { calls: [] }
    return {
      slowUntil: fromText(row.slow_until),
      blockedUntil: fromText(row.blocked_until),
      calls: (JSON.parse(row.calls) as string[]).map((time) => new Date(time)),
    }
  }

  /** Replaces the calls; false, and nothing happens, when they are no longer `before`. */
  async tryReserve(before: readonly Date[], after: readonly Date[]): Promise<boolean> {
    const updated = await this.#db
      .updateTable('call_budget')
      .set({ calls: JSON.stringify(after) })
      .where('hub_id', '=', this.#hubId)
      .where('calls', '=', JSON.stringify(before))
      .executeTakeFirst()
    if (updated.numUpdatedRows > 0n) return true
    return before.length === 0 && this.#insert(after)
  }

  /** Moves either time later, never earlier. */
  async postpone({ slowUntil, blockedUntil }: Omit<RateLimitState, 'calls'>): Promise<void> {
    await this.#insert([])
    if (slowUntil) await this.#moveLater('slow_until', slowUntil)
    if (blockedUntil) await this.#moveLater('blocked_until', blockedUntil)
  }

  /** False when the hub has its row already. */
  async #insert(calls: readonly Date[]): Promise<boolean> {
    const inserted = await this.#db
      .insertInto('call_budget')
      .values({ hub_id: this.#hubId, slow_until: null, blocked_until: null, calls: JSON.stringify(calls) })
      .onConflict((conflict) => conflict.column('hub_id').doNothing())
      .executeTakeFirst()
    return (inserted.numInsertedOrUpdatedRows ?? 0n) > 0n
  }

  async #moveLater(column: 'slow_until' | 'blocked_until', until: Date): Promise<void> {
    await this.#db
      .updateTable('call_budget')
      .set({ [column]: until.toISOString() })
      .where('hub_id', '=', this.#hubId)
      .where((is) => is.or([is(column, 'is', null), is(column, '<', until.toISOString())]))
      .execute()
  }
}

function fromText(time: string | null): Date | undefined {
  return time === null ? undefined : new Date(time)
}
