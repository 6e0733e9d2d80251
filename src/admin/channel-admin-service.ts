import type { AuditLog } from '../audit/audit-log.ts'
import type { ChannelDetails, ChannelService } from '../channels/channel-service.ts'
import type { Clock } from '../clock.ts'
import { type Database, inTransaction } from '../database/database.ts'
import type { Row } from '../database/schema.ts'
import { NotFoundError } from '../errors.ts'
import type { MintService } from '../keys/mint-service.ts'
import type { ProbeService } from '../keys/probe-service.ts'
import type { ReturnService } from '../onboarding/return-service.ts'
import { type StandingChannel, withStanding } from './standing-channel.ts'

const MAX_RETURNS = 50
const MAX_AUDIT_ENTRIES = 100

export const retries = ['mint', 'answer', 'probe', 'webhook'] as const
export type Retry = (typeof retries)[number]

export type ReturnDetails = Awaited<ReturnType<ReturnService['listOfChannel']>>[number]

/** All there is to know of one channel; each list newest first. */
export interface AdminChannel {
  readonly channel: StandingChannel
  readonly observations: readonly Row<'observation'>[]
  readonly mints: readonly Row<'mint'>[]
  readonly returns: readonly ReturnDetails[]
  readonly audit: readonly Row<'auditEntry'>[]
}

interface Dependencies {
  readonly db: Database
  readonly channels: Pick<ChannelService, 'find' | 'listObservations'>
  readonly mints: Pick<MintService, 'listOfChannel' | 'retryNow' | 'readAgain'>
  readonly probes: Pick<ProbeService, 'retry'>
  readonly returns: Pick<ReturnService, 'listOfChannel'>
  readonly audit: AuditLog
  readonly clock: Clock
}

/** One channel as the admin sees it: everything known of it, and the buttons that make Latchkey check again. */
export class ChannelAdminService {
  readonly #dependencies: Dependencies

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  /** @throws NotFoundError when there is no such channel */
  async read(channelId: string): Promise<AdminChannel> {
    const { channels, mints, returns, audit, clock } = this.#dependencies
    return {
      channel: withStanding(await this.#find(channelId), clock.now()),
      observations: (await channels.listObservations(channelId)).toReversed(),
      mints: await mints.listOfChannel(channelId),
      returns: await returns.listOfChannel(channelId, MAX_RETURNS),
      audit: await audit.list({ channelId, limit: MAX_AUDIT_ENTRIES }),
    }
  }

  /**
   * Makes the worker check now; answers false when nothing of that kind waits. Never creates a key by itself.
   *
   * @throws NotFoundError when there is no such channel
   */
  async retryNow(channelId: string, what: Retry, adminName: string): Promise<boolean> {
    const { db, audit } = this.#dependencies
    const { tenantId } = await this.#find(channelId)
    return inTransaction(db, async (trx) => {
      const waited = await this.#retry(channelId, what, trx)
      const detail = { what, waited: waited ? 'yes' : 'no' }
      await audit.record(
        {
          actor: `admin:${adminName}`,
          action: 'channel.tried',
          channelId,
          ...(tenantId && { tenantId }),
          detail,
        },
        trx,
      )
      return waited
    })
  }

  #retry(channelId: string, what: Retry, trx: Database): Promise<boolean> {
    const { mints, probes } = this.#dependencies
    if (what === 'mint') return mints.retryNow(channelId, trx)
    if (what === 'answer') return mints.readAgain(channelId, trx)
    return probes.retry(channelId, what, trx)
  }

  async #find(channelId: string): Promise<ChannelDetails> {
    const isId = /^[\w.-]{1,200}$/.test(channelId)
    const channel = isId ? await this.#dependencies.channels.find(channelId) : undefined
    if (!channel) throw new NotFoundError('unknown_channel', 'There is no channel with this id.')
    return channel
  }
}
