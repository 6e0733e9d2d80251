import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { requirementCodes } from '../../src/channels/requirement.ts'
import { type Standing, type StandingFacts, standingOf, standings } from '../../src/channels/standing.ts'
import { keyStatusOf, standingTable } from '../../src/channels/standing-tables.ts'
import type { KeyStatus } from '../../src/database/schema.ts'
import { numberStates, stateOfStanding } from '../../src/onboarding/number-state.ts'
import { loadTranslations } from '../../src/web/translations.ts'

const now = new Date('2026-03-02T09:00:00.000Z')
const t = (await loadTranslations()).getFixedT('en')

const connected: StandingFacts = {
  status: 'live',
  tenantId: 't1',
  reviewOpenedAt: undefined,
  ownerAskedAt: undefined,
  keyStatus: 'stored',
  isKeyHeldBack: undefined,
  permission: 'shared',
  isPermissionDisputed: false,
  mintState: undefined,
  mintProblem: undefined,
  probeState: 'ok',
  probeProblem: undefined,
  probeDoneAt: now,
  webhookState: undefined,
}
const none = { keyStatus: 'none', probeState: undefined } as const
const mint = (mintState: NonNullable<StandingFacts['mintState']>, mintProblem?: string) => {
  const keyStatus: KeyStatus =
    mintState === 'sealed' || mintState === 'stored' ? 'minting' : (mintState as KeyStatus)
  return { ...none, keyStatus, mintState, mintProblem }
}
const waiting = (problem?: string) => mint('waiting', problem)
const stopped = (problem?: string) => mint('needs_decision', problem)

const table: [Standing, Partial<StandingFacts>][] = [
  ['ended', { status: 'terminated' }],
  ['ended', { status: 'terminated', ...stopped('key_in_use') }],
  ['in_review', { ...none, tenantId: undefined, reviewOpenedAt: now }],
  ['in_review', { ...none, tenantId: undefined, reviewOpenedAt: now, ownerAskedAt: now }],
  ['awaiting_owner', { ...none, tenantId: undefined, ownerAskedAt: now }],
  ['unbound', { ...none, tenantId: undefined }],
  ['no_key', none],
  ['no_key', { ...none, reviewOpenedAt: now }],
  ['permission_missing', { ...none, permission: 'missing' }],
  ['queued', waiting()],
  ['queued', waiting('from_the_future')],
  ['queued', waiting('constructor')],
  ['activating', waiting('not_running')],
  ['not_listed', waiting('not_listed')],
  ['unreachable', waiting('never_sent')],
  ['refused', waiting('refused')],
  ['no_permission', waiting('no_permission')],
  ['upstream_failed', waiting('upstream_failed')],
  ['upstream_failed', waiting('unexpected_answer')],
  ['credentials_refused', waiting('credentials_refused')],
  ['creating', mint('minting')],
  ['creating', mint('minting', 'not_running')],
  ['creating', mint('sealed')],
  ['answer_lost', mint('unknown', 'answer_lost')],
  ['key_in_use', stopped('key_in_use')],
  ['key_records_unreadable', stopped('key_records_unreadable')],
  ['another_key_appeared', stopped('another_key_appeared')],
  ['answer_unexplained', stopped('answer_lost')],
  ['answer_unreadable', stopped('answer_unreadable')],
  ['answer_masked', stopped('answer_masked')],
  ['answer_host_not_allowed', stopped('answer_host_not_allowed')],
  ['stopped', stopped()],
  ['stopped', stopped('from_the_future')],
  ['stopped', stopped('constructor')],
  ['key_held_back', { keyStatus: 'retired', isKeyHeldBack: true }],
  ['revoked', { keyStatus: 'retired', isKeyHeldBack: true, permission: 'missing' }],
  ['revoked', { keyStatus: 'retired', permission: 'unknown' }],
  ['key_rejected', { keyStatus: 'rejected' }],
  ['key_rejected', { keyStatus: 'rejected', permission: 'unknown' }],
  ['another_system', { keyStatus: 'rejected', probeProblem: 'another_system' }],
  ['revoked', { keyStatus: 'retired', permission: 'missing' }],
  ['proving', { probeState: 'due' }],
  ['proving', { probeState: 'due', webhookState: 'failed' }],
  ['another_number', { probeState: 'failed', probeProblem: 'another_number' }],
  ['probe_failed', { probeState: 'failed', probeProblem: 'unreachable' }],
  ['key_doubted', { probeState: 'failed', probeProblem: 'key_doubted' }],
  ['proving', { probeState: 'failed', probeProblem: 'key_doubted', probeDoneAt: undefined }],
  ['renewing', { mintState: 'waiting' }],
  ['renewing', { mintState: 'unknown', mintProblem: 'answer_lost' }],
  ['renewal_stopped', { mintState: 'needs_decision', mintProblem: 'key_in_use' }],
  ['webhook_failed', { webhookState: 'failed' }],
  ['setting_webhook', { webhookState: 'due' }],
  ['connected_without_permission', { permission: 'missing' }],
  ['permission_uncertain', { permission: 'unknown' }],
  ['permission_uncertain', { permission: 'missing', isPermissionDisputed: true }],
  ['deletion_pending', { status: 'pending_deletion' }],
  ['connected', {}],
  ['connected', { webhookState: 'ok' }],
]

describe('where a channel stands', () => {
  it.each(table)('is %s, given %j', (standing, facts) => {
    expect(standingOf({ ...connected, ...facts })).toBe(standing)
  })

  it('can be everything that has a name', () => {
    expect(new Set(table.map(([standing]) => standing))).toEqual(new Set(standings))
  })

  it('is one of these, whatever the facts, and always the same one', () => {
    fc.assert(
      fc.property(anyFacts(anyKeyStatus), (facts) => {
        const standing = standingOf(facts)
        expect(standings).toContain(standing)
        expect(standingOf({ ...facts })).toBe(standing)
      }),
    )
  })

  it('tells the product what the ledger has written down', () => {
    fc.assert(
      fc.property(anyFacts(keyStatusBesideMint), (facts) => {
        expect(keyStatusOf(facts)).toBe(facts.keyStatus)
      }),
    )
  })
})

describe.each([...standings])('a channel that is %s', (standing) => {
  it('has words for the admin', () => {
    for (const part of ['what', 'todo']) {
      const key = `admin.standing.${standing}.${part}`
      expect(t(key)).not.toBe(key)
      expect(t(key)).toMatch(/^\S.*\.$/)
    }
  })

  it('has words for the client, in either language, and never more than the product can do', async () => {
    const state = stateOfStanding[standing]
    expect(numberStates).toContain(state)
    for (const lang of ['en', 'de'])
      expect((await loadTranslations()).exists(`number.${state}`, { lng: lang, fallbackLng: [] })).toBe(true)
    if (state === 'connected') expect(standingTable[standing].keyStatus).toBe('stored')
  })

  it('needs what there are words for, and has a key status', () => {
    const { requirement, since, needsAdmin, keyStatus } = standingTable[standing]
    expect([undefined, ...requirementCodes]).toContain(requirement)
    // Whatever is needed has a beginning, so that it can take too long; an end that is known has none.
    if (requirement !== 'deletion') expect(since === undefined).toBe(requirement === undefined)
    expect(t(`admin.key.${keyStatus === 'recorded' ? 'none' : keyStatus}`)).not.toContain('.')
    if (keyStatus === 'recorded')
      expect(['ended', 'unbound', 'in_review', 'awaiting_owner', 'another_system']).toContain(standing)
    if (needsAdmin) expect(requirement).toBeDefined()
  })
})

const anyKeyStatus = (): KeyStatus[] => [
  ...(['none', 'waiting', 'minting', 'stored', 'needs_decision', 'unknown', 'rejected', 'retired'] as const),
]

/** What is written on a channel beside an open mint in this state: a stored key stays the product's answer. */
function keyStatusBesideMint(mintState: StandingFacts['mintState']): KeyStatus[] {
  if (mintState === undefined) return ['none', 'stored', 'rejected', 'retired']
  if (mintState === 'sealed') return ['minting', 'stored']
  return [mintState as 'waiting' | 'minting' | 'needs_decision' | 'unknown', 'stored']
}

function anyFacts(
  keyStatuses: (mintState: StandingFacts['mintState']) => KeyStatus[],
): fc.Arbitrary<StandingFacts> {
  const mintStates = [undefined, 'waiting', 'minting', 'sealed', 'unknown', 'needs_decision'] as const
  const problems = `not_running not_listed never_sent refused no_permission upstream_failed unexpected_answer credentials_refused answer_lost key_in_use
    key_records_unreadable another_key_appeared answer_unreadable answer_masked answer_host_not_allowed constructor`
  return fc.constantFrom(...mintStates).chain((mintState) =>
    fc.record({
      mintState: fc.constant(mintState),
      keyStatus: fc.constantFrom(...keyStatuses(mintState)),
      isKeyHeldBack: fc.constantFrom(true, false, undefined),
      status: fc.constantFrom('draft', 'in_setup', 'live', 'pending_deletion', 'terminated', 'unknown'),
      tenantId: fc.constantFrom('t1', undefined),
      reviewOpenedAt: fc.constantFrom(undefined, now),
      ownerAskedAt: fc.constantFrom(undefined, now),
      permission: fc.constantFrom('shared', 'missing', 'unknown'),
      isPermissionDisputed: fc.boolean(),
      mintProblem: fc.constantFrom(undefined, ...problems.split(/\s+/)),
      probeState: fc.constantFrom(undefined, 'due', 'ok', 'failed'),
      probeProblem: fc.constantFrom(undefined, 'another_number', 'unreachable', 'key_doubted', 'internal'),
      probeDoneAt: fc.constantFrom(undefined, now),
      webhookState: fc.constantFrom(undefined, 'due', 'ok', 'failed'),
    }),
  )
}
