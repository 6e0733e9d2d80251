import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeEach, describe, expect, it } from '@jest/globals'
import { SignatureCheck } from '../../src/notices/notice-signature.ts'
import { channelEvents } from '../../src/simulator/notice-data.ts'
import { defaultSwitches, type Switches } from '../../src/simulator/switches.ts'
import { addReadyChannel, partnerSettings, withSimulator } from './running-simulator.ts'

let time = Date.parse('2026-03-02T09:00:00Z')
const simulator = withSimulator({ now: () => new Date(time) })
const { call, control, submit } = simulator

/** The partner's site: what it was sent, and how it answers. */
let received: { body: string; signature: string | undefined }[] = []
let answers: number[] = []
const site = createServer(async (req, res) => {
  received.push({ body: await text(req), signature: req.headers['x-360dialog-signature']?.toString() })
  res.writeHead(answers.shift() ?? 200).end()
})

beforeEach(async () => {
  if (!site.listening) await once(site.listen(0, '127.0.0.1'), 'listening')
  simulator.hub.setSwitches(defaultSwitches)
  simulator.hub.webhookUrl = `http://127.0.0.1:${(site.address() as AddressInfo).port}`
  await pass(3_600)
  received = []
  answers = []
})
afterAll(async () => {
  site.closeAllConnections()
  await once(site.close(), 'close')
})

async function pass(seconds: number): Promise<void> {
  time += seconds * 1000
  await simulator.hub.outbox.settled()
}
const envelopes = () => received.map(({ body }) => JSON.parse(body))
const names = () => envelopes().map(({ event }) => event)

/** Two things happen to a number, as these switches tell of them. */
async function tellTwo(switches: Partial<Switches> = {}) {
  const { id } = addReadyChannel(simulator.hub)
  simulator.hub.setSwitches(switches)
  simulator.hub.makeRun(id)
  simulator.hub.revoke(id)
  await pass(0)
}

describe('a notice', () => {
  it('is sent again until it is taken: after a second, and each time after twice as long', async () => {
    answers = [500, 429, 302]
    await control(`/channels/${addReadyChannel(simulator.hub).id}/run`)
    await pass(0)
    const counts: number[] = []
    for (const seconds of [0.5, 0.5, 1.5, 0.5, 3.5, 0.5, 3_600]) {
      await pass(seconds)
      counts.push(received.length)
    }
    expect(counts).toEqual([1, 2, 2, 3, 3, 4, 4])
    expect(new Set(received.map(({ body }) => body)).size).toBe(1)
    expect(simulator.hub.outbox.list()[0]).toMatchObject({ sent: 4, answer: '200', nextAt: undefined })
  })

  it('goes on when the clock is moved, and the page says how it stands', async () => {
    answers = [503]
    await control(`/channels/${addReadyChannel(simulator.hub).id}/run`)
    await pass(0)
    expect((await call('/')).text).toMatch(/sent 1 times · 503 \(next at \d{4}-/)
    await submit('/control/time', [['advance_seconds', '300']])
    await pass(0)
    expect((await call('/')).text).toContain('sent 2 times · 200')
  })

  it('is given up after so many attempts', async () => {
    answers = Array(9).fill(500)
    await tellTwo({ notice_retries: 2 })
    for (let seconds = 0; seconds < 20; seconds += 1) await pass(1)
    expect(received).toHaveLength(6)
  })

  it('is sent again where nobody listens', async () => {
    const { webhookUrl } = simulator.hub
    simulator.hub.webhookUrl = 'http://localhost:1/webhooks/360dialog'
    await tellTwo()
    expect(simulator.hub.outbox.list()[0]).toMatchObject({ answer: 'no answer', sent: 1 })
    simulator.hub.webhookUrl = webhookUrl
    await pass(1)
    expect(received).toHaveLength(2)
  })
})

describe('switches of notices', () => {
  it('notice_twice: each is sent twice', async () => {
    await tellTwo({ notice_twice: true })
    expect(names().toSorted()).toEqual([
      ...Array(2).fill('channel_permission_revoked'),
      ...Array(2).fill('channel_running'),
    ])
  })

  it('notice_delay: after so many seconds', async () => {
    await tellTwo({ notice_delay: 90 })
    await pass(89)
    expect(names()).toEqual([])
    await pass(1)
    expect(names()).toHaveLength(2)
  })

  it('notice_order: of two, the second is first', async () => {
    const { id } = addReadyChannel(simulator.hub)
    simulator.hub.setSwitches({ notice_order: 'swapped' })
    for (let n = 0; n < 2; n += 1) {
      simulator.hub.revoke(id)
      simulator.hub.grant(id)
    }
    for (let n = 0; n < 3; n += 1) await pass(1)
    const told = simulator.hub.outbox
      .list()
      .slice(0, 4)
      .map(({ id }) => id)
    const sent = envelopes().map(({ id }) => id)
    expect(sent.toSorted()).toEqual(told.toSorted())
    const late = sent
      .slice(2)
      .map((id) => told.indexOf(id))
      .toSorted()
    expect([
      [0, 2],
      [1, 3],
    ]).toContainEqual(late)
  })

  it.each([
    [1, 0],
    [2, 1],
    [0, 2],
  ])('notice_loss: of two, with %i, %i arrive', async (notice_loss, arrive) => {
    await tellTwo({ notice_loss })
    await pass(3_600)
    expect(names()).toHaveLength(arrive)
    const lost = simulator.hub.outbox
      .list()
      .slice(0, 2)
      .filter(({ answer }) => answer === 'lost')
    expect(lost).toHaveLength(2 - arrive)
  })

  it.each([
    ['hex', /^[0-9a-f]{64}$/, 'valid'],
    ['prefixed', /^sha256=[0-9a-f]{64}$/, 'valid'],
    ['wrong', /^[0-9a-f]{64}$/, 'invalid'],
    ['missing', /^undefined$/, 'missing'],
  ] as const)('notice_signature: %s', async (notice_signature, shape, judged) => {
    await tellTwo({ notice_signature })
    for (const { body, signature } of received) {
      expect(String(signature)).toMatch(shape)
      const check = new SignatureCheck(signature, [partnerSettings.platformSecret])
      check.update(Buffer.from(body))
      expect(check.end()).toBe(judged)
    }
    expect(received).toHaveLength(2)
  })

  it.each([
    ['underscores', 'channel_running'],
    ['dots', 'channel.running'],
    ['unknown', 'channel_sighed'],
  ] as const)('notice_names: %s', async (notice_names, name) => {
    await tellTwo({ notice_names })
    expect(names()).toContain(name)
  })

  it('notice_envelope: in a list', async () => {
    await tellTwo({ notice_envelope: 'array' })
    expect(envelopes().map((list) => list.length)).toEqual([1, 1])
    expect(envelopes().flat()).toContainEqual(expect.objectContaining({ event: 'channel_running' }))
  })
})

describe('what is told', () => {
  const signUp = async (coexistence: boolean, switches: Partial<Switches> = {}) => {
    simulator.hub.setSwitches(switches)
    const email = `mail${simulator.hub.listClients().length}@shop.example`
    const digits = `4930${String(simulator.hub.listChannels().length).padStart(7, '0')}`
    simulator.hub.visit('/onboarding/tEstDePA', {
      signup: { name: 'Shop', email },
      add: [{ phoneNumber: digits, displayName: 'Shop', isOnBizApp: coexistence }],
    })
    await pass(0)
  }
  const dataOf = (event: string) =>
    envelopes()
      .filter((one) => one.event === event)
      .map(({ data }) => data)

  it('is a new client, its number, and its permission', async () => {
    await signUp(false)
    expect(names().toSorted()).toEqual(['channel_created', 'channel_permission_granted', 'client_created'])
    const [client] = dataOf('client_created')
    expect(simulator.hub.client(client.id).email).toBe(client.contact_info.email)
  })

  it('is the past of a number that keeps its app, in phases', async () => {
    await signUp(true, { history_phases: 4, history_kilobytes: 20 })
    const phases = dataOf('history')
    expect(phases.map(({ history }) => history[0].metadata.phase).toSorted()).toEqual([0, 1, 2, 3])
    for (const phase of phases) expect(JSON.stringify(phase).length).toBeGreaterThan(20 * 1024)
    const [channel] = simulator.hub.listChannels().slice(-1)
    const { waba } = simulator.hub.client(channel?.clientId ?? '')
    const metadata = { display_phone_number: channel?.phoneNumber.slice(1), phone_number_id: channel?.metaId }
    expect(phases[0]).toMatchObject({ id: waba.externalId, metadata })
    expect(dataOf('smb_app_state_sync')).toMatchObject([{ id: waba.externalId, metadata }])
  })

  it('is that a business declined to share it', async () => {
    await signUp(true, { history_shared: false })
    expect(dataOf('history')).toMatchObject([{ history: [{ errors: [{ code: 2_593_109 }] }] }])
  })

  it('is the life of a cancellation', async () => {
    const { id } = addReadyChannel(simulator.hub)
    await control(`/channels/${id}/request-cancellation`)
    await pass(0)
    await control(`/channels/${id}/revoke-cancellation`)
    await pass(0)
    await control(`/channels/${id}/request-cancellation`)
    await control('/time', { advance_seconds: 31 * 86_400 })
    await pass(0)
    const [request, revoke, another, processed] = ['request', 'revoke', 'request', 'processed']
    expect(names()).toEqual([request, revoke, another, processed].map((word) => `cancellation_${word}`))
    const [first, , , last] = envelopes()
    expect([first.data.terminated_at, last.data.integration.enabled]).toEqual([
      expect.stringMatching(/Z$/),
      false,
    ])
  })

  it.each(channelEvents)('is %s, when somebody asks for it', async (event) => {
    const { id } = addReadyChannel(simulator.hub)
    expect((await submit(`/control/channels/${id}/notice`, [['event', event]])).status).toBe(303)
    await pass(0)
    expect(names()).toContain(event)
  })

  it('is nothing that nobody knows', async () => {
    const { id } = addReadyChannel(simulator.hub)
    expect((await control(`/channels/${id}/notice`, { event: 'client_created' })).status).toBe(400)
    expect(received).toEqual([])
  })
})

it('signs as 360dialog does', async () => {
  await tellTwo()
  const [{ body, signature } = { body: '', signature: '' }] = received
  expect(signature).toBe(createHmac('sha256', partnerSettings.platformSecret).update(body).digest('hex'))
})
