import type { ChannelService } from '../channels/channel-service.ts'
import type { Clock } from '../clock.ts'
import { type HubTrouble, isOursToMend } from '../d360/hub-trouble.ts'
import type { Database } from '../database/database.ts'
import type { ConnectSession, ConnectSessionService } from '../onboarding/connect-session-service.ts'
import type { FailedPages } from '../onboarding/failed-pages.ts'
import type { ReturnService } from '../onboarding/return-service.ts'
import { readQuery } from '../search/query.ts'
import { type Found, findSubjects, keepSubjects, keyOf, type Subject } from '../search/search-index.ts'
import { type StagedSession, stageOf } from './session-stage.ts'
import { type StandingChannel, withStanding } from './standing-channel.ts'

/** Of each kind of hit. */
const MAX_SHOWN = 50
/** Hits that are compared with the rest of a query: a customer with more numbers than that needs more words. */
const MAX_HITS = 500

export type FoundSession = ConnectSession & StagedSession

/** Hits of one kind, the closest first. */
export interface Hits<T> {
  readonly shown: readonly T[]
  readonly count: number
}

export interface SearchResult {
  readonly channels: Hits<StandingChannel>
  readonly sessions: Hits<FoundSession>
  /** There are too many to look through them all: who says more finds more. */
  readonly isCut: boolean
}

interface Dependencies {
  readonly db: Database
  readonly failedPages: Pick<FailedPages, 'find'>
  readonly channels: Pick<ChannelService, 'list' | 'listIds'>
  readonly sessions: Pick<ConnectSessionService, 'list' | 'listIds'>
  readonly returns: Pick<ReturnService, 'listOfSessions'>
  readonly trouble: Pick<HubTrouble, 'find'>
  readonly clock: Clock
}

/** A channel or session, and every row by whose terms it is found. */
interface Hit {
  readonly id: string
  readonly by: readonly Subject[]
}

/** Finds numbers and connect sessions by whatever a customer or a colleague says of them. */
export class SearchService {
  readonly #dependencies: Dependencies

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  async find(typed: string): Promise<SearchResult> {
    const found = await findSubjects(readQuery(typed), this.#dependencies.db)
    const [channels, sessions] = await Promise.all([this.#channelsOf(found), this.#sessionsOf(found)])
    return {
      channels: await this.#show(channels, found, (ids) => this.#readChannels(ids)),
      sessions: await this.#show(sessions, found, (ids) => this.#readSessions(ids)),
      isCut: found.isCut || channels.length === MAX_HITS || sessions.length === MAX_HITS,
    }
  }

  /** The code that this spells, when a failure page has it. */
  async findFailure(typed: string): Promise<string | undefined> {
    const letters = typed.toUpperCase().replaceAll(/[^A-Z\d]/g, '')
    const code = `${letters.slice(0, 3)}-${letters.slice(3)}`
    return (await this.#dependencies.failedPages.find(code)).length > 0 ? code : undefined
  }

  async #channelsOf({ subjects }: Found): Promise<Hit[]> {
    const rows = await this.#dependencies.channels.listIds(
      {
        ids: idsOf('channel', subjects),
        tenantIds: idsOf('tenant', subjects),
        clientIds: idsOf('client', subjects),
      },
      MAX_HITS,
    )
    return rows.map(({ id, tenantId = '', clientId }) => ({
      id,
      by: [
        { kind: 'channel', subject: id },
        { kind: 'tenant', subject: tenantId },
        { kind: 'client', subject: clientId },
      ],
    }))
  }

  async #sessionsOf({ subjects }: Found): Promise<Hit[]> {
    const rows = await this.#dependencies.sessions.listIds(
      { ids: idsOf('session', subjects), tenantIds: idsOf('tenant', subjects) },
      MAX_HITS,
    )
    return rows.map(({ id, tenantId }) => ({
      id,
      by: [
        { kind: 'session', subject: id },
        { kind: 'tenant', subject: tenantId },
      ],
    }))
  }

  async #show<T extends { readonly id: string }>(
    hits: readonly Hit[],
    found: Found,
    read: (ids: readonly string[]) => Promise<readonly T[]>,
  ): Promise<Hits<T>> {
    const kept = await this.#withOthers(hits, found)
    const places = new Map(found.subjects.map((subject, at) => [keyOf(subject), at]))
    const placeOf = ({ by }: Hit) => Math.min(...by.map((row) => places.get(keyOf(row)) ?? places.size))
    const closest = kept.toSorted((a, b) => placeOf(a) - placeOf(b)).slice(0, MAX_SHOWN)
    const rows = new Map((await read(closest.map(({ id }) => id))).map((row) => [row.id, row]))
    return { shown: closest.flatMap(({ id }) => rows.get(id) ?? []), count: kept.length }
  }

  /** Those that have the rest of what was looked for, too, in whichever of their rows. */
  async #withOthers(hits: readonly Hit[], { others }: Found): Promise<readonly Hit[]> {
    let kept = hits
    for (const part of others) {
      const rows = kept.flatMap(({ by }) => by)
      const found = new Set((await keepSubjects(part, rows, this.#dependencies.db)).map(keyOf))
      kept = kept.filter(({ by }) => by.some((row) => found.has(keyOf(row))))
    }
    return kept
  }

  async #readChannels(ids: readonly string[]): Promise<StandingChannel[]> {
    const { channels, trouble, clock } = this.#dependencies
    const now = clock.now()
    const hubTrouble = await trouble.find()
    return (await channels.list({ ids })).map((channel) => withStanding(channel, now, hubTrouble))
  }

  async #readSessions(ids: readonly string[]): Promise<FoundSession[]> {
    const { sessions, returns, trouble, clock } = this.#dependencies
    const now = clock.now()
    const hubTrouble = await trouble.find()
    const isWithoutAccess = hubTrouble !== undefined && isOursToMend(hubTrouble)
    const received = await returns.listOfSessions(ids)
    const named = received.flatMap((one) => one.channels.map(({ channelId }) => channelId))
    const channels = await this.#readChannels([...new Set(named)])
    return (await sessions.list(ids)).map(({ launchedAt, ...session }) => {
      const own = received.filter(({ sessionId }) => sessionId === session.id)
      return { ...session, ...stageOf({ session, launchedAt, returns: own, channels, isWithoutAccess }, now) }
    })
  }
}

function idsOf(kind: Subject['kind'], subjects: readonly Subject[]): string[] {
  return subjects.flatMap((each) => (each.kind === kind ? [each.subject] : []))
}
