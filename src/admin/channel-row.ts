import type { ChannelState } from '../channels/channel-repository.ts'
import { adminChannelPath } from '../paths.ts'
import { findMoment, type Moment } from './moment.ts'
import { type Badge, keyBadges, permissionBadges, sourceWords, turnBadges } from './state-words.ts'
import { whoseTurn } from './turn.ts'

/** A channel as a row of a list. */
export interface ChannelRow {
  readonly href: string
  readonly number: string
  readonly name: string | undefined
  readonly client: string
  readonly tenant: string | undefined
  readonly permission: Badge
  readonly permissionSource: string | undefined
  readonly permissionSeen: Moment | undefined
  readonly key: Badge
  readonly keyVersion: number | undefined
  readonly fingerprint: string | undefined
  readonly turn: Badge
  readonly why: string
  /** Where the admin decides about a key that is there already, when that is due. */
  readonly decisionHref: string | undefined
}

export function toChannelRow(channel: ChannelState, now: Date): ChannelRow {
  const { permission, key } = channel
  const { turn, why } = whoseTurn(channel)
  return {
    href: adminChannelPath(channel.id),
    number: channel.phoneNumber ?? channel.id,
    name: channel.displayName,
    client: channel.clientName ?? channel.clientId,
    tenant: channel.tenantName ?? channel.tenantId,
    permission: permissionBadges[permission.status],
    permissionSource: permission.source && sourceWords[permission.source],
    permissionSeen: findMoment(permission.observedAt, now),
    key: keyBadges[key.status],
    keyVersion: key.version || undefined,
    fingerprint: key.fingerprint,
    turn: turnBadges[turn],
    why,
    decisionHref:
      channel.mint?.state === 'needs_decision' ? `${adminChannelPath(channel.id)}#decision` : undefined,
  }
}
