import type { AuditEntry, AuditLog } from '../audit/audit-log.ts'
import type { ChannelRepository, ChannelState } from '../channels/channel-repository.ts'
import type { ConnectSession, ConnectSessionRepository } from '../onboarding/connect-session-repository.ts'
import type { Return, ReturnRepository } from '../onboarding/return-repository.ts'
import type { Review, ReviewRepository } from '../onboarding/review-repository.ts'

const PAGE = 50
const MOST_IN_NEED = 50
const MOST_REVIEWS_SHOWN = 5
const MOST_NAMED_IN_CASE = 50
const MOST_CHANNELS_OF_CASE = 200
const CODE = /^([2-9A-HJKMNP-TV-Z]{3})([ -]?)([2-9A-HJKMNP-TV-Z]{3})$/

export interface Page<T> {
  readonly rows: readonly T[]
  /** Where the next page begins; undefined on the last one. */
  readonly next: string | undefined
}

/** What a client's code leads to. */
export interface Case {
  readonly session: ConnectSession
  readonly returns: readonly Return[]
  /** Reviews of the numbers that these returns named, newest first. */
  readonly reviews: readonly Review[]
  readonly channels: readonly ChannelState[]
}

/** An open review, with what 360dialog said last of its number. */
export interface ListedReview {
  readonly review: Review
  readonly channel: ChannelState | undefined
}

interface Given {
  readonly channels: ChannelRepository
  readonly sessions: ConnectSessionRepository
  readonly returns: ReturnRepository
  readonly reviews: ReviewRepository
  readonly audit: AuditLog
}

/** Finds for the admin what waits, what there is, and the case behind a code. */
export class OverviewService {
  readonly #given: Given

  constructor(given: Given) {
    this.#given = given
  }

  async listChannels({ search, after }: { search: string; after: string }): Promise<Page<ChannelState>> {
    const found = await this.#given.channels.list({
      ...(search && { search: toSearch(search) }),
      ...(after && { after }),
      limit: PAGE + 1,
    })
    return toPage(found)
  }

  async listInNeed(): Promise<{
    channels: readonly ChannelState[]
    moreChannels: boolean
    reviews: readonly ListedReview[]
    moreReviews: boolean
  }> {
    const { channels, reviews } = this.#given
    const ids = await channels.listIdsInNeed(MOST_IN_NEED + 1)
    const open = await reviews.listOpen({ limit: MOST_REVIEWS_SHOWN + 1 })
    return {
      channels: await channels.list({ ids: ids.slice(0, MOST_IN_NEED) }),
      moreChannels: ids.length > MOST_IN_NEED,
      reviews: await this.#describe(open.slice(0, MOST_REVIEWS_SHOWN)),
      moreReviews: open.length > MOST_REVIEWS_SHOWN,
    }
  }

  /** The code as it is stored, when a session has it. Typed without the dash, or in lower case, it counts. */
  async findCode(text: string): Promise<string | undefined> {
    const code = readCode(text)
    return code && (await this.#given.sessions.findByCode(code)) ? code : undefined
  }

  async findCase(text: string): Promise<Case | undefined> {
    const { sessions, returns, reviews, channels } = this.#given
    const code = readCode(text)
    const session = code ? await sessions.findByCode(code) : undefined
    if (!session) return undefined
    const came = await returns.listOfSession(session.id)
    const named = [...new Set(came.flatMap((one) => [...one.channelIds, ...one.revokedIds]))]
    const reviewed = named.slice(0, MOST_NAMED_IN_CASE).map((id) => reviews.listOfChannel(id))
    const own = await channels.list({ tenantId: session.tenantId, limit: MOST_CHANNELS_OF_CASE })
    const others = named.filter((name) => !own.some((channel) => channel.id === name))
    return {
      session,
      returns: came.toReversed(),
      reviews: (await Promise.all(reviewed)).flat(),
      channels: [...own, ...(await channels.list({ ids: others }))],
    }
  }

  /** Open reviews, oldest first. */
  async listReviews(after: string): Promise<Page<ListedReview>> {
    const { rows, next } = toPage(
      await this.#given.reviews.listOpen({ ...(after && { after }), limit: PAGE + 1 }),
    )
    return { rows: await this.#describe(rows), next }
  }

  async listAudit(before: string): Promise<Page<AuditEntry>> {
    return toPage(await this.#given.audit.list({ ...(before && { before }), limit: PAGE + 1 }))
  }

  async #describe(reviews: readonly Review[]): Promise<ListedReview[]> {
    const found = await this.#given.channels.list({ ids: reviews.map(({ channelId }) => channelId) })
    return reviews.map((review) => ({ review, channel: found.find(({ id }) => id === review.channelId) }))
  }
}

/** True when it looks like a code and can hardly be a name. */
export function isCode(text: string): boolean {
  return CODE.exec(text.toUpperCase())?.[2] === '-'
}

function readCode(text: string): string | undefined {
  const [, first, , last] = CODE.exec(text.trim().toUpperCase()) ?? []
  return first && last && `${first}-${last}`
}

/** Numbers are stored without blanks, and people type them with. */
function toSearch(text: string): string {
  return /^[+\d\s()./-]+$/.test(text) && /\d/.test(text) ? text.replaceAll(/[^+\d]/g, '') : text
}

function toPage<T extends { readonly id: string }>(found: readonly T[]): Page<T> {
  const rows = found.slice(0, PAGE)
  return { rows, next: found.length > PAGE ? rows.at(-1)?.id : undefined }
}
