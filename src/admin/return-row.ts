import type { Return } from '../onboarding/return-repository.ts'
import type { Review } from '../onboarding/review-repository.ts'
import { adminReviewPath } from '../paths.ts'
import { type Moment, toMoment } from './moment.ts'
import { type Badge, decisionWords, returnBadges, reviewWords } from './state-words.ts'

/** A return as a row of a list. */
export interface ReturnRow {
  readonly received: Moment
  readonly state: Badge
  readonly client: string | undefined
  readonly channels: string
  readonly revoked: string
  /** What is, and what to do; undefined when there is nothing to do. */
  readonly todo: string | undefined
  readonly reviews: readonly { readonly href: string; readonly words: string }[]
}

/** @param reviews of any channels: the row names those that are about this return */
export function toReturnRow(received: Return, reviews: readonly Review[], now: Date): ReturnRow {
  const { clientId, channelIds } = received
  return {
    received: toMoment(received.receivedAt, now),
    state: returnBadges[received.state],
    client: clientId,
    channels: channelIds.join(', '),
    revoked: received.revokedIds.join(', '),
    todo: todoOf(received),
    reviews: reviews
      .filter((review) => review.clientId === clientId && channelIds.includes(review.channelId))
      .map((review) => ({ href: adminReviewPath(review.id), words: wordsOf(review) })),
  }
}

function todoOf({ state, verdict }: Return): string | undefined {
  if (state === 'pending')
    return 'The customer came back in another browser. Ask them to press "Continue here" on the page that they see there.'
  if (state === 'refused') return 'It was decided that nothing of this is connected.'
  if (state !== 'needs_review' || !verdict?.reason) return undefined
  const { what, todo } = reviewWords[verdict.reason]
  return `${what} ${todo}`
}

function wordsOf({ channelId, decision }: Review): string {
  return `Review of ${channelId}: ${decision === null ? 'open' : decisionWords[decision].toLowerCase()}`
}
