import type { Logger } from 'pino'
import type { AuditLog } from '../audit/audit-log.ts'
import type { ChannelRepository } from '../channels/channel-repository.ts'
import type { Clock } from '../clock.ts'
import { type Database, inTransaction } from '../database/database.ts'
import type { KeyStatus } from '../database/schema.ts'
import { PartnerApiError } from '../errors.ts'
import { type ApiKeyAnswer, readApiKeyAnswer, UnreadableAnswerError } from '../partner-api/api-key-answer.ts'
import type { Channel } from '../partner-api/channel.ts'
import { MessagingApiError } from '../partner-api/messaging-api-error.ts'
import type { PartnerApi } from '../partner-api/partner-api.ts'
import { toWireSecond } from '../partner-api/wire-second.ts'
import type { PermissionService } from '../permissions/permission-service.ts'
import type { Place, Vault } from '../vault/vault.ts'
import { FAILING, nextTry, WAITING } from '../worker/backoff.ts'
import type { Reached } from '../worker/step.ts'
import type { WorkName, WorkSource } from '../worker/worker.ts'
import type { ApiKeyRepository } from './api-key-repository.ts'
import { judgeLostMint } from './lost-mint.ts'
import type { Mint, MintChange, MintRepository } from './mint-repository.ts'
import type { ProbeService } from './probe-service.ts'

/** How long after sending 360dialog has surely finished with a request whose answer was lost. */
const SETTLED_MS = 60_000
/** A lost answer whose key records stay unreadable for so long is an admin's. */
const OVERDUE_MS = 24 * 60 * 60_000
/** After so many failures in a row the key records count as unreadable. */
const TRIES_TO_READ_RECORDS = 5
/** Once a second. */
const TRIES_TO_KEEP = 30
/** A channel that is refused for want of permission is asked for this long, then rests until news. */
const REFUSED_FOR_MS = 24 * 60 * 60_000

interface Given {
  readonly db: Database
  readonly hubId: string
  readonly mints: MintRepository
  readonly keys: ApiKeyRepository
  readonly channels: ChannelRepository
  readonly permissions: PermissionService
  readonly probes: ProbeService
  readonly partnerApi: PartnerApi
  readonly vault: Vault
  readonly messagingHosts: readonly string[]
  readonly audit: AuditLog
  readonly clock: Clock
  readonly logger: Logger
  readonly reached: Reached
  readonly onOutcome: (outcome: string) => void
  readonly wake: (name: WorkName) => void
}

/** Another worker holds the mint by now: whatever was about to happen must not. */
class LeaseLostError extends Error {}

/**
 * Creates channel keys. A new key kills the channel's earlier one and is shown once, so the intent is durable
 * before the request, the raw answer is sealed before it is read, and an answer that never came is judged by
 * the key records before anything else happens (DESIGN 2.1).
 */
export class MintService implements WorkSource {
  readonly name = 'mints' as const
  readonly #given: Given

  constructor(given: Given) {
    this.#given = given
  }

  /** Asks for a channel's key, because a verified and bound return named the channel. */
  async request(
    order: { channelId: string; askedBy: string; launchedAt: Date; now: Date },
    trx: Database,
  ): Promise<void> {
    const { mints, channels } = this.#given
    await mints.request({ ...order, reason: 'return' }, trx)
    const status = (await channels.find(order.channelId, trx))?.key.status ?? 'none'
    const hasNothing = status === 'none' || status === 'rejected' || status === 'retired'
    if (hasNothing) await channels.setKeyStatus(order.channelId, 'waiting', trx)
  }

  /** Looks at a waiting channel now; false when nothing waits. */
  hurry(channelId: string, db?: Database): Promise<boolean> {
    return this.#given.mints.hurry(channelId, this.#given.clock.now(), db)
  }

  /** Reads a sealed answer again that could not be read; false when there is none. */
  readAgain(channelId: string, db: Database): Promise<boolean> {
    return this.#given.mints.readAgain(channelId, this.#given.clock.now(), db)
  }

  async workOnce(): Promise<boolean> {
    const { mints, clock, logger } = this.#given
    const mint = await mints.claim(clock.now())
    if (!mint) return false
    try {
      await this.#work(mint)
    } catch (error) {
      if (error instanceof LeaseLostError) logger.warn({ mint: mint.id }, 'mint taken over by another worker')
      else await this.#onFailure(mint, error)
    }
    return true
  }

  #work(mint: Mint): Promise<void> {
    if (mint.state === 'waiting') return this.#begin(mint)
    if (mint.state === 'sealed') return this.#store(mint)
    if (mint.state === 'minting' || mint.state === 'unknown') return this.#lookUp(mint)
    throw new Error(`a mint that is ${mint.state} is not due`)
  }

  /** An upstream failure outside of the creating call: nothing happened, so the same step is tried again. */
  async #onFailure(mint: Mint, error: unknown): Promise<void> {
    const { mints, clock, logger } = this.#given
    const again = { due_at: nextTry(clock.now(), mint.attempts, FAILING).toISOString() }
    if (!(error instanceof PartnerApiError) && !(error instanceof MessagingApiError)) {
      logger.error({ err: error, mint: mint.id }, 'mint failed')
      await mints.release(mint, again)
      return
    }
    const { failure, upstreamStatus } = error
    logger.warn({ mint: mint.id, failure, status: upstreamStatus }, 'mint waits')
    await mints.release(mint, {
      ...again,
      problem: 'upstream_failed',
      upstream_status: upstreamStatus ?? null,
    })
  }

  async #begin(mint: Mint): Promise<void> {
    const { partnerApi, channels, mints, db, clock, reached } = this.#given
    const channel = await partnerApi.findChannel(mint.channelId, mint.attempts > 1 ? 'known' : 'mint')
    if (!channel) return this.#wait(mint, 'not_listed')
    await inTransaction(db, (trx) => channels.describe(undefined, [channel], clock.now(), trx))
    if (!channel.running) return this.#wait(mint, 'not_running')
    if (await this.#hasLiveKey(mint)) return this.#close(mint, 'not_needed', 'stored')

    const before = await this.#readRecords(mint)
    const obstacle = await this.#findObstacle(mint, channel, before)
    if (obstacle) return this.#stop(mint, obstacle, { records_before: before })
    const held = await mints.renew(mint, {}, clock.now())
    if (!held) throw new LeaseLostError()
    reached('mint.prepared')
    await this.#create(held, before)
  }

  /** A key of ours that still works needs no other; whether it does, only 360dialog knows. */
  async #hasLiveKey(mint: Mint): Promise<boolean> {
    const { keys, probes } = this.#given
    const current = await keys.findNewest(mint.channelId)
    if (current?.status !== 'stored') return false
    return probes.isAlive(mint.channelId)
  }

  async #readRecords(mint: Mint): Promise<string[] | undefined> {
    try {
      return await this.#given.partnerApi.listApiKeyIds(mint.channelId, 'mint')
    } catch (error) {
      if (!(error instanceof PartnerApiError)) throw error
      const final = error.failure === 'refused' || error.failure === 'unexpected_answer'
      if (final && error.upstreamStatus !== 429) return undefined
      if (mint.attempts >= TRIES_TO_READ_RECORDS) return undefined
      throw error
    }
  }

  /** A key of somebody else's that works, or may work, would die by our mint. */
  async #findObstacle(
    mint: Mint,
    channel: Channel,
    before: string[] | undefined,
  ): Promise<string | undefined> {
    const known = [...(await this.#given.keys.listRecordIds(mint.channelId)), ...(mint.recordsBefore ?? [])]
    const foreign = before?.filter((id) => !known.includes(id))
    if (mint.reason === 'lost_answer') return foreign?.length ? 'another_key_appeared' : undefined
    if (isNewer(channel, mint.launchedAt)) return undefined
    if (foreign === undefined) return 'key_records_unreadable'
    return foreign.length > 0 ? 'key_in_use' : undefined
  }

  async #create(mint: Mint, before: string[] | undefined): Promise<void> {
    const { partnerApi, reached, onOutcome } = this.#given
    let held = mint
    let answer: string
    try {
      answer = await partnerApi.createApiKey(mint.channelId, async () => {
        held = await this.#intend(held, before)
      })
    } catch (error) {
      if (!(error instanceof PartnerApiError)) throw error
      return this.#onCreateFailed(held, error)
    }
    reached('mint.answered')
    const sealedAnswer = await this.#keepAnswer(mint, answer)
    onOutcome('answered')
    reached('mint.sealed')
    await this.#store({ ...held, state: 'sealed', sealedAnswer })
  }

  /** The only copy of a key is in memory now: a database that is away for a moment must not lose it. */
  async #keepAnswer(mint: Mint, answer: string): Promise<string> {
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

  /** The last thing before the request leaves: from here on the answer may be lost. */
  async #intend(mint: Mint, before: string[] | undefined): Promise<Mint> {
    const { mints, clock, db, reached } = this.#given
    const now = clock.now()
    const intent = {
      state: 'minting' as const,
      problem: null,
      sent_at: now.toISOString(),
      records_before: before,
    }
    const held = await inTransaction(db, async (trx) => {
      const renewed = await mints.renew(mint, intent, now, trx)
      if (!renewed) throw new LeaseLostError()
      await this.#show(mint.channelId, 'minting', trx)
      return renewed
    })
    reached('mint.intended')
    return held
  }

  async #onCreateFailed(mint: Mint, { failure, upstreamStatus }: PartnerApiError): Promise<void> {
    const { permissions, db, clock, onOutcome } = this.#given
    onOutcome(failure)
    const now = clock.now()
    if (failure === 'unknown') {
      const lost = { state: 'unknown' as const, problem: 'answer_lost', due_at: now.toISOString() }
      return this.#release(mint, { ...lost, upstream_status: upstreamStatus ?? null }, 'unknown')
    }
    if (failure === 'never_sent') return this.#wait(mint, 'never_sent')
    if (upstreamStatus !== 403) return this.#wait(mint, 'refused', upstreamStatus)
    await inTransaction(db, (trx) =>
      permissions.observe(mint.channelId, { source: 'mint', says: 'missing', observedAt: now }, trx),
    )
    const tired = now.getTime() - mint.requestedAt.getTime() > REFUSED_FOR_MS
    if (tired) return this.#close(mint, 'refused', 'none')
    return this.#wait(mint, 'no_permission', upstreamStatus)
  }

  /** The answer never came, or the process ended before it was sealed: the key records tell what happened. */
  async #lookUp(mint: Mint): Promise<void> {
    const { mints, db, clock, onOutcome } = this.#given
    const now = clock.now()
    const after = await this.#readRecords(mint)
    // Keys of ours are dead, or this mint would not have begun: their records do not count.
    const own = await this.#given.keys.listRecordIds(mint.channelId)
    const others = (ids: readonly string[] | undefined) => ids?.filter((id) => !own.includes(id))
    const sentAt = mint.sentAt?.getTime() ?? 0
    const settled = now.getTime() - sentAt >= SETTLED_MS
    const verdict = judgeLostMint({
      before: others(mint.recordsBefore),
      after: others(after),
      isSecond: mint.reason === 'lost_answer',
      settled,
      overdue: now.getTime() - sentAt >= OVERDUE_MS,
    })
    if (verdict === 'look_again') {
      const due_at = settled ? nextTry(now, mint.attempts, WAITING) : new Date(sentAt + SETTLED_MS)
      const lost = { state: 'unknown' as const, problem: 'answer_lost', due_at: due_at.toISOString() }
      return this.#release(mint, { ...lost, records_after: after }, 'unknown')
    }
    if (verdict === 'needs_decision') return this.#stop(mint, 'answer_lost', { records_after: after })
    onOutcome('second_mint')
    await inTransaction(db, async (trx) => {
      const closed = {
        state: 'unknown' as const,
        records_after: after,
        closed_at: now.toISOString(),
        due_at: null,
      }
      if (!(await mints.change(mint, { ...closed, problem: 'answer_lost' }, trx))) throw new LeaseLostError()
      const { channelId, askedBy, launchedAt } = mint
      await mints.request(
        { channelId, reason: 'lost_answer', askedBy, launchedAt, recordsBefore: after, now },
        trx,
      )
      await this.#show(channelId, 'waiting', trx)
      const detail = { mint: mint.id }
      await this.#given.audit.record({ actor: 'latchkey', action: 'mint.repeated', channelId, detail }, trx)
    })
  }

  /** Reads the sealed answer and stores the key in it; what cannot be read stays sealed for an admin. */
  async #store(mint: Mint): Promise<void> {
    const { reached, wake } = this.#given
    let answer: ApiKeyAnswer
    try {
      answer = readApiKeyAnswer(await this.#openAnswer(mint), this.#given.messagingHosts)
    } catch (error) {
      if (!(error instanceof UnreadableAnswerError)) throw error
      return this.#stop(mint, `answer_${error.reason}`, {})
    }
    reached('key.read')
    await this.#storeKey(mint, answer)
    reached('key.stored')
    wake('probes')
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

  /** Back to waiting: nothing happened at 360dialog. */
  #wait(mint: Mint, problem: string, upstreamStatus?: number): Promise<void> {
    const due_at = nextTry(this.#given.clock.now(), mint.attempts, WAITING).toISOString()
    const waiting = { state: 'waiting' as const, problem, upstream_status: upstreamStatus ?? null, due_at }
    return this.#release(mint, waiting, 'waiting')
  }

  /** Waits for an admin: nothing happens on its own any more. */
  async #stop(mint: Mint, problem: string, change: MintChange): Promise<void> {
    const { audit, mints, db } = this.#given
    await inTransaction(db, async (trx) => {
      const stopped = { ...change, state: 'needs_decision' as const, problem, due_at: null }
      if (!(await mints.release(mint, stopped, trx))) throw new LeaseLostError()
      await this.#show(mint.channelId, 'needs_decision', trx)
      const detail = { mint: mint.id, problem }
      const { channelId } = mint
      await audit.record({ actor: 'latchkey', action: 'mint.needs_decision', channelId, detail }, trx)
    })
  }

  #close(mint: Mint, state: 'not_needed' | 'refused', keyStatus: KeyStatus): Promise<void> {
    const closed_at = this.#given.clock.now().toISOString()
    return this.#release(mint, { state, closed_at, due_at: null }, keyStatus)
  }

  async #release(mint: Mint, change: MintChange, keyStatus: KeyStatus): Promise<void> {
    await inTransaction(this.#given.db, async (trx) => {
      if (!(await this.#given.mints.release(mint, change, trx))) throw new LeaseLostError()
      await this.#show(mint.channelId, keyStatus, trx)
    })
  }

  /** A key that is stored stays the answer for the product while another is being made. */
  async #show(channelId: string, status: KeyStatus, trx: Database): Promise<void> {
    const current = await this.#given.keys.findNewest(channelId, trx)
    await this.#given.channels.setKeyStatus(channelId, current?.status === 'stored' ? 'stored' : status, trx)
  }
}

/** A channel that came after the launch had no key before it. One of unknown age counts as older. */
function isNewer({ createdAt }: Channel, launchedAt: Date | undefined): boolean {
  return createdAt !== undefined && launchedAt !== undefined && createdAt >= toWireSecond(launchedAt)
}
