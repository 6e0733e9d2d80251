import type { Return } from '../onboarding/return-repository.ts'
import { adminCasePath } from '../paths.ts'
import { type Moment, toMoment } from './moment.ts'
import type { ReviewedReturn } from './overview-service.ts'
import { type Badge, returnBadges, reviewWords } from './state-words.ts'

/** A return as a row of a list. */
export interface ReturnRow {
  readonly id: string
  readonly received: Moment
  readonly state: Badge
  readonly client: string | undefined
  readonly channels: string
  readonly revoked: string
  /** What does not match, and what to ask for. */
  readonly review: string | undefined
}

export interface ReviewRow extends ReturnRow {
  readonly tenant: string
  readonly code: string
  readonly caseHref: string
}

export function toReturnRow(received: Return, now: Date): ReturnRow {
  const reason = received.verdict?.reason
  return {
    id: received.id,
    received: toMoment(received.receivedAt, now),
    state: returnBadges[received.state],
    client: received.clientId,
    channels: received.channelIds.join(', '),
    revoked: received.revokedIds.join(', '),
    review: reason && reviewWords[reason],
  }
}

export function toReviewRow(received: ReviewedReturn, now: Date): ReviewRow {
  const { tenantName, code } = received
  return { ...toReturnRow(received, now), tenant: tenantName, code, caseHref: adminCasePath(code) }
}
