import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import type { Channel } from '../../src/simulator/records.ts'
import { defaultSwitches, type Switches } from '../../src/simulator/switches.ts'
import { addReadyChannel, withSimulator } from './running-simulator.ts'

const simulator = withSimulator({ now: () => new Date('2026-03-02T09:15:00Z') })
const { call, partner } = simulator
let channel: Channel

beforeEach(() => {
  simulator.hub.setSwitches({ ...defaultSwitches, rate_limit: 'nothing' })
  channel = addReadyChannel(simulator.hub)
})
afterEach(() => simulator.hub.setSwitches(defaultSwitches))

const client = (path = '') => `/clients/${channel.clientId}${path}`
const send = (method: string, path: string, body: object) =>
  partner(path, {
    method,
    headers: { 'x-api-key': 'partner-key', 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })

describe('a client', () => {
  it('is given a higher limit and another payload', async () => {
    const changed = await send('PATCH', client(), { max_channels: 5, partner_payload: 'tenant-42' })
    expect(changed.body).toMatchObject({
      id: channel.clientId,
      max_channels: 5,
      partner_payload: 'tenant-42',
    })
    expect((await send('PATCH', client(), {})).body.max_channels).toBe(5)
  })

  it.each([{ max_channels: 0 }, { max_channels: 'x' }, { partner_payload: 5 }])(
    'refuses %j',
    async (body) => {
      expect((await send('PATCH', client(), body)).status).toBe(400)
      expect(simulator.hub.client(channel.clientId).maxChannels).toBeUndefined()
    },
  )

  it.each<[Switches['client_path'], () => object]>([
    ['not_found', () => ({ meta: { http_code: 404 } })],
    ['balance', () => ({ balance: 48.15 })],
    ['client', () => ({ id: channel.clientId, max_channels: 2 })],
  ])('answers at its own address as %s', async (client_path, expected) => {
    simulator.hub.setSwitches({ client_path })
    expect((await partner(client())).body).toMatchObject(expected())
  })
})

describe('the balance', () => {
  const balance = async () => (await partner(client('/info/balance'))).body

  it('comes with the use of a month or a day', async () => {
    expect(await balance()).toMatchObject({ currency: 'eur', balance: 48.15, granularity: 'MONTH' })
    const path = client(`/channels/${channel.id}/info/balance?granularity=DAY&start_date=1772323200`)
    expect((await partner(path)).body).toMatchObject({
      granularity: 'DAY',
      usage: [{ period_date: '2026-03-01T00:00:00Z', quantity: 60 }],
    })
    expect((await partner(client('/info/balance?granularity=YEAR'))).status).toBe(400)
    expect((await partner(client('/info/balance?start_date=soon'))).status).toBe(400)
  })

  it.each<[Partial<Switches>, unknown]>([
    [{ balance: -3.5 }, -3.5],
    [{ balance_field: 'null' }, null],
    [{ balance_field: 'missing' }, undefined],
    [{ payment: 'partner' }, null],
  ])('is, with %j, %s', async (setting, expected) => {
    simulator.hub.setSwitches(setting)
    expect((await balance()).balance).toBe(expected)
  })

  it('of the partner is there when the partner pays', async () => {
    expect((await partner('/balance')).status).toBe(404)
    simulator.hub.setSwitches({ payment: 'partner' })
    expect((await partner('/balance')).body).toEqual([{ currency: 'usd', total: 48.15 }])
  })

  it('is answered 5 times in 30 seconds, while other calls go on', async () => {
    simulator.hub.setSwitches({ rate_limit: 'balance' })
    for (let n = 1; n <= 5; n += 1) expect((await partner(client('/info/balance'))).status).toBe(200)
    expect((await partner(client('/info/balance'))).body.meta.http_code).toBe(429)
    expect((await partner('/clients')).status).toBe(200)
    simulator.hub.advance(30)
    expect((await partner(client('/info/balance'))).status).toBe(200)
  })
})

describe('the numbers that a client shares', () => {
  const phone = '+4930123456'
  const shapes: [Switches['shared_numbers'], () => unknown][] = [
    ['keyed_objects', () => ({ shared_client_numbers: [{ id: channel.id, phone_number: phone }] })],
    ['objects', () => [{ id: channel.id, phone_number: phone }]],
    ['channel_id_objects', () => [{ channel_id: channel.id, phone_number: phone }]],
    ['phone_objects', () => [{ phone_number: phone }]],
    ['ids', () => [channel.id]],
    ['phones', () => [phone]],
    ['keyed_ids', () => ({ numbers: [channel.id] })],
    ['empty', () => []],
    ['odd', () => ({ client_id: channel.clientId, shared: 'yes' })],
  ]
  it.each(shapes)('come as %s', async (shared_numbers, expected) => {
    const { clientId } = channel
    simulator.hub.addChannel({ clientId, phoneNumber: '+491', displayName: 'Not shared' })
    simulator.hub.setSwitches({ shared_numbers })
    expect((await partner(client('/shared_client_numbers'))).body).toEqual(expected())
  })

  it('come in pages, or cannot be read', async () => {
    simulator.hub.setSwitches({ shared_numbers: 'paged' })
    const { body } = await partner(client('/shared_client_numbers'))
    expect(body).toMatchObject({ total: 1, sort: ['id'], shared_client_numbers: [{ id: channel.id }] })
    simulator.hub.setSwitches({ shared_numbers: 'not_found' })
    expect((await partner(client('/shared_client_numbers'))).status).toBe(404)
    expect((await partner('/clients/noneCL/shared_client_numbers')).status).toBe(404)
  })

  it('leave out a number whose permission was taken back', async () => {
    simulator.hub.setSwitches({ shared_numbers: 'ids' })
    simulator.hub.removeAccess(channel.id)
    expect((await partner(client('/shared_client_numbers'))).body).toEqual([])
  })
})

describe('a cancellation', () => {
  const control = (what: string, body: object = {}) =>
    send('POST', client(`/channels/${channel.id}/control/${what}`), body)
  const listed = async () => (await partner(`/channels/${channel.id}`)).body

  it.each([{}, { enabled: true }])(
    'is requested with %j, and the number goes on until its date',
    async (body) => {
      expect((await control('cancellation_request', body)).body).toMatchObject({
        id: channel.id,
        account_mode: 'live',
        terminated_at: expect.stringMatching(/^2026-04-01T09:15:\d\dZ$/),
      })
      expect((await listed()).account_mode).toBe('live')
    },
  )

  it.each([
    ['cancellation_request', { enabled: false }],
    ['reactivate', {}],
  ])('is taken back by %s', async (what, body) => {
    await control('cancellation_request')
    expect((await control(what, body)).body.terminated_at).toBeNull()
  })

  it('is processed when its date has come: the number has ended, and its key with it', async () => {
    simulator.hub.mintForeignKey(channel.id)
    await control('cancellation_request')
    simulator.hub.advance(30 * 86_400 - 1)
    expect((await listed()).account_mode).toBe('live')
    simulator.hub.advance(1)
    expect(await listed()).toMatchObject({ account_mode: null, integration: { app_id: null } })
    expect(simulator.hub.liveKeyOf(channel.id)).toBeUndefined()
    expect((await control('reactivate')).status).toBe(400)
    expect((await control('cancellation_request')).status).toBe(400)
    simulator.hub.clock.advance(-30 * 86_400)
  })

  it('is the client’s alone when the switch says so', async () => {
    simulator.hub.setSwitches({ partner_may_cancel: false })
    expect((await control('cancellation_request')).status).toBe(403)
    expect((await listed()).terminated_at).toBeNull()
  })

  it('is found below its client only', async () => {
    const other = addReadyChannel(simulator.hub)
    const paths = [
      `/channels/${channel.id}/control/cancellation_request`,
      `/clients/${other.clientId}/channels/${channel.id}/control/cancellation_request`,
    ]
    for (const path of paths) expect((await send('POST', path, {})).status).toBe(404)
    expect((await call('/api/v2/partners/tEstDePA/clients/x/info/balance')).status).toBe(401)
  })
})
