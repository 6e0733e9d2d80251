import { createHash } from 'node:crypto'
import { compiledQuery } from '../database/compiled-query.ts'
import type { Database } from '../database/database.ts'
import type { Row } from '../database/schema.ts'
import type { SealContext, Vault } from '../vault/vault.ts'

export type StoredApiKey = Row<'apiKey'>
export type OpenedApiKey = StoredApiKey & { readonly apiKey: string }
export type NewApiKey = Pick<
  OpenedApiKey,
  'channelId' | 'version' | 'apiKey' | 'address' | 'appId' | 'recordId' | 'createdAt'
>

/** Stores a key that was sealed, in the transaction of what it belongs to. */
export type StoreKey = (trx: Database, isHeldBack?: boolean) => Promise<void>

const DAY_MS = 24 * 60 * 60_000

/** First 16 hex characters of SHA-256 of `channel_id + "\n" + api_key`: names a key without telling it. */
export function fingerprintOf(channelId: string, apiKey: string): string {
  return createHash('sha256').update(`${channelId}\n${apiKey}`).digest('hex').slice(0, 16)
}

/** Keeps each channel's keys, sealed to hub, channel, version and address. */
export class KeyStore {
  readonly #db: Database
  readonly #hubId: string
  readonly #vault: Vault

  constructor({ db, hubId, vault }: { db: Database; hubId: string; vault: Vault }) {
    this.#db = db
    this.#hubId = hubId
    this.#vault = vault
  }

  /** Seals outside the transaction, so that it stays short; what it returns stores the key inside one. */
  async prepare({ apiKey, ...key }: NewApiKey): Promise<StoreKey> {
    const { kid, jwe } = await this.#vault.seal(this.#contextOf(key), apiKey)
    const fingerprint = fingerprintOf(key.channelId, apiKey)
    return async (trx, isHeldBack = false) => {
      await trx
        .updateTable('apiKey')
        .set({ status: 'retired', closedAt: key.createdAt })
        .where('channelId', '=', key.channelId)
        .where('version', '<', key.version)
        .where('status', '=', 'stored')
        .execute()
      await trx
        .insertInto('apiKey')
        .values({ ...key, kid, sealed: jwe, fingerprint, status: 'stored', isHeldBack })
        .execute()
    }
  }

  /** The newest key of a channel, whatever its status. */
  async findNewest(channelId: string, db: Database = this.#db): Promise<StoredApiKey | undefined> {
    const [key] = await findNewest(db, { channelId })
    return key
  }

  /**
   * The newest key of a channel in clear. Ask only when it leaves for 360dialog or for the product.
   * @throws VaultError also when the row's address is not the one that was sealed with the key
   */
  async open(channelId: string): Promise<OpenedApiKey | undefined> {
    const key = await this.findNewest(channelId)
    return key && { ...key, apiKey: await this.#vault.open(this.#contextOf(key), key.sealed) }
  }

  /** Marks the key in use as one that nobody is served, or ends that; false when there is none to mark. */
  async setHeldBack(channelId: string, isHeldBack: boolean, trx: Database): Promise<boolean> {
    const marked = await trx
      .updateTable('apiKey')
      .set({ isHeldBack })
      .where('channelId', '=', channelId)
      .where('status', '=', 'stored')
      .where('isHeldBack', '=', !isHeldBack)
      .executeTakeFirst()
    return marked.numUpdatedRows === 1n
  }

  /** One refusal more of a key, in a row. */
  countRefusal({ channelId, version }: StoredApiKey, now: Date, trx: Database): Promise<StoredApiKey> {
    return trx
      .updateTable('apiKey')
      .set((set) => ({ refusals: set('refusals', '+', 1), refusedAt: now }))
      .where('channelId', '=', channelId)
      .where('version', '=', version)
      .returningAll()
      .executeTakeFirstOrThrow()
  }

  /** In use again, without a doubt. */
  async restore(channelId: string, version: number, trx: Database): Promise<void> {
    await trx
      .updateTable('apiKey')
      .set({ status: 'stored', closedAt: null, refusals: 0, refusedAt: null })
      .where('channelId', '=', channelId)
      .where('version', '=', version)
      .execute()
  }

  async reject(channelId: string, version: number, now: Date, db: Database): Promise<void> {
    await db
      .updateTable('apiKey')
      .set({ status: 'rejected', closedAt: now })
      .where('channelId', '=', channelId)
      .where('version', '=', version)
      .execute()
  }

  /** Whether our last two keys were both rejected within a day: somebody else creates keys for this channel. */
  async isFoughtOver(channelId: string, db: Database = this.#db): Promise<boolean> {
    const keys = await db
      .selectFrom('apiKey')
      .select(['status', 'createdAt', 'closedAt'])
      .where('channelId', '=', channelId)
      .orderBy('version', 'desc')
      .limit(2)
      .execute()
    const diedEarly = keys.filter(
      ({ status, createdAt, closedAt = createdAt }) =>
        status === 'rejected' && closedAt.getTime() - createdAt.getTime() < DAY_MS,
    )
    return diedEarly.length === 2
  }

  /** The ids of 360dialog's key records that are ours. */
  async listRecordIds(channelId: string): Promise<string[]> {
    const keys = await this.#db
      .selectFrom('apiKey')
      .select('recordId')
      .where('channelId', '=', channelId)
      .execute()
    return keys.flatMap(({ recordId }) => recordId ?? [])
  }

  #contextOf({
    channelId,
    version,
    address,
  }: Pick<StoredApiKey, 'channelId' | 'version' | 'address'>): SealContext {
    return { hubId: this.#hubId, kind: 'api_key', subject: channelId, version, address }
  }
}

const findNewest = compiledQuery<{ channelId: string }, StoredApiKey>((db, value) =>
  db
    .selectFrom('apiKey')
    .selectAll()
    .where('channelId', '=', value('channelId'))
    .orderBy('version', 'desc')
    .limit(1),
)
