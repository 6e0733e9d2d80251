import type { ChannelDetails } from '../channels/channel-service.ts'
import { type Standing, standingOf } from '../channels/standing.ts'
import type { Row } from '../database/schema.ts'
import type { ReturnDetails } from './return-repository.ts'

/** What the status page has to say, with the session's status: told apart where the next step differs. */
const statuses = {
  launched: 'launched',
  elsewhere: 'launched',
  returned: 'returned',
  not_listed_yet: 'waiting',
  waiting: 'waiting',
  // Nobody at the partner has to do anything, so it is not `needs_review`; nor is it done in seconds, as `returned` is.
  owner: 'waiting',
  completed: 'completed',
  needs_review: 'needs_review',
  declined: 'declined',
  revoked: 'declined',
  refused: 'failed',
  not_listed: 'failed',
  failed: 'failed',
  expired: 'expired',
} as const
export type Situation = keyof typeof statuses
export const situations = Object.keys(statuses) as Situation[]
export type SessionStatus = (typeof statuses)[Situation]

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
  'awaiting_owner',
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
  'awaiting_owner',
  'refused',
])

/** What a customer is told of a number, wherever it stands. */
export const stateOfStanding: Readonly<Record<Standing, NumberState>> = {
  ended: 'ended',
  in_review: 'in_review',
  awaiting_owner: 'awaiting_owner',
  unbound: 'refused',
  no_key: 'with_support',
  permission_missing: 'no_permission',
  queued: 'preparing',
  activating: 'activating',
  not_listed: 'activating',
  unreachable: 'retrying',
  refused: 'retrying',
  no_permission: 'no_permission',
  upstream_failed: 'retrying',
  waiting_too_long: 'activating',
  creating: 'preparing',
  answer_lost: 'retrying',
  key_in_use: 'with_support',
  key_records_unreadable: 'with_support',
  another_key_appeared: 'with_support',
  answer_unexplained: 'with_support',
  answer_unreadable: 'with_support',
  answer_masked: 'with_support',
  answer_host_not_allowed: 'with_support',
  another_system: 'with_support',
  stopped: 'with_support',
  key_held_back: 'with_support',
  key_rejected: 'rejected',
  revoked: 'rejected',
  proving: 'proving',
  another_number: 'with_support',
  probe_failed: 'retrying',
  renewing: 'connected',
  renewal_stopped: 'connected',
  webhook_failed: 'connected',
  setting_webhook: 'connected',
  connected_without_permission: 'connected',
  permission_uncertain: 'connected',
  deletion_pending: 'connected',
  connected: 'connected',
}

/** However long a number waits, its owner is told what for; that it is too long is the admin's to know. */
function stateOfNumber(channel: ChannelDetails): NumberState {
  return stateOfStanding[standingOf(channel, channel.mintRequestedAt ?? channel.observedAt)]
}

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
  /** Where the owner was written to, while that is what it waits for. */
  readonly ownerEmail: string | undefined
}

interface Facts {
  /** The launch whose page it is has expired. */
  readonly isExpired: boolean
  /** The browser whose page it is. */
  readonly browserHash: string | undefined
  /** Oldest first. */
  readonly returns: readonly ReturnDetails[]
  /** The channels that these returns bound, and that are still the tenant's. */
  readonly channels: readonly ChannelDetails[]
  /** Where the owners of the clients were written to whose answer is awaited. */
  readonly ownerEmails: ReadonlyMap<string, string>
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
  const ownerEmail = situation === 'owner' ? ownerEmailOf(facts) : undefined
  return { status: statuses[situation], situation, steps: stepsOf(situation, facts), numbers, ownerEmail }
}

function ownerEmailOf({ returns, ownerEmails, browserHash }: Facts): string | undefined {
  const awaiting = returns.filter((one) => one.browserHash === browserHash && idsOf(one, 'owner').length > 0)
  return awaiting.map(({ clientId = '' }) => ownerEmails.get(clientId)).find((email) => email !== undefined)
}

/** The channels that a return named and that came to this. */
export function idsOf({ channels }: ReturnDetails, outcome: Row<'returnedChannel'>['outcome']): string[] {
  return channels.flatMap((channel) => (channel.outcome === outcome ? [channel.channelId] : []))
}

function shows(one: ReturnDetails, ofPage: string | undefined): boolean {
  return one.browserHash === ofPage || one.state === 'pending' || idsOf(one, 'bound').length > 0
}

/** Numbers that came back and are not this tenant's, or not yet. */
function doubtedOf({ returns, channels, browserHash }: Facts): NumberProgress[] {
  const isBound = (id: string) => channels.some((channel) => channel.id === id)
  const own = returns.filter((one) => one.browserHash === browserHash)
  const refused = own.flatMap((one) => idsOf(one, 'refused'))
  const inReview = own.flatMap((one) => (one.state === 'needs_review' ? idsOf(one, 'review') : []))
  const states = new Map<string, NumberState>([
    ...refused.map((id) => [id, 'refused'] as const),
    ...own.flatMap((one) => idsOf(one, 'owner')).map((id) => [id, 'awaiting_owner'] as const),
    ...inReview.map((id) => [id, 'in_review'] as const),
  ])
  return [...states].flatMap(([id, state]) => (isBound(id) ? [] : [{ phoneNumber: undefined, state }]))
}

function situationOf({ returns, channels, isExpired }: Facts, numbers: readonly NumberProgress[]): Situation {
  const has = (state: NumberState) => numbers.some((number) => number.state === state)
  const checked = returns.filter((one) => one.state === 'received')
  if (checked.length > 0) return checked.every(isUnlisted) ? 'not_listed_yet' : 'returned'
  if (has('awaiting_owner')) return 'owner'
  if (numbers.some(({ state }) => !endStates.has(state))) return 'waiting'
  if (has('in_review')) return 'needs_review'
  if (has('connected')) return 'completed'
  if (channels.length > 0) return 'failed'
  const refused = returns.filter((one) => idsOf(one, 'refused').length > 0)
  if (has('refused')) return refused.every(isUnlisted) ? 'not_listed' : 'refused'
  // A number that was bound and is no longer: it went to somebody else, or its binding ended.
  if (returns.some((one) => idsOf(one, 'bound').length > 0)) return 'failed'
  if (returns.some(({ state }) => state === 'pending')) return 'elsewhere'
  if (returns.some((one) => one.channels.some(({ isRevoked }) => isRevoked))) return 'revoked'
  // What anybody can send tells nothing of what this visitor did.
  if (returns.some(({ state, arrival }) => state === 'declined' && arrival === 'launch')) return 'declined'
  return isExpired ? 'expired' : 'launched'
}

/** 360dialog lists nothing of what it granted. Of what an admin refused, it lists something. */
function isUnlisted({ channels }: ReturnDetails): boolean {
  const granted = channels.filter(({ isRevoked }) => !isRevoked)
  return granted.length > 0 && granted.every(({ reason = '' }) => isNotListed(reason))
}

const isNotListed = (reason: string) => reason === 'client_not_listed' || reason === 'channel_not_listed'

const stoppedIn: ReadonlySet<Situation> = new Set([
  ...(['declined', 'revoked', 'refused', 'not_listed', 'failed', 'expired'] as const),
])

function stepsOf(situation: Situation, { returns, channels }: Facts): Step[] {
  const arrived = returns.find((one) => one.state !== 'declined' && one.state !== 'pending')?.receivedAt
  const checked = returns.find((one) => one.state === 'bound')?.closedAt
  const isRunning = channels.length > 0 && channels.every((channel) => channel.isRunning)
  const keyAt = allOf(channels.map((channel) => channel.keyCreatedAt))
  const provenAt = allOf(channels.map((one) => (one.probeState === 'ok' ? one.probeDoneAt : undefined)))
  const reached: [StepName, boolean, Date | undefined][] = [
    ['permission', arrived !== undefined, arrived],
    ['check', checked !== undefined && channels.length > 0, checked],
    ['activation', isRunning, undefined],
    ['key', keyAt !== undefined, keyAt],
    ['connected', situation === 'completed', provenAt],
  ]
  const current = reached.findIndex(([, done]) => !done)
  const here = stoppedIn.has(situation) ? 'stopped' : 'current'
  return reached.map(([name, done, at], place) => ({
    name,
    state: current < 0 || place < current ? 'done' : place === current ? here : 'todo',
    at: done ? at : undefined,
  }))
}

/** The latest of the times, if every one is there. */
function allOf(times: readonly (Date | undefined)[]): Date | undefined {
  const known = times.filter((time) => time !== undefined)
  if (known.length === 0 || known.length < times.length) return undefined
  return new Date(Math.max(...known.map((time) => time.getTime())))
}
