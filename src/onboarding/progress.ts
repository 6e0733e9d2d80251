import type { ChannelState } from '../channels/channel-repository.ts'
import type { Return } from './return-repository.ts'

/** Where a connect session stands. */
export type SessionStatus =
  | 'launched'
  | 'returned'
  | 'waiting'
  | 'completed'
  | 'needs_review'
  | 'declined'
  | 'failed'
  | 'expired'

/** What the status page has to say: the statuses, told apart where the next step differs. */
export const situations = [
  'launched',
  'elsewhere',
  'returned',
  'waiting',
  'completed',
  'needs_review',
  'declined',
  'revoked',
  'refused',
  'failed',
  'expired',
] as const
export type Situation = (typeof situations)[number]

const statuses: Readonly<Record<Situation, SessionStatus>> = {
  launched: 'launched',
  elsewhere: 'launched',
  returned: 'returned',
  waiting: 'waiting',
  completed: 'completed',
  needs_review: 'needs_review',
  declined: 'declined',
  revoked: 'declined',
  refused: 'failed',
  failed: 'failed',
  expired: 'expired',
}

/** Where one number of a session stands, as its owner is told. */
export const numberStates = [
  'activating',
  'preparing',
  'proving',
  'connected',
  'retrying',
  'no_permission',
  'with_support',
  'in_review',
  'refused',
  'rejected',
  'ended',
] as const
export type NumberState = (typeof numberStates)[number]

const endStates: ReadonlySet<NumberState> = new Set([
  'connected',
  'rejected',
  'ended',
  'in_review',
  'refused',
])

export type StepName = 'permission' | 'check' | 'activation' | 'key' | 'connected'

export interface Step {
  readonly name: StepName
  readonly state: 'done' | 'current' | 'todo' | 'stopped'
  readonly at: Date | undefined
}

export interface NumberProgress {
  /** Undefined while it is not certain whose number it is: then nothing of it is told. */
  readonly phoneNumber: string | undefined
  readonly state: NumberState
}

export interface Progress {
  readonly status: SessionStatus
  readonly situation: Situation
  readonly steps: readonly Step[]
  readonly numbers: readonly NumberProgress[]
}

interface Facts {
  readonly launchExpired: boolean
  /** The browser whose page it is. */
  readonly browserHash: string | undefined
  /** Oldest first. */
  readonly returns: readonly Return[]
  /** The channels that these returns bound, and that are still the tenant's. */
  readonly channels: readonly ChannelState[]
}

/**
 * What a session's rows add up to: its status, its steps and its numbers. Stored nowhere, so never stale.
 * What is connected shows on every page of the session; what is doubted, or under way, only in the browser in
 * which it came: others may hold the link, too, and send what they like.
 */
export function deriveProgress(all: Facts): Progress {
  const facts = { ...all, returns: all.returns.filter((one) => shows(one, all.browserHash)) }
  const bound = facts.channels.map((channel) => ({
    phoneNumber: channel.phoneNumber,
    state: stateOfNumber(channel),
  }))
  const doubted = doubtedOf(facts)
  const situation = situationOf(facts, [...bound, ...doubted])
  // Alone, a number that is checked or refused is all that the page is about.
  const numbers = bound.length > 0 ? [...bound, ...doubted] : []
  return { status: statuses[situation], situation, steps: stepsOf(situation, facts), numbers }
}

export function stateOfNumber({ status, key, mint, probe }: ChannelState): NumberState {
  if (status === 'terminated') return 'ended'
  if (key.status === 'rejected' || key.status === 'retired') return 'rejected'
  if (key.status === 'needs_decision' || probe?.problem === 'another_number') return 'with_support'
  if (key.status === 'stored' && probe?.state === 'ok') return 'connected'
  if (key.status === 'stored') return probe?.state === 'failed' ? 'retrying' : 'proving'
  if (key.status === 'minting') return 'preparing'
  if (key.status === 'unknown') return 'retrying'
  if (mint?.problem === 'no_permission') return 'no_permission'
  if (mint?.problem === 'not_running' || mint?.problem === 'not_listed') return 'activating'
  return mint?.problem ? 'retrying' : 'preparing'
}

function shows({ state, verdict, browserHash }: Return, ofPage: string | undefined): boolean {
  return browserHash === ofPage || state === 'pending' || (verdict?.bound.length ?? 0) > 0
}

/** Numbers that came back and are not this tenant's, or not yet. */
function doubtedOf({ returns, channels, browserHash }: Facts): NumberProgress[] {
  const isBound = (id: string) => channels.some((channel) => channel.id === id)
  const own = returns.filter((one) => one.browserHash === browserHash)
  const refused = own.flatMap(({ verdict }) => verdict?.refused ?? [])
  const inReview = own.flatMap((one) => (one.state === 'needs_review' ? (one.verdict?.review ?? []) : []))
  const states = new Map<string, NumberState>([
    ...refused.map((id) => [id, 'refused'] as const),
    ...inReview.map((id) => [id, 'in_review'] as const),
  ])
  return [...states].flatMap(([id, state]) => (isBound(id) ? [] : [{ phoneNumber: undefined, state }]))
}

function situationOf({ returns, channels, launchExpired }: Facts, numbers: readonly NumberProgress[]) {
  const has = (state: NumberState) => numbers.some((number) => number.state === state)
  if (returns.some((one) => one.state === 'received')) return 'returned'
  if (numbers.some(({ state }) => !endStates.has(state))) return 'waiting'
  if (has('in_review')) return 'needs_review'
  if (has('connected')) return 'completed'
  if (channels.length > 0) return 'failed'
  if (has('refused')) return 'refused'
  // A number that was bound and is no longer: it went to somebody else, or its binding ended.
  if (returns.some(({ verdict }) => verdict?.bound.length)) return 'failed'
  if (returns.some(({ state }) => state === 'pending')) return 'elsewhere'
  if (returns.some(({ revokedIds }) => revokedIds.length > 0)) return 'revoked'
  // What anybody can send tells nothing of what this visitor did.
  if (returns.some(({ state, came }) => state === 'declined' && came === 'launch')) return 'declined'
  return launchExpired ? 'expired' : 'launched'
}

const stoppedIn: ReadonlySet<Situation> = new Set(['declined', 'revoked', 'refused', 'failed', 'expired'])

function stepsOf(situation: Situation, { returns, channels }: Facts): Step[] {
  const last = returns.at(-1)
  const came = returns.find((one) => one.state !== 'declined' && one.state !== 'pending')?.receivedAt
  const checked = returns.find((one) => one.state === 'bound')?.closedAt
  const runs = channels.length > 0 && channels.every((channel) => channel.running)
  const keyAt = allOf(channels.map((channel) => channel.key.createdAt))
  const provenAt = allOf(
    channels.map((channel) => (channel.probe?.state === 'ok' ? channel.probe.doneAt : undefined)),
  )
  const reached: [StepName, boolean, Date | undefined][] = [
    ['permission', came !== undefined, came ?? last?.receivedAt],
    ['check', checked !== undefined && channels.length > 0, checked],
    ['activation', runs, undefined],
    ['key', keyAt !== undefined, keyAt],
    ['connected', situation === 'completed', provenAt],
  ]
  const current = reached.findIndex(([, done]) => !done)
  const stopped = stoppedIn.has(situation)
  return reached.map(([name, done, at], place) => ({
    name,
    state:
      done && (current < 0 || place < current)
        ? 'done'
        : place === current
          ? stopped
            ? 'stopped'
            : 'current'
          : 'todo',
    at: done ? at : undefined,
  }))
}

/** The latest of the times, if every one is there. */
function allOf(times: readonly (Date | undefined)[]): Date | undefined {
  const known = times.filter((time) => time !== undefined)
  if (known.length === 0 || known.length < times.length) return undefined
  return new Date(Math.max(...known.map((time) => time.getTime())))
}
