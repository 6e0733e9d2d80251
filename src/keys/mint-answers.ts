import type { Logger } from 'pino'
import type { AuditLog } from '../audit/audit-log.ts'
import type { ChannelRepository } from '../channels/channel-repository.ts'
import type { Clock } from '../clock.ts'
import {
  type ApiKeyAnswer,
  findRecordId,
  readApiKeyAnswer,
  UnreadableAnswerError,
} from '../d360/api-key-answer.ts'
import { type Database, inTransaction } from '../database/database.ts'
import type { PermissionService } from '../permissions/permission-service.ts'
import type { Place, Vault } from '../vault/vault.ts'
import type { Reached } from '../worker/step.ts'
import type { WorkName } from '../worker/worker.ts'
import type { ApiKeyRepository } from './api-key-repository.ts'
import type { Mint, MintRepository } from './mint-repository.ts'
import { LeaseLostError, type MintStates } from './mint-states.ts'
import type { ProbeService } from './probe-service.ts'

/** Once a second. */
const TRIES_TO_KEEP = 30

interface Given {
  readonly db: Database
  readonly hubId: string
  readonly mints: MintRepository
  readonly states: MintStates
  readonly keys: ApiKeyRepository
  readonly channels: ChannelRepository
  readonly permissions: PermissionService
  readonly probes: ProbeService
  readonly vault: Vault
  readonly messagingHosts: readonly string[]
  readonly audit: AuditLog
  readonly clock: Clock
  readonly logger: Logger
  readonly reached: Reached
  readonly onOutcome: (outcome: string) => void
  readonly wake: (name: WorkName) => void
}

/** What becomes of the answer to a mint: sealed as it came, then read, then stored as a key. */
export class MintAnswers {
  readonly #given: Given

  constructor(given: Given) {
    this.#given = given
  }

  /** The only copy of a key is in memory now: a database that is away for a moment must not lose it. */
  async keep(mint: Mint, answer: string): Promise<string> {
    const { vault, mints, clock, logger } = this.#given
    const { jwe } = await vault.seal(this.#placeOf(mint), answer)
    for (let tries = 1; ; tries += 1) {
      try {
        const kept = await mints.keepAnswer(mint, jwe)
        if (!kept) logger.error({ mint: mint.id }, 'a second answer to one mint was dropped')
        return jwe
      } catch (error) {
        logger.error({ err: error, mint: mint.id, tries }, 'an answer could not be kept yet')
        if (tries >= TRIES_TO_KEEP) throw error
        await clock.sleep(1_000)
      }
    }
  }

  /** Reads the sealed answer and stores the key in it; what cannot be read stays sealed for an admin. */
  async store(mint: Mint): Promise<void> {
    const { reached, wake } = this.#given
    let answer: ApiKeyAnswer
    try {
      answer = readApiKeyAnswer(await this.#openAnswer(mint), this.#given.messagingHosts)
    } catch (error) {
      if (!(error instanceof UnreadableAnswerError)) throw error
      return this.#given.states.stop(mint, `answer_${error.reason}`, {})
    }
    reached('key.read')
    await this.#storeKey(mint, answer)
    reached('key.stored')
    wake('probes')
  }

  /** The id of the key record that a kept answer tells of; undefined when there is no answer, or it does not say. */
  async recordIdOf(mint: Mint): Promise<string | undefined> {
    return mint.sealedAnswer === undefined ? undefined : findRecordId(await this.#openAnswer(mint))
  }

  async #storeKey(mint: Mint, { apiKey, address, appId, recordId }: ApiKeyAnswer): Promise<void> {
    const { keys, channels, permissions, probes, mints, audit, db, clock, onOutcome } = this.#given
    const { channelId, version } = mint
    const now = clock.now()
    const store = await keys.prepare({ channelId, version, apiKey, address, appId, recordId, createdAt: now })
    await inTransaction(db, async (trx) => {
      // The raw answer goes: from now on the sealed key is the only copy.
      const stored = { state: 'stored' as const, problem: null, sealed_answer: null }
      const closed = { closed_at: now.toISOString(), due_at: null }
      if (!(await mints.change(mint, { ...stored, ...closed }, trx))) throw new LeaseLostError()
      await store(trx)
      await channels.setKeyStatus(channelId, 'stored', trx, version)
      await permissions.observe(channelId, { source: 'mint', says: 'shared', observedAt: now }, trx)
      await probes.plan(channelId, version, now, trx)
      await audit.record(
        { actor: 'latchkey', action: 'api_key.stored', channelId, detail: { version, mint: mint.id } },
        trx,
      )
    })
    onOutcome('stored')
  }

  async #openAnswer(mint: Mint): Promise<string> {
    if (mint.sealedAnswer === undefined) throw new Error('a sealed mint has no answer')
    return this.#given.vault.open(this.#placeOf(mint), mint.sealedAnswer)
  }

  #placeOf({ channelId, version }: Mint): Place {
    return { hubId: this.#given.hubId, kind: 'mint_answer', subject: channelId, version }
  }
}
