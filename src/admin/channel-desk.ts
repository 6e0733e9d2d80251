import type { AuditEntry, AuditLog } from '../audit/audit-log.ts'
import type { ChannelRepository, ChannelState } from '../channels/channel-repository.ts'
import type { Clock } from '../clock.ts'
import { type Database, inTransaction } from '../database/database.ts'
import { NotFoundError } from '../errors.ts'
import type { Mint, MintRepository } from '../keys/mint-repository.ts'
import type { MintService } from '../keys/mint-service.ts'
import type { ProbeService } from '../keys/probe-service.ts'
import type { Return, ReturnRepository } from '../onboarding/return-repository.ts'
import type { Observation } from '../permissions/permission.ts'
import type { PermissionService } from '../permissions/permission-service.ts'

const MOST_RETURNS = 50
const MOST_AUDIT_ENTRIES = 100

export const tries = ['mint', 'answer', 'probe', 'webhook'] as const
export type Try = (typeof tries)[number]

/** All there is to know of one channel. Oldest observations first, the rest newest first. */
export interface ChannelFile {
  readonly channel: ChannelState
  readonly observations: readonly Observation[]
  readonly mints: readonly Mint[]
  readonly returns: readonly Return[]
  readonly audit: readonly AuditEntry[]
}

interface Given {
  readonly db: Database
  readonly channels: ChannelRepository
  readonly permissions: PermissionService
  readonly mints: MintRepository
  readonly returns: ReturnRepository
  readonly audit: AuditLog
  readonly mintService: Pick<MintService, 'hurry' | 'readAgain'>
  readonly probes: Pick<ProbeService, 'retry'>
  readonly clock: Clock
  readonly wake: () => void
}

/** One channel on the admin's desk: everything known of it, and the buttons that make Latchkey look again. */
export class ChannelDesk {
  readonly #given: Given

  constructor(given: Given) {
    this.#given = given
  }

  /** @throws NotFoundError when there is no such channel */
  async read(channelId: string): Promise<ChannelFile> {
    const { permissions, mints, returns, audit } = this.#given
    return {
      channel: await this.#find(channelId),
      observations: await permissions.list(channelId),
      mints: await mints.listOfChannel(channelId),
      returns: await returns.listOfChannel(channelId, MOST_RETURNS),
      audit: await audit.list({ channelId, limit: MOST_AUDIT_ENTRIES }),
    }
  }

  /**
   * Makes the worker look now; answers false when nothing of that kind waits. Never makes a key by itself.
   *
   * @throws NotFoundError when there is no such channel
   */
  async tryNow(channelId: string, what: Try, adminName: string): Promise<boolean> {
    const { db, audit, wake } = this.#given
    const { tenantId } = await this.#find(channelId)
    const waits = await inTransaction(db, async (trx) => {
      const waited = await this.#try(channelId, what, trx)
      const detail = { what, waited: waited ? 'yes' : 'no' }
      const actor = `admin:${adminName}`
      await audit.record(
        { actor, action: 'channel.tried', channelId, ...(tenantId && { tenantId }), detail },
        trx,
      )
      return waited
    })
    if (waits) wake()
    return waits
  }

  #try(channelId: string, what: Try, trx: Database): Promise<boolean> {
    const { mintService, probes, clock } = this.#given
    if (what === 'mint') return mintService.hurry(channelId, trx)
    if (what === 'answer') return mintService.readAgain(channelId, trx)
    return probes.retry(channelId, what, clock.now(), trx)
  }

  async #find(channelId: string): Promise<ChannelState> {
    const isId = /^[\w.-]{1,200}$/.test(channelId)
    const channel = isId ? await this.#given.channels.find(channelId) : undefined
    if (!channel) throw new NotFoundError('unknown_channel', 'There is no channel with this id.')
    return channel
  }
}
