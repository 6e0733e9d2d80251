import type { Logger } from 'pino'
import type { AuditLog } from '../audit/audit-log.ts'
import type { ChannelRepository } from '../channels/channel-repository.ts'
import type { Clock } from '../clock.ts'
import { MessagingApiError } from '../d360/messaging-api.ts'
import type { PartnerApi } from '../d360/partner-api.ts'
import { type Database, inTransaction } from '../database/database.ts'
import { PartnerApiError } from '../errors.ts'
import type { PermissionService } from '../permissions/permission-service.ts'
import { FAILING, nextTry, WAITING } from '../worker/backoff.ts'
import type { Reached } from '../worker/step.ts'
import type { WorkSource } from '../worker/worker.ts'
import type { ApiKeyRepository } from './api-key-repository.ts'
import { judgeLostMint } from './lost-mint.ts'
import type { MintAnswers } from './mint-answers.ts'
import { findObstacle } from './mint-obstacle.ts'
import type { Mint, MintRepository } from './mint-repository.ts'
import { LeaseLostError, type MintStates } from './mint-states.ts'
import type { ProbeService } from './probe-service.ts'

/** How long after sending 360dialog has surely finished with a request whose answer was lost. */
const SETTLED_MS = 60_000
/** A lost answer whose key records stay unreadable for so long is an admin's. */
const OVERDUE_MS = 24 * 60 * 60_000
/** After so many failures in a row the key records count as unreadable. */
const TRIES_TO_READ_RECORDS = 5
/** A channel that is refused for want of permission is asked for this long, then rests until news. */
const REFUSED_FOR_MS = 24 * 60 * 60_000

interface Given {
  readonly db: Database
  readonly mints: MintRepository
  readonly states: MintStates
  readonly answers: MintAnswers
  readonly keys: ApiKeyRepository
  readonly channels: ChannelRepository
  readonly permissions: PermissionService
  readonly probes: ProbeService
  readonly partnerApi: PartnerApi
  readonly audit: AuditLog
  readonly clock: Clock
  readonly logger: Logger
  readonly reached: Reached
  readonly onOutcome: (outcome: string) => void
}

/**
 * Creates channel keys. A new key kills the channel's earlier one and is shown once, so the intent is durable
 * before the request, the raw answer is sealed before it is read, and an answer that never came is judged by
 * the key records before anything else happens (ARCHITECTURE, "What makes a mint safe").
 */
export class MintService implements WorkSource {
  readonly name = 'mints' as const
  readonly #given: Given

  constructor(given: Given) {
    this.#given = given
  }

  /** Asks for a channel's key, because a verified and bound return named the channel. */
  async request(
    order: { channelId: string; askedBy: string; launchedAt: Date | undefined; now: Date },
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
    if (mint.state === 'sealed') return this.#given.answers.store(mint)
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
    if (!channel) return this.#given.states.wait(mint, 'not_listed')
    await inTransaction(db, (trx) => channels.describe(undefined, [channel], clock.now(), trx))
    if (!channel.running) return this.#given.states.wait(mint, 'not_running')
    if (await this.#hasLiveKey(mint)) return this.#given.states.close(mint, 'not_needed', 'stored')

    const before = await this.#readRecords(mint)
    const own = await this.#given.keys.listRecordIds(mint.channelId)
    const foreign = before?.filter((id) => !own.includes(id))
    const obstacle = findObstacle(mint, channel, foreign)
    if (obstacle) return this.#given.states.stop(mint, obstacle, { records_before: before })
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
    const sealedAnswer = await this.#given.answers.keep(mint, answer)
    onOutcome('answered')
    reached('mint.sealed')
    await this.#given.answers.store({ ...held, state: 'sealed', sealedAnswer })
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
      await this.#given.states.show(mint.channelId, 'minting', trx)
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
      return this.#given.states.release(mint, { ...lost, upstream_status: upstreamStatus ?? null }, 'unknown')
    }
    if (failure === 'never_sent') return this.#given.states.wait(mint, 'never_sent')
    if (upstreamStatus !== 403) return this.#given.states.wait(mint, 'refused', upstreamStatus)
    await inTransaction(db, (trx) =>
      permissions.observe(mint.channelId, { source: 'mint', says: 'missing', observedAt: now }, trx),
    )
    const again = mint.problem === 'no_permission'
    const tired = again && now.getTime() - mint.requestedAt.getTime() > REFUSED_FOR_MS
    if (tired) return this.#given.states.close(mint, 'refused', 'none')
    return this.#given.states.wait(mint, 'no_permission', upstreamStatus)
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
      isReplacement: mint.reason === 'replace',
      isSecond: mint.reason === 'lost_answer',
      settled,
      overdue: now.getTime() - sentAt >= OVERDUE_MS,
    })
    if (verdict === 'look_again') {
      const due_at = settled ? nextTry(now, mint.attempts, WAITING) : new Date(sentAt + SETTLED_MS)
      const lost = { state: 'unknown' as const, problem: 'answer_lost', due_at: due_at.toISOString() }
      return this.#given.states.release(mint, { ...lost, records_after: after }, 'unknown')
    }
    if (verdict === 'needs_decision')
      return this.#given.states.stop(mint, 'answer_lost', { records_after: after })
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
      await this.#given.states.show(channelId, 'waiting', trx)
      const detail = { mint: mint.id }
      await this.#given.audit.record({ actor: 'latchkey', action: 'mint.repeated', channelId, detail }, trx)
    })
  }
}
