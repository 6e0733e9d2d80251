import type { Standing } from '../channels/standing.ts'

/** Where one number of a session stands, as its owner is told, and what the page says first where that comes first. */
export const situationOfState = {
  checking: 'returned',
  listing: 'not_listed_yet',
  no_permission: 'permission',
  unlinked: 'permission',
  rejected: 'permission',
  deletion: 'deletion',
  awaiting_owner: 'owner',
  in_review: 'needs_review',
  with_support: 'with_support',
  no_access: 'no_access',
  activating: 'waiting',
  preparing: 'linking',
  proving: 'linking',
  retrying: 'linking',
  finishing: 'finishing',
  connected: undefined,
  refused: undefined,
  revoked: undefined,
  ended: undefined,
} as const
export type NumberState = keyof typeof situationOfState
export const numberStates = Object.keys(situationOfState) as NumberState[]

/** What a client is told of a number, wherever it stands. */
export const stateOfStanding: Readonly<Record<Standing, NumberState>> = {
  ended: 'ended',
  in_review: 'in_review',
  awaiting_owner: 'awaiting_owner',
  unbound: 'refused',
  no_key: 'unlinked',
  permission_missing: 'no_permission',
  queued: 'preparing',
  activating: 'activating',
  not_listed: 'listing',
  unreachable: 'retrying',
  refused: 'retrying',
  no_permission: 'no_permission',
  upstream_failed: 'retrying',
  credentials_refused: 'no_access',
  creating: 'preparing',
  answer_lost: 'retrying',
  key_in_use: 'with_support',
  key_records_unreadable: 'with_support',
  another_key_appeared: 'with_support',
  answer_unexplained: 'with_support',
  answer_unreadable: 'with_support',
  answer_masked: 'with_support',
  answer_host_not_allowed: 'with_support',
  another_system: 'with_support',
  stopped: 'with_support',
  key_held_back: 'with_support',
  key_rejected: 'rejected',
  revoked: 'revoked',
  proving: 'proving',
  another_number: 'with_support',
  probe_failed: 'retrying',
  key_doubted: 'finishing',
  renewing: 'connected',
  renewal_stopped: 'finishing',
  webhook_failed: 'finishing',
  setting_webhook: 'finishing',
  connected_without_permission: 'no_permission',
  permission_uncertain: 'finishing',
  deletion_pending: 'deletion',
  connected: 'connected',
}

/** The key is proven, whatever is still to be settled. */
export const working: ReadonlySet<Standing> = new Set([
  ...([
    'connected',
    'renewing',
    'renewal_stopped',
    'setting_webhook',
    'webhook_failed',
    'key_doubted',
  ] as const),
  ...(['connected_without_permission', 'permission_uncertain', 'deletion_pending'] as const),
])
