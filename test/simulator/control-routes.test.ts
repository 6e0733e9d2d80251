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

  it('leads from a client back to the page that it was sent to, and to the partner’s site', async () => {
    const visit = {
      launch_url: `${simulator.url}/onboarding/tEstDePA?state=s`,
      signup: { name: 'Shop W', email: 'w@shop.example' },
    }
    const { location } = (await control('/visits', visit)).body
    const { text } = await call('/')
    expect(text).toContain('<a href="https://stored.example">To Nordlicht</a>')
    expect(text).toContain(`<a href="${location.replaceAll('&', '&amp;')}">Back to its page at Nordlicht</a>`)
  })

  it('moves the clock, and stops it', async () => {
    expect((await control('/time', { advance_seconds: 60 })).body).toEqual({
      now: '2026-03-02T09:16:00.000Z',
      frozen: false,
    })
    expect((await control('/time', { frozen: true })).body.frozen).toBe(true)
    expect((await control('/time', { advance_seconds: 60 })).body.now).toBe('2026-03-02T09:17:00.000Z')
    expect((await control('/time', { frozen: false, advance_seconds: -60 })).body).toEqual({
      now: '2026-03-02T09:16:00.000Z',
      frozen: false,
    })
  })

  it('moves a channel through what 360dialog and its client do', async () => {
    const { id } = addReadyChannel(simulator.hub)
    const press = async (what: string) => (await control(`/channels/${id}/${what}`)).body
    expect((await press('share-access')).is_owned).toBe(false)
    expect((await press('own')).is_owned).toBe(true)
    expect((await press('remove-access')).permitted).toBe(false)
    expect((await press('give-access')).permitted).toBe(true)
    expect((await press('request-cancellation')).terminated_at).toBe('2026-04-01T09:16:00Z')
    expect((await press('revoke-cancellation')).terminated_at).toBeNull()
    await press('request-cancellation')
    await control('/time', { advance_seconds: 31 * 86_400 })
    expect(simulator.hub.channel(id)).toMatchObject({ running: false, endedAt: '2026-04-02T09:16:00Z' })
    await control('/time', { advance_seconds: -31 * 86_400 })
    expect((await press('end')).meta).toBeUndefined()
  })

  it('makes classic channels, and ones in the Business app', async () => {
    const { clientId: client_id } = addReadyChannel(simulator.hub)
    const number = { client_id, phone_number: '+4930556', display_name: 'Shop' }
    const classic = (await control('/channels', { ...number, classic: true })).body
    expect(classic.waba_account.on_behalf_of_business_info.type).toBe('OBO')
    expect((await control('/channels', { ...number, coexistence: true })).body.is_on_biz_app).toBe(true)
  })

  it('sets switches', async () => {
    expect((await control('/switches', { quotes: 'single' })).body.quotes).toBe('single')
    expect((await control('/switches', { quotes: 'none' })).body.quotes).toBe('none')
  })

  it('shows the notices, and sends none without a webhook URL', async () => {
    const page = async () => (await call('/')).text
    expect(await page()).toContain('The partner has set no webhook URL')
    await addReadyChannel(simulator.hub)
    expect((await call('/control/state')).body.notices).toEqual([])
    simulator.hub.webhookUrl = 'http://localhost:1/webhooks/360dialog'
    const [channel] = simulator.hub.listChannels()
    simulator.hub.makeRun(channel?.id ?? '')
    await simulator.hub.outbox.settled()
    expect((await call('/control/state')).body.notices).toMatchObject([
      { event: 'channel_running', aboutId: channel?.id, answer: 'no answer' },
    ])
    expect(await page()).toContain('Send it again')
    const { status, headers } = await submit('/control/switches', [['send_notices', 'false']])
    expect([status, headers.get('location')]).toEqual([303, '/'])
    expect(await page()).toContain('Send notices: <strong>no</strong>')
    simulator.hub.webhookUrl = undefined
  })

  it.each([
    ['/clients', { name: 'x' }, 400],
    ['/clients', { name: 'x', email: 5 }, 400],
    ['/channels', { client_id: 'noneCL', phone_number: '1', display_name: 'x' }, 404],
    ['/channels/noneCH/run', {}, 404],
    ['/switches', { nothing: true }, 400],
    ['/switches', { quotes: 'yes' }, 400],
    ['/switches', { brackets: 'curly' }, 400],
    ['/time', { advance_seconds: 'x' }, 400],
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

  it('shows the time, and moves it', async () => {
    expect((await call('/')).text).toContain('Mon, 02 Mar 2026 09:16:00 GMT')
    await submit('/control/time', [['advance_seconds', '86400']])
    await submit('/control/time', [['frozen', 'true']])
    expect((await call('/')).text).toContain('Tue, 03 Mar 2026 09:16:00 GMT</strong>, and stays so')
    await submit('/control/time', [['frozen', 'false']])
    expect((await call('/')).text).not.toContain('and stays so')
  })

  it('sets the health and the status of a number', async () => {
    const { id } = addReadyChannel(simulator.hub)
    const pressed = await submit(`/control/channels/${id}/health`, [['state', 'payment_failed']])
    expect([pressed.status, pressed.headers.get('location')]).toEqual([303, '/'])
    await submit(`/control/channels/${id}/status`, [['status', 'a_new_word']])
    const page = (await call('/')).text
    expect(page).toContain('<li>Health: payment failed</li>')
    expect(page).toContain('<option value="a_new_word" selected>')
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
