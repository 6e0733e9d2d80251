import type { AuditEntry, AuditLog } from '../audit/audit-log.ts'
import type { ChannelRepository, ChannelState } from '../channels/channel-repository.ts'
import type { ConnectSession, ConnectSessionRepository } from '../onboarding/connect-session-repository.ts'
import type { Return, ReturnRepository } from '../onboarding/return-repository.ts'

const PAGE = 50
const MOST_IN_NEED = 50
const MOST_CHANNELS_OF_CASE = 200
const CODE = /^([2-9A-HJKMNP-TV-Z]{3})([ -]?)([2-9A-HJKMNP-TV-Z]{3})$/

export type ReviewedReturn = Awaited<ReturnType<ReturnRepository['listForReview']>>[number]

export interface Page<T> {
  readonly rows: readonly T[]
  /** Where the next page begins; undefined on the last one. */
  readonly next: string | undefined
}

/** What a client's code leads to. */
export interface Case {
  readonly session: ConnectSession
  readonly returns: readonly Return[]
  readonly channels: readonly ChannelState[]
}

interface Given {
  readonly channels: ChannelRepository
  readonly sessions: ConnectSessionRepository
  readonly returns: ReturnRepository
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
    returns: readonly ReviewedReturn[]
    more: boolean
  }> {
    const { channels, returns } = this.#given
    const ids = await channels.listIdsInNeed(MOST_IN_NEED + 1)
    const reviews = await returns.listForReview(MOST_IN_NEED + 1)
    return {
      channels: await channels.list({ ids: ids.slice(0, MOST_IN_NEED) }),
      returns: reviews.slice(0, MOST_IN_NEED),
      more: ids.length > MOST_IN_NEED || reviews.length > MOST_IN_NEED,
    }
  }

  /** The code as it is stored, when a session has it. Typed without the dash, or in lower case, it counts. */
  async findCode(text: string): Promise<string | undefined> {
    const code = readCode(text)
    return code && (await this.#given.sessions.findByCode(code)) ? code : undefined
  }

  async findCase(text: string): Promise<Case | undefined> {
    const { sessions, returns, channels } = this.#given
    const code = readCode(text)
    const session = code ? await sessions.findByCode(code) : undefined
    if (!session) return undefined
    const came = await returns.listOfSession(session.id)
    const named = came.flatMap((one) => [...one.channelIds, ...one.revokedIds])
    const own = await channels.list({ tenantId: session.tenantId, limit: MOST_CHANNELS_OF_CASE })
    const others = named.filter((name) => !own.some((channel) => channel.id === name))
    return {
      session,
      returns: came.toReversed(),
      channels: [...own, ...(await channels.list({ ids: others }))],
    }
  }

  async listAudit(before: string): Promise<Page<AuditEntry>> {
    return toPage(await this.#given.audit.list({ ...(before && { before }), limit: PAGE + 1 }))
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
