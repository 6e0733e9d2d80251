import type { ChannelDetails } from '../channels/channel-service.ts'
import type { ClaimFacts, ReviewFacts, ReviewReason, Row } from '../database/schema.ts'
import type { ConnectSession } from './connect-session-service.ts'
import type { ReturnDetails } from './return-repository.ts'

/** A channel that an admin decides about: may a tenant have it? One is open for a client and channel. */
export type Review = Row<'review'> & { readonly tenantName: string | undefined }

/** A session that waits for the decision, by the first of its returns that name the channel. */
export interface Claimant {
  readonly received: ReturnDetails
  readonly session: ConnectSession
  /** Why this return did not bind the channel. */
  readonly reason: ReviewReason
  /** What the owner was asked for this session. */
  readonly asked: Row<'ownerConfirmation'> | undefined
}

/** All that an admin decides by. */
export interface ReviewDetails {
  readonly review: Review
  /** As 360dialog described it last. */
  readonly client: Row<'client'> | undefined
  readonly channel: ChannelDetails | undefined
  /** Oldest first: of more than a page shows, the newest. */
  readonly claimants: readonly Claimant[]
  readonly moreClaimants: number
  /** Decided reviews of the same channel, newest first. */
  readonly earlier: readonly Review[]
}

/** How a part is called that has changed. */
export const reviewParts: Readonly<Record<keyof ReviewFacts, string>> = {
  client: 'the client or its e-mails at 360dialog',
  number: 'the number at 360dialog',
  holder: 'who has the number',
  key: 'its key',
  reason: 'why it waits',
  claims: 'who asks for it, or what the owner answered',
  moreClaims: 'how many ask for it',
}

/** What an admin sees of a review when deciding: the forms carry it, and the decided review keeps it. */
export function reviewFactsOf(details: ReviewDetails): ReviewFacts {
  const { review, client, channel, claimants, moreClaimants } = details
  const { clientId, phoneNumber, displayName, status } = channel ?? {}
  return {
    client: { id: review.clientId, name: client?.name, emails: client?.emails ?? [] },
    number: { id: review.channelId, clientId, phoneNumber, displayName, status },
    holder: channel?.tenantId ? { id: channel.tenantId, name: channel.tenantName ?? '' } : null,
    key: channel ? { status: channel.keyStatus, version: channel.keyVersion } : null,
    reason: reasonOf(details),
    claims: claimants.map(toClaim),
    moreClaims: moreClaimants,
  }
}

/** Why it waits: a return may have been judged again since the review was opened. */
export function reasonOf({ review, claimants }: Pick<ReviewDetails, 'review' | 'claimants'>) {
  return claimants[0]?.reason ?? review.reason
}

function toClaim({ session, received, reason, asked }: Claimant): ClaimFacts {
  const { id, code, tenantId, tenantName, email, isEmailVerified, number } = session
  return {
    ...{ session: id, code, tenant: { id: tenantId, name: tenantName } },
    ...{ email, isEmailVerified, number, arrival: received.arrival, reason },
    owner: asked ? { email: asked.email, answer: asked.answer ?? 'open' } : null,
  }
}
