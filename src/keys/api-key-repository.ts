import { createHash } from 'node:crypto'
import type { Database } from '../database/database.ts'
import { prepared } from '../database/prepared.ts'
import type { ApiKeyRow } from '../database/schema.ts'
import type { Place, Vault } from '../vault/vault.ts'

export interface StoredApiKey {
  readonly channelId: string
  readonly version: number
  /** Origin and path of the Messaging API for this channel. */
  readonly address: string
  readonly appId: string | undefined
  readonly recordId: string | undefined
  readonly fingerprint: string
  readonly status: ApiKeyRow['status']
  readonly createdAt: Date
}

export interface NewApiKey {
  readonly channelId: string
  readonly version: number
  readonly apiKey: string
  readonly address: string
  readonly appId: string | undefined
  readonly recordId: string | undefined
  readonly createdAt: Date
}

/** First 16 hex characters of SHA-256 of `channel_id + "\n" + api_key`: names a key without telling it. */
export function fingerprintOf(channelId: string, apiKey: string): string {
  return createHash('sha256').update(`${channelId}\n${apiKey}`).digest('hex').slice(0, 16)
}

/** Keeps each channel's keys, sealed to hub, channel and version. */
export class ApiKeyRepository {
  readonly #db: Database
  readonly #hubId: string
  readonly #vault: Vault

  constructor({ db, hubId, vault }: { db: Database; hubId: string; vault: Vault }) {
    this.#db = db
    this.#hubId = hubId
    this.#vault = vault
  }

  /** Seals outside the transaction, so that it stays short; what it returns stores the key inside one. */
  async prepare(key: NewApiKey): Promise<(trx: Database) => Promise<void>> {
    const { kid, jwe } = await this.#vault.seal(this.#placeOf(key), key.apiKey)
    const created_at = key.createdAt.toISOString()
    return async (trx) => {
      await this.#retireOlder(key, created_at, trx)
      await trx
        .insertInto('api_key')
        .values({
          hub_id: this.#hubId,
          channel_id: key.channelId,
          version: key.version,
          kid,
          sealed: jwe,
          fingerprint: fingerprintOf(key.channelId, key.apiKey),
          address: key.address,
          app_id: key.appId ?? null,
          record_id: key.recordId ?? null,
          status: 'stored',
          created_at,
          closed_at: null,
        })
        .execute()
    }
  }

  /** The newest key of a channel, whatever its status. */
  async findNewest(channelId: string, db: Database = this.#db): Promise<StoredApiKey | undefined> {
    const row = await this.#newest(channelId, db)
    return row && toStored(row)
  }

  /** The newest key of a channel in clear. Ask only when it leaves for 360dialog or for the product. */
  async open(channelId: string): Promise<(StoredApiKey & { readonly apiKey: string }) | undefined> {
    const row = await this.#newest(channelId, this.#db)
    if (!row) return undefined
    const stored = toStored(row)
    return { ...stored, apiKey: await this.#vault.open(this.#placeOf(stored), row.sealed) }
  }

  async reject(channelId: string, version: number, now: Date, db: Database): Promise<void> {
    await db
      .updateTable('api_key')
      .set({ status: 'rejected', closed_at: now.toISOString() })
      .where('hub_id', '=', this.#hubId)
      .where('channel_id', '=', channelId)
      .where('version', '=', version)
      .execute()
  }

  /** The ids of 360dialog's key records that are ours. */
  async listRecordIds(channelId: string): Promise<string[]> {
    const rows = await this.#db
      .selectFrom('api_key')
      .select('record_id')
      .where('hub_id', '=', this.#hubId)
      .where('channel_id', '=', channelId)
      .execute()
    return rows.flatMap((row) => (row.record_id ? [row.record_id] : []))
  }

  async #newest(channel_id: string, db: Database): Promise<ApiKeyRow | undefined> {
    const [row] = await findNewest(db, { hub_id: this.#hubId, channel_id })
    return row
  }

  async #retireOlder({ channelId, version }: NewApiKey, closed_at: string, trx: Database): Promise<void> {
    await trx
      .updateTable('api_key')
      .set({ status: 'retired', closed_at })
      .where('hub_id', '=', this.#hubId)
      .where('channel_id', '=', channelId)
      .where('version', '<', version)
      .where('status', '=', 'stored')
      .execute()
  }

  #placeOf({ channelId, version }: { channelId: string; version: number }): Place {
    return { hubId: this.#hubId, kind: 'api_key', subject: channelId, version }
  }
}

const findNewest = prepared<{ hub_id: string; channel_id: string }, ApiKeyRow>((db, value) =>
  db
    .selectFrom('api_key')
    .selectAll()
    .where('hub_id', '=', value('hub_id'))
    .where('channel_id', '=', value('channel_id'))
    .orderBy('version', 'desc')
    .limit(1),
)

function toStored(row: ApiKeyRow): StoredApiKey {
  return {
    channelId: row.channel_id,
    version: row.version,
    address: row.address,
    appId: row.app_id ?? undefined,
    recordId: row.record_id ?? undefined,
    fingerprint: row.fingerprint,
    status: row.status,
    createdAt: new Date(row.created_at),
  }
}
