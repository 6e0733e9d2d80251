import type { Logger } from 'pino'
import type { ChannelRepository } from '../channels/channel-repository.ts'
import type { Clock } from '../clock.ts'
import type { PartnerApi } from '../d360/partner-api.ts'
import { type Database, inTransaction } from '../database/database.ts'
import { claimDue, postpone } from '../database/due-rows.ts'
import type { Came, UnattachedReturnRow } from '../database/schema.ts'
import { PartnerApiError } from '../errors.ts'
import { newId } from '../identifiers.ts'
import { FAILING, nextTry } from '../worker/backoff.ts'
import type { WorkName, WorkSource } from '../worker/worker.ts'
import type { CallbackQuery } from './callback-query.ts'
import type { ReviewRepository } from './review-repository.ts'

/** Open at most: whoever sends more is not a customer, and each one costs two calls to 360dialog. */
const MOST_OPEN = 200

interface Given {
  readonly db: Database
  readonly hubId: string
  readonly reviews: ReviewRepository
  readonly channels: ChannelRepository
  readonly partnerApi: PartnerApi
  readonly clock: Clock
  readonly logger: Logger
  readonly wake: (name: WorkName) => void
}

/**
 * Returns that belong to no launch: anybody can send one. A channel is kept only while 360dialog is asked about
 * it, and goes to review if 360dialog confirms client and channel and it belongs to nobody yet. Nothing is
 * attached to anybody.
 */
export class UnattachedReturnService implements WorkSource {
  readonly name = 'unattached' as const
  readonly #given: Given

  constructor(given: Given) {
    this.#given = given
  }

  /** One row for a client and channel; what does not fit any more is not kept. */
  async keep({ clientId, channelIds }: CallbackQuery, came: Came): Promise<void> {
    if (clientId === undefined || channelIds.length === 0) return
    const { db, hubId, clock, logger, wake } = this.#given
    const room = MOST_OPEN - (await this.#countOpen())
    if (room < channelIds.length) logger.warn({ room: Math.max(room, 0) }, 'too many returns of no launch')
    const now = clock.now()
    const received_at = now.toISOString()
    const rows = channelIds.slice(0, Math.max(room, 0)).map((channel_id) => ({
      ...{ hub_id: hubId, id: newId('una', now), client_id: clientId, channel_id, came, received_at },
      ...{ due_at: received_at, lease_until: null, attempts: 0 },
    }))
    if (rows.length === 0) return
    await db
      .insertInto('unattached_return')
      .values(rows)
      .onConflict((conflict) => conflict.columns(['hub_id', 'client_id', 'channel_id']).doNothing())
      .execute()
    wake('unattached')
  }

  async workOnce(): Promise<boolean> {
    const { db, hubId, clock, logger } = this.#given
    const row = await claimDue(db, 'unattached_return', hubId, clock.now())
    if (!row) return false
    try {
      await this.#work(row)
    } catch (error) {
      if (!(error instanceof PartnerApiError)) logger.error({ err: error }, 'return of no launch failed')
      await postpone(db, 'unattached_return', row.id, nextTry(clock.now(), row.attempts, FAILING))
    }
    return true
  }

  async #work(row: UnattachedReturnRow): Promise<void> {
    const { db, partnerApi, channels, reviews, clock } = this.#given
    const { client_id: clientId, channel_id: channelId, came } = row
    const found = await partnerApi.findClientWithChannels(clientId, 'known')
    const channel = found?.channels.find(({ id }) => id === channelId)
    const now = clock.now()
    await inTransaction(db, async (trx) => {
      await trx.deleteFrom('unattached_return').where('id', '=', row.id).execute()
      const isBound = (await channels.tenantsOf([channelId], trx)).has(channelId)
      if (!found || !channel || isBound) return
      await channels.describe(found.client, [channel], now, trx)
      const asked = { returnId: undefined, sessionId: undefined, tenantId: undefined }
      await reviews.open({ clientId, channelId, ...asked, came, reason: 'no_session' }, now, trx)
    })
  }

  async #countOpen(): Promise<number> {
    const { count } = await this.#given.db
      .selectFrom('unattached_return')
      .select((row) => row.fn.countAll().as('count'))
      .where('hub_id', '=', this.#given.hubId)
      .executeTakeFirstOrThrow()
    return Number(count) + (await this.#given.reviews.countUnattached())
  }
}
