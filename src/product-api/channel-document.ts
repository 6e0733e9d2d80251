import type { ChannelState } from '../channels/channel-repository.ts'

/** A channel as the product's API tells it (README, "Product API"). */
export function toChannelDocument(channel: ChannelState): object {
  const { permission, key } = channel
  return {
    channel_id: channel.id,
    client_id: channel.clientId,
    tenant_id: channel.tenantId ?? null,
    phone_number: channel.phoneNumber ?? null,
    display_name: channel.displayName ?? null,
    status: channel.status,
    raw_status: channel.rawStatus,
    permission: {
      status: permission.status,
      source: permission.source ?? null,
      observed_at: permission.observedAt?.toISOString() ?? null,
    },
    key: {
      status: key.status,
      version: key.version === 0 ? null : key.version,
      fingerprint: key.fingerprint ?? null,
      created_at: key.createdAt?.toISOString() ?? null,
    },
  }
}
