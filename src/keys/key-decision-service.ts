import type { AuditLog } from '../audit/audit-log.ts'
import type { ChannelDetails, ChannelService } from '../channels/channel-service.ts'
import { type Database, inTransaction } from '../database/database.ts'
import { InvalidInputError, NotFoundError } from '../errors.ts'
import type { KeyProof } from './key-proof.ts'
import { CHANGED, type KnownKeyService, type TakeoverResult } from './known-key-service.ts'
import { recordsKnownOf } from './mint-judgement.ts'
import type { Mint, MintLedger } from './mint-ledger.ts'
import type { MintService } from './mint-service.ts'

/** Which stop an admin has looked at, and who it is. */
export interface Decision {
  readonly channelId: string
  readonly mintId: string
  readonly adminName: string
}

interface Dependencies {
  readonly db: Database
  readonly ledger: MintLedger
  readonly mints: Pick<MintService, 'recordIdOf'>
  readonly channels: ChannelService
  readonly proof: Pick<KeyProof, 'standardAddress'>
  readonly knownKeys: KnownKeyService
  readonly audit: AuditLog
}

/** What an admin can do about a mint that stopped: let it end the key that is there, or hand that key in. */
export class KeyDecisionService {
  readonly #dependencies: Dependencies

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  get standardAddress(): string {
    return this.#dependencies.proof.standardAddress
  }

  /**
   * Opens a mint that may end the keys which were known when the old one stopped, and no others. The old one is
   * closed with its answer, if it has one: that may hold the only copy of a key.
   *
   * @throws InvalidInputError when this mint waits for no decision any more; nothing has changed then
   */
  async replace({ channelId, mintId, adminName }: Decision): Promise<void> {
    const { db, ledger, audit } = this.#dependencies
    const { mint, channel } = await this.#findStopped(channelId, mintId)
    const recordsBefore = await this.#listKnownRecords(mint)
    const actor = `admin:${adminName}`
    await inTransaction(db, async (trx) => {
      if (!(await ledger.cancel(mint, ['needs_decision'], trx))) throw new InvalidInputError(CHANGED)
      const { launchedAt } = mint
      await ledger.request({ channelId, reason: 'replace', askedBy: actor, launchedAt, recordsBefore }, trx)
      const detail = { mint: mint.id, problem: mint.problem ?? '' }
      const { tenantId } = channel
      await audit.record({ actor, action: 'api_key.replace_decided', channelId, tenantId, detail }, trx)
    })
  }

  /**
   * Stores the key in use in place of a new one, once it is proven.
   *
   * @throws InvalidInputError as KnownKeyService does, or when this mint waits for no decision any more
   */
  async paste(
    { channelId, mintId, adminName }: Decision,
    { apiKey, address }: { apiKey: string; address: string | undefined },
  ): Promise<TakeoverResult> {
    const { mint, channel } = await this.#findStopped(channelId, mintId)
    return this.#dependencies.knownKeys.take(
      { channelId, phoneNumber: channel.phoneNumber, apiKey, address },
      { actor: `admin:${adminName}`, action: 'api_key.pasted', mint },
    )
  }

  async #findStopped(channelId: string, mintId: string): Promise<{ mint: Mint; channel: ChannelDetails }> {
    const { channels, ledger } = this.#dependencies
    const channel = await channels.find(channelId)
    if (!channel) throw new NotFoundError('unknown_channel', 'There is no channel with this id.')
    const mint = await ledger.findOpen(channelId)
    if (mint?.id !== mintId || mint.state !== 'needs_decision') throw new InvalidInputError(CHANGED)
    return { mint, channel }
  }

  /** What was known, and the key in an answer that is kept; undefined when the records could not be read. */
  async #listKnownRecords(mint: Mint): Promise<string[] | undefined> {
    const read = recordsKnownOf(mint)
    const own = await this.#dependencies.mints.recordIdOf(mint)
    return read && (own === undefined ? [...read] : [...read, own])
  }
}
