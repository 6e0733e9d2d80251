import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { StartError } from '../errors.ts'
import { type Database, inTransaction } from './database.ts'

/** This database belongs to another partner hub (or to the demo) than the settings name. */
export class OtherHubError extends StartError {
  constructor(remembered: string, asked: string) {
    const remedy =
      remembered === 'demo'
        ? 'Delete the data folder of the demo (README, "Go live"), or use another DATABASE_URL.'
        : 'Use another DATABASE_URL, or the settings that belong to it.'
    super(`This database belongs to ${nameOf(remembered)}, and the settings name ${nameOf(asked)}. ${remedy}`)
  }
}

/**
 * Notes at the first start to which hub this database belongs, and holds every later start to it. The one place that
 * tells hubs apart: everything else in the database is this hub's.
 *
 * @throws OtherHubError when it belongs to another hub
 */
export async function bindToHub(db: Database, hubId: string): Promise<void> {
  await inTransaction(db, async (trx) => {
    await trx
      .insertInto('installation')
      .values({ id: 1, hubId, createdAt: new Date() })
      .onConflict((conflict) => conflict.doNothing())
      .execute()
    const installation = await trx.selectFrom('installation').select('hubId').executeTakeFirstOrThrow()
    if (installation.hubId !== hubId) throw new OtherHubError(installation.hubId, hubId)
  })
}

/** The first SQLite file in a folder that belongs to a partner hub, and not to a demo. Changes nothing. */
export function findLiveDatabase(folder: string): string | undefined {
  return namesIn(folder)
    .filter((name) => !/-(wal|shm|journal|serving)$/.test(name))
    .map((name) => join(folder, name))
    .find((file) => ![undefined, 'demo'].includes(hubOf(file)))
}

function namesIn(folder: string): string[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true })
    return entries.filter((entry) => entry.isFile() || entry.isSymbolicLink()).map(({ name }) => name)
  } catch {
    return []
  }
}

/** Undefined for what is no database of ours, or cannot be read. */
function hubOf(file: string): string | undefined {
  let db: DatabaseSync | undefined
  try {
    const url = pathToFileURL(file)
    // Without this, reading would leave two files beside it, which may belong to another user than the site's.
    if (!existsSync(`${file}-wal`)) url.searchParams.set('immutable', '1')
    db = new DatabaseSync(url, { readOnly: true })
    return db.prepare('select hub_id from installation').get()?.hub_id?.toString()
  } catch {
    return undefined
  } finally {
    db?.close()
  }
}

/** Writes the row of the installation as it is, so that a database which only reads, or a full disk, says so. */
export async function proveWritable(db: Database): Promise<void> {
  await db
    .updateTable('installation')
    .set((is) => ({ hubId: is.ref('hubId') }))
    .execute()
}

function nameOf(hubId: string): string {
  return hubId === 'demo' ? 'the demo' : `partner hub ${hubId}`
}
