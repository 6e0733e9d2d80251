import { sql } from 'kysely'
import type { Database } from '../database/database.ts'

export interface RateLimitState {
  readonly slowUntil?: Date | undefined
  readonly blockedUntil?: Date | undefined
  readonly calls: readonly Date[]
}

/** Keeps what counts against 360dialog's limit in one row, which our processes change by conditional updates. */
export class RateLimitRepository {
  readonly #db: Database

  constructor({ db }: { db: Database }) {
    this.#db = db
  }

  async read(): Promise<RateLimitState> {
    const columns = ['slowUntil', 'blockedUntil', 'calls'] as const
    const row = await this.#db.selectFrom('callBudget').select(columns).executeTakeFirst()
    return row ? { ...row, calls: row.calls.map((time) => new Date(time)) } : { calls: [] }
  }

  /** Changes the calls from what was read to `after`; false, and nothing changes, when they are others by now. */
  async tryReserve(before: readonly Date[], after: readonly Date[]): Promise<boolean> {
    const updated = await this.#db
      .updateTable('callBudget')
      .set({ calls: toTexts(after) })
      .where(sql<boolean>`calls = ${JSON.stringify(toTexts(before))}`)
      .executeTakeFirst()
    if (updated.numUpdatedRows > 0n) return true
    return before.length === 0 && this.#insert(after)
  }

  /** Takes the next spare call, and lets none follow before `next`; false when it is not time for one yet. */
  async tryTakeSpare(now: Date, next: Date): Promise<boolean> {
    await this.#insert([])
    const taken = await this.#db
      .updateTable('callBudget')
      .set({ noSpareUntil: next })
      .where((is) => is.or([is('noSpareUntil', 'is', null), is('noSpareUntil', '<=', now)]))
      .executeTakeFirst()
    return taken.numUpdatedRows > 0n
  }

  async postpone({ slowUntil, blockedUntil }: Omit<RateLimitState, 'calls'>): Promise<void> {
    await this.#insert([])
    if (slowUntil) await this.#moveLater('slowUntil', slowUntil)
    if (blockedUntil) await this.#moveLater('blockedUntil', blockedUntil)
  }

  /** False when the row is there already. */
  async #insert(calls: readonly Date[]): Promise<boolean> {
    const inserted = await this.#db
      .insertInto('callBudget')
      .values({ id: 1, calls: toTexts(calls) })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst()
    return inserted.numInsertedOrUpdatedRows === 1n
  }

  async #moveLater(column: 'slowUntil' | 'blockedUntil', until: Date): Promise<void> {
    await this.#db
      .updateTable('callBudget')
      .set({ [column]: until })
      .where((is) => is.or([is(column, 'is', null), is(column, '<', until)]))
      .execute()
  }
}

function toTexts(times: readonly Date[]): string[] {
  return times.map((time) => time.toISOString())
}
