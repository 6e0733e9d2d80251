import { toWireSecond } from '../d360/wire-values.ts'
import type { Came } from '../database/schema.ts'

/** What is known when a return is judged: of the launch and its session, and what 360dialog lists now. */
export interface Evidence {
  readonly tenantId: string
  readonly email: string | undefined
  /** The product vouched for the e-mail when it made the link. */
  readonly emailVerified: boolean
  /** E.164; the session is about this number alone. */
  readonly number: string | undefined
  readonly launchedAt: Date
  readonly returnedAt: Date
  readonly came: Came
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
   * True when somebody else may be the one who made the client: another tenant was away with the same e-mail in
   * another browser, or the client came back for this session in another browser, too.
   */
  readonly hasRival: boolean
}

export type BelongingRule = 'bound_already' | 'verified_email' | 'new_client' | 'known_client'

export const reviewReasons = [
  'client_not_listed',
  'another_client',
  'channel_not_listed',
  'bound_elsewhere',
  'launch_expired',
  'no_nonce',
  'another_sign_up',
  'nothing_matches',
  'another_number',
  'no_session',
] as const
export type ReviewReason = (typeof reviewReasons)[number]

export interface Verdict {
  /** Channels that belong to the tenant now. */
  readonly bound: readonly string[]
  /** Channels that an admin decides about. */
  readonly review: readonly string[]
  /** Channels that an admin decided not to connect here. */
  readonly refused?: readonly string[]
  readonly rule: BelongingRule | undefined
  readonly reason: ReviewReason | undefined
}

/** How far 360dialog's clock and ours may be apart when it dates a new client (ARCHITECTURE, "Belonging", rule 2). */
export const CLOCK_SKEW_MS = 30_000

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

/** What a verdict becomes, and the return with it, when somebody has decided about one of its channels. */
export function settleChannel(
  { bound, review, refused = [], ...rest }: Verdict,
  channelId: string,
  isBound: boolean,
): { state: 'bound' | 'needs_review' | 'refused'; verdict: Verdict } {
  const verdict = {
    ...rest,
    bound: isBound ? [...bound, channelId] : bound,
    review: review.filter((id) => id !== channelId),
    refused: isBound ? refused : [...refused, channelId],
  }
  if (verdict.review.length > 0) return { state: 'needs_review', verdict }
  return { state: verdict.bound.length > 0 ? 'bound' : 'refused', verdict }
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
  const { channelIds, boundTenants, emailVerified, clientIsKnown, hasRival } = evidence
  if (channelIds.every((id) => boundTenants.has(id))) return 'bound_already'
  if (!bindsByItself(evidence)) return undefined
  if (isSameEmail(evidence) && emailVerified) return 'verified_email'
  if (wasMadeForThis(evidence) && !hasRival) return 'new_client'
  if (clientIsKnown) return 'known_client'
  return undefined
}

/** Why no rule applies. */
function findDoubt(evidence: Evidence): ReviewReason {
  if (evidence.came === 'expired_launch') return 'launch_expired'
  if (!bindsByItself(evidence)) return 'no_nonce'
  return wasMadeForThis(evidence) ? 'another_sign_up' : 'nothing_matches'
}

/** A live nonce came back in the browser that holds it; or the client came back again from that browser. */
function bindsByItself({ came }: Evidence): boolean {
  return came === 'launch' || came === 'taken_up'
}

function isSameEmail({ client, email }: Evidence): boolean {
  return email !== undefined && client?.email?.toLowerCase() === email.toLowerCase()
}

/** 360dialog made the client, with the session's e-mail, between this launch and this return. */
function wasMadeForThis(evidence: Evidence): boolean {
  const createdAt = evidence.client?.createdAt?.getTime()
  if (createdAt === undefined || !isSameEmail(evidence)) return false
  const from = toWireSecond(evidence.launchedAt).getTime() - CLOCK_SKEW_MS
  return createdAt >= from && createdAt <= evidence.returnedAt.getTime() + CLOCK_SKEW_MS
}

function isAskedFor(id: string, { number, listed, boundTenants, tenantId }: Evidence): boolean {
  if (number === undefined || boundTenants.get(id) === tenantId) return true
  return listed.some((channel) => channel.id === id && channel.phoneNumber === number)
}
