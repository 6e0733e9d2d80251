import { sql } from 'kysely'
import type { Database, Engine } from '../src/database/database.ts'

export interface Cell {
  readonly table: string
  readonly column: string
  readonly text: string
}

/** Every cell of every table that is not empty, as it is stored. */
export async function readCells(database: Database, engine: Engine): Promise<Cell[]> {
  const db = database.withoutPlugins()
  const list =
    engine === 'sqlite'
      ? sql<{ name: string }>`select name from sqlite_master where type = 'table'`
      : sql<{
          name: string
        }>`select table_name as name from information_schema.tables where table_schema = 'public'`
  const cells: Cell[] = []
  for (const { name: table } of (await list.execute(db)).rows) {
    const { rows } = await sql<Record<string, unknown>>`select * from ${sql.table(table)}`.execute(db)
    for (const row of rows)
      for (const [column, value] of Object.entries(row))
        if (value !== null) cells.push({ table, column, text: String(value) })
  }
  return cells
}

/** The same as one text. */
export async function dumpOf(db: Database, engine: Engine): Promise<string> {
  return (await readCells(db, engine)).map(({ text }) => text).join('\n')
}
