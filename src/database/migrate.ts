import { sql } from 'kysely'
import { StartError } from '../errors.ts'
import { type Database, type Engine, inTransaction } from './database.ts'
import { migrations } from './migrations.ts'

/** The database was written by a newer Latchkey than this one. */
export class NewerDatabaseError extends StartError {
  constructor(names: readonly string[]) {
    super(
      `This database was written by a newer Latchkey (${names.join(', ')}). Start that version, or restore a backup.`,
    )
  }
}

/**
 * Brings the schema up to date and names what it applied. All of it is one transaction, so a crash leaves
 * the earlier schema, and a second process waits for the first.
 *
 * @throws NewerDatabaseError when the database is ahead of this code
 */
export async function migrate(db: Database, engine: Engine, known = migrations): Promise<string[]> {
  return inTransaction(db, async (trx) => {
    if (engine === 'postgres') await sql`select pg_advisory_xact_lock(360360)`.execute(trx)
    await trx.schema
      .createTable('migration')
      .ifNotExists()
      .addColumn('name', 'text', (column) => column.primaryKey())
      .addColumn('applied_at', 'text', (column) => column.notNull())
      .execute()

    const applied = await listApplied(trx)
    const unknown = applied.filter((name) => !known.some((migration) => migration.name === name))
    if (unknown.length > 0) throw new NewerDatabaseError(unknown)

    const missing = known.filter((migration) => !applied.includes(migration.name))
    for (const migration of missing) {
      await migration.up(trx, engine)
      await trx
        .insertInto('migration')
        .values({ name: migration.name, applied_at: new Date().toISOString() })
        .execute()
    }
    return missing.map((migration) => migration.name)
  })
}

/** True when the database answers and has every migration of this code. */
export async function isMigrated(db: Database): Promise<boolean> {
  const applied = await listApplied(db)
  return migrations.every((migration) => applied.includes(migration.name))
}

async function listApplied(db: Database): Promise<string[]> {
  const rows = await db.selectFrom('migration').select('name').execute()
  return rows.map((row) => row.name)
}
