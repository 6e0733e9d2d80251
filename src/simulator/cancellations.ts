import { toWireTime } from './clock.ts'
import { HubError } from './hub-error.ts'
import type { Outbox } from './outbox.ts'
import type { Channel } from './records.ts'

/** How long a number goes on after the request: this simulator's own choice. */
const NOTICE_SECONDS = 30 * 86_400

/** What a cancellation needs of the hub. */
interface CancellingHub {
  readonly outbox: Pick<Outbox, 'tell'>
  now(): Date
  listChannels(): readonly Channel[]
  channel(id: string): Channel
  change(channelId: string, changes: { endsAt: string | null }): void
  end(channelId: string): void
}

/** The number goes on until its date. @throws HubError 400 when it has ended */
export function requestCancellation(hub: CancellingHub, channelId: string): void {
  refuseEnded(hub.channel(channelId))
  hub.change(channelId, { endsAt: toWireTime(new Date(hub.now().getTime() + NOTICE_SECONDS * 1000)) })
  hub.outbox.tell('cancellation_request', channelId)
}

/** @throws HubError 400 when it has ended */
export function revokeCancellation(hub: CancellingHub, channelId: string): void {
  refuseEnded(hub.channel(channelId))
  hub.change(channelId, { endsAt: null })
  hub.outbox.tell('cancellation_revoke', channelId)
}

/** Processes the cancellations whose date has come. */
export function endDue(hub: CancellingHub): void {
  const now = toWireTime(hub.now())
  for (const { id, endsAt, endedAt } of hub.listChannels())
    if (endsAt && endsAt <= now && !endedAt) hub.end(id)
}

function refuseEnded({ endedAt }: Channel): void {
  if (endedAt) throw new HubError(400, 'The number has ended')
}
