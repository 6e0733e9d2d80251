import type { Database } from '../database/database.ts'

/** Keeps the product's own customers. */
export class TenantRepository {
  readonly #hubId: string

  constructor({ hubId }: { hubId: string }) {
    this.#hubId = hubId
  }

  /** Adds a tenant; one that is there keeps its name. */
  async add({ id, name }: { id: string; name: string }, now: Date, trx: Database): Promise<void> {
    await trx
      .insertInto('tenant')
      .values({ hub_id: this.#hubId, id, name, created_at: now.toISOString() })
      .onConflict((conflict) => conflict.columns(['hub_id', 'id']).doNothing())
      .execute()
  }
}
