import { describe, expect, it } from '@jest/globals'
import { type Evidence, judgeBelonging } from '../../src/onboarding/belonging.ts'

const at = (time: string) => new Date(`2026-03-02T${time}:00.000Z`)

/** A client known to 360dialog for long, whose e-mail is the one that the product vouched for. */
const verified: Evidence = {
  tenantId: 't1',
  email: 'anna@shop.example',
  emailVerified: true,
  number: undefined,
  launchedAt: at('10:00'),
  returnedAt: at('10:05'),
  fixedClientId: undefined,
  clientId: 'cl1',
  channelIds: ['ch1', 'ch2'],
  client: { email: 'anna@shop.example', createdAt: at('08:00') },
  listed: [
    { id: 'ch1', phoneNumber: '+49301' },
    { id: 'ch2', phoneNumber: '+49302' },
  ],
  boundTenants: new Map(),
  clientIsKnown: false,
}
const unverified = { ...verified, emailVerified: false }
const newClient = { email: 'anna@shop.example', createdAt: at('10:02') }

describe('belonging', () => {
  it.each<[string, Evidence, string]>([
    ['(1) the e-mail that the product vouched for', verified, 'verified_email'],
    ['(1) however it is written', { ...verified, client: { email: 'Anna@Shop.example' } }, 'verified_email'],
    ['(2) a client made between launch and return', { ...unverified, client: newClient }, 'new_client'],
    [
      '(2) a client made in the second of the launch, in whose middle we launched',
      { ...unverified, launchedAt: new Date('2026-03-02T10:02:00.700Z'), client: newClient },
      'new_client',
    ],
    ['(3) a client whose channels are here already', { ...unverified, clientIsKnown: true }, 'known_client'],
    ['(3) even without any e-mail', { ...unverified, email: undefined, clientIsKnown: true }, 'known_client'],
    ['the same client again', { ...verified, fixedClientId: 'cl1' }, 'verified_email'],
    [
      'a channel that is bound here already',
      { ...verified, boundTenants: new Map([['ch1', 't1']]) },
      'verified_email',
    ],
  ])('binds by itself: %s', (_, evidence, rule) => {
    expect(judgeBelonging(evidence)).toEqual({ bound: ['ch1', 'ch2'], review: [], rule, reason: undefined })
  })

  it.each<[string, Evidence, string]>([
    ['an e-mail that nobody vouched for, of an old client', unverified, 'nothing_matches'],
    ['another e-mail', { ...verified, client: { email: 'eve@else.example' } }, 'nothing_matches'],
    ['no e-mail at 360dialog', { ...verified, client: {} }, 'nothing_matches'],
    ['no e-mail in the session', { ...verified, email: undefined }, 'nothing_matches'],
    ['no e-mail on either side', { ...verified, email: undefined, client: {} }, 'nothing_matches'],
    [
      'a new client with another e-mail',
      { ...unverified, client: { ...newClient, email: 'eve@else.example' } },
      'nothing_matches',
    ],
    [
      'a client made before the launch',
      { ...unverified, client: { ...newClient, createdAt: at('09:59') } },
      'nothing_matches',
    ],
    [
      'a client made after the return',
      { ...unverified, client: { ...newClient, createdAt: at('10:06') } },
      'nothing_matches',
    ],
    ['a client that 360dialog does not list', { ...verified, client: undefined }, 'client_not_listed'],
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
      review: evidence.channelIds,
      rule: undefined,
      reason,
    })
  })

  it('binds only the number that the session names', () => {
    expect(judgeBelonging({ ...verified, number: '+49302' })).toEqual({
      bound: ['ch2'],
      review: ['ch1'],
      rule: 'verified_email',
      reason: 'another_number',
    })
  })
})
