import { toWireSecond } from '../partner-api/wire-second.ts'

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
}

export type BelongingRule = 'verified_email' | 'new_client' | 'known_client'

export type ReviewReason =
  | 'client_not_listed'
  | 'another_client'
  | 'channel_not_listed'
  | 'bound_elsewhere'
  | 'nothing_matches'
  | 'another_number'

export interface Verdict {
  /** Channels that bind by themselves. */
  readonly bound: readonly string[]
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
  const reason = findObstacle(evidence)
  const rule = findRule(evidence)
  if (reason || !rule) {
    return { bound: [], review: evidence.channelIds, rule: undefined, reason: reason ?? 'nothing_matches' }
  }
  const bound = evidence.channelIds.filter((id) => isAskedFor(id, evidence))
  const review = evidence.channelIds.filter((id) => !bound.includes(id))
  return { bound, review, rule, reason: review.length > 0 ? 'another_number' : undefined }
}

function findObstacle(evidence: Evidence): ReviewReason | undefined {
  const { client, fixedClientId, clientId, channelIds, listed, boundTenants, tenantId } = evidence
  if (!client) return 'client_not_listed'
  if (fixedClientId !== undefined && fixedClientId !== clientId) return 'another_client'
  if (!channelIds.every((id) => listed.some((channel) => channel.id === id))) return 'channel_not_listed'
  if ([...boundTenants.values()].some((bound) => bound !== tenantId)) return 'bound_elsewhere'
  return undefined
}

function findRule({ client, email, emailVerified, ...evidence }: Evidence): BelongingRule | undefined {
  const sameEmail = email !== undefined && client?.email?.toLowerCase() === email.toLowerCase()
  if (sameEmail && emailVerified) return 'verified_email'
  if (sameEmail && wasCreatedMeanwhile(client?.createdAt, evidence)) return 'new_client'
  if (evidence.clientIsKnown) return 'known_client'
  return undefined
}

function wasCreatedMeanwhile(
  createdAt: Date | undefined,
  { launchedAt, returnedAt }: Pick<Evidence, 'launchedAt' | 'returnedAt'>,
): boolean {
  return createdAt !== undefined && createdAt >= toWireSecond(launchedAt) && createdAt <= returnedAt
}

function isAskedFor(id: string, { number, listed, boundTenants, tenantId }: Evidence): boolean {
  if (number === undefined || boundTenants.get(id) === tenantId) return true
  return listed.some((channel) => channel.id === id && channel.phoneNumber === number)
}
