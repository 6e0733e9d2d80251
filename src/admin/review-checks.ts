import { toWireSecond } from '../d360/wire-values.ts'
import type { Came } from '../database/schema.ts'
import { CLOCK_SKEW_MS, type ReviewReason } from '../onboarding/belonging.ts'
import type { Claim, ReviewFile } from '../onboarding/review-service.ts'
import { toMoment } from './moment.ts'
import { type Badge, cameWords } from './state-words.ts'

/** One thing that speaks for or against a claim, with both sides of it. */
export interface Check {
  readonly what: string
  readonly result: Badge
  /** What 360dialog says. */
  readonly theirs: string
  /** What is known here. */
  readonly ours: string
}

const results = {
  yes: { word: 'Matches', tone: 'good' },
  no: { word: 'Does not match', tone: 'bad' },
  unknown: { word: 'Not known', tone: 'waiting' },
} as const

const NOT_KNOWN = 'not known'

/** Why it waits: a return may have been judged again since the review was opened. */
export function reasonOf({ review, claims }: Pick<ReviewFile, 'review' | 'claims'>): ReviewReason {
  return claims[0]?.received.verdict?.reason ?? review.reason
}

/** What is checked of client and number, whoever asks. */
export function checkNumber(file: ReviewFile): Check[] {
  const { review, client, channel } = file
  const isListed = client !== undefined && reasonOf(file) !== 'client_not_listed'
  const isTheirs = channel?.clientId === review.clientId
  return [
    {
      what: '360dialog lists the client for you',
      result: resultOf(isListed),
      theirs: isListed ? `${client.name ?? 'no name'} (${client.id})` : 'not listed',
      ours: `the return names ${review.clientId}`,
    },
    {
      what: 'The number belongs to this client',
      result: resultOf(isTheirs),
      theirs: channel ? `${channel.phoneNumber ?? channel.id}, of client ${channel.clientId}` : 'not listed',
      ours: `the return names ${review.channelId}`,
    },
    {
      what: 'No other customer has the number',
      result: resultOf(channel?.tenantId === undefined || channel.tenantId === review.tenantId),
      theirs: '',
      ours: channel?.tenantId ? `bound to ${channel.tenantName} (${channel.tenantId})` : 'bound to nobody',
    },
  ]
}

/** What is checked of one who asks. */
export function checkClaim({ client, channel }: ReviewFile, claim: Claim, now: Date): Check[] {
  const { session, received } = claim
  const exact = (at: Date) => toMoment(at, now).exact
  const isVerified = session.emailVerified ? 'verified by your product' : 'not verified'
  return [
    {
      what: 'E-mail',
      result: resultOf(areSame(client?.email, session.email?.toLowerCase())),
      theirs: client?.email ?? NOT_KNOWN,
      ours: session.email ? `${session.email} (${isVerified})` : NOT_KNOWN,
    },
    {
      what: 'The client was made in this attempt',
      result: resultOf(wasMadeMeanwhile(client?.createdAt, claim)),
      theirs: client?.createdAt ? `made ${exact(client.createdAt)}` : NOT_KNOWN,
      ours: `left ${exact(claim.launchedAt)}, came back ${exact(received.receivedAt)}`,
    },
    {
      what: 'Number',
      result: resultOf(areSame(channel?.phoneNumber, session.number)),
      theirs: channel?.phoneNumber ?? NOT_KNOWN,
      ours: session.number ?? 'no number was named',
    },
    {
      what: 'How they came back',
      result: cameResult(received.came),
      theirs: '',
      ours: cameWords[received.came],
    },
    ...(received.verdict?.reason === 'another_sign_up'
      ? [
          {
            what: 'Nobody else asked with this e-mail at the same time',
            result: results.no,
            theirs: '',
            ours: 'another customer was at 360dialog at the same time, with the same e-mail',
          },
        ]
      : []),
  ]
}

function resultOf(matches: boolean | undefined): Badge {
  if (matches === undefined) return results.unknown
  return matches ? results.yes : results.no
}

function cameResult(came: Came): Badge {
  if (came === 'open_launch') return results.unknown
  return resultOf(came === 'launch' || came === 'taken_up')
}

function areSame(one: string | undefined, other: string | undefined): boolean | undefined {
  return one === undefined || other === undefined ? undefined : one === other
}

function wasMadeMeanwhile(createdAt: Date | undefined, { launchedAt, received }: Claim): boolean | undefined {
  if (!createdAt) return undefined
  const from = toWireSecond(launchedAt).getTime() - CLOCK_SKEW_MS
  return createdAt.getTime() >= from && createdAt.getTime() <= received.receivedAt.getTime() + CLOCK_SKEW_MS
}
