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
