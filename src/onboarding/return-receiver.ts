import type { Logger } from 'pino'
import type { ChannelService } from '../channels/channel-service.ts'
import type { Clock } from '../clock.ts'
import type { Database } from '../database/database.ts'
import { groupCommit } from '../database/group-commit.ts'
import type { Arrival, NewRow } from '../database/schema.ts'
import { hashOf, type KnownBrowser, newId } from '../identifiers.ts'
import type { CrashPoint } from '../jobs/crash-points.ts'
import { type Jobs, type Priority, priorities } from '../jobs/jobs.ts'
import type { CallbackQuery } from './callback-query.ts'
import type { ConnectSession, ConnectSessionService } from './connect-session-service.ts'
import { type LaunchMatch, type Match, matchReturn } from './return-match.ts'
import type { ReturnDetails, ReturnRepository } from './return-repository.ts'

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
  match(query: Pick<CallbackQuery, 'nonces'>, browser: KnownBrowser | undefined): Promise<Match> {
    return matchReturn(query, browser, this.#dependencies)
  }

  /**
   * Stores a return durably before it is understood, with the browser in which it came. False when its session has
   * no room for it.
   */
  async store(query: CallbackQuery, match: Match, browserHash: string | undefined): Promise<boolean> {
    const { crashPoint } = this.#dependencies
    if (match.kind === 'unattached') {
      await this.#storeUnattached(query, match.arrival)
      return true
    }
    crashPoint('return.received')
    const isKept = await this.#keep(query, match, (trx) =>
      this.#storeAttached(query, match, browserHash, trx),
    )
    crashPoint('return.stored')
    return isKept
  }

  /** What cannot be read, but came with a live nonce, is kept for an admin. False when there is no room for it. */
  storeUnreadable(
    { raw }: Pick<CallbackQuery, 'raw'>,
    match: LaunchMatch,
    browserHash: string,
  ): Promise<boolean> {
    const digest = hashOf(JSON.stringify(['unreadable', raw, match.arrival]))
    const received = { raw, digest, state: 'unreadable' } as const
    return this.#keep(received, match, (trx) => this.#add(received, [], match, browserHash, trx))
  }

  async #keep(
    { raw }: Pick<CallbackQuery, 'raw'>,
    { launch: { sessionId: session } }: LaunchMatch,
    add: (trx: Database) => Promise<boolean>,
  ): Promise<boolean> {
    const { db, logger } = this.#dependencies
    const isKept = await groupCommit(db, add)
    const seen = { session, sha256: hashOf(raw).slice(0, 16) }
    if (!isKept) logger.warn(seen, 'one return too many, not kept')
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
