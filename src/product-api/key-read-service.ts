import type { AuditLog } from '../audit/audit-log.ts'
import type { ChannelState } from '../channels/channel-repository.ts'
import type { Clock } from '../clock.ts'
import { commitTogether } from '../database/commit-together.ts'
import { type Database, inTransaction } from '../database/database.ts'
import { prepared } from '../database/prepared.ts'
import { ConflictError, NotFoundError } from '../errors.ts'
import type { ApiKeyRepository, StoredApiKey } from '../keys/api-key-repository.ts'
import type { ApiToken } from './token-service.ts'

/** Hands a channel's key to the product, and writes down that it did before it does. */
export class KeyReadService {
  readonly #db: Database
  readonly #hubId: string
  readonly #keys: ApiKeyRepository
  readonly #audit: AuditLog
  readonly #clock: Clock

  constructor(given: {
    db: Database
    hubId: string
    keys: ApiKeyRepository
    audit: AuditLog
    clock: Clock
  }) {
    this.#db = given.db
    this.#hubId = given.hubId
    this.#keys = given.keys
    this.#audit = given.audit
    this.#clock = given.clock
  }

  /**
   * @throws ConflictError `key_rejected` when 360dialog no longer takes the key
   * @throws NotFoundError `no_key` when there is none (yet), with what it waits for
   */
  async read(channel: ChannelState, token: ApiToken): Promise<StoredApiKey & { readonly apiKey: string }> {
    if (channel.key.status === 'rejected') {
      throw new ConflictError(
        'key_rejected',
        '360dialog rejects this key: it was replaced, or the permission was taken back.',
      )
    }
    const key = channel.key.status === 'stored' ? await this.#keys.open(channel.id) : undefined
    if (!key) throw this.#noKey(channel)
    await this.#writeDown(channel, key.version, token)
    return key
  }

  #noKey({ key, mint }: ChannelState): NotFoundError {
    const wait = mint?.dueAt ? mint.dueAt.getTime() - this.#clock.now().getTime() : undefined
    const retry_after = wait === undefined ? null : Math.max(1, Math.ceil(wait / 1000))
    return new NotFoundError('no_key', 'This channel has no key to hand out.', {
      key_status: key.status,
      retry_after,
    })
  }

  /** One audit entry for a token, channel and hour; every read is counted beside it. */
  async #writeDown(channel: ChannelState, version: number, token: ApiToken): Promise<void> {
    const at = this.#clock.now().toISOString()
    const hour = `${at.slice(0, 13)} v${version}`
    const row = { hub_id: this.#hubId, token_id: token.id, channel_id: channel.id, hour, at }
    const [counted] = await commitTogether(this.#db, (trx) => countAgain(trx, row))
    if (counted) return
    await inTransaction(this.#db, async (trx) => {
      const [first] = await countRead(trx, row)
      if (first?.reads !== 1) return
      const subject = { channelId: channel.id, ...(channel.tenantId && { tenantId: channel.tenantId }) }
      const detail = { version, fingerprint: channel.key.fingerprint ?? '' }
      await this.#audit.record(
        { actor: `token:${token.id}`, action: 'api_key.read', ...subject, detail },
        trx,
      )
    })
  }
}

type CountedRead = { hub_id: string; token_id: string; channel_id: string; hour: string; at: string }

/** Counts a read that is not the first of its hour, in one statement; nothing when it is the first. */
const countAgain = prepared<CountedRead, { reads: number }>((db, value) =>
  db
    .updateTable('key_read')
    .set((set) => ({ reads: set('reads', '+', 1), last_at: value('at') }))
    .where('hub_id', '=', value('hub_id'))
    .where('token_id', '=', value('token_id'))
    .where('channel_id', '=', value('channel_id'))
    .where('hour', '=', value('hour'))
    .returning('reads'),
)

const countRead = prepared<CountedRead, { reads: number }>((db, value) =>
  db
    .insertInto('key_read')
    .values({
      hub_id: value('hub_id'),
      token_id: value('token_id'),
      channel_id: value('channel_id'),
      hour: value('hour'),
      reads: 1,
      first_at: value('at'),
      last_at: value('at'),
    })
    .onConflict((conflict) =>
      conflict
        .columns(['hub_id', 'token_id', 'channel_id', 'hour'])
        .doUpdateSet((set) => ({ reads: set('key_read.reads', '+', 1), last_at: value('at') })),
    )
    .returning('reads'),
)
