import type { Store } from 'express-rate-limit'
import type { Clock } from '../clock.ts'
import type { Database } from '../database/database.ts'
import { hashOf } from '../identifiers.ts'

/** Wrong passwords of one name at one place that cost no waiting; each one more doubles the time to the next try. */
const FREE_TRIES = 5
const FIRST_WAIT_MS = 2_000
const LONGEST_WAIT_MS = 15 * 60_000
/** After so long without a try, a name begins anew. */
const FORGOTTEN_AFTER_MS = 24 * 60 * 60_000

/** A name, and where it is tried: a network, or a browser that is known. */
export interface SignInPlace {
  readonly name: string
  readonly place: string
}

interface Dependencies {
  readonly db: Database
  readonly clock: Clock
}

/** Counts tries to sign in for all processes that serve one database. Of names and addresses it holds hashes only. */
export class SignInCounts {
  readonly #db: Database
  readonly #clock: Clock

  constructor({ db, clock }: Dependencies) {
    this.#db = db
    this.#clock = clock
  }

  /** For express-rate-limit: the tries of each key in windows of so many milliseconds. */
  store(windowMs: number): Store {
    return {
      localKeys: false,
      increment: (key) => this.#countIn(keyOf('address', key), windowMs),
      decrement: async (key) => {
        await this.#db
          .updateTable('signInCount')
          .set((row) => ({ tries: row('tries', '-', 1) }))
          .where('keyHash', '=', keyOf('address', key))
          .where('tries', '>', 1)
          .execute()
      },
      resetKey: (key) => this.#forgetKey(keyOf('address', key)),
    }
  }

  /**
   * Takes one try, or answers until when the next one has to wait. A try counts as failed from the beginning, so that
   * many at once are no more than one after the other; one that has to wait changes nothing, so no wait grows by asking.
   */
  async takeTry(tried: SignInPlace): Promise<{ readonly waitsUntil: Date | undefined }> {
    const keyHash = keyOfPlace(tried)
    for (;;) {
      const now = this.#clock.now()
      const seen = await this.#find(keyHash)
      if (seen?.waitsUntil && seen.waitsUntil > now) return { waitsUntil: seen.waitsUntil }
      if (await this.#add(keyHash, seen, now)) return { waitsUntil: undefined }
    }
  }

  /** After a success. */
  forgetTries(tried: SignInPlace): Promise<void> {
    return this.#forgetKey(keyOfPlace(tried))
  }

  #find(keyHash: string) {
    return this.#db.selectFrom('signInCount').selectAll().where('keyHash', '=', keyHash).executeTakeFirst()
  }

  /** False when another try has come in between. */
  async #add(
    keyHash: string,
    seen: { readonly tries: number; readonly expiresAt: Date } | undefined,
    now: Date,
  ): Promise<boolean> {
    const tries = seen && seen.expiresAt > now ? seen.tries + 1 : 1
    const waitMs = waitAfter(tries)
    const counted = {
      tries,
      waitsUntil: waitMs === 0 ? null : new Date(now.getTime() + waitMs),
      expiresAt: new Date(now.getTime() + FORGOTTEN_AFTER_MS),
    }
    if (!seen) {
      const added = await this.#db
        .insertInto('signInCount')
        .values({ keyHash, ...counted })
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst()
      return added.numInsertedOrUpdatedRows === 1n
    }
    const changed = await this.#db
      .updateTable('signInCount')
      .set(counted)
      .where('keyHash', '=', keyHash)
      .where('tries', '=', seen.tries)
      .where('expiresAt', '=', seen.expiresAt)
      .executeTakeFirst()
    return changed.numUpdatedRows === 1n
  }

  /** One statement: of any number at once, on any number of processes, each is counted. */
  async #countIn(keyHash: string, windowMs: number) {
    const now = this.#clock.now()
    const { tries, expiresAt } = await this.#db
      .insertInto('signInCount')
      .values({ keyHash, tries: 1, expiresAt: new Date(now.getTime() + windowMs) })
      .onConflict((conflict) =>
        conflict.column('keyHash').doUpdateSet((row) => {
          const isOver = row('signInCount.expiresAt', '<=', now)
          return {
            tries: row
              .case()
              .when(isOver)
              .then(1)
              .else(row('signInCount.tries', '+', 1))
              .end(),
            expiresAt: row
              .case()
              .when(isOver)
              .then(row.ref('excluded.expiresAt'))
              .else(row.ref('signInCount.expiresAt'))
              .end(),
          }
        }),
      )
      .returning(['tries', 'expiresAt'])
      .executeTakeFirstOrThrow()
    return { totalHits: tries, resetTime: expiresAt }
  }

  async #forgetKey(keyHash: string): Promise<void> {
    await this.#db.deleteFrom('signInCount').where('keyHash', '=', keyHash).execute()
  }
}

function waitAfter(tries: number): number {
  if (tries < FREE_TRIES) return 0
  return Math.min(FIRST_WAIT_MS * 2 ** (tries - FREE_TRIES), LONGEST_WAIT_MS)
}

function keyOfPlace({ name, place }: SignInPlace): string {
  return keyOf('name', name, place)
}

// A name can be long, and can be a password by mistake.
function keyOf(...parts: readonly string[]): string {
  return hashOf(JSON.stringify(parts))
}
