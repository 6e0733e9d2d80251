import type { Clock } from '../clock.ts'
import type { Arrival } from '../database/schema.ts'
import { derivedSecret, hashOf, type KnownBrowser } from '../identifiers.ts'
import type { CallbackQuery } from './callback-query.ts'
import { type ConnectSessionService, type Launch, statusIdOf } from './connect-session-service.ts'
import type { ReturnRepository } from './return-repository.ts'

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

interface Sources {
  readonly sessions: Pick<ConnectSessionService, 'findLaunchesByNonce' | 'listOpenLaunches'>
  readonly returns: Pick<ReturnRepository, 'hasComeElsewhere'>
  readonly clock: Clock
}

/** Finds the launch of a return by its nonce, of which it may bring others that are not ours; without one by its browser. */
export async function matchReturn(
  { nonces }: Pick<CallbackQuery, 'nonces'>,
  browser: KnownBrowser | undefined,
  sources: Sources,
): Promise<Match> {
  if (nonces.length === 0) return matchBrowser(browser, sources)
  const [launch, another] = await sources.sessions.findLaunchesByNonce(nonces)
  if (another) return unattached('two_nonces')
  const nonce = nonces.find((one) => hashOf(one) === launch?.nonceHash)
  if (!launch || nonce === undefined) return unattached('unknown_nonce')
  const isLive = launch.expiresAt > sources.clock.now()
  if (isLive && launch.browserHash === browser?.hash)
    return { kind: 'launch', launch, isLive, arrival: 'launch', pageId: statusIdOf(launch.id, browser) }
  const arrival = isLive ? await arrivalElsewhere(launch, browser, sources) : 'expired_launch'
  return { kind: 'launch', launch, isLive, arrival, pageId: derivedSecret(nonce, 'return page') }
}

/** Who has come back elsewhere before, and brings no cookie again, keeps none. */
async function arrivalElsewhere(
  launch: Launch,
  browser: KnownBrowser | undefined,
  { returns }: Sources,
): Promise<'no_cookie' | 'other_browser'> {
  if (browser) return 'other_browser'
  const isAgain = launch.isContinuation || (await returns.hasComeElsewhere(launch))
  return isAgain ? 'no_cookie' : 'other_browser'
}

/** Without a nonce, a browser that has left for one session only still says where the return may belong. */
async function matchBrowser(browser: KnownBrowser | undefined, { sessions }: Sources): Promise<Match> {
  const open = browser ? await sessions.listOpenLaunches(browser.hash) : []
  const [launch] = open
  const isOneSession = open.every(({ sessionId }) => sessionId === launch?.sessionId)
  if (!browser || !launch || !isOneSession) return unattached('no_nonce')
  const pageId = browser.secretFor(launch.id)
  return { kind: 'launch', launch, isLive: false, arrival: 'open_launch', pageId }
}

function unattached(arrival: UnattachedMatch['arrival']): UnattachedMatch {
  return { kind: 'unattached', arrival, isLive: false }
}
