import type { AuditLog } from '../audit/audit-log.ts'
import type { ChannelDetails, ChannelService } from '../channels/channel-service.ts'
import type { Clock } from '../clock.ts'
import type { PartnerApi } from '../d360/partner-api.ts'
import { type Database, inTransaction } from '../database/database.ts'
import type { ReviewReason } from '../database/schema.ts'
import { isSameEmail } from '../email-address.ts'
import type { Jobs } from '../jobs/jobs.ts'
import type { MintService } from '../keys/mint-service.ts'
import { isSameLine } from '../phone-number.ts'
import { askInTime } from './ask-in-time.ts'
import type { ConnectSession, ConnectSessionService } from './connect-session-service.ts'
import type { OwnerConfirmation, OwnerConfirmationStore } from './owner-confirmation-store.ts'
import { isUndecided, type ReturnDetails, type ReturnRepository } from './return-repository.ts'
import type { ReviewService } from './review-service.ts'

/** A question to the owner, and whose it is. */
interface Question {
  readonly confirmation: OwnerConfirmation
  readonly session: ConnectSession
}

/** With all that its page shows. */
export interface OwnerQuestion extends Question {
  /** Those that are asked about, as 360dialog described them last. */
  readonly channels: readonly ChannelDetails[]
  readonly isOpen: boolean
}

/** Why a yes changed nothing: the owner saw other numbers, or 360dialog says something else by now. */
export type Objection = 'changed' | 'notListed'

interface Dependencies {
  readonly db: Database
  readonly confirmations: OwnerConfirmationStore
  readonly sessions: ConnectSessionService
  readonly returns: ReturnRepository
  readonly reviews: Pick<ReviewService, 'open' | 'onBound'>
  readonly channels: ChannelService
  readonly mints: Pick<MintService, 'request'>
  readonly partnerApi: Pick<PartnerApi, 'findClientWithChannels'>
  readonly jobs: Pick<Jobs, 'cancel'>
  readonly audit: AuditLog
  readonly clock: Clock
}

/** What the owner's answer does: yes binds, no refuses, silence leaves it to an admin. */
export class OwnerAnswerService {
  readonly #dependencies: Dependencies

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  /** The question that a mail's link opens, answered and expired ones included. Changes nothing. */
  async find(linkId: string): Promise<OwnerQuestion | undefined> {
    const { confirmations, sessions, channels, clock } = this.#dependencies
    const confirmation = await confirmations.findByLink(linkId)
    const session = confirmation && (await sessions.find(confirmation.sessionId))
    if (!session) return undefined
    const ids = await confirmations.listChannels(confirmation.id)
    const isOpen = !confirmation.closedAt && confirmation.expiresAt > clock.now()
    return { confirmation, session, channels: await channels.list({ ids }), isOpen }
  }

  /**
   * The owner said yes: the channels that the page showed are bound, and their keys asked for. 360dialog is asked
   * once more, who the owner is included; one that is bound elsewhere by now stays there, and an admin sees it.
   *
   * @throws PartnerApiError when 360dialog cannot be asked
   */
  async confirm(question: OwnerQuestion, shown: readonly string[]): Promise<Objection | undefined> {
    const { db, confirmations, channels, partnerApi, clock } = this.#dependencies
    const { id, clientId, email } = question.confirmation
    const { number } = question.session
    if (!isSame(idsOf(question.channels), shown)) return 'changed'
    const found = await askInTime(partnerApi.findClientWithChannels(clientId, 'mint'), clock)
    const listed = found?.channels.filter((one) => shown.includes(one.id)) ?? []
    const isAskedFor = listed.every((one) => number === undefined || isSameLine(one.phoneNumber, number))
    const isOwners = isSameEmail(found?.client.emails[0], email)
    if (!found || !isOwners || listed.length < shown.length || !isAskedFor) return 'notListed'
    return inTransaction(db, async (trx) => {
      const now = clock.now()
      await channels.lockClient(clientId, trx)
      if (!isSame(await confirmations.listChannels(id, trx), shown)) return 'changed'
      if (!(await this.#close(question, 'yes', now, trx))) return undefined
      await channels.describe(found.client, listed, now, trx)
      for (const channelId of shown) await this.#give(question, channelId, now, trx)
      await this.#audit('owner.confirmed', question, trx)
      return undefined
    })
  }

  /** The owner said no: nothing is connected. With `stop` this customer causes no more mails, to nobody. */
  async refuse(question: Question, { stop }: { stop: boolean }): Promise<void> {
    const { db, confirmations, clock } = this.#dependencies
    await inTransaction(db, async (trx) => {
      const now = clock.now()
      if (!(await this.#close(question, 'no', now, trx))) return
      if (stop) await confirmations.stop(question.session.tenantId, now, trx)
      const ids = await confirmations.listChannels(question.confirmation.id, trx)
      await this.#leave(question, ids, { outcome: 'refused', reason: 'owner_refused' }, now, trx)
      await this.#audit(stop ? 'owner.refused_and_stopped' : 'owner.refused', question, trx)
    })
  }

  /** Nobody answered, or nobody could: what waited for the owner waits for an admin. */
  async endUnanswered(question: Question, reason: ReviewReason, trx: Database): Promise<void> {
    const { confirmations, clock } = this.#dependencies
    const now = clock.now()
    if (!(await this.#close(question, 'none', now, trx))) return
    const ids = await confirmations.listChannels(question.confirmation.id, trx)
    await this.#leave(question, ids, { outcome: 'review', reason }, now, trx)
  }

  /** False when it was answered already. Nobody adds a channel to it meanwhile, or afterwards. */
  async #close(
    { confirmation: { id, clientId } }: Question,
    answer: 'yes' | 'no' | 'none',
    now: Date,
    trx: Database,
  ): Promise<boolean> {
    const { confirmations, channels, jobs } = this.#dependencies
    await channels.lockClient(clientId, trx)
    if (answer !== 'none') await jobs.cancel('mail', id, trx)
    return confirmations.close(id, answer, now, trx)
  }

  async #give(question: Question, channelId: string, now: Date, trx: Database): Promise<void> {
    const { channels, returns, reviews, mints, sessions, audit } = this.#dependencies
    const { confirmation, session } = question
    const { tenantId } = session
    if (!(await channels.bind(channelId, tenantId, now, trx)))
      return this.#leave(question, [channelId], { outcome: 'review', reason: 'bound_elsewhere' }, now, trx)
    const waiting = (await returns.listUndecided(confirmation, trx)).filter((one) => waitsFor(one, channelId))
    const own = waiting.find(({ arrival }) => arrival === 'launch' || arrival === 'resumed')
    const launch = own && (await sessions.findLaunch(own.launchId ?? '', trx))
    const observedAt = waiting[0]?.receivedAt ?? now
    await channels.observe(channelId, { source: 'return', says: 'shared', observedAt }, trx)
    await mints.request({ channelId, askedBy: confirmation.id, launchedAt: launch?.createdAt }, trx)
    for (const received of waiting)
      await returns.settle(received.id, [{ channelId, outcome: 'bound', rule: 'owner_confirmed' }], now, trx)
    await reviews.onBound(channelId, tenantId, now, trx)
    const detail = { rule: 'owner_confirmed', confirmation: confirmation.id }
    await audit.record({ actor: 'latchkey', action: 'channel.bound', channelId, tenantId, detail }, trx)
  }

  /** What waited for the owner alone gets this outcome; a review that an admin has learns of a no. */
  async #leave(
    { confirmation: { sessionId, clientId }, session: { tenantId } }: Question,
    channelIds: readonly string[],
    { outcome, reason }: { outcome: 'refused' | 'review'; reason: ReviewReason },
    now: Date,
    trx: Database,
  ): Promise<void> {
    const { returns, reviews } = this.#dependencies
    for (const { id, channels, arrival } of await returns.listUndecided({ sessionId, clientId }, trx)) {
      const left = channels.flatMap(({ channelId, outcome: before }) => {
        if (!channelIds.includes(channelId)) return []
        if (before === 'owner') return [{ channelId, outcome, reason }]
        return before === 'review' && outcome === 'refused' ? [{ channelId, outcome: before, reason }] : []
      })
      await returns.settle(id, left, now, trx)
      const review = { clientId, returnId: id, sessionId, tenantId, arrival, reason }
      for (const { channelId, outcome } of left)
        if (outcome === 'review') await reviews.open({ ...review, channelId }, now, trx)
    }
  }

  async #audit(action: string, { confirmation, session }: Question, trx: Database): Promise<void> {
    const { id, clientId: client } = confirmation
    const detail = { confirmation: id, client, session: session.id }
    await this.#dependencies.audit.record({ actor: 'owner', action, tenantId: session.tenantId, detail }, trx)
  }
}

function waitsFor({ channels }: ReturnDetails, channelId: string): boolean {
  return channels.some((one) => one.channelId === channelId && isUndecided(one.outcome))
}

export function idsOf(channels: readonly { readonly id: string }[]): string[] {
  return channels.map(({ id }) => id)
}

/** Both are in order. */
function isSame(ids: readonly string[], others: readonly string[]): boolean {
  return ids.join() === others.join()
}
