import { sql } from 'kysely'
import type { AuditLog } from '../audit/audit-log.ts'
import type { ChannelDetails, ChannelService } from '../channels/channel-service.ts'
import type { Clock } from '../clock.ts'
import type { Channel } from '../d360/channel.ts'
import type { Client } from '../d360/client.ts'
import type { PartnerApi } from '../d360/partner-api.ts'
import { type Database, inTransaction } from '../database/database.ts'
import type { ReviewReason, Row } from '../database/schema.ts'
import { InvalidInputError, NotFoundError, PartnerApiError } from '../errors.ts'
import { newId } from '../identifiers.ts'
import type { MintService } from '../keys/mint-service.ts'
import type { ConnectSession, ConnectSessionService } from './connect-session-service.ts'
import type { ReturnDetails, ReturnRepository } from './return-repository.ts'

/** A channel that an admin decides about: may a tenant have it? One is open for a client and channel. */
export type Review = Row<'review'> & { readonly tenantName: string | undefined }

export type NewReview = Pick<Review, 'clientId' | 'channelId' | 'arrival' | 'reason'> &
  Partial<Pick<Review, 'returnId' | 'sessionId' | 'tenantId'>>

/** One return that waits for the decision, with the session that it came by. */
export interface Claimant {
  readonly received: ReturnDetails
  readonly session: ConnectSession
  readonly launchedAt: Date
  /** Why this return did not bind the channel. */
  readonly reason: ReviewReason
}

/** All that an admin decides by. */
export interface ReviewDetails {
  readonly review: Review
  /** As 360dialog described it last. */
  readonly client: Row<'client'> | undefined
  readonly channel: ChannelDetails | undefined
  /** Oldest first. */
  readonly claimants: readonly Claimant[]
  /** Decided reviews of the same channel, newest first. */
  readonly earlier: readonly Review[]
}

interface Decision {
  readonly decision: NonNullable<Review['decision']>
  /** `admin:NAME`, `cli` or `latchkey`. */
  readonly by: string
  readonly tenantId?: string
}

const PATIENCE_MS = 20_000
/** However many ids one session invents, it does not fill the admin's list. */
const MAX_UNLISTED = 20

interface Dependencies {
  readonly db: Database
  readonly returns: ReturnRepository
  readonly sessions: ConnectSessionService
  readonly channels: ChannelService
  readonly mints: Pick<MintService, 'request'>
  readonly partnerApi: Pick<PartnerApi, 'findClientWithChannels'>
  readonly audit: AuditLog
  readonly clock: Clock
}

/** Decides what the rules could not: whether a tenant gets a channel (ARCHITECTURE, "Belonging"). */
export class ReviewService {
  readonly #dependencies: Dependencies

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  /**
   * Opens a review, unless one is open for this client and channel: if that is of the same session, it tells the
   * newer reason. Ids that 360dialog does not list open no more than MAX_UNLISTED in a session.
   */
  async open(review: NewReview, now: Date, trx: Database, { isListed = true } = {}): Promise<void> {
    const { clientId, channelId, sessionId, reason, arrival } = review
    if (!isListed && sessionId && (await countOpen(sessionId, trx)) >= MAX_UNLISTED) return
    const newer = <T>(column: string, value: T) =>
      sql<T>`case when session_id = ${sessionId ?? ''} then ${value} else ${sql.ref(column)} end`
    for (let isThere = false; !isThere; ) {
      const opened = await trx
        .insertInto('review')
        .values({ id: newId('rev', now), ...review, openedAt: now })
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst()
      if (opened.numInsertedOrUpdatedRows === 1n) return
      // Waits for a decision that is being written: what comes after it needs a review of its own.
      const kept = await trx
        .updateTable('review')
        .set({ reason: newer('reason', reason), arrival: newer('arrival', arrival) })
        .where('clientId', '=', clientId)
        .where('channelId', '=', channelId)
        .where('closedAt', 'is', null)
        .executeTakeFirst()
      isThere = kept.numUpdatedRows > 0n
    }
  }

  /** Oldest first; `after` is the id of the last review of the page before. */
  listOpen({ after = '', limit }: { after?: string | undefined; limit: number }): Promise<Review[]> {
    return this.#list()
      .where('review.closedAt', 'is', null)
      .where('review.id', '>', after)
      .orderBy('review.id')
      .limit(limit)
      .execute() as Promise<Review[]>
  }

  /** Newest first, open and decided. */
  listOfChannel(channelId: string, db = this.#dependencies.db): Promise<Review[]> {
    const query = this.#list(db).where('review.channelId', '=', channelId).orderBy('review.id', 'desc')
    return query.execute() as Promise<Review[]>
  }

  /** @throws NotFoundError when there is no such review */
  async read(id: string): Promise<ReviewDetails> {
    const { channels } = this.#dependencies
    const review = await this.#find(id)
    const all = await this.listOfChannel(review.channelId)
    return {
      review,
      client: await channels.findClient(review.clientId),
      channel: await channels.find(review.channelId),
      claimants: review.closedAt ? [] : await this.#listClaimants(review),
      earlier: all.filter((other) => other.id !== id && other.closedAt !== undefined),
    }
  }

  /**
   * Gives the channel to a tenant, the one that asked or another, and asks for its key. 360dialog is asked once
   * more: what it confirmed when the return came may have changed since.
   *
   * @throws NotFoundError, InvalidInputError when it is decided already, 360dialog does not list the channel for
   *   this client, or there is no such tenant; PartnerApiError when 360dialog cannot be asked
   */
  async accept(id: string, tenantId: string, by: string): Promise<void> {
    const { db, channels } = this.#dependencies
    const review = await this.#findOpen(id)
    if (!(await channels.hasTenant(tenantId)))
      throw new InvalidInputError(
        'There is no customer with this id. Copy it from a case or from your product.',
      )
    const seen = await this.#askHubInTime(review)
    await inTransaction(db, async (trx) => {
      await this.#close(review, { decision: 'accepted', by, tenantId }, trx)
      await this.#give(review, tenantId, seen, by, trx)
    })
  }

  /** @throws NotFoundError, InvalidInputError when it is decided already */
  async refuse(id: string, by: string): Promise<void> {
    const { db, audit } = this.#dependencies
    const review = await this.#findOpen(id)
    await inTransaction(db, async (trx) => {
      await this.#close(review, { decision: 'refused', by }, trx)
      const { channelId, clientId, reason, tenantId } = review
      const detail = { review: id, client: clientId, reason }
      await audit.record(
        { actor: by, action: 'review.refused', channelId, ...(tenantId && { tenantId }), detail },
        trx,
      )
    })
  }

  /** A return of this tenant has bound the channel: what waited for the same tenant is answered by that. */
  async onBound(channelId: string, tenantId: string, now: Date, trx: Database): Promise<void> {
    for (const review of await this.listOfChannel(channelId, trx)) {
      if (review.closedAt) continue
      const others = await this.#settle(review, tenantId, 'bound_already', now, trx)
      if (others.length > 0) continue
      await this.#write(review.id, { decision: 'settled', by: 'latchkey', tenantId }, now, trx)
    }
  }

  async #askHub({ clientId, channelId }: Review): Promise<{ client: Client; channel: Channel }> {
    const found = await this.#dependencies.partnerApi.findClientWithChannels(clientId, 'mint')
    const channel = found?.channels.find(({ id }) => id === channelId)
    if (found && channel) return { client: found.client, channel }
    throw new InvalidInputError(
      '360dialog does not list this number for this client, so it cannot be connected. Refuse it, or wait until 360dialog lists it.',
    )
  }

  /** A person waits for the answer: they try again rather than look at an empty page for minutes. */
  async #askHubInTime(review: Review): Promise<{ client: Client; channel: Channel }> {
    const waiting = new AbortController()
    const tooLate = this.#dependencies.clock.sleep(PATIENCE_MS, waiting.signal).then(() => {
      throw new PartnerApiError('unknown')
    })
    try {
      return await Promise.race([this.#askHub(review), tooLate])
    } finally {
      waiting.abort()
    }
  }

  async #close(review: Review, decision: Decision, trx: Database): Promise<void> {
    const { returns, clock } = this.#dependencies
    const now = clock.now()
    if (!(await this.#write(review.id, decision, now, trx))) throw decidedAlready()
    const { channelId } = review
    for (const { id } of await this.#settle(review, decision.tenantId, 'decision', now, trx))
      await returns.settle(id, [{ channelId, outcome: 'refused' }], now, trx)
  }

  /** False when another decision was faster. */
  async #write(id: string, { decision, by, tenantId }: Decision, now: Date, trx: Database): Promise<boolean> {
    const closed = await trx
      .updateTable('review')
      .set({ decision, decidedBy: by, ...(tenantId && { decidedTenantId: tenantId }), closedAt: now })
      .where('id', '=', id)
      .where('closedAt', 'is', null)
      .executeTakeFirst()
    return closed.numUpdatedRows === 1n
  }

  async #give(
    { id, channelId, clientId, reason, openedAt }: Review,
    tenantId: string,
    { client, channel }: { client: Client; channel: Channel },
    by: string,
    trx: Database,
  ): Promise<void> {
    const { channels, mints, audit, clock } = this.#dependencies
    const now = clock.now()
    await channels.describe(client, [channel], now, trx)
    const before = (await channels.tenantsOf([channelId], trx)).get(channelId)
    await channels.assign(channelId, tenantId, now, trx)
    await channels.observe(channelId, { source: 'return', says: 'shared', observedAt: openedAt }, trx)
    // Without a launch's time the channel counts as an older one: another system's key stops the mint.
    await mints.request({ channelId, askedBy: id, launchedAt: undefined }, trx)
    const detail = { review: id, client: clientId, reason, ...(before && { before }) }
    await audit.record({ actor: by, action: 'review.accepted', channelId, tenantId, detail }, trx)
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

  async #listClaimants({ clientId, channelId, reason }: Review): Promise<Claimant[]> {
    const { returns, sessions } = this.#dependencies
    const waiting = await returns.listWaitingFor(clientId, channelId)
    const claimants = await Promise.all(
      waiting.map(async (received) => {
        const session = await sessions.find(received.sessionId ?? '')
        const launch = await sessions.findLaunch(received.launchId ?? '')
        const own = received.channels.find((one) => one.channelId === channelId)?.reason
        if (!session || !launch) return []
        return [{ received, session, launchedAt: launch.createdAt, reason: own ?? reason }]
      }),
    )
    return claimants.flat()
  }

  async #find(id: string): Promise<Review> {
    const query = this.#list().where('review.id', '=', id)
    const review = /^\w{1,100}$/.test(id) ? await query.executeTakeFirst() : undefined
    if (!review) throw new NotFoundError('not_found', 'There is no review with this id.')
    return review as Review
  }

  async #findOpen(id: string): Promise<Review> {
    const review = await this.#find(id)
    if (review.closedAt) throw decidedAlready()
    return review
  }

  #list(db = this.#dependencies.db) {
    return db
      .selectFrom('review')
      .leftJoin('tenant', 'tenant.id', 'review.tenantId')
      .selectAll('review')
      .select('tenant.name as tenantName')
  }
}

async function countOpen(sessionId: string, db: Database): Promise<number> {
  const { count } = await db
    .selectFrom('review')
    .select((row) => row.fn.countAll().as('count'))
    .where('sessionId', '=', sessionId)
    .where('closedAt', 'is', null)
    .executeTakeFirstOrThrow()
  return Number(count)
}

function decidedAlready(): InvalidInputError {
  return new InvalidInputError('This was decided already, and nothing was changed now. Load the list again.')
}
