import type { ChannelDetails } from './channel-service.ts'

/**
 * Where a channel stands. Everything that is told of it follows from this one value: the client's words and
 * the admin's, whose turn it is, what needs the admin, and the product's `key.status`.
 */
export const standings = [
  /** 360dialog has ended the number. */
  'ended',
  /** Bound to no customer yet: an admin decides in a review. */
  'in_review',
  /** Bound to no customer yet: its owner was asked by mail. */
  'awaiting_owner',
  /** Known, and bound to no customer. */
  'unbound',
  /** Bound, without a key and without work on one. */
  'no_key',
  /** The same, since 360dialog says that the permission is missing: it is no longer asked for. */
  'permission_missing',

  /** A key was asked for and is created next. */
  'queued',
  'activating',
  'not_listed',
  'unreachable',
  'refused',
  /** 360dialog says that the permission is missing; it is still asked for. */
  'no_permission',
  'upstream_failed',
  /** 360dialog refuses our credentials: it is nothing of the number's. */
  'credentials_refused',
  'creating',
  /** The answer was lost; the key records are looked at. */
  'answer_lost',

  /** A key that is not ours is there, or may be; or the answer is kept and cannot be read. */
  'key_in_use',
  'key_records_unreadable',
  'another_key_appeared',
  'answer_unexplained',
  'answer_unreadable',
  'answer_masked',
  'answer_host_not_allowed',
  /** Our keys were rejected again and again, soon after they were created: somebody else creates keys, too. */
  'another_system',
  /** Stopped for a reason that has no word of its own. */
  'stopped',

  /** What a former tenant had: an admin replaces it, or confirms it for the tenant of now. */
  'key_held_back',
  'key_rejected',
  /** The key is rejected and the permission is missing: the customer revoked it. */
  'revoked',

  /** A key is stored and is proven next. */
  'proving',
  'another_number',
  'probe_failed',
  /** It worked, and 360dialog has refused it since: it is asked again. */
  'key_doubted',
  /** A key is stored, and another one is being created, or the answer to that was lost and is looked up. */
  'renewing',
  /** The key works, and creating another one has stopped for an admin. */
  'renewal_stopped',
  'webhook_failed',
  'setting_webhook',
  /** The key works, but the permission is missing, or not certain any more. */
  'connected_without_permission',
  'permission_uncertain',
  'deletion_pending',
  'connected',
] as const
export type Standing = (typeof standings)[number]

/** What the standing follows from. */
export type StandingFacts = Pick<
  ChannelDetails,
  | 'status'
  | 'tenantId'
  | 'reviewOpenedAt'
  | 'ownerAskedAt'
  | 'keyStatus'
  | 'isKeyHeldBack'
  | 'permission'
  | 'isPermissionDisputed'
  | 'mintState'
  | 'mintProblem'
  | 'probeState'
  | 'probeProblem'
  | 'probeDoneAt'
  | 'webhookState'
>

/** The first line that applies decides. */
export function standingOf(facts: StandingFacts): Standing {
  const { status, tenantId, keyStatus, isKeyHeldBack, permission, mintState, probeProblem } = facts
  if (status === 'terminated') return 'ended'
  if (keyStatus === 'stored') return standingWithKey(facts)
  if (mintState) return standingOfMint(facts)
  if (keyStatus === 'retired') return isKeyHeldBack && permission !== 'missing' ? 'key_held_back' : 'revoked'
  if (keyStatus === 'rejected') return probeProblem === 'another_system' ? 'another_system' : 'key_rejected'
  if (!tenantId) return standingOfUnbound(facts)
  return permission === 'missing' ? 'permission_missing' : 'no_key'
}

function standingOfUnbound({ reviewOpenedAt, ownerAskedAt }: StandingFacts): Standing {
  if (reviewOpenedAt) return 'in_review'
  return ownerAskedAt ? 'awaiting_owner' : 'unbound'
}

const waits: ReadonlyMap<string, Standing> = new Map([
  ['not_running', 'activating'],
  ['not_listed', 'not_listed'],
  ['never_sent', 'unreachable'],
  ['refused', 'refused'],
  ['no_permission', 'no_permission'],
  ['upstream_failed', 'upstream_failed'],
  ['unexpected_answer', 'upstream_failed'],
  ['credentials_refused', 'credentials_refused'],
])

const stops: ReadonlyMap<string, Standing> = new Map([
  ['key_in_use', 'key_in_use'],
  ['key_records_unreadable', 'key_records_unreadable'],
  ['another_key_appeared', 'another_key_appeared'],
  ['answer_lost', 'answer_unexplained'],
  ['answer_unreadable', 'answer_unreadable'],
  ['answer_masked', 'answer_masked'],
  ['answer_host_not_allowed', 'answer_host_not_allowed'],
  ['another_system', 'another_system'],
])

function standingOfMint({ mintState, mintProblem = '' }: StandingFacts): Standing {
  if (mintState === 'minting' || mintState === 'sealed') return 'creating'
  if (mintState === 'unknown') return 'answer_lost'
  if (mintState === 'needs_decision') return stops.get(mintProblem) ?? 'stopped'
  return waits.get(mintProblem) ?? 'queued'
}

/** A stored key is served while another one is created. */
function standingWithKey(facts: StandingFacts): Standing {
  const { status, permission, isPermissionDisputed, mintState, webhookState } = facts
  const { probeState, probeProblem, probeDoneAt } = facts
  if (mintState === 'needs_decision') return 'renewal_stopped'
  if (probeProblem === 'another_number') return 'another_number'
  if (probeProblem === 'key_doubted') return probeDoneAt ? 'key_doubted' : 'proving'
  if (probeState === 'failed') return 'probe_failed'
  if (probeState === 'due') return 'proving'
  if (mintState) return 'renewing'
  if (webhookState === 'failed') return 'webhook_failed'
  if (webhookState === 'due') return 'setting_webhook'
  // A list says that it is not shared, and the key works all the same.
  if (permission === 'missing' && !isPermissionDisputed) return 'connected_without_permission'
  if (permission !== 'shared') return 'permission_uncertain'
  return status === 'pending_deletion' ? 'deletion_pending' : 'connected'
}
