import type { AuditLog } from '../audit/audit-log.ts'
import type { ChannelService } from '../channels/channel-service.ts'
import type { Clock } from '../clock.ts'
import { type Database, inTransaction } from '../database/database.ts'
import type { KeyStatus } from '../database/schema.ts'
import { NotFoundError } from '../errors.ts'
import { requireShown } from '../shown-facts.ts'
import { keyFactsOf, keyParts } from './key-facts.ts'
import type { KeyProof } from './key-proof.ts'
import type { KeyStore } from './key-store.ts'
import { changed, type KnownKeyService, type TakeoverResult } from './known-key-service.ts'
import { recordsKnownOf } from './mint-judgement.ts'
import type { Mint, MintLedger } from './mint-ledger.ts'
import type { MintService } from './mint-service.ts'
import type { ProbeService } from './probe-service.ts'

/** Who decides, and what the page showed (`shownOf(keyFactsOf(…))`). */
export interface Decision {
  readonly channelId: string
  readonly adminName: string
  readonly shown: string
}

/** Without an open mint, there is something to decide about a key that is not served any more. */
const decidable: ReadonlySet<KeyStatus> = new Set(['retired', 'rejected'])

interface Dependencies {
  readonly db: Database
  readonly keys: Pick<KeyStore, 'setHeldBack'>
  readonly ledger: MintLedger
  readonly mints: Pick<MintService, 'recordIdOf'>
  readonly channels: ChannelService
  readonly proof: Pick<KeyProof, 'standardAddress'>
  readonly probes: Pick<ProbeService, 'retry'>
  readonly knownKeys: KnownKeyService
  readonly audit: AuditLog
  readonly clock: Clock
}

/**
 * What an admin can do about a mint that stopped, or about the key of a former tenant: let a new mint end the key that is
 * there, or keep that key. Each decision is about what the page showed.
 */
export class KeyDecisionService {
  readonly #dependencies: Dependencies

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  get standardAddress(): string {
    return this.#dependencies.proof.standardAddress
  }

  /**
   * Opens a mint that may end the keys which were known, and no others. One that stopped is closed with its answer, if
   * it has one: that may hold the only copy of a key.
   *
   * @throws ConflictError when the page shows something else by now; nothing has changed then
   */
  async replace(decision: Decision): Promise<void> {
    const { db, ledger, audit } = this.#dependencies
    const { channelId } = decision
    await inTransaction(db, async (trx) => {
      const { open, tenantId } = await this.#lock(decision, trx)
      if (open && !(await ledger.cancel(open, ['needs_decision'], trx))) throw changed()
      const actor = `admin:${decision.adminName}`
      const recordsBefore = open ? await this.#listKnownRecords(open) : []
      const order = { channelId, reason: 'replace', askedBy: actor, launchedAt: open?.launchedAt } as const
      await ledger.request({ ...order, recordsBefore }, trx)
      const detail = { mint: open?.id ?? '', problem: open?.problem ?? 'held_back' }
      await audit.record({ actor, action: 'api_key.replace_decided', channelId, tenantId, detail }, trx)
    })
  }

  /**
   * The tenant of now may have the key of the former one: the product is served it again.
   *
   * @throws ConflictError when the page shows something else by now, or no key is held back
   */
  async confirm(decision: Decision): Promise<void> {
    const { db, keys, channels, probes, audit } = this.#dependencies
    const { channelId } = decision
    await inTransaction(db, async (trx) => {
      const { open, tenantId, keyVersion, keyFingerprint = '' } = await this.#lock(decision, trx)
      if (open || !(await keys.setHeldBack(channelId, false, trx))) throw changed()
      await channels.setKeyStatus(channelId, 'stored', trx)
      // Its address may name the tenant.
      await probes.retry(channelId, 'webhook', trx)
      const actor = `admin:${decision.adminName}`
      const detail = { version: keyVersion, fingerprint: keyFingerprint }
      await audit.record({ actor, action: 'api_key.confirmed', channelId, tenantId, detail }, trx)
    })
  }

  /**
   * The client took its permission back: the rejected key is retired, and nobody asks for another one.
   *
   * @throws ConflictError when the page shows something else by now
   */
  async retire(decision: Decision): Promise<void> {
    const { db, channels, audit, clock } = this.#dependencies
    const { channelId } = decision
    await inTransaction(db, async (trx) => {
      const { open, tenantId, keyVersion } = await this.#lock(decision, trx)
      if (open) throw changed()
      await channels.observe(channelId, { source: 'admin', says: 'missing', observedAt: clock.now() }, trx)
      const actor = `admin:${decision.adminName}`
      const detail = { version: keyVersion }
      await audit.record({ actor, action: 'api_key.retired', channelId, tenantId, detail }, trx)
    })
  }

  /**
   * Stores the key in use in place of a new one, once it is proven.
   *
   * @throws InvalidInputError as KnownKeyService does; ConflictError when the page shows something else by now
   */
  async paste(
    decision: Decision,
    { apiKey, address }: { apiKey: string; address: string | undefined },
  ): Promise<TakeoverResult> {
    const { channels, knownKeys } = this.#dependencies
    const { channelId, adminName } = decision
    const findStopped = async (trx: Database) => {
      const { open } = await this.#lock(decision, trx)
      if (!open) throw changed()
      return open
    }
    // Before 360dialog is asked, too: a key for a page that is over is sent nowhere.
    await inTransaction(this.#dependencies.db, findStopped)
    const phoneNumber = (await channels.find(channelId))?.phoneNumber
    return knownKeys.take(
      { channelId, phoneNumber, apiKey, address },
      { actor: `admin:${adminName}`, action: 'api_key.pasted', mint: findStopped },
    )
  }

  /** What is decided about, once nothing of it can change any more: the mint's row first, as everywhere. */
  async #lock({ channelId, shown }: Decision, trx: Database) {
    const { channels, ledger } = this.#dependencies
    const open = await ledger.lockOpen(channelId, trx)
    await channels.lock(channelId, trx)
    const channel = await channels.find(channelId, trx)
    if (!channel) throw new NotFoundError('unknown_channel', 'There is no channel with this id.')
    requireShown(keyFactsOf(channel, open), shown, keyParts)
    const isDecidable = open ? open.state === 'needs_decision' : decidable.has(channel.keyStatus)
    if (!isDecidable) throw changed()
    const { tenantId, keyVersion, keyFingerprint } = channel
    return { open, tenantId, keyVersion, keyFingerprint }
  }

  /** What was known, and the key in an answer that is kept; undefined when the records could not be read. */
  async #listKnownRecords(mint: Mint): Promise<string[] | undefined> {
    const read = recordsKnownOf(mint)
    const own = await this.#dependencies.mints.recordIdOf(mint)
    return read && (own === undefined ? [...read] : [...read, own])
  }
}
