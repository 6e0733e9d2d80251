import { readdirSync, readFileSync } from 'node:fs'
import { sql } from 'kysely'
import { StartError } from '../errors.ts'
import { type Database, type Engine, inTransaction } from './database.ts'

/** A numbered SQL file: `001-first`. Released ones are never edited, only followed by another. */
export interface Migration {
  readonly name: string
  readonly sql: string
}

/** The database was written by a newer Latchkey than this one. */
export class NewerDatabaseError extends StartError {
  constructor(names: readonly string[]) {
    super(
      `This database was written by a newer Latchkey (${names.join(', ')}). Start that version, or restore a backup.`,
    )
  }
}

/** Reads `migrations/*.sql`, in order. */
export function readMigrations(): Migration[] {
  const folder = new URL('migrations/', import.meta.url)
  const files = readdirSync(folder).filter((file) => file.endsWith('.sql'))
  return files.sort().map((file) => ({
    name: file.slice(0, -'.sql'.length),
    sql: readFileSync(new URL(file, folder), 'utf8'),
  }))
}

/**
 * Brings the schema up to date and names what it applied. All of it is one transaction, so a crash leaves
 * the earlier schema, and a second process waits for the first.
 *
 * @throws NewerDatabaseError when the database is ahead of this code
 */
export async function migrate(db: Database, engine: Engine, known = readMigrations()): Promise<string[]> {
  return inTransaction(db, async (trx) => {
    if (engine === 'postgres') await sql`select pg_advisory_xact_lock(360360)`.execute(trx)
    await sql`create table if not exists migration (name text not null primary key, applied_at text not null)`.execute(
      trx,
    )
    const applied = await listApplied(trx)
    const unknown = applied.filter((name) => !known.some((migration) => migration.name === name))
    if (unknown.length > 0) throw new NewerDatabaseError(unknown)

    const missing = known.filter((migration) => !applied.includes(migration.name))
    for (const migration of missing) {
      for (const statement of statementsFor(engine, migration.sql)) await sql.raw(statement).execute(trx)
      await trx.insertInto('migration').values({ name: migration.name, appliedAt: new Date() }).execute()
    }
    return missing.map((migration) => migration.name)
  })
}

/** The statements of a migration for one engine: each ends with a semicolon and an empty line. */
function statementsFor(engine: Engine, text: string): string[] {
  const parts = text.split(/^-- (only sqlite|only postgres|both)$/m)
  const ours = parts.filter(
    (_, at) => at % 2 === 0 && [undefined, 'both', `only ${engine}`].includes(parts[at - 1]),
  )
  return ours.flatMap((part) => part.split(/;\n(?:\n|$)/)).filter((statement) => /^[^-\s]/m.test(statement))
}

/** True when the database answers and has every migration of this code. */
export async function isMigrated(db: Database): Promise<boolean> {
  const applied = await listApplied(db)
  return readMigrations().every((migration) => applied.includes(migration.name))
}

async function listApplied(db: Database): Promise<string[]> {
  const rows = await db.selectFrom('migration').select('name').execute()
  return rows.map((row) => row.name)
}
