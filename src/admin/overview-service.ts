import type { AuditLog } from '../audit/audit-log.ts'
import type { ChannelFilter, ChannelService } from '../channels/channel-service.ts'
import { ANSWER_MS } from '../channels/requirement.ts'
import type { Clock } from '../clock.ts'
import type { HubTrouble, Trouble } from '../d360/hub-trouble.ts'
import type { Row } from '../database/schema.ts'
import type { Jobs } from '../jobs/jobs.ts'
import type { ConnectSession, ConnectSessionService } from '../onboarding/connect-session-service.ts'
import type { FailedPage, FailedPages } from '../onboarding/failed-pages.ts'
import type { ReturnService } from '../onboarding/return-service.ts'
import type { Review } from '../onboarding/review-facts.ts'
import type { ReviewService } from '../onboarding/review-service.ts'
import type { ReturnDetails } from './channel-admin-service.ts'
import { type StandingChannel, withStanding } from './standing-channel.ts'

const PAGE = 50
const MAX_CANDIDATES = 200
const MAX_NEEDS = 50
const MAX_REVIEWS_SHOWN = 5
const MAX_RETURNS_SHOWN = 10
const MAX_NAMED_IN_CASE = 50
const MAX_CHANNELS_OF_CASE = 200

export interface Page<T> {
  readonly rows: readonly T[]
  /** Where the next page begins; undefined on the last one. */
  readonly next: string | undefined
}

interface CaseReturn extends ReturnDetails {
  readonly reviews: readonly Review[]
  /** What came, where it cannot be read. */
  readonly unread: string | undefined
}

/** What a client's code leads to. */
export interface Case {
  readonly session: ConnectSession
  /** Newest first. */
  readonly returns: readonly CaseReturn[]
  readonly channels: readonly StandingChannel[]
}

/** An open review, with what 360dialog said last of its number. */
export interface ListedReview {
  readonly review: Review
  readonly channel: StandingChannel | undefined
}

/** What needs the admin: the first of each, and whether there are more. */
export interface Needs {
  /** Of the whole hub, and how much waits for it to end. */
  readonly trouble: (Trouble & { readonly waiting: number }) | undefined
  readonly channels: readonly StandingChannel[]
  readonly hasMoreChannels: boolean
  /** What came back, and 360dialog has not said for longer than is normal whether it is true. Oldest first. */
  readonly returns: Awaited<ReturnType<ReturnService['listUnanswered']>>
  readonly hasMoreReturns: boolean
  /** Customers who came back and cannot go on by themselves. Newest first. */
  readonly stuck: Awaited<ReturnType<ReturnService['listStuck']>>
  readonly hasMoreStuck: boolean
  readonly reviews: readonly ListedReview[]
  readonly hasMoreReviews: boolean
}

interface Dependencies {
  readonly channels: Pick<ChannelService, 'list' | 'listCandidates'>
  readonly failedPages: Pick<FailedPages, 'find'>
  readonly sessions: Pick<ConnectSessionService, 'findByCode'>
  readonly returns: Pick<ReturnService, 'listOfSession' | 'listUnanswered' | 'listStuck' | 'findUnread'>
  readonly reviews: Pick<ReviewService, 'listOpen' | 'listOfChannel'>
  readonly audit: AuditLog
  readonly jobs: Pick<Jobs, 'countHeldUp'>
  readonly trouble: Pick<HubTrouble, 'find'>
  readonly clock: Clock
}

/** Finds for the admin what waits, what there is, and the case behind a code. */
export class OverviewService {
  readonly #dependencies: Dependencies

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  async listChannels(after: string): Promise<Page<StandingChannel>> {
    return toPage(await this.#list({ after, limit: PAGE + 1 }))
  }

  async listNeeds(): Promise<Needs> {
    const { channels, returns, reviews, trouble: hub, jobs, clock } = this.#dependencies
    const now = clock.now()
    const trouble = await hub.find()
    const candidates = await this.#list({ ids: await channels.listCandidates(now, MAX_CANDIDATES) })
    const since = new Date(now.getTime() - ANSWER_MS)
    // What waits for the hub is told with the hub.
    const unanswered = trouble ? [] : await returns.listUnanswered(since, MAX_RETURNS_SHOWN + 1)
    const stuck = await returns.listStuck(MAX_RETURNS_SHOWN + 1)
    const needs = candidates.filter(({ needsAdmin }) => needsAdmin)
    const open = await reviews.listOpen({ limit: MAX_REVIEWS_SHOWN + 1 })
    return {
      trouble: trouble && { ...trouble, waiting: await jobs.countHeldUp(['return', 'mint']) },
      channels: needs.slice(0, MAX_NEEDS),
      hasMoreChannels: needs.length > MAX_NEEDS || candidates.length === MAX_CANDIDATES,
      returns: unanswered.slice(0, MAX_RETURNS_SHOWN),
      hasMoreReturns: unanswered.length > MAX_RETURNS_SHOWN,
      stuck: stuck.slice(0, MAX_RETURNS_SHOWN),
      hasMoreStuck: stuck.length > MAX_RETURNS_SHOWN,
      reviews: await this.#withChannels(open.slice(0, MAX_REVIEWS_SHOWN)),
      hasMoreReviews: open.length > MAX_REVIEWS_SHOWN,
    }
  }

  /** What a code on a failure page leads to, and the failures of the session whose code it is. */
  listFailedPages(code: string): Promise<FailedPage[]> {
    return this.#dependencies.failedPages.find(code)
  }

  async findCase(code: string): Promise<Case | undefined> {
    const { sessions, returns, reviews } = this.#dependencies
    const session = await sessions.findByCode(code)
    if (!session) return undefined
    const received = (await returns.listOfSession(session.id)).toReversed()
    const unread = await returns.findUnread(session.id)
    const named = [...new Set(received.flatMap((one) => one.channels.map(({ channelId }) => channelId)))]
    const reviewed = named.slice(0, MAX_NAMED_IN_CASE).map((id) => reviews.listOfChannel(id))
    const all = (await Promise.all(reviewed)).flat()
    const own = await this.#list({ tenantId: session.tenantId, limit: MAX_CHANNELS_OF_CASE })
    const others = named.filter((id) => !own.some((channel) => channel.id === id))
    return {
      session,
      returns: received.map((one) => ({
        ...one,
        reviews: all.filter((review) => isAbout(review, one)),
        unread: unread.get(one.id),
      })),
      channels: [...own, ...(await this.#list({ ids: others }))],
    }
  }

  /** Open reviews, oldest first. */
  async listReviews(after: string): Promise<Page<ListedReview>> {
    const open = await this.#dependencies.reviews.listOpen({ ...(after && { after }), limit: PAGE + 1 })
    const { rows, next } = toPage(open)
    return { rows: await this.#withChannels(rows), next }
  }

  async listAudit(before: string): Promise<Page<Row<'auditEntry'>>> {
    return toPage(await this.#dependencies.audit.list({ ...(before && { before }), limit: PAGE + 1 }))
  }

  async #list(filter: ChannelFilter): Promise<StandingChannel[]> {
    const { channels, trouble, clock } = this.#dependencies
    const now = clock.now()
    const hubTrouble = await trouble.find()
    return (await channels.list(filter)).map((channel) => withStanding(channel, now, hubTrouble))
  }

  async #withChannels(reviews: readonly Review[]): Promise<ListedReview[]> {
    const found = await this.#list({ ids: reviews.map(({ channelId }) => channelId) })
    return reviews.map((review) => ({ review, channel: found.find(({ id }) => id === review.channelId) }))
  }
}

function isAbout({ clientId, channelId }: Review, received: ReturnDetails): boolean {
  const granted = received.channels.filter(({ isRevoked }) => !isRevoked)
  return clientId === received.clientId && granted.some((channel) => channel.channelId === channelId)
}

function toPage<T extends { readonly id: string }>(found: readonly T[]): Page<T> {
  const rows = found.slice(0, PAGE)
  return { rows, next: found.length > PAGE ? rows.at(-1)?.id : undefined }
}
