import { isSameEmail, wasCreatedForLaunch } from '../onboarding/belonging.ts'
import type { Claimant, ReviewDetails } from '../onboarding/review-service.ts'

export type CheckResult = 'yes' | 'no' | 'unknown'

export interface ClaimantChecks {
  readonly email: CheckResult
  readonly createdMeanwhile: CheckResult
  readonly number: CheckResult
  readonly arrival: CheckResult
  /** Another customer asked with the same e-mail at the same time. */
  readonly hasRival: boolean
}

/** Why it waits: a return may have been judged again since the review was opened. */
export function reasonOf({ review, claimants }: Pick<ReviewDetails, 'review' | 'claimants'>) {
  return claimants[0]?.reason ?? review.reason
}

/** What is checked of client and number, whoever asks. */
export function checkNumber(details: ReviewDetails) {
  const { review, client, channel } = details
  const holder = channel?.tenantId
  return {
    client: resultOf(client !== undefined && reasonOf(details) !== 'client_not_listed'),
    number: resultOf(channel?.clientId === review.clientId),
    holder: resultOf(holder === undefined || holder === review.tenantId),
  }
}

/** What is checked of one who asks. */
export function checkClaimant({ client, channel }: ReviewDetails, claimant: Claimant): ClaimantChecks {
  const { session, received, launchedAt, reason } = claimant
  const emails = [client?.email, session.email] as const
  const numbers = [channel?.phoneNumber, session.number] as const
  return {
    email: emails.includes(undefined) ? 'unknown' : resultOf(isSameEmail(...emails)),
    createdMeanwhile: client?.createdAt
      ? resultOf(wasCreatedForLaunch(client, launchedAt, received.receivedAt))
      : 'unknown',
    number: numbers.includes(undefined) ? 'unknown' : resultOf(numbers[0] === numbers[1]),
    arrival: arrivalResult(received.arrival),
    hasRival: reason === 'another_sign_up',
  }
}

/** The customers that ask for the number, each once. */
export function tenantsThatAsk({ review, claimants }: Pick<ReviewDetails, 'review' | 'claimants'>) {
  const first = review.tenantId ? [{ id: review.tenantId, name: review.tenantName ?? review.tenantId }] : []
  const all = claimants.map(({ session }) => ({ id: session.tenantId, name: session.tenantName }))
  return [...new Map([...first, ...all].map((tenant) => [tenant.id, tenant])).values()]
}

/** One for each attempt, however often it came back. */
export function firstOfEachAttempt(claimants: readonly Claimant[]): Claimant[] {
  return claimants.filter(
    ({ session }, place) => place === claimants.findIndex((other) => other.session.id === session.id),
  )
}

function resultOf(matches: boolean): CheckResult {
  return matches ? 'yes' : 'no'
}

function arrivalResult(arrival: Claimant['received']['arrival']): CheckResult {
  if (arrival === 'open_launch') return 'unknown'
  return resultOf(arrival === 'launch' || arrival === 'resumed')
}
