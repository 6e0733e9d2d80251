import type { ChannelDetails } from '../channels/channel-service.ts'
import { type Requirement, requirementOf, type Who } from '../channels/requirement.ts'
import { type Standing, standingOf } from '../channels/standing.ts'
import { requirementOfChannel, standingTable, waitsForHub } from '../channels/standing-tables.ts'
import type { Trouble } from '../d360/hub-trouble.ts'

export type Turn = Who | 'nobody'

/** A channel with where it stands. */
export type StandingChannel = ChannelDetails & {
  readonly standing: Standing
  /** What it still needs. */
  readonly requirement: Requirement | undefined
  readonly turn: Turn
  /** Whether it is told under "What needs me": at once, or since it takes longer than is normal. */
  readonly needsAdmin: boolean
  /** When Latchkey tries again by itself what stands in the way. */
  readonly nextTryAt: Date | undefined
}

/** Where the work is under way, or comes next: nothing stands in its way. */
const underWay: ReadonlySet<Standing> = new Set([
  'queued',
  'creating',
  'proving',
  'renewing',
  'setting_webhook',
])

/** `trouble`: of the hub. What only waits for that needs nobody by itself. */
export function withStanding(
  channel: ChannelDetails,
  now: Date,
  trouble: Trouble | undefined,
): StandingChannel {
  const standing = standingOf(channel)
  const own = requirementOfChannel(channel, now, trouble)
  const { reviewOpenedAt } = channel
  // Somebody else came back with a number that is bound: its client has nothing to do with that.
  const requirement =
    reviewOpenedAt && own?.who !== 'admin' ? requirementOf('review', reviewOpenedAt, now) : own
  const dueAt =
    channel.keyStatus === 'stored' ? (channel.probeDueAt ?? channel.webhookDueAt) : channel.mintDueAt
  return {
    ...channel,
    ...{ standing, requirement, turn: requirement?.who ?? 'nobody' },
    needsAdmin:
      !waitsForHub(channel, trouble) && (standingTable[standing].needsAdmin || (own?.isLate ?? false)),
    nextTryAt: underWay.has(standing) ? undefined : dueAt,
  }
}
