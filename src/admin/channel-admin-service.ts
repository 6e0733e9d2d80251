import type { AuditLog } from '../audit/audit-log.ts'
import type { ChannelDetails, ChannelService } from '../channels/channel-service.ts'
import type { Clock } from '../clock.ts'
import type { HubTrouble } from '../d360/hub-trouble.ts'
import { type Database, inTransaction } from '../database/database.ts'
import type { Row } from '../database/schema.ts'
import { NotFoundError } from '../errors.ts'
import type { ChannelHealth, HealthService } from '../keys/health-service.ts'
import type { MintService } from '../keys/mint-service.ts'
import type { ProbeService } from '../keys/probe-service.ts'
import type { NoticeService } from '../notices/notice-service.ts'
import type { ReturnService } from '../onboarding/return-service.ts'
import { type StandingChannel, withStanding } from './standing-channel.ts'

const MAX_RETURNS = 50
const MAX_AUDIT_ENTRIES = 100
const MAX_CHANGES = 100
const MAX_NOTICES = 20

export const retries = ['mint', 'answer', 'probe', 'webhook'] as const
export type Retry = (typeof retries)[number]
/** `later`: it was asked a moment ago, and is again as soon as that is allowed. */
export type Tried = 'now' | 'later' | 'nothing'

export type Notice = Awaited<ReturnType<NoticeService['listOfChannel']>>[number]
export type ReturnDetails = Awaited<ReturnType<ReturnService['listOfChannel']>>[number]

/** All there is to know of one channel; each list newest first. */
export interface AdminChannel {
  readonly channel: StandingChannel
  readonly observations: readonly Row<'observation'>[]
  readonly changes: readonly Row<'channelChange'>[]
  readonly mints: readonly Row<'mint'>[]
  readonly notices: readonly Notice[]
  readonly returns: readonly ReturnDetails[]
  readonly audit: readonly Row<'auditEntry'>[]
  /** Undefined while 360dialog was never asked for it. */
  readonly health: ChannelHealth | undefined
  readonly healthDueAt: Date | undefined
}

interface Dependencies {
  readonly db: Database
  readonly channels: Pick<ChannelService, 'find' | 'listObservations' | 'listChanges'>
  readonly mints: Pick<MintService, 'listOfChannel' | 'retryNow' | 'readAgain'>
  readonly probes: Pick<ProbeService, 'retry'>
  readonly health: Pick<HealthService, 'find' | 'findDue'>
  readonly notices: Pick<NoticeService, 'listOfChannel'>
  readonly returns: Pick<ReturnService, 'listOfChannel'>
  readonly audit: AuditLog
  readonly trouble: Pick<HubTrouble, 'find'>
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
    const { channels, mints, notices, returns, audit, health, trouble, clock } = this.#dependencies
    return {
      channel: withStanding(await this.#find(channelId), clock.now(), await trouble.find()),
      observations: (await channels.listObservations(channelId)).toReversed(),
      changes: await channels.listChanges(channelId, MAX_CHANGES),
      mints: await mints.listOfChannel(channelId),
      notices: await notices.listOfChannel(channelId, MAX_NOTICES),
      returns: await returns.listOfChannel(channelId, MAX_RETURNS),
      audit: await audit.list({ channelId, limit: MAX_AUDIT_ENTRIES }),
      health: await health.find(channelId),
      healthDueAt: await health.findDue(channelId),
    }
  }

  /**
   * Makes the worker check, now or as soon as 360dialog may be asked. Never creates a key by itself.
   *
   * @throws NotFoundError when there is no such channel
   */
  async retryNow(channelId: string, what: Retry, adminName: string): Promise<Tried> {
    const { db, audit } = this.#dependencies
    const { tenantId } = await this.#find(channelId)
    return inTransaction(db, async (trx) => {
      const tried = await this.#retry(channelId, what, trx)
      const detail = { what, tried }
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
      return tried
    })
  }

  async #retry(channelId: string, what: Retry, trx: Database): Promise<Tried> {
    const { mints, probes, clock } = this.#dependencies
    if (what === 'mint') return (await mints.retryNow(channelId, trx)) ? 'now' : 'nothing'
    if (what === 'answer') return (await mints.readAgain(channelId, trx)) ? 'now' : 'nothing'
    const at = await probes.retry(channelId, what, trx)
    if (!at) return 'nothing'
    return at > clock.now() ? 'later' : 'now'
  }

  async #find(channelId: string): Promise<ChannelDetails> {
    const isId = /^[\w.-]{1,200}$/.test(channelId)
    const channel = isId ? await this.#dependencies.channels.find(channelId) : undefined
    if (!channel) throw new NotFoundError('unknown_channel', 'There is no channel with this id.')
    return channel
  }
}
