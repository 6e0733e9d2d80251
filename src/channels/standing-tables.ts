import type { KeyStatus } from '../database/schema.ts'
import { type Standing, type StandingFacts, standingOf } from './standing.ts'

/** Who has to act next so that the number works. */
export const turns = ['client', '360dialog', 'admin', 'latchkey', 'nobody'] as const
export type Turn = (typeof turns)[number]

export interface StandingMeaning {
  readonly turn: Turn
  /** Whether it is told under "What needs me"; a review is told there by itself. */
  readonly needsAdmin: boolean
  /** The product's `key.status`; `recorded`: whatever the ledger has written down. */
  readonly keyStatus: KeyStatus | 'recorded'
}

const goesOn = (turn: Turn, keyStatus: StandingMeaning['keyStatus']): StandingMeaning => {
  return { turn, needsAdmin: false, keyStatus }
}
const needsAdmin = (keyStatus: KeyStatus, turn: Turn = 'admin'): StandingMeaning => {
  return { turn, needsAdmin: true, keyStatus }
}

/** What each standing means, for everybody who reads it. */
export const standingTable: Readonly<Record<Standing, StandingMeaning>> = {
  ended: goesOn('nobody', 'recorded'),
  in_review: goesOn('admin', 'recorded'),
  awaiting_owner: goesOn('client', 'recorded'),
  unbound: goesOn('nobody', 'recorded'),
  no_key: goesOn('client', 'none'),
  permission_missing: goesOn('client', 'none'),

  queued: goesOn('latchkey', 'waiting'),
  activating: goesOn('360dialog', 'waiting'),
  not_listed: goesOn('client', 'waiting'),
  unreachable: goesOn('latchkey', 'waiting'),
  refused: goesOn('360dialog', 'waiting'),
  no_permission: goesOn('client', 'waiting'),
  upstream_failed: goesOn('360dialog', 'waiting'),
  waiting_too_long: needsAdmin('waiting'),
  creating: goesOn('latchkey', 'minting'),
  answer_lost: goesOn('latchkey', 'unknown'),

  key_in_use: needsAdmin('needs_decision'),
  key_records_unreadable: needsAdmin('needs_decision'),
  another_key_appeared: needsAdmin('needs_decision'),
  answer_unexplained: needsAdmin('needs_decision'),
  answer_unreadable: needsAdmin('needs_decision'),
  answer_masked: needsAdmin('needs_decision'),
  answer_host_not_allowed: needsAdmin('needs_decision'),
  another_system: { ...needsAdmin('rejected'), keyStatus: 'recorded' },
  stopped: needsAdmin('needs_decision'),

  key_held_back: needsAdmin('retired'),
  key_rejected: needsAdmin('rejected'),
  revoked: goesOn('client', 'retired'),

  proving: goesOn('latchkey', 'stored'),
  another_number: needsAdmin('stored'),
  // Tried again without end: an admin is told, since what stands in the way may be a setting.
  probe_failed: needsAdmin('stored', 'latchkey'),
  renewing: goesOn('latchkey', 'stored'),
  renewal_stopped: needsAdmin('stored'),
  webhook_failed: needsAdmin('stored', 'latchkey'),
  setting_webhook: goesOn('latchkey', 'stored'),
  connected_without_permission: goesOn('client', 'stored'),
  permission_uncertain: goesOn('client', 'stored'),
  deletion_pending: goesOn('client', 'stored'),
  connected: goesOn('nobody', 'stored'),
}

/** The product's `key.status`. */
export function keyStatusOf(facts: StandingFacts, now: Date): KeyStatus {
  const { keyStatus } = standingTable[standingOf(facts, now)]
  return keyStatus === 'recorded' ? facts.keyStatus : keyStatus
}
