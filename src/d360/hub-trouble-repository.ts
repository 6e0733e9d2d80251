import { compiledQuery } from '../database/compiled-query.ts'
import type { Database } from '../database/database.ts'
import type { Row } from '../database/schema.ts'
import type { Finding, Trouble, TroubleStore } from './hub-trouble.ts'

/** Keeps in one row what is wrong with the hub, for all processes and across a restart. */
export class HubTroubleRepository implements TroubleStore {
  readonly #db: Database

  constructor({ db }: { db: Database }) {
    this.#db = db
  }

  async find(): Promise<Trouble | undefined> {
    const [row] = await findTrouble(this.#db, {})
    return row && toTrouble(row)
  }

  async begin({ kind, upstreamStatus }: Finding, now: Date): Promise<Trouble> {
    const trouble = { kind, upstreamStatus: upstreamStatus ?? null }
    const begun = { ...trouble, sinceAt: now, askedAt: now }
    await this.#db
      .insertInto('hubTrouble')
      .values({ id: 1, ...begun })
      .onConflict((conflict) => conflict.column('id').doUpdateSet(begun).where('hubTrouble.kind', '!=', kind))
      .execute()
    return toTrouble(await this.#db.selectFrom('hubTrouble').selectAll().executeTakeFirstOrThrow())
  }

  async end(): Promise<void> {
    await this.#db.deleteFrom('hubTrouble').execute()
  }

  async tryTakeQuestion(now: number, pauseMs: number): Promise<boolean> {
    const taken = await this.#db
      .updateTable('hubTrouble')
      .set({ askedAt: new Date(now) })
      .where((is) => is.or([is('askedAt', '<=', new Date(now - pauseMs)), is('askedAt', '>', new Date(now))]))
      .executeTakeFirst()
    return taken.numUpdatedRows > 0n
  }
}

const findTrouble = compiledQuery<Record<string, never>, Row<'hubTrouble'>>((db) =>
  db.selectFrom('hubTrouble').selectAll(),
)

function toTrouble({ kind, upstreamStatus, sinceAt }: Row<'hubTrouble'>): Trouble {
  return { kind, upstreamStatus: upstreamStatus ?? undefined, sinceAt }
}
