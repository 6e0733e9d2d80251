import type { Review } from '../onboarding/review-repository.ts'
import type { Claim, ReviewFile } from '../onboarding/review-service.ts'
import {
  adminCasePath,
  adminChannelPath,
  adminReviewAcceptPath,
  adminReviewPath,
  adminReviewRefusePath,
} from '../paths.ts'
import { findMoment, toMoment } from './moment.ts'
import type { ListedReview } from './overview-service.ts'
import { checkClaim, checkNumber, reasonOf } from './review-checks.ts'
import { cameWords, decisionWords, reviewWords } from './state-words.ts'

/** A link can be used again and again; whoever does that does not fill the page. */
const MOST_ASKERS = 10

/** What was wrong with a decision that an admin sent. */
export interface Misstep {
  readonly problem: string
  /** The customer that was named. */
  readonly tenant: string
}

/** An open review as a row of a list. */
export function toReviewRow({ review, channel }: ListedReview, now: Date) {
  return {
    href: adminReviewPath(review.id),
    number: channel?.phoneNumber ?? review.channelId,
    name: channel?.displayName,
    tenant: review.tenantName ?? review.tenantId,
    client: channel?.clientId === review.clientId ? channel.clientName : undefined,
    clientId: review.clientId,
    what: reviewWords[review.reason].what,
    opened: toMoment(review.openedAt, now),
  }
}

/** Everything that the page of one review shows. */
export function toReviewPage(file: ReviewFile, now: Date, misstep?: Misstep) {
  const { review, channel, client, earlier } = file
  const number = channel?.phoneNumber ?? review.channelId
  const askers = toAskers(file, now)
  return {
    title: titleOf(review, number),
    number,
    channelId: review.channelId,
    channelHref: channel && adminChannelPath(review.channelId),
    name: channel?.displayName,
    client: client?.name,
    clientId: review.clientId,
    tenant: review.tenantName,
    tenantId: review.tenantId,
    came: cameWords[review.came],
    opened: toMoment(review.openedAt, now),
    reason: reviewWords[reasonOf(file)],
    decided: toDecided(review, now),
    checks: [...checkNumber(file), ...(askers.length === 1 ? askers.flatMap(({ checks }) => checks) : [])],
    askers: askers.slice(0, MOST_ASKERS),
    moreAskers: Math.max(askers.length - MOST_ASKERS, 0),
    earlier: earlier.flatMap((one) => toDecided(one, now) ?? []),
    form: review.closedAt ? undefined : toForm(file, number, misstep),
  }
}

/** The customers that ask for the number, each once. */
export function tenantsThatAsk({ review, claims }: Pick<ReviewFile, 'review' | 'claims'>) {
  const first = review.tenantId ? [{ id: review.tenantId, name: review.tenantName ?? review.tenantId }] : []
  const all = [...first, ...claims.map(({ session }) => ({ id: session.tenantId, name: session.tenantName }))]
  return [...new Map(all.map((tenant) => [tenant.id, tenant])).values()]
}

function titleOf({ tenantId, tenantName }: Review, number: string): string {
  return tenantId ? `Does ${number} belong to ${tenantName ?? tenantId}?` : `Whose number is ${number}?`
}

/** One for each attempt, however often it came back. */
function toAskers(file: ReviewFile, now: Date) {
  const attempts = new Map<string, Claim>()
  for (const claim of file.claims) if (!attempts.has(claim.session.id)) attempts.set(claim.session.id, claim)
  return [...attempts.values()].map((claim) => toAsker(file, claim, now))
}

function toAsker(file: ReviewFile, claim: Claim, now: Date) {
  const { session, received } = claim
  const reason = received.verdict?.reason
  return {
    tenant: session.tenantName,
    tenantId: session.tenantId,
    code: session.code,
    caseHref: adminCasePath(session.code),
    origin: session.origin === 'link' ? 'a connect link' : 'the sign-up page',
    asked: toMoment(session.createdAt, now),
    returned: toMoment(received.receivedAt, now),
    named: received.channelIds.filter((id) => id !== file.review.channelId).join(', '),
    reason: reason && reviewWords[reason].what,
    checks: checkClaim(file, claim, now),
  }
}

function toDecided(review: Review, now: Date) {
  const { decision, decidedBy, decidedTenantId, tenantName, tenantId } = review
  if (decision === null) return undefined
  return {
    href: adminReviewPath(review.id),
    word: decisionWords[decision],
    by: decidedBy,
    asked: tenantName ?? tenantId,
    // Accepted and settled name who has the number since.
    tenantId: decidedTenantId,
    at: findMoment(review.closedAt, now),
  }
}

function toForm(file: ReviewFile, number: string, misstep: Misstep | undefined) {
  const { review, channel } = file
  const tenants = tenantsThatAsk(file)
  const isTheirs = tenants.some(({ id }) => id === misstep?.tenant)
  return {
    acceptPath: adminReviewAcceptPath(review.id),
    refusePath: adminReviewRefusePath(review.id),
    number,
    tenants,
    hasKey: channel?.key.status === 'stored',
    holder: channel?.tenantId && { id: channel.tenantId, name: channel.tenantName ?? channel.tenantId },
    confirmation: channel?.phoneNumber
      ? 'the last four digits of the number'
      : `the channel id, ${review.channelId}`,
    chosen: isTheirs ? misstep?.tenant : undefined,
    typed: isTheirs ? '' : (misstep?.tenant ?? ''),
    failed: misstep && (isTheirs ? 'accept' : 'hand'),
  }
}
