import type { ChannelDetails } from '../channels/channel-service.ts'
import { type Standing, standingOf } from '../channels/standing.ts'
import { standingTable, type Turn } from '../channels/standing-tables.ts'

/** A channel with where it stands. */
export type StandingChannel = ChannelDetails & {
  readonly standing: Standing
  readonly turn: Turn
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

export function withStanding(channel: ChannelDetails, now: Date): StandingChannel {
  const standing = standingOf(channel, now)
  const { turn, needsAdmin } = standingTable[standing]
  const dueAt =
    channel.keyStatus === 'stored' ? (channel.probeDueAt ?? channel.webhookDueAt) : channel.mintDueAt
  return { ...channel, standing, turn, needsAdmin, nextTryAt: underWay.has(standing) ? undefined : dueAt }
}
