import type { ChannelDetails } from '../src/channels/channel-service.ts'
import type { Standing } from '../src/channels/standing.ts'

type Facts = Partial<ChannelDetails>

const waiting = (mintProblem?: string): Facts => ({ keyStatus: 'waiting', mintState: 'waiting', mintProblem })
const stopped = (mintProblem?: string): Facts => {
  return { keyStatus: 'needs_decision', mintState: 'needs_decision', mintProblem }
}
const working: Facts = { keyStatus: 'stored', keyVersion: 1, probeState: 'ok' }
const unbound: Facts = { tenantId: undefined, boundAt: undefined }

/** Facts of a channel that stands so, each with the time at which it began. */
const facts: Readonly<Record<Standing, (since: Date) => Facts>> = {
  ended: () => ({ status: 'terminated' }),
  in_review: (since) => ({ ...unbound, reviewOpenedAt: since }),
  awaiting_owner: (since) => ({ ...unbound, ownerAskedAt: since }),
  unbound: () => unbound,
  no_key: () => ({}),
  permission_missing: () => ({ permission: 'missing' }),
  queued: () => waiting(),
  activating: () => ({ ...waiting('not_running'), isRunning: false, status: 'in_setup' }),
  not_listed: () => waiting('not_listed'),
  unreachable: () => waiting('never_sent'),
  refused: () => waiting('refused'),
  no_permission: () => waiting('no_permission'),
  upstream_failed: () => waiting('upstream_failed'),
  credentials_refused: () => waiting('credentials_refused'),
  creating: (since) => ({ keyStatus: 'minting', mintState: 'minting', mintSentAt: since }),
  answer_lost: () => ({ keyStatus: 'unknown', mintState: 'unknown', mintProblem: 'answer_lost' }),
  key_in_use: () => stopped('key_in_use'),
  key_records_unreadable: () => stopped('key_records_unreadable'),
  another_key_appeared: () => stopped('another_key_appeared'),
  answer_unexplained: () => stopped('answer_lost'),
  answer_unreadable: () => stopped('answer_unreadable'),
  answer_masked: () => stopped('answer_masked'),
  answer_host_not_allowed: () => stopped('answer_host_not_allowed'),
  another_system: () => ({
    ...working,
    keyStatus: 'rejected',
    probeState: 'failed',
    probeProblem: 'another_system',
  }),
  stopped: () => stopped(),
  key_held_back: () => ({ ...working, keyStatus: 'retired', isKeyHeldBack: true }),
  key_rejected: () => ({
    ...working,
    keyStatus: 'rejected',
    probeState: 'failed',
    probeProblem: 'key_rejected',
  }),
  revoked: () => ({ ...working, keyStatus: 'retired', permission: 'missing' }),
  proving: () => ({ ...working, probeState: 'due' }),
  another_number: () => ({ ...working, probeState: 'failed', probeProblem: 'another_number' }),
  probe_failed: () => ({ ...working, probeState: 'failed', probeProblem: 'unreachable' }),
  key_doubted: (since) => ({
    ...working,
    ...{ probeState: 'failed', probeProblem: 'key_doubted', probeDoneAt: since },
  }),
  renewing: () => ({ ...working, mintState: 'minting' }),
  renewal_stopped: () => ({ ...working, mintState: 'needs_decision', mintProblem: 'key_in_use' }),
  webhook_failed: () => ({ ...working, webhookState: 'failed', webhookProblem: 'refused' }),
  setting_webhook: () => ({ ...working, webhookState: 'due' }),
  connected_without_permission: () => ({ ...working, permission: 'missing' }),
  permission_uncertain: () => ({ ...working, permission: 'unknown' }),
  deletion_pending: (since) => ({
    ...working,
    status: 'pending_deletion',
    // Its end is what it has instead of a beginning.
    facts: { endsAt: new Date(since.getTime() + 60_000).toISOString() },
  }),
  connected: () => working,
}

/** A channel of tenant t1 that has stood so since then. */
export function factsOf(standing: Standing, since: Date): ChannelDetails {
  return {
    ...{ id: 'ch1', clientId: 'cl', tenantId: 't1', tenantName: 'Shop A', boundAt: since, status: 'live' },
    ...{ phoneNumber: '+493012345678', rawStatus: '', isRunning: true, observedAt: since, facts: {} },
    ...{ permission: 'shared', permissionSinceAt: since, keyStatus: 'none', keyVersion: 0 },
    ...{ mintSinceAt: since, mintRequestedAt: since, probeSinceAt: since, webhookSinceAt: since },
    ...facts[standing](since),
  } as ChannelDetails
}
