import { describe, expect, it } from '@jest/globals'
import { readHealth } from '../../src/d360/health.ts'
import { type HealthState, healthStates, toCloudHealth, toGatewayHealth } from '../../src/simulator/health.ts'
import { defaultSwitches, type Switches } from '../../src/simulator/switches.ts'

const KEY = 'canary-channel-key'
const read = (answer: unknown) => readHealth(answer as Record<string, unknown>, KEY)
const waba = { externalId: '10', businessId: '20' }
const cloud = (health: HealthState, switches: Partial<Switches> = {}) =>
  read(toCloudHealth({ metaId: '1', appId: '2', health }, waba, { ...defaultSwitches, ...switches }))
const gateway = (health: HealthState, health_nodes: Switches['health_nodes']) =>
  read(toGatewayHealth({ metaId: '1', appId: '2', health }, { ...defaultSwitches, health_nodes }))

const notRegistered = ['blocked', 'PHONE_NUMBER', '133010'] as const
/** Each state of the simulator: what the cloud tells, and what a gateway does. */
const expected: Readonly<
  Record<HealthState, readonly [string, string | undefined, string | undefined, string]>
> = {
  available: ['available', undefined, undefined, 'available'],
  name_not_approved: ['limited', 'PHONE_NUMBER', undefined, 'available'],
  business_not_verified: ['limited', 'BUSINESS', '141010', 'available'],
  payment_failed: ['blocked', 'WABA', '141006', 'available'],
  connecting: [...notRegistered, 'limited'],
  disconnected: [...notRegistered, 'blocked'],
  uninitialized: [...notRegistered, 'blocked'],
  unregistered: [...notRegistered, 'blocked'],
  account_problem: [...notRegistered, 'blocked'],
}

describe('the health that 360dialog tells', () => {
  it.each(healthStates)('is read when a number is %s', (health) => {
    const [state, about, code, ofGateway] = expected[health]
    for (const health_word of ['can_send_message', 'can_send_messages'] as const)
      for (const health_id of [true, false]) {
        const found = cloud(health, { health_word, health_id })
        expect(found.state).toBe(state)
        if (about === undefined) expect(found.findings).toEqual([])
        else expect(found.findings).toMatchObject([{ about, state, ...(code && { code }) }])
      }
    for (const nodes of ['single', 'several'] as const) expect(gateway(health, nodes).state).toBe(ofGateway)
  })

  it('carries what is wrong, and what to do', () => {
    expect(cloud('payment_failed').findings).toEqual([
      {
        ...{ about: 'WABA', state: 'blocked', code: '141006' },
        text: expect.stringContaining('payment method'),
        solution: expect.stringContaining('payment method'),
      },
    ])
    expect(cloud('name_not_approved').findings).toMatchObject([{ text: expect.stringContaining('name') }])
    expect(gateway('disconnected', 'single').findings).toMatchObject([
      { about: 'gateway', text: 'disconnected' },
    ])
  })

  it.each<[unknown, string]>([
    [{}, 'unknown'],
    [{ health_status: null }, 'unknown'],
    [{ health_status: 'AVAILABLE' }, 'unknown'],
    [{ health_status: [] }, 'unknown'],
    [{ health_status: {} }, 'unknown'],
    [{ health_status: { can_send_message: 'PAUSED' } }, 'unknown'],
    [{ health_status: { can_send_message: { x: 1 } } }, 'unknown'],
    [{ health_status: { can_send_message: 'available' } }, 'available'],
    [{ health_status: { entities: 'BLOCKED' } }, 'unknown'],
    [{ health_status: { entities: [null, 1, 'x', [], {}] } }, 'unknown'],
    [{ health_status: { entities: [{ can_send_message: 'LIMITED' }] } }, 'limited'],
    [
      { health_status: { can_send_message: 'AVAILABLE', entities: [{ can_send_message: 'BLOCKED' }] } },
      'blocked',
    ],
    [
      { health_status: { can_send_message: 'BLOCKED', entities: [{ can_send_message: 'AVAILABLE' }] } },
      'blocked',
    ],
    [
      { health_status: { can_send_message: 'AVAILABLE', entities: [{ errors: 'no', additional_info: 7 }] } },
      'available',
    ],
    [{ health: null }, 'unknown'],
    [{ health: 'connected' }, 'unknown'],
    [{ health: { gateway_status: 'asleep' } }, 'unknown'],
    [{ health: { a: { gateway_status: 7 }, b: null } }, 'unknown'],
    [{ health: { a: { gateway_status: 'disconnected' }, b: { gateway_status: 'connecting' } } }, 'limited'],
    [{ health: { constructor: { gateway_status: 'connected' } } }, 'available'],
  ])('is tolerated: %j is %s', (answer, state) => {
    expect(read(answer).state).toBe(state)
  })

  it('is short and plain, and never the key, whatever is sent', () => {
    const hostile = `<b>\u202E\u0000\u200B\nca\u200Bnary-channel-key ${KEY}${'😀'.repeat(5_000)}`
    const error = { error_code: hostile, error_description: hostile, possible_solution: hostile }
    const entity = {
      entity_type: hostile,
      can_send_message: 'BLOCKED',
      errors: Array.from({ length: 500 }, () => error),
      additional_info: [hostile, {}, null],
    }
    const entities = Array.from({ length: 500 }, () => entity)
    const nodes = Object.fromEntries(
      Array.from({ length: 500 }, (_, nth) => [`${hostile}${nth}`, { gateway_status: 'unregistered' }]),
    )
    for (const answer of [{ health_status: { entities } }, { health: nodes }]) {
      const found = read(answer)
      expect(found.state).toBe('blocked')
      expect(found.findings.length).toBeGreaterThan(0)
      expect(found.findings.length).toBeLessThanOrEqual(20)
      for (const text of found.findings.flatMap((finding) => Object.values(finding))) {
        expect(Array.from(text).length).toBeLessThanOrEqual(300)
        expect(text).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u)
        expect(text).not.toContain(KEY)
      }
      expect(JSON.stringify(found).length).toBeLessThan(60_000)
    }
  })
})
