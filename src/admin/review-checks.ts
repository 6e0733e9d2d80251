import { isOnlyEmail } from '../onboarding/belonging.ts'
import type { Claimant, ReviewDetails } from '../onboarding/review-facts.ts'
import { isSameLine } from '../phone-number.ts'

export type CheckResult = 'yes' | 'no' | 'unknown'

export interface ClaimantChecks {
  readonly email: CheckResult
  readonly number: CheckResult
  readonly arrival: CheckResult
}

/** What is checked of client and number, whoever asks. */
export function checkNumber({ review, client, channel }: ReviewDetails) {
  const holder = channel?.tenantId
  return {
    client: resultOf(client !== undefined),
    number: resultOf(channel?.clientId === review.clientId),
    holder: resultOf(holder === undefined || holder === review.tenantId),
  }
}

/** What is checked of one who asks. */
export function checkClaimant({ client, channel }: ReviewDetails, claimant: Claimant): ClaimantChecks {
  const { session, received } = claimant
  const emails = client?.emails ?? []
  const numbers = [channel?.phoneNumber, session.number] as const
  return {
    email: emails.length === 0 || !session.email ? 'unknown' : resultOf(isOnlyEmail(emails, session.email)),
    number: numbers.includes(undefined) ? 'unknown' : resultOf(isSameLine(...numbers)),
    arrival: arrivalResult(received.arrival),
  }
}

/** The customers that ask for the number, each once. */
export function tenantsThatAsk({ review, claimants }: Pick<ReviewDetails, 'review' | 'claimants'>) {
  const first = review.tenantId ? [{ id: review.tenantId, name: review.tenantName ?? review.tenantId }] : []
  const all = claimants.map(({ session }) => ({ id: session.tenantId, name: session.tenantName }))
  return [...new Map([...first, ...all].map((tenant) => [tenant.id, tenant])).values()]
}

function resultOf(matches: boolean): CheckResult {
  return matches ? 'yes' : 'no'
}

function arrivalResult(arrival: Claimant['received']['arrival']): CheckResult {
  if (arrival === 'open_launch' || arrival === 'no_cookie') return 'unknown'
  return resultOf(arrival === 'launch' || arrival === 'resumed')
}
