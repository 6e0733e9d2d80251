import type { AuditLog } from '../audit/audit-log.ts'
import type { ChannelRepository, ChannelState } from '../channels/channel-repository.ts'
import type { Clock } from '../clock.ts'
import { type Database, inTransaction } from '../database/database.ts'
import { InvalidInputError, NotFoundError } from '../errors.ts'
import type { WorkName } from '../worker/worker.ts'
import type { KeyProof } from './key-proof.ts'
import { CHANGED, type KnownKeyService, type Taken } from './known-key-service.ts'
import type { MintAnswers } from './mint-answers.ts'
import { recordsKnownOf } from './mint-obstacle.ts'
import type { Mint, MintRepository } from './mint-repository.ts'
import type { MintStates } from './mint-states.ts'

/** Which stop an admin has looked at, and who it is. */
export interface Decision {
  readonly channelId: string
  readonly mintId: string
  readonly adminName: string
}

interface Given {
  readonly db: Database
  readonly mints: MintRepository
  readonly states: MintStates
  readonly answers: MintAnswers
  readonly channels: ChannelRepository
  readonly proof: Pick<KeyProof, 'standardAddress'>
  readonly knownKeys: KnownKeyService
  readonly audit: AuditLog
  readonly clock: Clock
  readonly wake: (name: WorkName) => void
}

/** What an admin can do about a mint that stopped: let it end the key that is there, or hand that key in. */
export class KeyDecisionService {
  readonly #given: Given

  constructor(given: Given) {
    this.#given = given
  }

  get standardAddress(): string {
    return this.#given.proof.standardAddress
  }

  /**
   * Opens a mint that may end the keys which were known when the old one stopped, and no others. The old one is
   * closed with its answer, if it has one: that may hold the only copy of a key.
   *
   * @throws InvalidInputError when this mint waits for no decision any more; nothing has changed then
   */
  async replace({ channelId, mintId, adminName }: Decision): Promise<void> {
    const { db, mints, states, audit, clock, wake } = this.#given
    const { mint, channel } = await this.#findStopped(channelId, mintId)
    const recordsBefore = await this.#listKnownRecords(mint)
    const now = clock.now()
    const actor = `admin:${adminName}`
    await inTransaction(db, async (trx) => {
      if (!(await mints.dismiss(mint, ['needs_decision'], now, trx))) throw new InvalidInputError(CHANGED)
      await mints.request(
        { channelId, reason: 'replace', askedBy: actor, launchedAt: mint.launchedAt, recordsBefore, now },
        trx,
      )
      await states.show(channelId, 'waiting', trx)
      const detail = { mint: mint.id, problem: mint.problem ?? '' }
      const tenant = channel.tenantId ? { tenantId: channel.tenantId } : {}
      await audit.record({ actor, action: 'api_key.replace_decided', channelId, ...tenant, detail }, trx)
    })
    wake('mints')
  }

  /**
   * Stores the key in use in place of a new one, once it is proven.
   *
   * @throws InvalidInputError as KnownKeyService does, or when this mint waits for no decision any more
   */
  async paste(
    { channelId, mintId, adminName }: Decision,
    { apiKey, address }: { apiKey: string; address: string | undefined },
  ): Promise<Taken> {
    const { mint, channel } = await this.#findStopped(channelId, mintId)
    return this.#given.knownKeys.take(
      { channelId, phoneNumber: channel.phoneNumber, apiKey, address },
      { actor: `admin:${adminName}`, action: 'api_key.pasted', mint },
    )
  }

  async #findStopped(channelId: string, mintId: string): Promise<{ mint: Mint; channel: ChannelState }> {
    const { channels, mints } = this.#given
    const channel = await channels.find(channelId)
    if (!channel) throw new NotFoundError('unknown_channel', 'There is no channel with this id.')
    const mint = await mints.findOpen(channelId)
    if (mint?.id !== mintId || mint.state !== 'needs_decision') throw new InvalidInputError(CHANGED)
    return { mint, channel }
  }

  /** What was known, and the key in an answer that is kept; undefined when nobody knew. */
  async #listKnownRecords(mint: Mint): Promise<string[] | undefined> {
    const read = recordsKnownOf(mint)
    const own = await this.#given.answers.recordIdOf(mint)
    return read && (own === undefined ? [...read] : [...read, own])
  }
}
