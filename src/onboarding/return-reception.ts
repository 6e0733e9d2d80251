import type { Clock } from '../clock.ts'
import type { Came } from '../database/schema.ts'
import { derivedSecret, hashOf, newId } from '../identifiers.ts'
import type { KnownBrowser } from '../web/browser-id.ts'
import type { Reached } from '../worker/step.ts'
import type { WorkName } from '../worker/worker.ts'
import type { CallbackQuery } from './callback-query.ts'
import type { ConnectSession, ConnectSessionRepository, Launch } from './connect-session-repository.ts'
import { statusIdOf } from './launch-service.ts'
import type { Return, ReturnRepository } from './return-repository.ts'
import type { UnattachedReturnService } from './unattached-return-service.ts'

/** Where a return belongs, as far as nonce and browser tell (ARCHITECTURE, "Returns"). */
export type Place =
  | {
      readonly kind: 'launch'
      readonly launch: Launch
      readonly came: Extract<Came, 'launch' | 'other_browser' | 'expired_launch' | 'open_launch'>
      /** It brought a nonce of the last 24 hours. */
      readonly isLive: boolean
      /** The secret id of the page that the browser goes on to: a status page if it came by its launch. */
      readonly pageId: string
    }
  | {
      readonly kind: 'none'
      readonly came: Extract<Came, 'no_nonce' | 'unknown_nonce' | 'two_nonces'>
      readonly isLive: false
    }

/** What a "Continue here" page shows. */
export interface WaitingReturn {
  readonly session: ConnectSession
  readonly came: Came
  readonly state: Return['state']
  readonly browserHash: string | undefined
}

const PAGE_LIFE_MS = 30 * 24 * 60 * 60_000

interface Given {
  readonly sessions: ConnectSessionRepository
  readonly returns: ReturnRepository
  readonly unattached: UnattachedReturnService
  readonly clock: Clock
  readonly reached: Reached
  readonly wake: (name: WorkName) => void
}

/** Takes in what comes back from the permission screen; the worker works out later what it means. */
export class ReturnReception {
  readonly #given: Given

  constructor(given: Given) {
    this.#given = given
  }

  /** Changes nothing. */
  async recognise({ nonces }: CallbackQuery, browser: KnownBrowser | undefined): Promise<Place> {
    const { sessions, clock } = this.#given
    const [nonce, another] = nonces
    if (another !== undefined) return nowhere('two_nonces')
    if (nonce === undefined) return this.#recogniseBrowser(browser)
    const launch = await sessions.findLaunchByNonce(hashOf(nonce))
    if (!launch) return nowhere('unknown_nonce')
    const isLive = launch.expiresAt > clock.now()
    if (isLive && launch.browserHash === browser?.hash)
      return { kind: 'launch', launch, isLive, came: 'launch', pageId: statusIdOf(nonce) }
    const came = isLive ? 'other_browser' : 'expired_launch'
    return { kind: 'launch', launch, isLive, came, pageId: derivedSecret(nonce, 'return page') }
  }

  /** Stores a return before it is understood, with the browser in which it came. */
  async keep(query: CallbackQuery, place: Place, browserHash: string | undefined): Promise<void> {
    if (place.kind === 'none') return this.#given.unattached.keep(query, place.came)
    const { returns, clock, reached, wake } = this.#given
    const { launch, came, pageId } = place
    const { clientId, channelIds, revokedIds, raw } = query
    const now = clock.now()
    reached('return.received')
    const isNew = await returns.save({
      id: newId('ret', now),
      launchId: launch.id,
      sessionId: launch.sessionId,
      ...{ clientId, channelIds, revokedIds, raw, came },
      ...(came === 'launch'
        ? { pageHash: undefined, browserHash: undefined }
        : { pageHash: hashOf(pageId), browserHash }),
      state: stateOf(query, came),
      receivedAt: now,
    })
    if (came === 'launch' && launch.continues && clientId !== undefined)
      await returns.takeUp(launch, clientId, now)
    reached('return.stored')
    if (isNew) wake('returns')
  }

  /** What a "Continue here" page is about; undefined when there is none, or it has ended after 30 days. */
  async findWaiting(pageId: string): Promise<WaitingReturn | undefined> {
    const { sessions, returns, clock } = this.#given
    const received = await returns.findByPage(hashOf(pageId))
    if (!received || received.receivedAt.getTime() + PAGE_LIFE_MS <= clock.now().getTime()) return undefined
    const session = await sessions.find(received.sessionId)
    const { came, state, browserHash } = received
    return session && { session, came, state, browserHash }
  }

  /** Without a nonce, a browser that has left for one session only still says where the return may belong. */
  async #recogniseBrowser(browser: KnownBrowser | undefined): Promise<Place> {
    const { sessions, clock } = this.#given
    const open = browser ? await sessions.listOpenLaunches(browser.hash, clock.now()) : []
    const [launch] = open
    const isOneSession = open.every(({ sessionId }) => sessionId === launch?.sessionId)
    if (!browser || !launch || !isOneSession) return nowhere('no_nonce')
    return {
      ...{ kind: 'launch', launch, isLive: false, came: 'open_launch' },
      pageId: browser.secretFor(launch.id),
    }
  }
}

function nowhere(came: Extract<Place, { kind: 'none' }>['came']): Place {
  return { kind: 'none', came, isLive: false }
}

function stateOf({ channelIds, revokedIds }: CallbackQuery, came: Came): 'received' | 'pending' | 'declined' {
  if (channelIds.length + revokedIds.length === 0) return 'declined'
  return came === 'other_browser' ? 'pending' : 'received'
}
