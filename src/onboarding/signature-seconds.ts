import type { Database } from '../database/database.ts'
import { RateLimitedError } from '../errors.ts'

/** How far back a second may lie: well within any life that a signature can have. */
const MOST_BACK = 30

/**
 * Gives every signed launch of a hub a second of its own: a signature is made of nothing but the hub and the
 * second, and serves one attempt only (docs/360dialog.md 3).
 */
export class SignatureSeconds {
  readonly #db: Database
  readonly #hubId: string

  constructor({ db, hubId }: { db: Database; hubId: string }) {
    this.#db = db
    this.#hubId = hubId
  }

  /**
   * The newest second that no launch has taken yet, and never one that is still to come.
   *
   * @throws RateLimitedError when the last half minute is full
   */
  async take(now: Date, db: Database = this.#db): Promise<Date> {
    const newest = Math.floor(now.getTime() / 1000)
    for (let second = newest; second > newest - MOST_BACK; second -= 1) {
      const at = new Date(second * 1000)
      const taken = await db
        .insertInto('launch_signature')
        .values({ hub_id: this.#hubId, second: at.toISOString() })
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst()
      if (taken.numInsertedOrUpdatedRows === 1n) return at
    }
    throw new RateLimitedError()
  }
}
