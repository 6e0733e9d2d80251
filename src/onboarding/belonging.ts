import type { Arrival, BelongingRule, ReviewReason, Row } from '../database/schema.ts'
import { isSameEmail } from '../email-address.ts'
import { isSameLine } from '../phone-number.ts'

/** What is known when a return is judged: of the launch and its session, and what 360dialog lists now. */
export interface Evidence {
  readonly tenantId: string
  readonly email: string | undefined
  /** The product vouched for the e-mail when it created the link. */
  readonly isEmailVerified: boolean
  /** E.164; the session is about this number alone. */
  readonly number: string | undefined
  readonly arrival: Arrival
  /** The client that an earlier return of the same nonce fixed. */
  readonly fixedClientId: string | undefined
  readonly clientId: string
  readonly channelIds: readonly string[]
  /** The client as the Partner API lists it. */
  readonly client: { readonly emails: readonly string[] }
  /** The channels that the Partner API lists for this client. */
  readonly listed: readonly { readonly id: string; readonly phoneNumber?: string | undefined }[]
  /** The tenant of each channel in the return that is bound already. */
  readonly boundTenants: ReadonlyMap<string, string>
  /** True when a channel of this client is bound to this same tenant. */
  readonly clientIsKnown: boolean
}

export interface Verdict {
  /** Channels that belong to the tenant now. */
  readonly bound: readonly string[]
  /** Channels about which the owner may be asked by mail; where that cannot be, an admin decides: `nothing_matches`. */
  readonly owner: readonly string[]
  /** Channels that an admin decides about. */
  readonly review: readonly string[]
  readonly rule: BelongingRule | undefined
  readonly reason: ReviewReason | undefined
}

/**
 * Judges to whom the channels of one return belong (ARCHITECTURE, "Belonging"). Ids in a redirect prove nothing
 * and a connect link can be forwarded, so what is not proven here waits for an admin.
 */
export function judgeBelonging(evidence: Evidence): Verdict {
  const obstacle = findObstacle(evidence)
  const rule = obstacle ? undefined : findRule(evidence)
  const reason = obstacle ?? (rule ? undefined : findDoubt(evidence))
  if (reason) return { bound: [], owner: [], review: evidence.channelIds, rule: undefined, reason }
  const asked = evidence.channelIds.filter((id) => isAskedFor(id, evidence))
  const review = evidence.channelIds.filter((id) => !asked.includes(id))
  const [bound, owner] = rule ? [asked, []] : [[], asked]
  return { bound, owner, review, rule, reason: review.length > 0 ? 'another_number' : undefined }
}

/** The state of a return that was judged, from the outcome of each channel that it named. */
export function stateOfReturn(
  outcomes: readonly Row<'returnedChannel'>['outcome'][],
): 'bound' | 'awaiting_owner' | 'needs_review' | 'refused' {
  if (outcomes.includes('review')) return 'needs_review'
  if (outcomes.includes('owner')) return 'awaiting_owner'
  // One that only takes channels back is done, too.
  return outcomes.includes('refused') && !outcomes.includes('bound') ? 'refused' : 'bound'
}

/** Every e-mail that 360dialog has for the client is this one; one alone may be a coincidence that somebody arranged. */
export function isOnlyEmail(theirs: readonly string[], ours: string | undefined): boolean {
  return theirs.length > 0 && theirs.every((email) => isSameEmail(email, ours))
}

/** What no rule can outweigh. */
function findObstacle(evidence: Evidence): ReviewReason | undefined {
  const { fixedClientId, clientId, channelIds, listed, boundTenants, tenantId } = evidence
  if (fixedClientId !== undefined && fixedClientId !== clientId) return 'another_client'
  if (!channelIds.every((id) => listed.some((channel) => channel.id === id))) return 'channel_not_listed'
  if ([...boundTenants.values()].some((bound) => bound !== tenantId)) return 'bound_elsewhere'
  return undefined
}

function findRule(evidence: Evidence): BelongingRule | undefined {
  const { channelIds, boundTenants, client, email, isEmailVerified, clientIsKnown } = evidence
  if (channelIds.every((id) => boundTenants.has(id))) return 'bound_already'
  if (!bindsByItself(evidence)) return undefined
  if (isEmailVerified && isOnlyEmail(client.emails, email)) return 'verified_email'
  if (clientIsKnown) return 'known_client'
  return undefined
}

/** Why not even its owner is asked: it came without the launch's live nonce, so anybody may have sent it. */
function findDoubt(evidence: Evidence): ReviewReason | undefined {
  if (evidence.arrival === 'expired_launch') return 'launch_expired'
  if (evidence.arrival === 'no_cookie') return 'no_cookie'
  return bindsByItself(evidence) ? undefined : 'no_nonce'
}

/** A live nonce came back in the browser that holds it; or the client came back again from that browser. */
function bindsByItself({ arrival }: Evidence): boolean {
  return arrival === 'launch' || arrival === 'resumed'
}

function isAskedFor(id: string, { number, listed, boundTenants, tenantId }: Evidence): boolean {
  if (number === undefined || boundTenants.get(id) === tenantId) return true
  return listed.some((channel) => channel.id === id && isSameLine(channel.phoneNumber, number))
}
