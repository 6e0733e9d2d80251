import type { Logger } from 'pino'
import type { ChannelService } from '../channels/channel-service.ts'
import type { Clock } from '../clock.ts'
import type { Database } from '../database/database.ts'
import { groupCommit } from '../database/group-commit.ts'
import type { Arrival, NewRow } from '../database/schema.ts'
import { derivedSecret, hashOf, type KnownBrowser, newId } from '../identifiers.ts'
import type { CrashPoint } from '../jobs/crash-points.ts'
import { type Jobs, type Priority, priorities } from '../jobs/jobs.ts'
import type { CallbackQuery } from './callback-query.ts'
import {
  type ConnectSession,
  type ConnectSessionService,
  type Launch,
  statusIdOf,
} from './connect-session-service.ts'
import type { ReturnDetails, ReturnRepository } from './return-repository.ts'

/** Where a return belongs, as far as nonce and browser tell (ARCHITECTURE, "Returns"). */
export type Match = LaunchMatch | UnattachedMatch

export interface LaunchMatch {
  readonly kind: 'launch'
  readonly launch: Launch
  readonly arrival: Extract<
    Arrival,
    'launch' | 'other_browser' | 'no_cookie' | 'expired_launch' | 'open_launch'
  >
  /** It brought a nonce of the last 24 hours. */
  readonly isLive: boolean
  /** The secret id of the page that the browser goes on to: a status page if it came by its launch. */
  readonly pageId: string
}

interface UnattachedMatch {
  readonly kind: 'unattached'
  readonly arrival: Extract<Arrival, 'no_nonce' | 'unknown_nonce' | 'two_nonces'>
  readonly isLive: false
}

/** Returns of a session that go before those of others; a customer seldom causes more. */
const FIRST_RETURNS = 3

/** What a "Continue here" page shows. */
export interface WaitingReturn extends Pick<ReturnDetails, 'arrival' | 'state' | 'browserHash'> {
  readonly session: ConnectSession
  /** It came a moment ago. */
  readonly isFresh: boolean
}

const FRESH_MS = 60_000
/** Of no launch and open: whoever sends more is not a customer. */
const MAX_UNATTACHED = 200
/** Of these, of one client that 360dialog has not confirmed yet. */
const MAX_UNCONFIRMED = 5

interface Dependencies {
  readonly db: Database
  readonly sessions: ConnectSessionService
  readonly returns: ReturnRepository
  readonly channels: Pick<ChannelService, 'findClient'>
  readonly jobs: Pick<Jobs, 'plan'>
  readonly clock: Clock
  readonly logger: Logger
  readonly crashPoint: CrashPoint
}

/** Stores what comes back from the permission screen; a worker finds out later what it means. */
export class ReturnReceiver {
  readonly #dependencies: Dependencies

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  /** Changes nothing. */
  async match({ nonces }: Pick<CallbackQuery, 'nonces'>, browser: KnownBrowser | undefined): Promise<Match> {
    const { sessions, clock } = this.#dependencies
    if (nonces.length === 0) return this.#matchBrowser(browser)
    const [launch, another] = await sessions.findLaunchesByNonce(nonces)
    if (another) return unattached('two_nonces')
    const nonce = nonces.find((one) => hashOf(one) === launch?.nonceHash)
    if (!launch || nonce === undefined) return unattached('unknown_nonce')
    const isLive = launch.expiresAt > clock.now()
    if (isLive && launch.browserHash === browser?.hash)
      return { kind: 'launch', launch, isLive, arrival: 'launch', pageId: statusIdOf(launch.id, browser) }
    const arrival = isLive ? await this.#arrivalElsewhere(launch, browser) : 'expired_launch'
    return { kind: 'launch', launch, isLive, arrival, pageId: derivedSecret(nonce, 'return page') }
  }

  /** Who has come back elsewhere before, and brings no cookie again, keeps none. */
  async #arrivalElsewhere(
    launch: Launch,
    browser: KnownBrowser | undefined,
  ): Promise<'no_cookie' | 'other_browser'> {
    if (browser) return 'other_browser'
    const isAgain = launch.isContinuation || (await this.#dependencies.returns.hasComeElsewhere(launch))
    return isAgain ? 'no_cookie' : 'other_browser'
  }

  /**
   * Stores a return durably before it is understood, with the browser in which it came. False when its session has
   * no room for it.
   */
  async store(query: CallbackQuery, match: Match, browserHash: string | undefined): Promise<boolean> {
    const { db, crashPoint } = this.#dependencies
    if (match.kind === 'unattached') {
      await this.#storeUnattached(query, match.arrival)
      return true
    }
    crashPoint('return.received')
    const isKept = await groupCommit(db, (trx) => this.#storeAttached(query, match, browserHash, trx))
    crashPoint('return.stored')
    if (!isKept) this.#noteTooMany(query.raw, match)
    return isKept
  }

  /** What cannot be read, but came with a live nonce, is kept for an admin. False when there is no room for it. */
  async storeUnreadable(raw: string, match: LaunchMatch, browserHash: string): Promise<boolean> {
    const { db } = this.#dependencies
    const isKept = await groupCommit(db, (trx) => {
      const received = { raw, digest: hashOf(JSON.stringify(['unreadable', raw, match.arrival])) }
      return this.#add({ ...received, state: 'unreadable' }, [], match, browserHash, trx)
    })
    if (!isKept) this.#noteTooMany(raw, match)
    return isKept
  }

  /** What a "Continue here" page is about. */
  async findWaiting(pageId: string): Promise<WaitingReturn | undefined> {
    const { sessions, returns, clock } = this.#dependencies
    const received = await returns.findByPage(hashOf(pageId))
    if (!received?.sessionId) return undefined
    const session = await sessions.find(received.sessionId)
    const isFresh = clock.now().getTime() - received.receivedAt.getTime() < FRESH_MS
    return session && { ...received, session, isFresh }
  }

  /** Without a nonce, a browser that has left for one session only still says where the return may belong. */
  async #matchBrowser(browser: KnownBrowser | undefined): Promise<Match> {
    const open = browser ? await this.#dependencies.sessions.listOpenLaunches(browser.hash) : []
    const [launch] = open
    const isOneSession = open.every(({ sessionId }) => sessionId === launch?.sessionId)
    if (!browser || !launch || !isOneSession) return unattached('no_nonce')
    const pageId = browser.secretFor(launch.id)
    return { kind: 'launch', launch, isLive: false, arrival: 'open_launch', pageId }
  }

  async #storeAttached(
    query: CallbackQuery,
    match: LaunchMatch,
    browserHash: string | undefined,
    trx: Database,
  ): Promise<boolean> {
    const { returns } = this.#dependencies
    const { clientId, channelIds, revokedIds, raw } = query
    const { launch, arrival } = match
    const state = stateOf(query, arrival)
    const received = { clientId, raw, digest: digestOf(query, arrival), state }
    const named = [
      ...channelIds.map((channelId) => ({ channelId, isRevoked: false })),
      ...revokedIds.map((channelId) => ({ channelId, isRevoked: true })),
    ]
    if (!(await this.#add(received, named, match, browserHash, trx))) return false
    if (arrival === 'launch' && launch.isContinuation && clientId !== undefined)
      for (const id of await returns.resume(launch, clientId, trx))
        await this.#plan(id, priorities.usual, trx)
    if (arrival === 'no_cookie')
      for (const id of await returns.takeUp(launch.sessionId, trx))
        await this.#plan(id, priorities.usual, trx)
    return true
  }

  /** False when there is no room for it; it is kept once. */
  async #add(
    { state, ...what }: Pick<NewRow<'connectReturn'>, 'raw' | 'digest' | 'state' | 'clientId'>,
    named: Parameters<ReturnRepository['add']>[1],
    { launch, arrival, pageId }: LaunchMatch,
    browserHash: string | undefined,
    trx: Database,
  ): Promise<boolean> {
    const { sessions, returns, clock } = this.#dependencies
    const now = clock.now()
    const received = {
      id: newId('ret', now),
      launchId: launch.id,
      sessionId: launch.sessionId,
      ...{ ...what, state, arrival },
      ...(arrival !== 'launch' && { pageHash: hashOf(pageId), browserHash }),
      receivedAt: now,
      closedAt: state === 'declined' || state === 'unreadable' ? now : undefined,
    }
    if (!(await returns.add(received, named, trx))) return true
    const place = await sessions.countReturn(launch, { isOwn: arrival === 'launch' }, trx)
    if (place === undefined) {
      await returns.remove(received.id, trx)
      return false
    }
    const priority = place <= FIRST_RETURNS ? priorities.first : priorities.usual
    if (state === 'received') await this.#plan(received.id, priority, trx)
    return true
  }

  #noteTooMany(raw: string, { launch }: LaunchMatch): void {
    const seen = { session: launch.sessionId, sha256: hashOf(raw).slice(0, 16) }
    this.#dependencies.logger.warn(seen, 'one return too many, not kept')
  }

  /**
   * Anybody can send a return that belongs to no launch: each client and channel is kept once, while 360dialog is
   * asked and an admin decides, and what does not fit any more is not kept.
   */
  async #storeUnattached({ clientId, channelIds }: CallbackQuery, arrival: Arrival): Promise<void> {
    if (clientId === undefined || channelIds.length === 0) return
    const { db, returns, channels, jobs, clock, logger } = this.#dependencies
    const isConfirmed = (await channels.findClient(clientId)) !== undefined
    const left = [
      MAX_UNATTACHED - (await returns.countUnattached()),
      ...(isConfirmed ? [] : [MAX_UNCONFIRMED - (await returns.countUnattached(clientId))]),
    ]
    const room = Math.max(Math.min(...left), 0)
    if (room < channelIds.length) logger.warn({ room }, 'too many returns of no launch')
    if (room === 0) return
    const now = clock.now()
    await groupCommit(db, async (trx) => {
      for (const channelId of channelIds.slice(0, room)) {
        const id = newId('ret', now)
        const digest = hashOf(JSON.stringify([clientId, channelId]))
        const received = { id, clientId, digest, state: 'received', arrival, receivedAt: now } as const
        await returns.add(received, [{ channelId, isRevoked: false }], trx)
      }
      await jobs.plan({ kind: 'unattached_return', subject: clientId }, trx)
    })
  }

  #plan(returnId: string, priority: Priority, trx: Database): Promise<void> {
    return this.#dependencies.jobs.plan({ kind: 'return', subject: returnId, priority }, trx)
  }
}

function unattached(arrival: UnattachedMatch['arrival']): UnattachedMatch {
  return { kind: 'unattached', arrival, isLive: false }
}

function stateOf(
  { channelIds, revokedIds }: CallbackQuery,
  arrival: Arrival,
): 'received' | 'pending' | 'declined' {
  if (channelIds.length + revokedIds.length === 0) return 'declined'
  return arrival === 'other_browser' ? 'pending' : 'received'
}

/** What came another way is another return: it must not stand in the way of the one that may bind. */
function digestOf({ clientId, channelIds, revokedIds }: CallbackQuery, arrival: Arrival): string {
  return hashOf(JSON.stringify([clientId ?? null, channelIds.toSorted(), revokedIds.toSorted(), arrival]))
}
