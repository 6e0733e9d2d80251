import { describe, expect, it } from '@jest/globals'
import { addReadyChannel, withSimulator } from './running-simulator.ts'

const simulator = withSimulator()
const { call, partner, messaging } = simulator

const logIn = (body: object) =>
  call('/api/v2/token', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
const withBearer = (token: string) =>
  partner('', { headers: { authorization: `Bearer ${token}` } }).then(({ status }) => status)
const filtered = (list: string, filters: object) =>
  partner(`/${list}?filters=${encodeURIComponent(JSON.stringify(filters))}`)

describe('signing in to the Partner API', () => {
  it('lets the partner API key in', async () => {
    expect((await partner('')).body).toMatchObject({
      id: 'tEstDePA',
      brand_name: 'Nordlicht',
      partner_redirect_url: 'https://stored.example/callback',
    })
  })

  it('gives a bearer token for user name and password, until it expires', async () => {
    simulator.hub.setSwitches({ token_seconds: 60 })
    const { body } = await logIn({ username: 'anna', password: 'secret' })
    expect(body).toMatchObject({ token_type: 'Bearer', expires_in: 60 })
    expect(await withBearer(body.access_token)).toBe(200)
    simulator.hub.advance(61)
    expect(await withBearer(body.access_token)).toBe(401)
  })

  it('refuses a wrong password in the shape of a token error', async () => {
    const { status, body } = await logIn({ username: 'anna', password: 'wrong' })
    expect([status, body.error]).toEqual([401, 'invalid_grant'])
    expect((await logIn({})).status).toBe(401)
  })

  it('answers 401 without credentials, with a wrong key and with a channel key', async () => {
    const channelKey = simulator.hub.mintForeignKey(addReadyChannel(simulator.hub).id)
    for (const headers of [
      {},
      { 'x-api-key': 'wrong' },
      { 'x-api-key': channelKey },
      { authorization: 'Bearer x' },
    ]) {
      const { status, body } = await partner('/clients', { headers: { ...headers } })
      expect(status).toBe(401)
      expect(body.meta).toMatchObject({
        success: false,
        http_code: 401,
        developer_message: expect.any(String),
      })
    }
  })

  it("answers 403 for another partner's id", async () => {
    const { status, body } = await call('/api/v2/partners/otherPA/clients', {
      headers: { 'x-api-key': 'partner-key' },
    })
    expect([status, body.meta.http_code]).toEqual([403, 403])
  })

  it('answers everything else with 404 in the same shape', async () => {
    expect((await partner('/balance')).body.meta.http_code).toBe(404)
    expect((await partner('/channels/noneCH')).body.meta.http_code).toBe(404)
    expect((await call('/api/v2/')).body.meta.http_code).toBe(404)
  })

  it('survives a body and a path that cannot be read', async () => {
    const broken = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{' }
    expect((await call('/api/v2/token', broken)).body.meta.http_code).toBe(400)
    expect((await partner('/channels/%E0%A4%A')).body.meta.http_code).toBe(400)
  })
})

describe('lists', () => {
  it('pages 20 rows by default, at most 200, and says where it is', async () => {
    const { hub } = simulator
    while (hub.listClients().length < 205)
      hub.addClient({ name: 'Many', email: `many${hub.listClients().length}@shop.example` })
    const total = hub.listClients().length

    const first = (await partner('/clients')).body
    expect(first).toMatchObject({ count: 20, total, limit: 20, offset: 0, sort: ['id'], filters: {} })
    expect((await partner('/clients?limit=1000')).body).toMatchObject({ count: 200, limit: 200 })
    const last = (await partner('/clients?limit=200&offset=200')).body
    expect(last.clients).toHaveLength(total - 200)
  })

  it('sorts by one field, downwards with a minus', async () => {
    const { clients } = (await partner('/clients?sort=-id&limit=200')).body
    const ids: string[] = clients.map((client: { id: string }) => client.id)
    expect(ids).toEqual(ids.toSorted().toReversed())
  })

  it('filters clients and channels by dotted names', async () => {
    const channel = addReadyChannel(simulator.hub, '+4930777777')
    const client = simulator.hub.client(channel.clientId)

    const clients = (await filtered('clients', { 'contact_info.email': client.email })).body
    expect(clients.clients.map(({ id }: { id: string }) => id)).toEqual([client.id])
    const both = { client_id: client.id, 'setup_info.phone_number': '+4930777777' }
    const channels = (await filtered('channels', both)).body
    expect(channels).toMatchObject({ count: 1, total: 1, filters: both })
    expect(channels.partner_channels[0]).toMatchObject({
      id: channel.id,
      account_mode: 'live',
      integration: { app_id: channel.appId, state: 'running' },
      waba_account: { id: client.waba.id },
    })
  })

  it.each([
    ['filters={"nickname":"x"}'],
    ['filters=[1]'],
    ['filters=nonsense'],
    ['limit=-1'],
    ['offset=x'],
    ['sort=nickname'],
  ])('answers 400 to %s', async (query) => {
    expect((await partner(`/channels?${query}`)).body.meta.http_code).toBe(400)
  })

  it('answers one channel without an envelope', async () => {
    const channel = addReadyChannel(simulator.hub, '+4930888888')
    expect((await partner(`/channels/${channel.id}`)).body).toMatchObject({
      id: channel.id,
      client_id: channel.clientId,
    })
  })

  it('shows a number that does not run as being set up', async () => {
    const { clientId } = addReadyChannel(simulator.hub)
    const channel = simulator.hub.addChannel({ clientId, phoneNumber: '+4912345678', displayName: 'New' })
    const { body } = await partner(`/channels/${channel.id}`)
    expect([body.account_mode, body.integration.app_id]).toEqual([null, channel.appId])
  })
})

describe('channel keys', () => {
  const mint = (channelId: string) => partner(`/channels/${channelId}/api_keys`, { method: 'POST' })

  it('creates a key, and the earlier one dies at once', async () => {
    const channel = addReadyChannel(simulator.hub)
    const first = await mint(channel.id)
    expect(first.status).toBe(201)
    expect(first.body).toEqual({
      id: expect.stringMatching(/^\d+$/),
      address: `${simulator.url}/waba-v2`,
      api_key: expect.stringMatching(/^\w{31}$/),
      app_id: channel.appId,
    })
    const second = await mint(channel.id)

    const probe = (key: string) => messaging('/waba-v2/v1/configs/phone_number', key)
    expect((await probe(first.body.api_key)).status).toBe(401)
    expect((await probe(second.body.api_key)).body).toEqual({ phone_number: '4930123456' })
    expect(simulator.hub.minted.slice(-2)).toEqual([channel.id, channel.id])
  })

  it('lists only the live key, masked', async () => {
    const channel = addReadyChannel(simulator.hub)
    const list = () => partner(`/channels/${channel.id}/api_keys`)
    expect((await list()).body).toEqual({ api_keys: [] })
    await mint(channel.id)
    const { body } = await mint(channel.id)
    const { api_keys } = (await list()).body
    expect(api_keys).toEqual([{ ...body, api_key: `****${body.api_key.slice(-4)}` }])
  })

  it('refuses keys without permission, and lets the old key live on', async () => {
    const channel = addReadyChannel(simulator.hub)
    const { body } = await mint(channel.id)
    simulator.hub.revoke(channel.id)
    expect((await mint(channel.id)).status).toBe(403)
    expect((await partner(`/channels/${channel.id}/api_keys`)).status).toBe(403)
    expect(simulator.hub.liveKeyOf(channel.id)).toBe(body.api_key)
  })

  it('ends the key with the permission when the switch says so', async () => {
    const channel = addReadyChannel(simulator.hub)
    await mint(channel.id)
    simulator.hub.setSwitches({ revoke_kills_key: true })
    simulator.hub.revoke(channel.id)
    simulator.hub.setSwitches({ revoke_kills_key: false })
    expect(simulator.hub.liveKeyOf(channel.id)).toBeUndefined()
  })

  it('refuses a key before the number runs', async () => {
    const { clientId } = addReadyChannel(simulator.hub)
    const channel = simulator.hub.addChannel({
      clientId,
      phoneNumber: '1',
      displayName: 'x',
      permitted: true,
    })
    expect((await mint(channel.id)).body.meta.http_code).toBe(400)
    simulator.hub.makeRun(channel.id)
    expect((await mint(channel.id)).status).toBe(201)
  })

  it('names another address when told to', async () => {
    const channel = addReadyChannel(simulator.hub)
    simulator.hub.setSwitches({ key_address: 'https://waba-v2.360dialog.io' })
    expect((await mint(channel.id)).body.address).toBe('https://waba-v2.360dialog.io')
    simulator.hub.setSwitches({ key_address: '' })
  })

  it('counts a key that somebody else made as no mint of the partner', () => {
    const channel = addReadyChannel(simulator.hub)
    const key = simulator.hub.mintForeignKey(channel.id)
    expect(simulator.hub.liveKeyOf(channel.id)).toBe(key)
    expect(simulator.hub.minted).not.toContain(channel.id)
  })
})
