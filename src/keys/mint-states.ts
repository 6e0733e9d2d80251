import type { AuditLog } from '../audit/audit-log.ts'
import type { ChannelRepository } from '../channels/channel-repository.ts'
import type { Clock } from '../clock.ts'
import { type Database, inTransaction } from '../database/database.ts'
import type { KeyStatus } from '../database/schema.ts'
import { nextTry, WAITING } from '../worker/backoff.ts'
import type { ApiKeyRepository } from './api-key-repository.ts'
import type { Mint, MintChange, MintRepository } from './mint-repository.ts'

/** Another worker holds the mint by now: whatever was about to happen must not. */
export class LeaseLostError extends Error {}

interface Given {
  readonly db: Database
  readonly mints: MintRepository
  readonly keys: ApiKeyRepository
  readonly channels: ChannelRepository
  readonly audit: AuditLog
  readonly clock: Clock
}

/**
 * How a worker gives a mint back: with its new state, and with what the channel shows of it, in one transaction.
 * Each throws LeaseLostError, and changes nothing, when another worker holds the mint by now.
 */
export class MintStates {
  readonly #given: Given

  constructor(given: Given) {
    this.#given = given
  }

  /** Back to waiting: nothing happened at 360dialog. */
  wait(mint: Mint, problem: string, upstreamStatus?: number): Promise<void> {
    const due_at = nextTry(this.#given.clock.now(), mint.attempts, WAITING).toISOString()
    const waiting = { state: 'waiting' as const, problem, upstream_status: upstreamStatus ?? null, due_at }
    return this.release(mint, waiting, 'waiting')
  }

  /** Waits for an admin: nothing happens on its own any more. */
  async stop(mint: Mint, problem: string, change: MintChange): Promise<void> {
    const { audit, mints, db } = this.#given
    await inTransaction(db, async (trx) => {
      const stopped = { ...change, state: 'needs_decision' as const, problem, due_at: null }
      if (!(await mints.release(mint, stopped, trx))) throw new LeaseLostError()
      await this.show(mint.channelId, 'needs_decision', trx)
      const detail = { mint: mint.id, problem }
      const { channelId } = mint
      await audit.record({ actor: 'latchkey', action: 'mint.needs_decision', channelId, detail }, trx)
    })
  }

  close(mint: Mint, state: 'not_needed' | 'refused', keyStatus: KeyStatus): Promise<void> {
    const closed_at = this.#given.clock.now().toISOString()
    return this.release(mint, { state, closed_at, due_at: null }, keyStatus)
  }

  async release(mint: Mint, change: MintChange, keyStatus: KeyStatus): Promise<void> {
    await inTransaction(this.#given.db, async (trx) => {
      if (!(await this.#given.mints.release(mint, change, trx))) throw new LeaseLostError()
      await this.show(mint.channelId, keyStatus, trx)
    })
  }

  /** A key that is stored stays the answer for the product while another is being made. */
  async show(channelId: string, status: KeyStatus, trx: Database): Promise<void> {
    const current = await this.#given.keys.findNewest(channelId, trx)
    await this.#given.channels.setKeyStatus(channelId, current?.status === 'stored' ? 'stored' : status, trx)
  }
}
