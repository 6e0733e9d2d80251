import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { type Evidence, judgeBelonging, stateOfReturn } from '../../src/onboarding/belonging.ts'

/** A client known to 360dialog for long, whose e-mail is the one that the product vouched for. */
const verified: Evidence = {
  tenantId: 't1',
  email: 'anna@shop.example',
  isEmailVerified: true,
  number: undefined,
  arrival: 'launch',
  fixedClientId: undefined,
  clientId: 'cl1',
  channelIds: ['ch1', 'ch2'],
  client: { emails: ['anna@shop.example'] },
  listed: [
    { id: 'ch1', phoneNumber: '+49301' },
    { id: 'ch2', phoneNumber: '+49302' },
  ],
  boundTenants: new Map(),
  clientIsKnown: false,
}
const boundHere = new Map([
  ['ch1', 't1'],
  ['ch2', 't1'],
])
const unverified = { ...verified, isEmailVerified: false }

describe('belonging', () => {
  it.each<[string, Evidence, string]>([
    ['(1) the e-mail that the product vouched for', verified, 'verified_email'],
    [
      '(1) however it is written',
      { ...verified, client: { emails: ['Anna@Shop.example'] } },
      'verified_email',
    ],
    [
      '(1) in whatever spelling of its domain',
      {
        ...verified,
        email: 'anna@xn--mller-kva.example',
        client: { emails: ['Anna@mu\u0308ller.example', 'anna@MÜLLER.example'] },
      },
      'verified_email',
    ],
    ['(3) a client whose channels are here already', { ...unverified, clientIsKnown: true }, 'known_client'],
    ['(3) even without any e-mail', { ...unverified, email: undefined, clientIsKnown: true }, 'known_client'],
    ['the same client again', { ...verified, fixedClientId: 'cl1' }, 'verified_email'],
    [
      'a channel that is bound here already',
      { ...verified, boundTenants: new Map([['ch1', 't1']]) },
      'verified_email',
    ],
    ['all channels are bound here already', { ...unverified, boundTenants: boundHere }, 'bound_already'],
    [
      'all are bound here already, and the return has lost its nonce',
      { ...unverified, arrival: 'open_launch', boundTenants: boundHere },
      'bound_already',
    ],
    [
      'what came in another browser, once the client has come back by "Continue here"',
      { ...verified, arrival: 'resumed' },
      'verified_email',
    ],
  ])('binds by itself: %s', (_, evidence, rule) => {
    expect(judgeBelonging(evidence)).toEqual({
      bound: ['ch1', 'ch2'],
      owner: [],
      review: [],
      rule,
      reason: undefined,
    })
  })

  it.each<[string, Evidence]>([
    ['an e-mail that nobody vouched for', unverified],
    ['another e-mail', { ...verified, client: { emails: ['eve@else.example'] } }],
    [
      '(1) contradicted by another e-mail of the client',
      { ...verified, client: { emails: ['anna@shop.example', 'eve@else.example'] } },
    ],
    ['(1) an e-mail that looks alike', { ...verified, client: { emails: ['аnna@shop.example'] } }],
    ['(1) an e-mail that is wider', { ...verified, client: { emails: ['anna@ｓhop.example'] } }],
    ['no e-mail at 360dialog', { ...verified, client: { emails: [] } }],
    ['no e-mail in the session', { ...verified, email: undefined }],
    ['no e-mail on either side', { ...verified, email: undefined, client: { emails: [] } }],
  ])('asks the owner: %s', (_, evidence) => {
    const asked = { bound: [], owner: ['ch1', 'ch2'], review: [], rule: undefined, reason: undefined }
    expect(judgeBelonging(evidence)).toEqual(asked)
  })

  it('asks the owner for the number that the session names only', () => {
    expect(judgeBelonging({ ...unverified, number: '+49302' })).toEqual({
      ...{ bound: [], owner: ['ch2'], review: ['ch1'], rule: undefined },
      reason: 'another_number',
    })
  })

  it.each<[string, Evidence, string]>([
    ['a nonce whose day is over', { ...verified, arrival: 'expired_launch' }, 'launch_expired'],
    ['no nonce', { ...verified, arrival: 'open_launch', clientIsKnown: true }, 'no_nonce'],
    ['another browser, before "Continue here"', { ...verified, arrival: 'other_browser' }, 'no_nonce'],
    [
      'one of two channels is bound here, and there is no nonce',
      { ...verified, arrival: 'open_launch', boundTenants: new Map([['ch1', 't1']]) },
      'no_nonce',
    ],
    [
      'an id that is not the client’s beside a good one',
      { ...verified, channelIds: ['ch1', 'chX'] },
      'channel_not_listed',
    ],
    [
      'a channel bound to another tenant',
      { ...verified, boundTenants: new Map([['ch1', 't2']]) },
      'bound_elsewhere',
    ],
    ['another client on the same nonce', { ...verified, fixedClientId: 'cl0' }, 'another_client'],
  ])('waits for an admin: %s', (_, evidence, reason) => {
    expect(judgeBelonging(evidence)).toEqual({
      bound: [],
      owner: [],
      review: evidence.channelIds,
      rule: undefined,
      reason,
    })
  })

  it('binds the number that the session names, in either spelling of its line', () => {
    const listed = [{ id: 'ch1', phoneNumber: '+5215512345678' }]
    const asked = { ...verified, channelIds: ['ch1'], listed, number: '+525512345678' }
    expect(judgeBelonging(asked)).toMatchObject({ bound: ['ch1'], review: [] })
  })

  it('binds only the number that the session names', () => {
    expect(judgeBelonging({ ...verified, number: '+49302' })).toEqual({
      bound: ['ch2'],
      owner: [],
      review: ['ch1'],
      rule: 'verified_email',
      reason: 'another_number',
    })
  })
})

describe('a return', () => {
  it.each([
    ['waits while one of its channels does', ['bound', 'review', 'refused'], 'needs_review'],
    ['waits for the owner, if nobody else is needed', ['bound', 'owner', 'refused'], 'awaiting_owner'],
    ['waits for an admin before the owner', ['owner', 'review'], 'needs_review'],
    ['is bound with the last decision, if any channel is', ['refused', 'bound'], 'bound'],
    ['is refused when every decision is a refusal', ['refused', 'refused'], 'refused'],
    ['is refused whatever unknown ids stood beside', ['refused', undefined], 'refused'],
    ['is done when it only takes channels back', [undefined], 'bound'],
    ['is done when it names none', [], 'bound'],
  ] as const)('%s', (_, outcomes, state) => {
    expect(stateOfReturn(outcomes)).toBe(state)
  })
})

describe('whatever is known', () => {
  const ids = ['ch1', 'ch2', 'ch3']
  const some = (of: readonly string[]) => fc.subarray([...of])
  const email = fc.option(fc.constantFrom('anna@shop.example', 'eve@else.example'), { nil: undefined })
  const evidence: fc.Arbitrary<Evidence> = fc.record({
    tenantId: fc.constant('t1'),
    email,
    isEmailVerified: fc.boolean(),
    number: fc.option(fc.constantFrom('+1', '+2'), { nil: undefined }),
    arrival: fc.constantFrom('launch', 'resumed', 'open_launch', 'expired_launch', 'other_browser'),
    fixedClientId: fc.option(fc.constantFrom('cl1', 'cl2'), { nil: undefined }),
    clientId: fc.constant('cl1'),
    channelIds: some(ids).filter((chosen) => chosen.length > 0),
    client: fc.record({ emails: fc.array(fc.constantFrom('anna@shop.example', 'eve@else.example')) }),
    listed: some(ids).map((listed) => listed.map((id) => ({ id, phoneNumber: id === 'ch1' ? '+1' : '+2' }))),
    boundTenants: fc
      .dictionary(fc.constantFrom(...ids), fc.constantFrom('t1', 't2'))
      .map((bound) => new Map(Object.entries(bound))),
    clientIsKnown: fc.boolean(),
  })

  it('every channel is bound or decided about, and none is bound that is not certain', () => {
    fc.assert(
      fc.property(evidence, (known) => {
        const { bound, owner, review, rule, reason } = judgeBelonging(known)
        expect([...bound, ...owner, ...review].toSorted()).toEqual(known.channelIds.toSorted())
        expect(reason === undefined).toBe(review.length === 0)
        if (bound.length + owner.length === 0) return
        const { fixedClientId, channelIds, listed, boundTenants } = known
        expect([undefined, 'cl1']).toContain(fixedClientId)
        for (const id of channelIds) {
          expect(listed.map((channel) => channel.id)).toContain(id)
          // (Tenants of channels that the return does not name are not asked for.)
          expect([undefined, 't1']).toContain(boundTenants.get(id))
        }
        if (rule === 'bound_already') return
        expect(['launch', 'resumed']).toContain(known.arrival)
        if (rule !== 'verified_email') return
        expect(new Set(known.client.emails)).toEqual(new Set([known.email]))
        expect(known.isEmailVerified).toBe(true)
      }),
      { numRuns: 2_000 },
    )
  })
})
