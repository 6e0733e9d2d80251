import type { Database } from '../database/database.ts'
import { newId } from '../identifiers.ts'
import { derivePermission, type Observation } from './permission.ts'

/** Keeps what was observed of each channel's permission, and the truth derived from it beside the channel. */
export class PermissionService {
  readonly #db: Database
  readonly #hubId: string

  constructor({ db, hubId }: { db: Database; hubId: string }) {
    this.#db = db
    this.#hubId = hubId
  }

  async observe(channelId: string, { source, says, observedAt }: Observation, db: Database): Promise<void> {
    await db
      .insertInto('observation')
      .values({
        hub_id: this.#hubId,
        id: newId('obs', observedAt),
        channel_id: channelId,
        source,
        says,
        observed_at: observedAt.toISOString(),
      })
      .execute()
    const permission = derivePermission(await this.list(channelId, db))
    await db
      .updateTable('channel')
      .set({
        permission: permission.status,
        permission_source: permission.source ?? null,
        permission_observed_at: permission.observedAt?.toISOString() ?? null,
      })
      .where('hub_id', '=', this.#hubId)
      .where('id', '=', channelId)
      .execute()
  }

  /** Oldest first. */
  async list(channelId: string, db: Database = this.#db): Promise<Observation[]> {
    const rows = await db
      .selectFrom('observation')
      .select(['source', 'says', 'observed_at'])
      .where('hub_id', '=', this.#hubId)
      .where('channel_id', '=', channelId)
      .orderBy('id')
      .execute()
    return rows.map((row) => ({ source: row.source, says: row.says, observedAt: new Date(row.observed_at) }))
  }
}
