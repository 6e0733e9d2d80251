import { sql } from 'kysely'
import { type Database, inTransaction } from './database.ts'
import { prepared } from './prepared.ts'
import type { MintRow, Schema } from './schema.ts'

/** Tables whose rows wait for background work. */
export type DueTable = 'connect_return' | 'unattached_return' | 'mint' | 'channel_task'

/** Longer than any single piece of work can take: every call to 360dialog has a bound far below it. */
export const LEASE_MS = 120_000

/**
 * Takes the row that has been due for longest, for LEASE_MS, in one conditional update: of any number of
 * workers and processes one gets it, on either database. Undefined when nothing is due.
 */
export async function claimDue<T extends DueTable>(
  db: Database,
  table: T,
  hubId: string,
  now: Date,
): Promise<Schema[T] | undefined> {
  const at = now.toISOString()
  const lease_until = new Date(now.getTime() + LEASE_MS).toISOString()
  const [next] = await queries[table].findNext(db, { hub_id: hubId, at })
  if (!next) return undefined
  const [row] = await queries[table].take(db, { id: next.id, at, lease_until })
  // Undefined here: another worker was faster. There may be more, so look again.
  return row ? (row as unknown as Schema[T]) : claimDue(db, table, hubId, now)
}

function queriesOf(table: DueTable) {
  const findNext = prepared<{ hub_id: string; at: string }, { id: string }>((db, value) =>
    db
      .selectFrom(table as 'mint')
      .select('id')
      .where('hub_id', '=', value('hub_id'))
      .where('due_at', '<=', value('at'))
      .where((row) => row.or([row('lease_until', 'is', null), row('lease_until', '<=', value('at'))]))
      .orderBy('due_at')
      .limit(1),
  )
  const take = prepared<{ id: string; at: string; lease_until: string }, MintRow>((db, value) =>
    db
      .updateTable(table as 'mint')
      .set((set) => ({ lease_until: value('lease_until'), attempts: set('attempts', '+', 1) }))
      .where('id', '=', value('id'))
      .where('due_at', '<=', value('at'))
      .where((row) => row.or([row('lease_until', 'is', null), row('lease_until', '<=', value('at'))]))
      .returningAll(),
  )
  return { findNext, take }
}

const queries: Readonly<Record<DueTable, ReturnType<typeof queriesOf>>> = {
  connect_return: queriesOf('connect_return'),
  unattached_return: queriesOf('unattached_return'),
  mint: queriesOf('mint'),
  channel_task: queriesOf('channel_task'),
}

/**
 * The `due_at` with which a worker gives a row back: its own, unless somebody asked to look at once meanwhile
 * (which sets the attempts back). What was asked for while the worker was looking must not get lost.
 */
export function unlessHurried(attempts: number, due_at: string | null) {
  return sql<string | null>`case when attempts = ${attempts} then ${due_at} else due_at end`
}

/** Gives a row back, to be found again at `dueAt`. */
export async function postpone(db: Database, table: DueTable, id: string, dueAt: Date): Promise<void> {
  await db
    .updateTable(table as 'mint')
    .set({ lease_until: null, due_at: dueAt.toISOString() })
    .where('id', '=', id)
    .execute()
}

/** Frees what a process that is surely dead had taken: on SQLite, where only one serves, at its start. */
export async function releaseLeases(db: Database): Promise<void> {
  await inTransaction(db, async (trx) => {
    for (const table of Object.keys(queries) as DueTable[])
      await trx
        .updateTable(table as 'mint')
        .set({ lease_until: null })
        .execute()
  })
}
