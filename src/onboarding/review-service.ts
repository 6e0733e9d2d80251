import type { AuditLog } from '../audit/audit-log.ts'
import type { ChannelRepository, ChannelState } from '../channels/channel-repository.ts'
import type { Clock } from '../clock.ts'
import type { Channel } from '../d360/channel.ts'
import type { Client } from '../d360/client.ts'
import type { PartnerApi } from '../d360/partner-api.ts'
import { type Database, inTransaction } from '../database/database.ts'
import { InvalidInputError, NotFoundError, PartnerApiError } from '../errors.ts'
import type { MintService } from '../keys/mint-service.ts'
import type { PermissionService } from '../permissions/permission-service.ts'
import type { WorkName } from '../worker/worker.ts'
import { settleChannel } from './belonging.ts'
import type { ConnectSession, ConnectSessionRepository } from './connect-session-repository.ts'
import type { Return, ReturnRepository } from './return-repository.ts'
import type { Decision, Review, ReviewRepository } from './review-repository.ts'

/** One return that waits for the decision, with the session that it came by. */
export interface Claim {
  readonly received: Return
  readonly session: ConnectSession
  readonly launchedAt: Date
}

/** All that an admin decides by. */
export interface ReviewFile {
  readonly review: Review
  /** As 360dialog described it last. */
  readonly client: Client | undefined
  readonly channel: ChannelState | undefined
  /** Oldest first. */
  readonly claims: readonly Claim[]
  /** Decided reviews of the same channel, newest first. */
  readonly earlier: readonly Review[]
}

const PATIENCE_MS = 20_000

interface Given {
  readonly db: Database
  readonly reviews: ReviewRepository
  readonly returns: ReturnRepository
  readonly sessions: ConnectSessionRepository
  readonly channels: ChannelRepository
  readonly permissions: PermissionService
  readonly mints: Pick<MintService, 'request'>
  readonly partnerApi: Pick<PartnerApi, 'findClientWithChannels'>
  readonly audit: AuditLog
  readonly clock: Clock
  readonly wake: (name: WorkName) => void
}

/** Decides what the rules could not: whether a tenant gets a channel (ARCHITECTURE, "Belonging"). */
export class ReviewService {
  readonly #given: Given

  constructor(given: Given) {
    this.#given = given
  }

  /** @throws NotFoundError when there is no such review */
  async read(id: string): Promise<ReviewFile> {
    const { reviews, returns, channels } = this.#given
    const review = await this.#find(id)
    const { clientId, channelId } = review
    const waiting = review.closedAt ? [] : await returns.listClaims(clientId, channelId)
    const all = await reviews.listOfChannel(channelId)
    return {
      review,
      client: await channels.findClient(clientId),
      channel: await channels.find(channelId),
      claims: await this.#toClaims(waiting),
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
    const { db, sessions, wake } = this.#given
    const review = await this.#findOpen(id)
    if (!(await sessions.hasTenant(tenantId)))
      throw new InvalidInputError(
        'There is no customer with this id. Copy it from a case or from your product.',
      )
    const seen = await this.#askHubInTime(review)
    await inTransaction(db, async (trx) => {
      await this.#close(review, { decision: 'accepted', by, tenantId }, trx)
      await this.#give(review, tenantId, seen, by, trx)
    })
    wake('mints')
  }

  /** @throws NotFoundError, InvalidInputError when it is decided already */
  async refuse(id: string, by: string): Promise<void> {
    const { db, audit } = this.#given
    const review = await this.#findOpen(id)
    await inTransaction(db, async (trx) => {
      await this.#close(review, { decision: 'refused', by, tenantId: undefined }, trx)
      const { channelId, reason, tenantId } = review
      const detail = { review: id, client: review.clientId, reason }
      await audit.record(
        { actor: by, action: 'review.refused', channelId, ...(tenantId && { tenantId }), detail },
        trx,
      )
    })
  }

  /** A return of this tenant has bound the channel: what waited for the same tenant is answered by that. */
  async onBound(channelId: string, tenantId: string, now: Date, trx: Database): Promise<void> {
    const { reviews, returns } = this.#given
    for (const review of await reviews.listOpenOfChannel(channelId, trx)) {
      await this.#settle(review, tenantId, now, trx, { others: 'wait' })
      const left = await returns.listClaims(review.clientId, channelId, trx)
      if (left.length > 0) continue
      await reviews.close(review.id, { decision: 'settled', by: 'latchkey', tenantId }, now, trx)
    }
  }

  async #askHub({ clientId, channelId }: Review): Promise<{ client: Client; channel: Channel }> {
    const found = await this.#given.partnerApi.findClientWithChannels(clientId, 'mint')
    const channel = found?.channels.find((one) => one.id === channelId)
    if (found && channel) return { client: found.client, channel }
    throw new InvalidInputError(
      '360dialog does not list this number for this client, so it cannot be connected. Refuse it, or wait until 360dialog lists it.',
    )
  }

  /** Somebody waits for the answer: they try again rather than look at an empty page for minutes. */
  async #askHubInTime(review: Review): Promise<{ client: Client; channel: Channel }> {
    const waiting = new AbortController()
    const tooLate = this.#given.clock.sleep(PATIENCE_MS, waiting.signal).then(() => {
      throw new PartnerApiError('unknown')
    })
    try {
      return await Promise.race([this.#askHub(review), tooLate])
    } finally {
      waiting.abort()
    }
  }

  async #close(review: Review, decision: Decision, trx: Database): Promise<void> {
    const { reviews, clock } = this.#given
    const now = clock.now()
    if (!(await reviews.close(review.id, decision, now, trx))) throw decidedAlready()
    await this.#settle(review, decision.tenantId, now, trx, { others: 'refused' })
  }

  async #give(
    { id, channelId, clientId, reason, openedAt }: Review,
    tenantId: string,
    { client, channel }: { client: Client; channel: Channel },
    by: string,
    trx: Database,
  ): Promise<void> {
    const { channels, permissions, mints, audit, clock } = this.#given
    const now = clock.now()
    await channels.describe(client, [channel], now, trx)
    const before = (await channels.tenantsOf([channelId], trx)).get(channelId)
    await channels.assign(channelId, tenantId, now, trx)
    await permissions.observe(channelId, { source: 'return', says: 'shared', observedAt: openedAt }, trx)
    // Without a launch's time the channel counts as an older one: a key of somebody else's stops the mint.
    await mints.request({ channelId, askedBy: id, launchedAt: undefined, now }, trx)
    const detail = { review: id, client: clientId, reason, ...(before && { before }) }
    await audit.record({ actor: by, action: 'review.accepted', channelId, tenantId, detail }, trx)
  }

  /** Every return that waits for this channel is told: bound for the tenant that has it now. */
  async #settle(
    { clientId, channelId }: Review,
    tenantId: string | undefined,
    now: Date,
    trx: Database,
    { others }: { others: 'refused' | 'wait' },
  ): Promise<void> {
    const { returns, sessions } = this.#given
    for (const claim of await returns.listClaims(clientId, channelId, trx)) {
      const session = await sessions.find(claim.sessionId, trx)
      const isTheirs = session !== undefined && session.tenantId === tenantId
      if (!claim.verdict || (!isTheirs && others === 'wait')) continue
      const { state, verdict } = settleChannel(claim.verdict, channelId, isTheirs)
      await returns.close(claim.id, state, verdict, now, trx)
    }
  }

  async #toClaims(waiting: readonly Return[]): Promise<Claim[]> {
    const { sessions } = this.#given
    const claims = await Promise.all(
      waiting.map(async (received) => {
        const session = await sessions.find(received.sessionId)
        const launch = await sessions.findLaunch(received.launchId)
        return session && launch ? [{ received, session, launchedAt: launch.createdAt }] : []
      }),
    )
    return claims.flat()
  }

  async #find(id: string): Promise<Review> {
    const review = /^\w{1,100}$/.test(id) ? await this.#given.reviews.find(id) : undefined
    if (!review) throw new NotFoundError('not_found', 'There is no review with this id.')
    return review
  }

  async #findOpen(id: string): Promise<Review> {
    const review = await this.#find(id)
    if (review.closedAt) throw decidedAlready()
    return review
  }
}

function decidedAlready(): InvalidInputError {
  return new InvalidInputError('This was decided already, and nothing was changed now. Load the list again.')
}
