import type { AuditLog } from '../audit/audit-log.ts'
import type { ChannelService } from '../channels/channel-service.ts'
import type { Clock } from '../clock.ts'
import type { Channel } from '../d360/channel.ts'
import type { Client } from '../d360/client.ts'
import type { PartnerApi } from '../d360/partner-api.ts'
import { type Database, inTransaction } from '../database/database.ts'
import type { ReviewFacts } from '../database/schema.ts'
import { ConflictError, InvalidInputError } from '../errors.ts'
import type { MintService } from '../keys/mint-service.ts'
import { requireShown } from '../shown-facts.ts'
import { askInTime } from './ask-in-time.ts'
import type { ConnectSessionService } from './connect-session-service.ts'
import type { ReturnDetails, ReturnRepository } from './return-repository.ts'
import { type Claimant, type Review, type ReviewDetails, reviewFactsOf, reviewParts } from './review-facts.ts'
import type { Decision, NewReview, ReviewRepository } from './review-repository.ts'

/** However many sessions ask, a page shows no more of them: anybody can make sessions. */
const MAX_CLAIMANTS = 20

interface Dependencies {
  readonly db: Database
  readonly reviews: ReviewRepository
  readonly returns: ReturnRepository
  readonly sessions: ConnectSessionService
  readonly channels: ChannelService
  readonly mints: Pick<MintService, 'request' | 'holdBack'>
  readonly partnerApi: Pick<PartnerApi, 'findClientWithChannels'>
  readonly audit: AuditLog
  readonly clock: Clock
}

interface Order extends Pick<Decision, 'decision' | 'by' | 'tenantId'> {
  readonly id: string
  readonly shown: string | undefined
  readonly seen?: Seen
}

interface MoveOrder {
  readonly tenantId: string
  /** The name of the tenant that has the channel, as the admin typed it. */
  readonly from: string
}

interface Seen {
  readonly client: Client
  readonly channel: Channel
}

/** Decides what the rules could not: whether a tenant gets a channel (ARCHITECTURE, "Belonging"). */
export class ReviewService {
  readonly #dependencies: Dependencies

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  /** Opens a review, unless one is open for this client and channel. */
  open(review: NewReview, now: Date, trx: Database): Promise<void> {
    return this.#dependencies.reviews.open(review, now, trx)
  }

  /** Oldest first; `after` is the id of the last review of the page before. */
  listOpen(page: { after?: string | undefined; limit: number }): Promise<Review[]> {
    return this.#dependencies.reviews.listOpen(page)
  }

  /** Newest first, open and decided. */
  listOfChannel(channelId: string): Promise<Review[]> {
    return this.#dependencies.reviews.listOfChannel(channelId)
  }

  /** @throws NotFoundError when there is no such review */
  async read(id: string, db = this.#dependencies.db): Promise<ReviewDetails> {
    const { channels, reviews } = this.#dependencies
    const review = await reviews.read(id, db)
    const all = await reviews.listOfChannel(review.channelId, db)
    const waiting = review.closedAt ? { claimants: [], moreClaimants: 0 } : this.#listClaimants(review, db)
    return {
      review,
      client: await channels.findClient(review.clientId, db),
      channel: await channels.find(review.channelId, db),
      ...(await waiting),
      earlier: all.filter((other) => other.id !== id && other.closedAt !== undefined),
    }
  }

  /**
   * Gives a channel that nobody else has to a tenant, the one that asked or another, and asks for its key. 360dialog
   * is asked once more: what it confirmed when the return came may have changed since. `shown` is what the admin's page
   * showed (`shownOf`); left out, what is there now is decided about. Answers what that was.
   *
   * @throws NotFoundError; ConflictError when it is decided already, shows something else by now, or another tenant has
   *   the channel; InvalidInputError when 360dialog does not list the channel for this client, or there is no such
   *   tenant; PartnerApiError when 360dialog cannot be asked
   */
  async accept(id: string, tenantId: string, by: string, shown?: string): Promise<ReviewFacts> {
    const { channels, mints } = this.#dependencies
    const seen = await this.#prepare(id, tenantId)
    return this.#decide(
      { ...{ id, by, shown, seen }, decision: 'accepted', tenantId },
      async (facts, now, trx) => {
        const { number, holder } = facts
        if (!(await channels.bind(number.id, tenantId, now, trx))) throw belongsTo(holder)
        // Without a launch's time the channel counts as an older one: another system's key stops the mint.
        await mints.request({ channelId: number.id, askedBy: id, launchedAt: undefined }, trx)
      },
    )
  }

  /**
   * Takes a channel from the tenant that has it and gives it to another. Its key is held back until an admin has
   * decided about that, and so is one that is being created; a move creates none.
   *
   * @throws as `accept`; InvalidInputError also when `from` is not the holder's name
   */
  async move(id: string, { tenantId, from }: MoveOrder, by: string, shown?: string): Promise<ReviewFacts> {
    const { channels, mints } = this.#dependencies
    const seen = await this.#prepare(id, tenantId)
    return this.#decide(
      { ...{ id, by, shown, seen }, decision: 'moved', tenantId },
      async (facts, now, trx) => {
        const { number, holder } = facts
        if (!holder || holder.id === tenantId)
          throw new ConflictError('version_conflict', 'No other customer has this number: accept it instead.')
        if (!isSameName(holder.name, from))
          throw new InvalidInputError(
            'What you typed is not the name of the customer who has this number. Nothing was changed.',
          )
        await channels.assign(number.id, tenantId, now, trx)
        await mints.holdBack(number.id, trx)
      },
    )
  }

  /** @throws NotFoundError; ConflictError when it is decided already, or shows something else by now */
  async refuse(id: string, by: string, shown?: string): Promise<ReviewFacts> {
    return this.#decide({ ...{ id, by, shown }, decision: 'refused' }, async () => {})
  }

  /** A return of this tenant has bound the channel: what waited for the same tenant is answered by that. */
  async onBound(channelId: string, tenantId: string, now: Date, trx: Database): Promise<void> {
    const { reviews } = this.#dependencies
    for (const review of await reviews.listOfChannel(channelId, trx)) {
      if (review.closedAt) continue
      const others = await this.#settle(review, tenantId, 'bound_already', now, trx)
      if (others.length > 0) continue
      await reviews.close(review.id, { decision: 'settled', by: 'latchkey', tenantId }, now, trx)
    }
  }

  async #prepare(id: string, tenantId: string): Promise<Seen> {
    const { reviews, channels } = this.#dependencies
    const review = await reviews.read(id)
    if (review.closedAt) throw decidedAlready()
    if (!(await channels.hasTenant(tenantId)))
      throw new InvalidInputError(
        'There is no customer with this id. Copy it from a case or from your product.',
      )
    return askInTime(this.#askHub(review), this.#dependencies.clock)
  }

  /**
   * Decides about what was shown, or about nothing: all of it is read again, once nothing of it can change any more.
   * What 360dialog says now stays written in any case, so that the page shows it.
   */
  async #decide(
    { id, shown, seen, ...decision }: Order,
    act: (facts: ReviewFacts, now: Date, trx: Database) => Promise<void>,
  ): Promise<ReviewFacts> {
    const { db, channels, reviews, clock } = this.#dependencies
    const now = clock.now()
    if (seen) await inTransaction(db, (trx) => channels.describe(seen.client, [seen.channel], now, trx))
    return inTransaction(db, async (trx) => {
      // Client, channel, review: in the order in which a return's job changes them, which waits here.
      const { clientId, channelId } = await reviews.read(id, trx)
      await channels.lockClient(clientId, trx)
      await channels.lock(channelId, trx)
      await reviews.lock(id, trx)
      const details = await this.read(id, trx)
      const facts = reviewFactsOf(details)
      if (details.review.closedAt) throw decidedAlready()
      if (shown !== undefined) requireShown(facts, shown, reviewParts)
      // Read by somebody else since it was asked for here.
      if (seen && facts.number.clientId !== clientId) throw notListed()
      const decided = { ...decision, facts }
      await this.#close(details.review, decided, now, trx)
      await act(facts, now, trx)
      await this.#record(details.review, decided, trx)
      return facts
    })
  }

  async #askHub({ clientId, channelId }: Review): Promise<{ client: Client; channel: Channel }> {
    const found = await this.#dependencies.partnerApi.findClientWithChannels(clientId, 'mint')
    const channel = found?.channels.find(({ id }) => id === channelId)
    if (found && channel) return { client: found.client, channel }
    throw notListed()
  }

  async #close(review: Review, decision: Decision, now: Date, trx: Database): Promise<void> {
    const { reviews, returns } = this.#dependencies
    if (!(await reviews.close(review.id, decision, now, trx))) throw decidedAlready()
    const { channelId } = review
    for (const { id } of await this.#settle(review, decision.tenantId, 'decision', now, trx))
      await returns.settle(id, [{ channelId, outcome: 'refused' }], now, trx)
  }

  async #record(review: Review, { decision, by, tenantId, facts }: Decision, trx: Database): Promise<void> {
    const { channels, audit } = this.#dependencies
    const { id, channelId, clientId, openedAt, reason } = review
    const shared = { source: 'return', says: 'shared', observedAt: openedAt } as const
    if (tenantId) await channels.observe(channelId, shared, trx)
    const action = decision === 'moved' ? 'channel.moved' : `review.${decision}`
    const moved = decision === 'moved' && { from: facts?.holder?.id ?? '', to: tenantId ?? '' }
    const detail = { review: id, client: clientId, reason, ...moved }
    const about = tenantId ?? review.tenantId
    await audit.record({ actor: by, action, channelId, ...(about && { tenantId: about }), detail }, trx)
  }

  /**
   * Tells the returns that wait for this channel that it is bound to their tenant now; one of no session asked for
   * nobody, and has its answer whoever gets the channel. Answers those that are left.
   */
  async #settle(
    { clientId, channelId }: Review,
    tenantId: string | undefined,
    rule: 'decision' | 'bound_already',
    now: Date,
    trx: Database,
  ): Promise<ReturnDetails[]> {
    const { returns, sessions } = this.#dependencies
    const left: ReturnDetails[] = []
    for (const received of await returns.listWaitingFor(clientId, channelId, trx)) {
      const { id, sessionId } = received
      const asksFor = sessionId === undefined ? tenantId : (await sessions.find(sessionId, trx))?.tenantId
      if (tenantId === undefined || asksFor !== tenantId) left.push(received)
      else await returns.settle(id, [{ channelId, outcome: 'bound', rule }], now, trx)
    }
    return left
  }

  async #listClaimants({ clientId, channelId, reason }: Review, db: Database) {
    const { reviews, returns, sessions } = this.#dependencies
    const { claims, more: moreClaimants } = await returns.listClaims(clientId, channelId, MAX_CLAIMANTS, db)
    const sessionIds = claims.map(({ sessionId = '' }) => sessionId)
    const questions = await reviews.listQuestions(clientId, sessionIds, db)
    const claimants: Claimant[] = []
    for (const received of claims) {
      const session = await sessions.find(received.sessionId ?? '', db)
      const own = received.channels.find((one) => one.channelId === channelId)?.reason
      if (!session || own === 'client_not_listed') continue
      const asked = questions.find(({ sessionId }) => sessionId === session.id)
      claimants.push({ received, session, reason: own ?? reason, asked })
    }
    return { claimants, moreClaimants }
  }
}

/** However it was typed: case and spaces are not what tells customers apart. */
function isSameName(name: string, typed: string): boolean {
  const fold = (text: string) => text.normalize('NFC').trim().replaceAll(/\s+/g, ' ').toLowerCase()
  return fold(name) === fold(typed)
}

function belongsTo(holder: ReviewFacts['holder']): ConflictError {
  return new ConflictError(
    'version_conflict',
    `${holder?.name} has this number. Only a move takes it from them: "Move it" on the page of the review, or --move-from. Nothing was changed.`,
  )
}

function notListed(): InvalidInputError {
  return new InvalidInputError(
    '360dialog does not list this number for this client, so it cannot be connected. Refuse it, or wait until 360dialog lists it.',
  )
}

function decidedAlready(): ConflictError {
  return new ConflictError(
    'version_conflict',
    'This was decided already, and nothing was changed now. Load the list again.',
  )
}
