import { request } from 'node:http'
import { describe, expect, it } from '@jest/globals'
import { addReadyChannel, withSimulator } from './running-simulator.ts'

const simulator = withSimulator({ now: () => new Date('2026-03-02T09:15:00Z') })
const { call, control, submit } = simulator

describe('the control API', () => {
  it('makes clients and channels and moves them along', async () => {
    const client = (await control('/clients', { id: 'shopCL', name: 'Shop', email: 'a@shop.example' })).body
    expect(client).toMatchObject({ id: 'shopCL', created_at: '2026-03-02T09:15:00Z' })
    const number = { id: 'oneCH', client_id: 'shopCL', phone_number: '+4930555', display_name: 'Shop' }
    const made = await control('/channels', { ...number, created_at: '2020-01-01T00:00:00Z' })
    expect(made.status).toBe(201)
    expect(made.body).toMatchObject({ running: false, permitted: false, created_at: '2020-01-01T00:00:00Z' })
    expect((await control('/channels/oneCH/run')).body.running).toBe(true)
    expect((await control('/channels/oneCH/grant')).body.permitted).toBe(true)
    expect((await control('/channels/oneCH/revoke')).body.permitted).toBe(false)
    const { api_key } = (await control('/channels/oneCH/foreign-key')).body
    expect(api_key).toBe(simulator.hub.liveKeyOf('oneCH'))

    const state = await call('/control/state')
    expect(state.text).not.toContain(api_key)
    expect(state.body).toMatchObject({
      clients: [{ id: 'shopCL' }],
      channels: [{ id: 'oneCH', key: { id: expect.any(String) } }],
    })
  })

  it('acts out a visit in one call', async () => {
    const visit = {
      launch_url: `${simulator.url}/onboarding/tEstDePA?state=s`,
      signup: { name: 'Shop B', email: 'b@shop.example' },
      number: '+49 30 666666',
      add: [{ id: 'twoCH', phone_number: '+4930777777', display_name: 'Second' }],
    }
    const { location } = (await control('/visits', visit)).body
    const ids = simulator.hub
      .listChannels(new URL(location).searchParams.get('client') ?? '')
      .map(({ id }) => id)
    expect(location).toContain(`channels=[${ids.join(',')}]&state=s`)
    expect(ids).toHaveLength(2)
    const clientId = simulator.hub.channel('twoCH').clientId
    const second = { launch_url: visit.launch_url, client_id: clientId, revoke: ['twoCH'] }
    expect((await control('/visits', second)).body.location).toContain('channels=[]&revoked=[twoCH]')
    const cancelled = { launch_url: visit.launch_url, client_id: clientId, cancel: true }
    expect((await control('/visits', cancelled)).body.location).toContain(`client=${clientId}&channels=[]`)
  })

  it('moves the clock and sets switches', async () => {
    expect((await control('/clock', { advance_seconds: 60 })).body.now).toBe('2026-03-02T09:16:00.000Z')
    expect((await control('/switches', { quotes: true })).body.quotes).toBe(true)
    expect((await control('/switches', { quotes: false })).body.quotes).toBe(false)
  })

  it.each([
    ['/clients', { name: 'x' }, 400],
    ['/clients', { name: 'x', email: 5 }, 400],
    ['/channels', { client_id: 'noneCL', phone_number: '1', display_name: 'x' }, 404],
    ['/channels/noneCH/run', {}, 404],
    ['/switches', { nothing: true }, 400],
    ['/switches', { quotes: 'yes' }, 400],
    ['/switches', { brackets: 'curly' }, 400],
    ['/clock', { advance_seconds: 'x' }, 400],
    ['/visits', { launch_url: 'http://localhost/nowhere' }, 404],
    ['/visits', { launch_url: 'http://:' }, 400],
    ['/visits', { launch_url: '/onboarding/tEstDePA', channels: 'x' }, 400],
    ['/nothing', {}, 404],
  ])('refuses %s %j with %i', async (path, body, status) => {
    expect((await control(path, body)).body.meta.http_code).toBe(status)
  })
})

describe('the control page', () => {
  it('offers to make a number run, and does', async () => {
    const { clientId } = addReadyChannel(simulator.hub)
    const channel = simulator.hub.addChannel({ clientId, phoneNumber: '+4930444', displayName: 'New' })
    expect((await call('/')).text).toContain('>Make it run</button>')
    const pressed = await submit(`/control/channels/${channel.id}/run`)
    expect([pressed.status, pressed.headers.get('location')]).toEqual([303, '/'])
    expect(simulator.hub.channel(channel.id).running).toBe(true)
  })

  it('shows faults that its buttons set', async () => {
    await submit('/control/faults', [
      ['endpoint', '*'],
      ['kind', 'status'],
      ['status', '500'],
      ['times', '0'],
    ])
    expect((await call('/')).text).toContain('any call, status 500, until cleared')
    await submit('/control/faults/clear')
    expect(simulator.hub.faults.list()).toEqual([])
  })

  it('never shows a key', async () => {
    const key = simulator.hub.mintForeignKey(addReadyChannel(simulator.hub).id)
    expect((await call('/')).text).not.toContain(key)
  })
})

describe('other sites and other hosts', () => {
  it('refuses forms that another site posts', async () => {
    const { id } = addReadyChannel(simulator.hub)
    const foreign = [
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { origin: 'https://evil.example' },
      { origin: 'null' },
    ]
    for (const headers of foreign)
      expect((await submit(`/control/channels/${id}/revoke`, [], { ...headers })).status).toBe(403)
    expect(simulator.hub.channel(id).permitted).toBe(true)
    const own = { origin: simulator.url, 'sec-fetch-site': 'same-origin' }
    expect((await submit(`/control/channels/${id}/revoke`, [], own)).status).toBe(303)
  })

  it('refuses a host name that is not its own', async () => {
    const { port } = new URL(simulator.url)
    const statusFor = (host: string) =>
      new Promise((resolve, reject) => {
        const asked = request(
          { host: '127.0.0.1', port, path: '/control/state', headers: { host } },
          (answer) => {
            answer.resume()
            resolve(answer.statusCode)
          },
        )
        asked.on('error', reject).end()
      })
    expect(await statusFor(`evil.example:${port}`)).toBe(421)
    expect(await statusFor(`localhost.evil.example:${port}`)).toBe(421)
    expect(await statusFor(`127.0.0.1:${port}`)).toBe(200)
  })
})
