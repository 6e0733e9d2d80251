import type { ChannelDetails } from '../channels/channel-service.ts'
import { mostPressing, type Requirement, requirementOf } from '../channels/requirement.ts'
import { standingOf } from '../channels/standing.ts'
import { accessTo, requirementOfChannel } from '../channels/standing-tables.ts'
import { isOursToMend, type Trouble } from '../d360/hub-trouble.ts'
import type { Row } from '../database/schema.ts'
import { type KnownRefusal, takesNothingNew } from './known-refusals.ts'
import { type NumberState, situationOfState, stateOfStanding, working } from './number-state.ts'
import type { ReturnDetails } from './return-repository.ts'

/** What the status page has to say, with the session's status: told apart where the next step differs. */
const statuses = {
  launched: 'launched',
  elsewhere: 'launched',
  no_place: 'launched',
  returned: 'returned',
  not_listed_yet: 'waiting',
  permission: 'waiting',
  deletion: 'waiting',
  // Nobody at the partner has to do anything, so it is not `needs_review`; nor is it done in seconds, as `returned` is.
  owner: 'waiting',
  needs_review: 'needs_review',
  with_support: 'waiting',
  no_access: 'waiting',
  waiting: 'waiting',
  linking: 'waiting',
  finishing: 'waiting',
  completed: 'completed',
  declined: 'declined',
  revoked: 'declined',
  refused: 'failed',
  not_listed: 'failed',
  ended: 'failed',
  failed: 'failed',
  expired: 'expired',
} as const
export type Situation = keyof typeof statuses
export const situations = Object.keys(statuses) as Situation[]
export type SessionStatus = (typeof statuses)[Situation]

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
  /** Its key is proven, whatever is still to be settled. */
  readonly works: boolean
  /** What it still needs. */
  readonly requirement: Requirement | undefined
}

/** The whole story of a session: every page, and whoever else tells of it, prints this and nothing of its own. */
export interface Progress {
  readonly status: SessionStatus
  /** What comes first: the page's headline and its sentences. */
  readonly situation: Situation
  /** Whether the client can launch from here. */
  readonly canStartAgain: boolean
  /** What 360dialog would refuse then. */
  readonly refusals: readonly KnownRefusal[]
  /** What is still needed, the most pressing first: the headline is about that one. */
  readonly requirements: readonly Requirement[]
  readonly steps: readonly Step[]
  readonly numbers: readonly NumberProgress[]
  /** Where the owner was written to, while that is what it waits for. */
  readonly ownerEmail: string | undefined
}

export interface Facts {
  readonly now: Date
  /** When the launch left for 360dialog whose page it is; undefined where the page is of a return. */
  readonly launchedAt: Date | undefined
  /** That launch has expired. */
  readonly isExpired: boolean
  /** The browser whose page it is. */
  readonly browserHash: string | undefined
  /** Oldest first. */
  readonly returns: readonly ReturnDetails[]
  /** The channels that these returns bound, and that are still the tenant's. */
  readonly channels: readonly ChannelDetails[]
  /** Where the owners of the clients were written to whose answer is awaited. */
  readonly ownerEmails: ReadonlyMap<string, string>
  /** What is known of the client's account and of the hub: what 360dialog would refuse on another visit. */
  readonly refusals: readonly KnownRefusal[]
  /** Of the hub: what keeps us from asking 360dialog. */
  readonly trouble: Trouble | undefined
}

/** Where starting again from the page is the next thing to do. */
const canStartAgainIn: ReadonlySet<Situation> = new Set([
  ...(['launched', 'elsewhere', 'no_place', 'permission', 'declined', 'revoked'] as const),
  ...(['not_listed', 'failed', 'expired'] as const),
])

/** Something that is still needed, and what the page says first when nothing is more pressing. */
interface Need {
  readonly requirement: Requirement
  readonly situation: Situation
}

/**
 * What a session's rows add up to: its status, what it still needs, its steps and its numbers. Stored nowhere, so never
 * stale. What is connected shows on every page of the session; what is doubted, or under way, only in the browser in
 * which it came: others may hold the link, too, and send what they like.
 */
export function deriveProgress(all: Facts): Progress {
  const facts = { ...all, returns: all.returns.filter((one) => shows(one, all.browserHash)) }
  const bound = facts.channels.map((channel) => numberOf(channel, facts))
  const doubted = doubtedOf(facts)
  const numbers = [...bound, ...doubted]
  const checks = checksOf(facts)
  const open = [...checks, ...numbers.flatMap(needOf)]
  const atRest = situationAtRest(facts, numbers)
  const needs = open.length > 0 ? open : grantOf(atRest, facts)
  const requirements = mostPressing(needs.map(({ requirement }) => requirement))
  const situation = needs.find(({ requirement }) => requirement === requirements[0])?.situation ?? atRest
  const isDone = checks.length === 0 && numbers.every(({ works, requirement }) => works || !requirement)
  const status = isDone && numbers.some(({ works }) => works) ? 'completed' : statuses[situation]
  return {
    ...{ status, situation, requirements },
    canStartAgain: canStartAgainIn.has(situation),
    refusals: facts.refusals.filter(takesNothingNew),
    steps: stepsOf({ situation, status }, facts),
    // Alone, a number that is checked or refused is all that the page is about.
    numbers: bound.length > 0 ? numbers : [],
    ownerEmail: situation === 'owner' ? ownerEmailOf(facts) : undefined,
  }
}

/** A number that waits for its client is checked once that client has come back with it. */
function numberOf(channel: ChannelDetails, { now, returns, trouble }: Facts): NumberProgress {
  const { phoneNumber } = channel
  const standing = standingOf(channel)
  const requirement = requirementOfChannel(channel, now, trouble)
  const back = returns.find((one) => one.state === 'received' && grantedIn(one).includes(channel.id))
  if (requirement?.who === 'client' && back)
    return {
      phoneNumber,
      state: 'checking',
      works: false,
      requirement: checkOf(back, now, trouble).requirement,
    }
  const state = requirement?.code === 'access' ? 'no_access' : stateOfStanding[standing]
  return { phoneNumber, state, works: working.has(standing), requirement }
}

function needOf({ state, requirement }: NumberProgress): Need[] {
  const situation = situationOfState[state]
  return requirement && situation ? [{ requirement, situation }] : []
}

function checksOf({ now, returns, trouble }: Facts): Need[] {
  return returns.filter(({ state }) => state === 'received').map((one) => checkOf(one, now, trouble))
}

function checkOf(one: ReturnDetails, now: Date, trouble: Trouble | undefined): Need {
  if (trouble && isOursToMend(trouble)) return { requirement: accessTo(trouble, now), situation: 'no_access' }
  if (isUnlisted(one))
    return { requirement: requirementOf('listing', one.receivedAt, now), situation: 'not_listed_yet' }
  return { requirement: requirementOf('check', one.receivedAt, now), situation: 'returned' }
}

/** Where nothing came back that could need anything, the client has to go on, if 360dialog lets it. */
function grantOf(situation: Situation, { now, launchedAt, returns, refusals }: Facts): Need[] {
  if (situation !== 'launched' && situation !== 'elsewhere') return []
  const since = returns.find(({ state }) => state === 'pending')?.receivedAt ?? launchedAt
  const grant: Need = { requirement: requirementOf('grant', since, now), situation }
  if (!refusals.some(takesNothingNew)) return [grant]
  return [{ requirement: requirementOf('place', since, now), situation: 'no_place' }, grant]
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
function doubtedOf({ now, returns, channels, browserHash }: Facts): NumberProgress[] {
  const found = new Map<string, NumberProgress>()
  const add = (ids: readonly string[], state: NumberState, requirement?: Requirement) => {
    for (const id of ids) found.set(id, { phoneNumber: undefined, state, works: false, requirement })
  }
  const own = returns.filter((one) => one.browserHash === browserHash)
  const sinceOf = ({ closedAt, receivedAt }: ReturnDetails) => closedAt ?? receivedAt
  for (const one of own) add(idsOf(one, 'refused'), 'refused')
  for (const one of own)
    add(idsOf(one, 'owner'), 'awaiting_owner', requirementOf('owner_answer', sinceOf(one), now))
  for (const one of own.filter(({ state }) => state === 'needs_review'))
    add(idsOf(one, 'review'), 'in_review', requirementOf('review', sinceOf(one), now))
  for (const { id } of channels) found.delete(id)
  return [...found.values()]
}

/** What comes first where nothing is needed of anybody, or nothing came back yet. */
function situationAtRest(
  { returns, channels, isExpired }: Facts,
  numbers: readonly NumberProgress[],
): Situation {
  const has = (state: NumberState) => numbers.some((number) => number.state === state)
  if (has('connected')) return 'completed'
  if (has('ended') && !has('revoked')) return 'ended'
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

function grantedIn({ channels }: ReturnDetails): string[] {
  return channels.flatMap(({ channelId, isRevoked }) => (isRevoked ? [] : [channelId]))
}

/** 360dialog lists nothing of what it granted. Of what an admin refused, it lists something. */
function isUnlisted({ channels }: ReturnDetails): boolean {
  const granted = channels.filter(({ isRevoked }) => !isRevoked)
  return granted.length > 0 && granted.every(({ reason = '' }) => isNotListed(reason))
}

const isNotListed = (reason: string) => reason === 'client_not_listed' || reason === 'channel_not_listed'

/** Nothing has arrived with it yet. */
const SAYS_NOTHING: ReadonlySet<ReturnDetails['state']> = new Set(['declined', 'pending', 'unreadable'])

const stoppedIn: ReadonlySet<Situation> = new Set([
  ...(['declined', 'revoked', 'refused', 'not_listed', 'ended', 'failed', 'expired'] as const),
])

function stepsOf(
  { situation, status }: Pick<Progress, 'situation' | 'status'>,
  { returns, channels }: Facts,
): Step[] {
  const arrived = returns.find(({ state }) => !SAYS_NOTHING.has(state))?.receivedAt
  const checked = returns.find((one) => one.state === 'bound')?.closedAt
  const isRunning = channels.length > 0 && channels.every((channel) => channel.isRunning)
  const keyAt = allOf(channels.map((channel) => channel.keyCreatedAt))
  const provenAt = allOf(channels.map((one) => (one.probeState === 'ok' ? one.probeDoneAt : undefined)))
  const reached: [StepName, boolean, Date | undefined][] = [
    ['permission', arrived !== undefined, arrived],
    ['check', checked !== undefined && channels.length > 0, checked],
    ['activation', isRunning, undefined],
    ['key', keyAt !== undefined, keyAt],
    ['connected', status === 'completed', provenAt],
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
