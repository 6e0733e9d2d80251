import { compiledInsert } from '../database/compiled-query.ts'
import type { Database } from '../database/database.ts'
import type { NewRow, Row } from '../database/schema.ts'

/** A notice without what came raw. */
export type Notice = Omit<Row<'notice'>, 'body'>

/** More than this is worked off in a second go. */
const MOST_WAITING = 1_000
/** Rows that one statement deletes: SQLite answers nobody else while it works. */
const BATCH = 1_000

/** Keeps the notices, each once: what comes again, byte for byte, is counted on its row. */
export class NoticeRepository {
  readonly #db: Database

  constructor({ db }: { db: Database }) {
    this.#db = db
  }

  /** Adds a notice, or counts it on the one that is there and makes that wait anew. Answers how often it came. */
  async add(notice: NewRow<'notice'>, trx: Database): Promise<number> {
    const [row] = (await insertNotice(trx, notice)) as readonly { copies: number }[]
    return row?.copies ?? 1
  }

  /** Oldest first: what waits for its channel, for its client, or, of neither, for any channel. */
  listWaiting(about: { channelId?: string; clientId?: string }, db = this.#db): Promise<Notice[]> {
    let query = db.selectFrom('notice').select(columns).where('outcome', 'is', null).orderBy('id')
    if (about.clientId !== undefined)
      query = query.where('channelId', 'is', null).where('clientId', '=', about.clientId)
    else if (about.channelId !== undefined) query = query.where('channelId', '=', about.channelId)
    else query = query.where('channelId', 'is not', null)
    return query.limit(MOST_WAITING).execute()
  }

  /** Writes down what came of notices; one that came again since it was read waits on. */
  async close(
    notices: readonly Notice[],
    outcome: NonNullable<Notice['outcome']>,
    trx: Database,
  ): Promise<void> {
    for (const { id, copies } of notices)
      await trx
        .updateTable('notice')
        .set({ outcome })
        .where('id', '=', id)
        .where('copies', '=', copies)
        .execute()
  }

  /** The one that came last first. */
  listOfChannel(channelId: string, limit: number): Promise<Notice[]> {
    return this.#db
      .selectFrom('notice')
      .select(columns)
      .where('channelId', '=', channelId)
      .orderBy('lastReceivedAt', 'desc')
      .orderBy('id', 'desc')
      .limit(limit)
      .execute()
  }

  /** The one that came last of all. */
  findLast(): Promise<Notice | undefined> {
    return this.#db
      .selectFrom('notice')
      .select(columns)
      .orderBy('lastReceivedAt', 'desc')
      .limit(1)
      .executeTakeFirst()
  }

  /** Deletes what has not come since then; answers how many. */
  async forget(before: Date): Promise<number> {
    const old = this.#db.selectFrom('notice').select('id').where('lastReceivedAt', '<', before).limit(BATCH)
    let total = 0
    for (let deleted = BATCH; deleted === BATCH; total += deleted) {
      const result = await this.#db.deleteFrom('notice').where('id', 'in', old).executeTakeFirst()
      deleted = Number(result.numDeletedRows)
    }
    return total
  }
}

const columns = [
  ...(['id', 'event', 'envelopeId', 'dataId', 'channelId', 'clientId', 'size', 'digest', 'place'] as const),
  ...(['signature', 'copies', 'receivedAt', 'lastReceivedAt', 'outcome'] as const),
]

const insertNotice = compiledInsert<NewRow<'notice'>>([...columns, 'body'], (db, notice) =>
  db
    .insertInto('notice')
    .values(notice)
    .onConflict((conflict) =>
      conflict.columns(['digest', 'place', 'signature']).doUpdateSet((set) => ({
        copies: set('notice.copies', '+', 1),
        channelId: set.ref('excluded.channelId'),
        // Of two that came at once, or to processes whose clocks differ, the earlier one may be counted later.
        lastReceivedAt: set
          .case()
          .when('excluded.lastReceivedAt', '>', set.ref('notice.lastReceivedAt'))
          .then(set.ref('excluded.lastReceivedAt'))
          .else(set.ref('notice.lastReceivedAt'))
          .end(),
        outcome: set.ref('excluded.outcome'),
      })),
    )
    .returning('copies'),
)
