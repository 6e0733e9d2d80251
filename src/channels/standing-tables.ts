import { isOursToMend, type Trouble } from '../d360/hub-trouble.ts'
import type { KeyStatus } from '../database/schema.ts'
import type { ChannelDetails } from './channel-service.ts'
import { type Requirement, type RequirementCode, requirementOf } from './requirement.ts'
import { type Standing, type StandingFacts, standingOf } from './standing.ts'

type SinceColumn =
  | 'mintSinceAt'
  | 'mintSentAt'
  | 'permissionSinceAt'
  | 'boundAt'
  | 'probeSinceAt'
  | 'webhookSinceAt'
  | 'reviewOpenedAt'
  | 'ownerAskedAt'

export interface StandingMeaning {
  /** What is needed now, and since when; nothing where all is done or over. */
  readonly requirement: RequirementCode | undefined
  readonly since: SinceColumn | undefined
  /** Whether an admin is told at once, and not only when it takes longer than is normal. A review is told by itself. */
  readonly needsAdmin: boolean
  /** The product's `key.status`; `recorded`: whatever the ledger has written down. */
  readonly keyStatus: KeyStatus | 'recorded'
}

type KeyStatusOrRecorded = StandingMeaning['keyStatus']

const isOver = (keyStatus: KeyStatusOrRecorded): StandingMeaning => {
  return { requirement: undefined, since: undefined, needsAdmin: false, keyStatus }
}
const needs = (
  requirement: RequirementCode,
  since: SinceColumn,
  keyStatus: KeyStatusOrRecorded,
): StandingMeaning => {
  return { requirement, since, needsAdmin: false, keyStatus }
}
const tellsAdmin = (...given: Parameters<typeof needs>): StandingMeaning => {
  return { ...needs(...given), needsAdmin: true }
}

/** What each standing means, for everybody who reads it. */
export const standingTable: Readonly<Record<Standing, StandingMeaning>> = {
  ended: isOver('recorded'),
  in_review: needs('review', 'reviewOpenedAt', 'recorded'),
  awaiting_owner: needs('owner_answer', 'ownerAskedAt', 'recorded'),
  unbound: isOver('recorded'),
  no_key: needs('permission', 'boundAt', 'none'),
  permission_missing: needs('permission', 'permissionSinceAt', 'none'),

  queued: needs('key', 'mintSinceAt', 'waiting'),
  activating: needs('activation', 'mintSinceAt', 'waiting'),
  not_listed: needs('listing', 'mintSinceAt', 'waiting'),
  unreachable: needs('key', 'mintSinceAt', 'waiting'),
  refused: needs('key', 'mintSinceAt', 'waiting'),
  no_permission: needs('permission', 'mintSinceAt', 'waiting'),
  upstream_failed: needs('key', 'mintSinceAt', 'waiting'),
  credentials_refused: tellsAdmin('access', 'mintSinceAt', 'waiting'),
  creating: needs('key', 'mintSentAt', 'minting'),
  answer_lost: needs('key', 'mintSinceAt', 'unknown'),

  key_in_use: tellsAdmin('key_decision', 'mintSinceAt', 'needs_decision'),
  key_records_unreadable: tellsAdmin('key_decision', 'mintSinceAt', 'needs_decision'),
  another_key_appeared: tellsAdmin('key_decision', 'mintSinceAt', 'needs_decision'),
  answer_unexplained: tellsAdmin('key_decision', 'mintSinceAt', 'needs_decision'),
  answer_unreadable: tellsAdmin('key_decision', 'mintSinceAt', 'needs_decision'),
  answer_masked: tellsAdmin('key_decision', 'mintSinceAt', 'needs_decision'),
  answer_host_not_allowed: tellsAdmin('key_decision', 'mintSinceAt', 'needs_decision'),
  another_system: tellsAdmin('key_decision', 'probeSinceAt', 'recorded'),
  stopped: tellsAdmin('key_decision', 'mintSinceAt', 'needs_decision'),

  key_held_back: tellsAdmin('key_decision', 'boundAt', 'retired'),
  // It worked and does not any more: whatever the reason is, sharing the number once more mends it.
  key_rejected: tellsAdmin('permission', 'probeSinceAt', 'rejected'),
  revoked: isOver('retired'),

  proving: needs('key', 'probeSinceAt', 'stored'),
  another_number: tellsAdmin('key_decision', 'probeSinceAt', 'stored'),
  // Tried again without end: an admin is told, since what stands in the way may be a setting.
  probe_failed: tellsAdmin('key', 'probeSinceAt', 'stored'),
  key_doubted: needs('permission_check', 'probeSinceAt', 'stored'),
  // Nothing is needed for that the number works.
  renewing: isOver('stored'),
  renewal_stopped: tellsAdmin('key_decision', 'mintSinceAt', 'stored'),
  webhook_failed: tellsAdmin('webhook', 'webhookSinceAt', 'stored'),
  setting_webhook: needs('webhook', 'webhookSinceAt', 'stored'),
  connected_without_permission: needs('permission', 'permissionSinceAt', 'stored'),
  permission_uncertain: needs('permission_check', 'permissionSinceAt', 'stored'),
  deletion_pending: { ...isOver('stored'), requirement: 'deletion' },
  connected: isOver('stored'),
}

/** The product's `key.status`. */
export function keyStatusOf(facts: StandingFacts): KeyStatus {
  const { keyStatus } = standingTable[standingOf(facts)]
  return keyStatus === 'recorded' ? facts.keyStatus : keyStatus
}

/** Where the next step is ours to ask of the Partner API. */
const asksHub: ReadonlySet<Standing> = new Set([
  ...(['queued', 'activating', 'not_listed', 'unreachable', 'refused', 'upstream_failed'] as const),
  ...(['credentials_refused', 'creating', 'answer_lost'] as const),
])

/** While the hub is in trouble, what waits for it waits for nothing else. */
export function waitsForHub(channel: StandingFacts, trouble: Trouble | undefined): boolean {
  return trouble !== undefined && asksHub.has(standingOf(channel))
}

/** What a channel still needs now; `trouble`: of the hub. */
export function requirementOfChannel(
  channel: ChannelDetails,
  now: Date,
  trouble: Trouble | undefined,
): Requirement | undefined {
  if (trouble && isOursToMend(trouble) && waitsForHub(channel, trouble)) return accessTo(trouble, now)
  const { requirement, since } = standingTable[standingOf(channel)]
  if (!requirement) return undefined
  const endsAt = requirement === 'deletion' ? channel.facts.endsAt : undefined
  return requirementOf(requirement, since && channel[since], now, endsAt ? new Date(endsAt) : undefined)
}

/** Our access to 360dialog, while that is what stands in the way. */
export function accessTo(trouble: Trouble, now: Date): Requirement {
  return requirementOf('access', trouble.sinceAt, now)
}
