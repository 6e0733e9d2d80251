import { StartError } from '../errors.ts'
import { type Database, inTransaction } from './database.ts'

/** This database belongs to another partner hub (or to the demo) than the settings name. */
export class OtherHubError extends StartError {
  constructor(remembered: string, asked: string) {
    super(
      `This database belongs to ${nameOf(remembered)}, and the settings name ${nameOf(asked)}. ` +
        'Use another DATABASE_URL, or the settings that belong to it.',
    )
  }
}

/**
 * Notes at the first start whose database this is, and holds every later start to it.
 *
 * @throws OtherHubError when it belongs to another hub
 */
export async function claimForHub(db: Database, hubId: string): Promise<void> {
  await inTransaction(db, async (trx) => {
    const remembered = await trx.selectFrom('installation').select('hub_id').executeTakeFirst()
    if (remembered && remembered.hub_id !== hubId) throw new OtherHubError(remembered.hub_id, hubId)
    if (remembered) return
    const created_at = new Date().toISOString()
    await trx
      .insertInto('installation')
      .values({ hub_id: hubId, created_at })
      .onConflict((conflict) => conflict.doNothing())
      .execute()
  })
}

function nameOf(hubId: string): string {
  return hubId === 'demo' ? 'the demo' : `partner hub ${hubId}`
}
