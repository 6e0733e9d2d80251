import { channelRow } from './channel-row.ts'
import { type ChannelStatus, deriveChannelStatus, describeStatus, findAppId, runs } from './channel-status.ts'

/** One WhatsApp number under a client, as 360dialog lists it (contract 4.3). */
export interface Channel {
  readonly id: string
  readonly clientId: string
  /** E.164 with `+`. */
  readonly phoneNumber: string | undefined
  readonly displayName: string | undefined
  readonly status: ChannelStatus
  /** What 360dialog said, for people: `account_mode=live status=ready`. */
  readonly rawStatus: string
  /** Whether the number runs at 360dialog, so that a key can be created. */
  readonly running: boolean
  readonly appId: string | undefined
  readonly createdAt: Date | undefined
  /** The client's `contact_info.email`, lower-cased. */
  readonly clientEmail: string | undefined
}

/**
 * Reads one row of the channel list, or the `data` of a channel notice.
 * `undefined` when it is no object, or has no id, or names no client.
 */
export function readChannel(row: unknown, now: Date): Channel | undefined {
  const read = channelRow.safeParse(row)
  if (!read.success) return undefined
  const said = read.data
  const clientId = said.client_id ?? said.client?.id
  if (!said.id || !clientId) return undefined
  return {
    id: said.id,
    clientId,
    phoneNumber: said.setup_info?.phone_number ?? undefined,
    displayName: said.setup_info?.phone_name || undefined,
    status: deriveChannelStatus(said, now),
    rawStatus: describeStatus(said),
    running: runs(said),
    appId: findAppId(said),
    createdAt: said.created_at ?? undefined,
    clientEmail: said.client?.contact_info?.email ?? undefined,
  }
}
