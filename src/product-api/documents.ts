import { z } from 'zod'
import type { ChannelDetails } from '../channels/channel-service.ts'
import { keyStatusOf } from '../channels/standing-tables.ts'
import type { ReadableKey } from './key-read-service.ts'
import type { ApiToken } from './token-service.ts'

// What the API says and is asked, in its own snake_case (README, "Product API").

const id = z.string().regex(/^[A-Za-z0-9_.:-]{1,128}$/)

/** The query of the list of channels. A cursor is the last id of the page before, in base64url. */
export const channelQuery = z
  .strictObject({
    tenant_id: id.optional(),
    permission: z.enum(['shared', 'missing', 'unknown']).optional(),
    key_status: z
      .enum(['none', 'waiting', 'minting', 'stored', 'needs_decision', 'unknown', 'rejected', 'retired'])
      .optional(),
    limit: z.coerce.number().int().min(1).max(200).default(50),
    cursor: z
      .string()
      .max(200)
      .transform((cursor) => Buffer.from(cursor, 'base64url').toString())
      .pipe(id)
      .optional(),
  })
  .transform(({ tenant_id: tenantId, key_status: keyStatus, cursor: after, ...query }) => {
    return { tenantId, keyStatus, after, ...query }
  })

export function toTokenDocument({ name, scopes, expiresAt }: ApiToken): object {
  return { name, scopes, expires_at: expiresAt ?? null }
}

export function toChannelPage(channels: readonly ChannelDetails[], limit: number): object {
  const page = channels.slice(0, limit)
  const last = channels.length > limit ? page.at(-1) : undefined
  return {
    data: page.map((channel) => toChannelDocument(channel)),
    next_cursor: last ? Buffer.from(last.id).toString('base64url') : null,
  }
}

export function toChannelDocument(channel: ChannelDetails): object {
  return {
    channel_id: channel.id,
    client_id: channel.clientId,
    tenant_id: channel.tenantId ?? null,
    phone_number: channel.phoneNumber ?? null,
    display_name: channel.displayName ?? null,
    status: channel.status,
    raw_status: channel.rawStatus,
    permission: {
      status: channel.permission,
      source: channel.permissionSource ?? null,
      observed_at: channel.permissionObservedAt ?? null,
    },
    key: {
      status: keyStatusOf(channel),
      version: channel.keyVersion || null,
      fingerprint: channel.keyFingerprint ?? null,
      created_at: channel.keyCreatedAt ?? null,
    },
  }
}

export function toKeyDocument(channelId: string, key: ReadableKey): object {
  return {
    channel_id: channelId,
    version: key.version,
    api_key: key.apiKey,
    address: key.address,
    app_id: key.appId ?? null,
    fingerprint: key.fingerprint,
    created_at: key.createdAt,
    doubted: key.refusals > 0,
  }
}
