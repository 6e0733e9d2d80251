import type { Logger } from 'pino'
import type { AuditLog } from '../audit/audit-log.ts'
import type { ChannelService } from '../channels/channel-service.ts'
import type { Clock } from '../clock.ts'
import {
  type ApiKeyAnswer,
  findRecordId,
  readApiKeyAnswer,
  UnreadableAnswerError,
} from '../d360/api-key-answer.ts'
import { MessagingApiError } from '../d360/messaging-api.ts'
import type { PartnerApi } from '../d360/partner-api.ts'
import { afterCommit, type Database, inTransaction } from '../database/database.ts'
import { PartnerApiError } from '../errors.ts'
import { FAILING, nextTry, WAITING } from '../jobs/backoff.ts'
import type { CrashPoint } from '../jobs/crash-points.ts'
import type { LeasedJob } from '../jobs/jobs.ts'
import type { Work } from '../jobs/runner.ts'
import type { SealContext, Vault } from '../vault/vault.ts'
import type { KeyStore } from './key-store.ts'
import type { KeyVerdicts } from './key-verdicts.ts'
import { findObstacle, judgeLostMint } from './mint-judgement.ts'
import type { HeldMint, Mint, MintLedger } from './mint-ledger.ts'
import type { Liveness, ProbeService } from './probe-service.ts'

/** How long after sending 360dialog has surely finished with a request whose answer was lost. */
const SETTLED_MS = 60_000
/** A lost answer whose key records stay unreadable for so long is an admin's. */
const OVERDUE_MS = 24 * 60 * 60_000
/** After so many failures in a row the key records count as unreadable. */
const TRIES_TO_READ_RECORDS = 5
/** A channel that is refused for want of permission is asked for this long, then rests until news. */
const REFUSED_FOR_MS = 24 * 60 * 60_000
/** Once a second. */
const TRIES_TO_SEAL = 30

interface Dependencies {
  readonly db: Database
  readonly hubId: string
  readonly ledger: MintLedger
  readonly keys: KeyStore
  readonly channels: ChannelService
  readonly probes: ProbeService
  readonly verdicts: Pick<KeyVerdicts, 'reject'>
  readonly partnerApi: PartnerApi
  readonly vault: Vault
  readonly messagingHosts: readonly string[]
  /** Where a key works that comes without an address. */
  readonly standardAddress: string
  readonly audit: AuditLog
  readonly clock: Clock
  readonly logger: Logger
  readonly crashPoint: CrashPoint
  readonly onOutcome: (outcome: string) => void
}

/**
 * Creates channel keys. A new key ends the channel's earlier one and is shown once, so the intent is durable
 * before the request, the raw answer is sealed before it is read, and an answer that never came is judged by
 * the key records before anything else happens (ARCHITECTURE, "What makes a mint safe").
 */
export class MintService {
  readonly work: Work = { kind: 'mint', run: (job) => this.#run(job) }
  readonly #dependencies: Dependencies

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  /** Asks for a channel's key, because a verified and bound return named the channel, or an admin gave it away. */
  request(order: Pick<Mint, 'channelId' | 'askedBy' | 'launchedAt'>, trx: Database): Promise<void> {
    return this.#dependencies.ledger.request({ ...order, reason: 'return' }, trx)
  }

  /** The channel goes to another tenant: keys that the former one had, or asked for, wait for an admin. */
  holdBack(channelId: string, trx: Database): Promise<void> {
    return this.#dependencies.ledger.holdBack(channelId, trx)
  }

  /** Looks at a waiting channel now; false when nothing waits. */
  retryNow(channelId: string, trx: Database): Promise<boolean> {
    return this.#dependencies.ledger.retryNow(channelId, trx)
  }

  /** Reads a sealed answer again that could not be read; false when there is none. */
  readAgain(channelId: string, trx: Database): Promise<boolean> {
    return this.#dependencies.ledger.readAgain(channelId, trx)
  }

  /** Newest first. */
  listOfChannel(channelId: string): Promise<Mint[]> {
    return this.#dependencies.ledger.listOfChannel(channelId)
  }

  /** The id of the key record that a kept answer tells of; undefined when there is no answer, or it does not say. */
  async recordIdOf(mint: Mint): Promise<string | undefined> {
    return mint.sealedAnswer === undefined ? undefined : findRecordId(await this.#openAnswer(mint))
  }

  async #run(job: LeasedJob): Promise<void> {
    const { ledger, clock, logger } = this.#dependencies
    const mint = await ledger.find(job.subject)
    if (!mint) return
    try {
      await this.#take({ mint, job })
    } catch (error) {
      if (!(error instanceof PartnerApiError) && !(error instanceof MessagingApiError)) throw error
      const { failure, upstreamStatus } = error
      const problem = error instanceof PartnerApiError ? error.problem : 'upstream_failed'
      logger.warn({ mint: mint.id, failure, status: upstreamStatus }, 'mint waits')
      const dueAt = nextTry(clock.now(), job.attempts, FAILING)
      await ledger.postpone({ mint, job }, { problem, upstreamStatus, dueAt })
    }
  }

  async #take(held: HeldMint): Promise<void> {
    const { state, closedAt } = held.mint
    if (closedAt) return
    if (state === 'waiting') await this.#begin(held)
    if (state === 'sealed') await this.#read(held)
    if (state === 'minting' || state === 'unknown') await this.#lookUp(held)
  }

  async #begin(held: HeldMint): Promise<void> {
    const { partnerApi, ledger, channels, keys, db, clock, crashPoint } = this.#dependencies
    const { mint, job } = held
    const channel = await partnerApi.findChannel(mint.channelId, job.attempts > 1 ? 'known' : 'mint')
    if (!channel) return ledger.wait(held, 'not_listed', undefined)
    await inTransaction(db, (trx) => channels.describe(undefined, [channel], clock.now(), trx))
    if (!channel.running && !(await this.#isReportedToRun(mint)))
      return ledger.wait(held, 'not_running', undefined)
    const liveness = await this.#livenessOf(mint)
    if (liveness === 'works') return ledger.close(held, 'not_needed')

    const before = await this.#readRecords(held)
    if (liveness === 'doubted' && !(await this.#isGone(mint, before)))
      return ledger.postpone(held, {
        problem: 'upstream_failed',
        upstreamStatus: undefined,
        dueAt: nextTry(clock.now(), job.attempts, WAITING),
      })
    const own = await keys.listRecordIds(mint.channelId)
    const isFoughtOver = await keys.isFoughtOver(mint.channelId)
    const obstacle = findObstacle(mint, channel, without(own, before), isFoughtOver)
    if (obstacle) return ledger.stop(held, obstacle, before ? { recordsBefore: before } : {})
    await job.extend(db)
    crashPoint('mint.prepared')
    await this.#create(held, before)
  }

  /** Which field says so is not known, so a notice may try it: creating the key decides. */
  async #isReportedToRun({ channelId }: Mint): Promise<boolean> {
    return (await this.#dependencies.channels.find(channelId))?.runningReportedAt !== undefined
  }

  /**
   * A key of ours that still works needs no other, unless an admin replaces what a former tenant had; whether it works,
   * only 360dialog knows.
   */
  async #livenessOf({ channelId, reason }: Mint): Promise<Liveness> {
    const { keys, probes } = this.#dependencies
    const current = await keys.findNewest(channelId)
    if (current?.status !== 'stored' || (current.isHeldBack && reason === 'replace')) return 'dead'
    return probes.askWhetherAlive(channelId)
  }

  /** Whether the records of a channel's keys, too, say that ours is dead: then nobody has to be asked again. */
  async #isGone({ channelId }: Mint, recordIds: readonly string[] | undefined): Promise<boolean> {
    const { keys, verdicts } = this.#dependencies
    const current = await keys.findNewest(channelId)
    const isGone = current?.recordId !== undefined && recordIds?.includes(current.recordId) === false
    if (isGone) await verdicts.reject(current)
    return isGone
  }

  async #readRecords({ mint, job }: HeldMint): Promise<string[] | undefined> {
    try {
      return await this.#dependencies.partnerApi.listApiKeyIds(mint.channelId, 'mint')
    } catch (error) {
      if (!(error instanceof PartnerApiError) || error.refusesCredentials) throw error
      const isFinal = error.failure === 'refused' || error.failure === 'unexpected_answer'
      if (isFinal && error.upstreamStatus !== 429) return undefined
      if (job.attempts >= TRIES_TO_READ_RECORDS) return undefined
      throw error
    }
  }

  async #create(held: HeldMint, before: string[] | undefined): Promise<void> {
    const { partnerApi, ledger, crashPoint, onOutcome } = this.#dependencies
    let sent = held
    let answer: string
    try {
      answer = await partnerApi.createApiKey(held.mint.channelId, async () => {
        sent = await ledger.intend(sent, before)
        crashPoint('mint.intended')
      })
    } catch (error) {
      if (!(error instanceof PartnerApiError)) throw error
      return this.#onCreateFailed(sent, error)
    }
    crashPoint('mint.answered')
    const sealedAnswer = await this.#seal(sent, answer)
    onOutcome('answered')
    crashPoint('mint.sealed')
    await this.#read({ ...sent, mint: { ...sent.mint, state: 'sealed', sealedAnswer } })
  }

  /** The only copy of a key is in memory now: a database that is away for a moment must not lose it. */
  async #seal(held: HeldMint, answer: string): Promise<string> {
    const { vault, ledger, clock, logger } = this.#dependencies
    const { id } = held.mint
    const { jwe } = await vault.seal(this.#contextOf(held.mint), answer)
    for (let tries = 1; ; tries += 1) {
      try {
        if (!(await ledger.seal(held, jwe)))
          logger.error({ mint: id }, 'a second answer to one mint was dropped')
        return jwe
      } catch (error) {
        logger.error({ err: error, mint: id, tries }, 'an answer could not be sealed yet')
        if (tries >= TRIES_TO_SEAL) throw error
        await clock.sleep(1_000)
      }
    }
  }

  /** Reads the sealed answer and stores the key in it; what cannot be read stays sealed for an admin. */
  async #read(held: HeldMint): Promise<void> {
    const { ledger, channels, messagingHosts: allowedHosts, standardAddress, crashPoint } = this.#dependencies
    const { channelId } = held.mint
    let answer: ApiKeyAnswer
    try {
      const text = await this.#openAnswer(held.mint)
      answer = readApiKeyAnswer(text, { channelId, allowedHosts, standardAddress })
      // An id may be the record's or the channel's: one of another channel stands beside another channel's key.
      if (answer.recordId && (await channels.find(answer.recordId)))
        throw new UnreadableAnswerError('unreadable')
    } catch (error) {
      if (!(error instanceof UnreadableAnswerError)) throw error
      return ledger.stop(held, `answer_${error.reason}`, {})
    }
    crashPoint('key.read')
    await this.#store(held, answer)
  }

  async #store(held: HeldMint, answer: ApiKeyAnswer): Promise<void> {
    const { ledger, keys, channels, probes, audit, clock, crashPoint, onOutcome } = this.#dependencies
    const { channelId, version, id } = held.mint
    const now = clock.now()
    const storeKey = await keys.prepare({ channelId, version, ...answer, createdAt: now })
    await ledger.store(held, async (trx, isHeldBack) => {
      // Before the probe that follows from it is begun.
      afterCommit(trx, () => crashPoint('key.stored'))
      await storeKey(trx, isHeldBack)
      await channels.observe(channelId, { source: 'mint', says: 'shared', observedAt: now }, trx)
      await probes.plan(channelId, version, trx)
      const detail = { version, mint: id }
      await audit.record({ actor: 'latchkey', action: 'api_key.stored', channelId, detail }, trx)
    })
    onOutcome('stored')
  }

  async #onCreateFailed(held: HeldMint, error: PartnerApiError): Promise<void> {
    const { failure, upstreamStatus } = error
    const { ledger, channels, db, clock, onOutcome } = this.#dependencies
    const { problem, sinceAt, channelId } = held.mint
    onOutcome(failure)
    const now = clock.now()
    if (failure === 'unknown') return ledger.lose(held, now, { upstreamStatus: upstreamStatus ?? null })
    if (error.refusesCredentials) return ledger.wait(held, error.problem, upstreamStatus)
    if (failure === 'never_sent') return ledger.wait(held, 'never_sent', undefined)
    if (upstreamStatus !== 403) return ledger.wait(held, 'refused', upstreamStatus)
    await inTransaction(db, (trx) =>
      channels.observe(channelId, { source: 'mint', says: 'missing', observedAt: now }, trx),
    )
    const isTired = problem === 'no_permission' && now.getTime() - sinceAt.getTime() > REFUSED_FOR_MS
    return isTired ? ledger.close(held, 'refused') : ledger.wait(held, 'no_permission', upstreamStatus)
  }

  /** The answer never came, or the process ended before it was sealed: the key records tell what happened. */
  async #lookUp(held: HeldMint): Promise<void> {
    const { ledger, keys, clock, onOutcome } = this.#dependencies
    const { mint, job } = held
    const now = clock.now()
    const after = await this.#readRecords(held)
    // Keys of ours are dead, or this mint would not have begun: their records do not count.
    const own = await keys.listRecordIds(mint.channelId)
    const sentAt = mint.sentAt?.getTime() ?? 0
    const settled = now.getTime() - sentAt >= SETTLED_MS
    const verdict = judgeLostMint({
      before: without(own, mint.recordsBefore),
      after: without(own, after),
      isReplacement: mint.reason === 'replace',
      isSecond: mint.reason === 'lost_answer',
      settled,
      overdue: now.getTime() - sentAt >= OVERDUE_MS,
    })
    const records = after ? { recordsAfter: after } : {}
    if (verdict === 'needs_decision') return ledger.stop(held, 'answer_lost', records)
    if (verdict === 'look_again') {
      const dueAt = settled ? nextTry(now, job.attempts, WAITING) : new Date(sentAt + SETTLED_MS)
      return ledger.lose(held, dueAt, records)
    }
    onOutcome('second_mint')
    await ledger.repeat(held, after ?? [])
  }

  async #openAnswer(mint: Mint): Promise<string> {
    if (mint.sealedAnswer === undefined) throw new Error('a sealed mint has no answer')
    return this.#dependencies.vault.open(this.#contextOf(mint), mint.sealedAnswer)
  }

  #contextOf({ channelId, version }: Mint): SealContext {
    return { hubId: this.#dependencies.hubId, kind: 'mint_answer', subject: channelId, version }
  }
}

function without(own: readonly string[], ids: readonly string[] | undefined): string[] | undefined {
  return ids?.filter((id) => !own.includes(id))
}
