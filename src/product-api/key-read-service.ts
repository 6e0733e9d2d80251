import type { AuditLog } from '../audit/audit-log.ts'
import type { ChannelDetails } from '../channels/channel-service.ts'
import { keyStatusOf } from '../channels/standing-tables.ts'
import type { Clock } from '../clock.ts'
import { readMessagingAddress } from '../d360/messaging-address.ts'
import { compiledQuery } from '../database/compiled-query.ts'
import type { Database } from '../database/database.ts'
import { groupCommit } from '../database/group-commit.ts'
import type { Row } from '../database/schema.ts'
import { ConflictError, NotFoundError, UnavailableError } from '../errors.ts'
import type { KeyStore } from '../keys/key-store.ts'
import type { ApiToken } from './token-service.ts'

/** How long the counters of key reads are kept after the last read; the audit keeps the first of each hour. */
const KEEP_COUNTERS_MS = 90 * 24 * 60 * 60_000

export type ReadableKey = Pick<
  Row<'apiKey'>,
  'version' | 'address' | 'appId' | 'fingerprint' | 'createdAt' | 'refusals'
> & {
  readonly apiKey: string
}

interface Dependencies {
  readonly db: Database
  readonly keys: KeyStore
  /** Where a key may be used: the product sends it to the address that it is given. */
  readonly messagingHosts: readonly string[]
  readonly audit: AuditLog
  readonly clock: Clock
}

/** Hands a channel's key to the product, and writes down that it did before it does. */
export class KeyReadService {
  readonly #dependencies: Dependencies

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  /**
   * @throws ConflictError `key_rejected` when 360dialog no longer takes the key
   * @throws UnavailableError when the key's host is not allowed any more
   * @throws NotFoundError `no_key` when there is none (yet), with what it waits for
   */
  async read(channel: ChannelDetails, token: ApiToken): Promise<ReadableKey> {
    if (channel.keyStatus === 'rejected') {
      throw new ConflictError(
        'key_rejected',
        '360dialog rejects this key: it was replaced, or the permission was revoked.',
      )
    }
    const key = channel.keyStatus === 'stored' ? await this.#dependencies.keys.open(channel.id) : undefined
    if (!key) throw this.#noKey(channel)
    if ('fault' in readMessagingAddress(key.address, this.#dependencies.messagingHosts)) {
      throw new UnavailableError(
        'The address of this key is on a host that D360_MESSAGING_HOSTS does not allow.',
      )
    }
    await this.#count(channel, key.version, token)
    return key
  }

  /** Removes counters that were not used for KEEP_COUNTERS_MS; answers how many. */
  async forget(now: Date): Promise<number> {
    const { numDeletedRows } = await this.#dependencies.db
      .deleteFrom('keyRead')
      .where('lastAt', '<', new Date(now.getTime() - KEEP_COUNTERS_MS))
      .executeTakeFirst()
    return Number(numDeletedRows)
  }

  #noKey(channel: ChannelDetails): NotFoundError {
    const now = this.#dependencies.clock.now()
    const waitMs = channel.mintDueAt && channel.mintDueAt.getTime() - now.getTime()
    return new NotFoundError('no_key', 'This channel has no key to hand out.', {
      key_status: keyStatusOf(channel),
      retry_after: waitMs === undefined ? null : Math.max(1, Math.ceil(waitMs / 1000)),
    })
  }

  /** One audit entry for a token, channel and hour; every read is counted beside it. */
  async #count(channel: ChannelDetails, version: number, token: ApiToken): Promise<void> {
    const { db, audit, clock } = this.#dependencies
    const now = clock.now()
    const hour = `${now.toISOString().slice(0, 13)} v${version}`
    await groupCommit(db, async (trx) => {
      const [counted] = await countRead(trx, { tokenId: token.id, channelId: channel.id, hour, now })
      if (counted?.reads !== 1) return
      const { id: channelId, tenantId, keyFingerprint = '' } = channel
      const detail = { version, fingerprint: keyFingerprint }
      await audit.record(
        { actor: `token:${token.id}`, action: 'api_key.read', channelId, tenantId, detail },
        trx,
      )
    })
  }
}

interface KeyReading {
  readonly tokenId: string
  readonly channelId: string
  readonly hour: string
  readonly now: Date
}

const countRead = compiledQuery<KeyReading, { reads: number }>((db, value) =>
  db
    .insertInto('keyRead')
    .values({
      ...{ tokenId: value('tokenId'), channelId: value('channelId'), hour: value('hour') },
      ...{ reads: 1, firstAt: value('now'), lastAt: value('now') },
    })
    .onConflict((conflict) =>
      conflict
        .columns(['tokenId', 'channelId', 'hour'])
        .doUpdateSet((set) => ({ reads: set('keyRead.reads', '+', 1), lastAt: value('now') })),
    )
    .returning('reads'),
)
