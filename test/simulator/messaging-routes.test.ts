import { afterEach, describe, expect, it } from '@jest/globals'
import { type HealthState, healthStates } from '../../src/simulator/health.ts'
import { defaultSwitches } from '../../src/simulator/switches.ts'
import { addReadyChannel, withSimulator } from './running-simulator.ts'

const simulator = withSimulator()
const { messaging, control } = simulator

afterEach(() => simulator.hub.setSwitches(defaultSwitches))

function addKey() {
  const channel = addReadyChannel(simulator.hub)
  return { channel, key: simulator.hub.mintForeignKey(channel.id) }
}

describe('the Messaging API', () => {
  it('answers health in both styles', async () => {
    const channel = addReadyChannel(simulator.hub)
    const key = simulator.hub.mintForeignKey(channel.id)
    const cloud = await messaging('/waba-v2/health_status', key)
    expect(cloud.body).toMatchObject({ id: channel.metaId, health_status: { can_send_message: 'AVAILABLE' } })
    const onPremise = await messaging('/waba/v1/health', key)
    expect(onPremise.body).toEqual({ health: { gateway_status: 'connected' } })
  })

  it('keeps a webhook per channel and echoes it', async () => {
    const channel = addReadyChannel(simulator.hub)
    const key = simulator.hub.mintForeignKey(channel.id)
    const path = '/waba-v2/v1/configs/webhook'
    expect((await messaging(path, key)).body).toEqual({ url: '', headers: {} })
    const webhook = { url: 'https://product.example/in', headers: { authorization: 'Basic x' } }
    expect((await messaging(path, key, { method: 'POST', body: JSON.stringify(webhook) })).body).toEqual(
      webhook,
    )
    expect((await messaging(path, key)).body).toEqual(webhook)
    expect(simulator.hub.channel(channel.id).webhook).toEqual(webhook)
  })

  it.each(['{}', '{"url":"nonsense"}', '{"url":"https://a.example","headers":{"a":1}}', '[]'])(
    'refuses the webhook %s',
    async (body) => {
      const key = simulator.hub.mintForeignKey(addReadyChannel(simulator.hub).id)
      const answer = await messaging('/waba/v1/configs/webhook', key, { method: 'POST', body })
      expect(answer.body.meta.http_code).toBe(400)
    },
  )

  it.each([
    '/waba-v2/v1/configs/phone_number',
    '/waba-v2/health_status',
    '/waba/v1/health',
    '/waba/v1/configs/webhook',
  ])('refuses the partner key and dead keys at %s', async (path) => {
    for (const key of ['partner-key', 'x'.repeat(31)])
      expect((await messaging(path, key)).body).toEqual({
        meta: { success: false, http_code: 401, developer_message: 'Invalid api key' },
      })
  })
})

describe('the health of a number', () => {
  const cloud = async (key: string) => (await messaging('/waba-v2/health_status', key)).body
  const gateway = async (key: string) => (await messaging('/waba/v1/health', key)).body.health

  const states: [HealthState, string, string | undefined][] = [
    ['available', 'AVAILABLE', undefined],
    ['name_not_approved', 'LIMITED', 'PHONE_NUMBER'],
    ['business_not_verified', 'LIMITED', 'BUSINESS'],
    ['payment_failed', 'BLOCKED', 'WABA'],
    ...(['connecting', 'disconnected', 'uninitialized', 'unregistered'] as const).map(
      (state): [HealthState, string, string] => [state, 'BLOCKED', 'PHONE_NUMBER'],
    ),
  ]
  it.each(states)('can be %s', async (state, verdict, entity) => {
    const { channel, key } = addKey()
    expect((await control(`/channels/${channel.id}/health`, { state })).body.health).toBe(state)
    const { health_status } = await cloud(key)
    expect(health_status.can_send_message).toBe(verdict)
    const [hurt, ...others] = health_status.entities.filter(
      (row: { can_send_message: string }) => row.can_send_message !== 'AVAILABLE',
    )
    expect([hurt?.entity_type, others]).toEqual([entity, []])
    const reported = hurt && (hurt.additional_info ?? hurt.errors)
    if (entity) expect(reported).toHaveLength(1)
    const word = /ed$|ing$/.test(state) && !/_/.test(state) ? state : 'connected'
    expect(await gateway(key)).toEqual({ gateway_status: word })
  })

  it('carries a suggestion beside an error', async () => {
    const { channel, key } = addKey()
    simulator.hub.change(channel.id, { health: 'payment_failed' })
    const { entities } = (await cloud(key)).health_status
    expect(entities[1].errors).toEqual([
      {
        error_code: 141006,
        error_description: expect.stringContaining('payment method'),
        possible_solution: expect.stringContaining('payment method'),
      },
    ])
  })

  it('can be a refusal of the call though the key is right', async () => {
    const { channel, key } = addKey()
    simulator.hub.change(channel.id, { health: 'account_problem' })
    expect((await messaging('/waba-v2/health_status', key)).status).toBe(400)
    expect((await messaging('/waba-v2/v1/configs/phone_number', key)).status).toBe(200)
    expect(healthStates).toHaveLength(states.length + 1)
  })

  it('is refused as a word that nobody knows', async () => {
    const { channel } = addKey()
    expect((await control(`/channels/${channel.id}/health`, { state: 'fine' })).status).toBe(400)
  })

  it('uses another word, leaves its id out, and tells of several machines, as switches say', async () => {
    const { channel, key } = addKey()
    expect(await cloud(key)).toMatchObject({ id: channel.metaId })
    simulator.hub.setSwitches({ health_word: 'can_send_messages', health_id: false, health_nodes: 'several' })
    const { id, health_status } = await cloud(key)
    expect([id, health_status.can_send_messages]).toEqual([undefined, 'AVAILABLE'])
    expect(health_status.entities[0]).toMatchObject({ can_send_messages: 'AVAILABLE' })
    const statuses = async () =>
      Object.values<{ gateway_status: string }>(await gateway(key)).map((node) => node.gateway_status)
    expect(await statuses()).toEqual(['disconnected', 'connected', 'disconnected'])
    simulator.hub.change(channel.id, { health: 'unregistered' })
    expect(await statuses()).toEqual(['disconnected', 'unregistered', 'disconnected'])
  })
})

describe('switches of the Messaging API', () => {
  it('refuse a dead key with 403', async () => {
    simulator.hub.setSwitches({ dead_key_status: '403' })
    expect((await messaging('/waba-v2/health_status', 'x')).body.meta.http_code).toBe(403)
  })

  it('take the number check from the cloud', async () => {
    const { key } = addKey()
    simulator.hub.setSwitches({ number_check_on_cloud: false })
    expect((await messaging('/waba-v2/v1/configs/phone_number', key)).status).toBe(404)
    expect((await messaging('/waba/v1/configs/phone_number', key)).status).toBe(200)
  })

  it('move the webhook to another path', async () => {
    const { key } = addKey()
    const found = async () => [
      (await messaging('/waba-v2/v1/configs/webhook', key)).status,
      (await messaging('/waba-v2/configs/webhook', key)).status,
    ]
    expect(await found()).toEqual([200, 404])
    simulator.hub.setSwitches({ webhook_path: '/configs/webhook' })
    expect(await found()).toEqual([404, 200])
  })
})
