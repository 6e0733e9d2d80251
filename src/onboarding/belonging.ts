import { toWireSecond } from '../d360/wire-values.ts'
import type { Arrival, BelongingRule, ReviewReason, Row } from '../database/schema.ts'

/** What is known when a return is judged: of the launch and its session, and what 360dialog lists now. */
export interface Evidence {
  readonly tenantId: string
  readonly email: string | undefined
  /** The product vouched for the e-mail when it created the link. */
  readonly isEmailVerified: boolean
  /** E.164; the session is about this number alone. */
  readonly number: string | undefined
  readonly launchedAt: Date
  readonly returnedAt: Date
  readonly arrival: Arrival
  /** The client that an earlier return of the same nonce fixed. */
  readonly fixedClientId: string | undefined
  readonly clientId: string
  readonly channelIds: readonly string[]
  /** The client as the Partner API lists it; undefined when it does not. */
  readonly client: { readonly email?: string | undefined; readonly createdAt?: Date | undefined } | undefined
  /** The channels that the Partner API lists for this client. */
  readonly listed: readonly { readonly id: string; readonly phoneNumber?: string | undefined }[]
  /** The tenant of each channel in the return that is bound already. */
  readonly boundTenants: ReadonlyMap<string, string>
  /** True when a channel of this client is bound to this same tenant. */
  readonly clientIsKnown: boolean
  /**
   * True when somebody else may be the one who created the client: another tenant was away with the same e-mail in
   * another browser, or the client came back for this session in another browser, too.
   */
  readonly hasRival: boolean
}

export interface Verdict {
  /** Channels that belong to the tenant now. */
  readonly bound: readonly string[]
  /** Channels that an admin decides about. */
  readonly review: readonly string[]
  readonly rule: BelongingRule | undefined
  readonly reason: ReviewReason | undefined
}

/** How far 360dialog's clock and ours may be apart when it dates a new client. */
const CLOCK_SKEW_MS = 30_000

/**
 * Judges to whom the channels of one return belong (ARCHITECTURE, "Belonging"). Ids in a redirect prove nothing
 * and a connect link can be forwarded, so what is not proven here waits for an admin.
 */
export function judgeBelonging(evidence: Evidence): Verdict {
  const reason = findObstacle(evidence)
  const rule = reason ? undefined : findRule(evidence)
  if (!rule) {
    const why = reason ?? findDoubt(evidence)
    return { bound: [], review: evidence.channelIds, rule: undefined, reason: why }
  }
  const bound = evidence.channelIds.filter((id) => isAskedFor(id, evidence))
  const review = evidence.channelIds.filter((id) => !bound.includes(id))
  return { bound, review, rule, reason: review.length > 0 ? 'another_number' : undefined }
}

/** The state of a return that was judged, from the outcome of each channel that it named. */
export function stateOfReturn(
  outcomes: readonly Row<'returnedChannel'>['outcome'][],
): 'bound' | 'needs_review' | 'refused' {
  if (outcomes.includes('review')) return 'needs_review'
  // One that only takes channels back is done, too.
  return outcomes.includes('refused') && !outcomes.includes('bound') ? 'refused' : 'bound'
}

export function isSameEmail(theirs: string | undefined, ours: string | undefined): boolean {
  return ours !== undefined && theirs?.toLowerCase() === ours.toLowerCase()
}

/** 360dialog created the client between this launch and this return. */
export function wasCreatedForLaunch(
  { createdAt }: { readonly createdAt?: Date | undefined },
  launchedAt: Date,
  returnedAt: Date,
): boolean {
  if (!createdAt) return false
  const from = toWireSecond(launchedAt).getTime() - CLOCK_SKEW_MS
  return createdAt.getTime() >= from && createdAt.getTime() <= returnedAt.getTime() + CLOCK_SKEW_MS
}

/** What no rule can outweigh. */
function findObstacle(evidence: Evidence): ReviewReason | undefined {
  const { client, fixedClientId, clientId, channelIds, listed, boundTenants, tenantId } = evidence
  if (!client) return 'client_not_listed'
  if (fixedClientId !== undefined && fixedClientId !== clientId) return 'another_client'
  if (!channelIds.every((id) => listed.some((channel) => channel.id === id))) return 'channel_not_listed'
  if ([...boundTenants.values()].some((bound) => bound !== tenantId)) return 'bound_elsewhere'
  return undefined
}

function findRule(evidence: Evidence): BelongingRule | undefined {
  const { channelIds, boundTenants, client, email, isEmailVerified, clientIsKnown, hasRival } = evidence
  if (channelIds.every((id) => boundTenants.has(id))) return 'bound_already'
  if (!bindsByItself(evidence)) return undefined
  if (isSameEmail(client?.email, email) && isEmailVerified) return 'verified_email'
  if (isNewClient(evidence) && !hasRival) return 'new_client'
  if (clientIsKnown) return 'known_client'
  return undefined
}

/** Why no rule applies. */
function findDoubt(evidence: Evidence): ReviewReason {
  if (evidence.arrival === 'expired_launch') return 'launch_expired'
  if (!bindsByItself(evidence)) return 'no_nonce'
  return isNewClient(evidence) ? 'another_sign_up' : 'nothing_matches'
}

/** A live nonce came back in the browser that holds it; or the client came back again from that browser. */
function bindsByItself({ arrival }: Evidence): boolean {
  return arrival === 'launch' || arrival === 'resumed'
}

function isNewClient({ client, email, launchedAt, returnedAt }: Evidence): boolean {
  return isSameEmail(client?.email, email) && wasCreatedForLaunch(client ?? {}, launchedAt, returnedAt)
}

function isAskedFor(id: string, { number, listed, boundTenants, tenantId }: Evidence): boolean {
  if (number === undefined || boundTenants.get(id) === tenantId) return true
  return listed.some((channel) => channel.id === id && channel.phoneNumber === number)
}
