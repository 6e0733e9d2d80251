import { afterEach, describe, expect, it } from '@jest/globals'
import { addReadyChannel, withSimulator } from './running-simulator.ts'

const simulator = withSimulator()
const { call, partner, control } = simulator
const mint = (channelId: string) => partner(`/channels/${channelId}/api_keys`, { method: 'POST' })

afterEach(() => {
  simulator.hub.clearFaults()
  simulator.hub.resetCounters()
})

describe('faults', () => {
  it('answers a status once by default, with Retry-After, and does not act', async () => {
    const channel = addReadyChannel(simulator.hub)
    simulator.hub.setFault({ endpoint: 'create_key', kind: 'status', status: 429, retry_after: 7 })
    const answer = await mint(channel.id)
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([429, '7'])
    expect(simulator.hub.minted).toEqual([])
    expect((await mint(channel.id)).status).toBe(201)
  })

  it('acts before it answers a status when asked to', async () => {
    const channel = addReadyChannel(simulator.hub)
    simulator.hub.setFault({ endpoint: 'create_key', kind: 'status', status: 502, committed: true })
    expect((await mint(channel.id)).status).toBe(502)
    expect(simulator.hub.minted).toEqual([channel.id])
  })

  it('fails any endpoint until it is cleared', async () => {
    await control('/faults', { endpoint: '*', kind: 'status', status: 500, times: 0 })
    expect([(await partner('')).status, (await partner('/clients')).status]).toEqual([500, 500])
    await control('/faults/clear')
    expect((await partner('')).status).toBe(200)
  })

  it('loses the answer after the key was made', async () => {
    const channel = addReadyChannel(simulator.hub)
    simulator.hub.setFault({ endpoint: 'create_key', kind: 'lost_after_commit' })
    await expect(mint(channel.id)).rejects.toThrow()
    expect(simulator.hub.minted).toEqual([channel.id])
    expect(simulator.hub.liveKeyOf(channel.id)).toBeDefined()
  })

  it('acts at once and answers late', async () => {
    const channel = addReadyChannel(simulator.hub)
    simulator.hub.setFault({ endpoint: 'create_key', kind: 'slow', ms: 600_000 })
    const impatient = new AbortController()
    const answer = partner(`/channels/${channel.id}/api_keys`, {
      method: 'POST',
      headers: { 'x-api-key': 'partner-key' },
      signal: impatient.signal,
    })
    while (simulator.hub.minted.length === 0) await partner('')
    impatient.abort()
    await expect(answer).rejects.toThrow()

    simulator.hub.setFault({ endpoint: 'partner', kind: 'slow', ms: 1 })
    expect((await partner('')).status).toBe(200)
  })

  it.each([
    ['wrapped', { api_keys: [{ api_key: expect.stringMatching(/^\w{31}$/) }] }],
    ['key', { key: expect.stringMatching(/^\w{31}$/) }],
    ['masked', { api_key: '****' }],
    ['host', { address: 'https://evil.example' }],
  ] as const)('makes the key and answers in the shape %s', async (shape, body) => {
    const channel = addReadyChannel(simulator.hub)
    simulator.hub.setFault({ endpoint: 'create_key', kind: 'odd_answer', shape })
    expect((await mint(channel.id)).body).toMatchObject(body)
    expect(simulator.hub.minted).toEqual([channel.id])
  })

  it('makes the key and answers HTML or nothing', async () => {
    const channel = addReadyChannel(simulator.hub)
    simulator.hub.setFault({ endpoint: 'create_key', kind: 'odd_answer', shape: 'not_json' })
    const html = await mint(channel.id)
    expect([html.status, html.headers.get('content-type')]).toEqual([
      200,
      expect.stringContaining('text/html'),
    ])
    expect(html.body).toBeUndefined()
    simulator.hub.setFault({ endpoint: 'create_key', kind: 'odd_answer', shape: 'empty' })
    const empty = await mint(channel.id)
    expect([empty.status, empty.text]).toEqual([201, ''])
    expect(simulator.hub.minted).toHaveLength(2)
  })

  it('answers lists as a bare array, without page fields, or with all rows', async () => {
    addReadyChannel(simulator.hub)
    const path = '/channels?filters={"id":"noneCH"}'
    simulator.hub.setFault({ endpoint: 'channels', kind: 'odd_answer', shape: 'bare_array' })
    expect((await partner(path)).body).toEqual([])
    simulator.hub.setFault({ endpoint: 'channels', kind: 'odd_answer', shape: 'no_page_fields' })
    expect((await partner(path)).body).toEqual({ partner_channels: [] })
    simulator.hub.setFault({ endpoint: 'channels', kind: 'odd_answer', shape: 'filter_ignored' })
    expect((await partner(path)).body.total).toBeGreaterThan(0)
  })

  it('refuses connections while paused, at both addresses', async () => {
    const other = simulator.url.replace('localhost', '127.0.0.1')
    await simulator.pause()
    await expect(call('/control/state')).rejects.toThrow('fetch failed')
    await expect(call(`${other}/control/state`)).rejects.toThrow('fetch failed')
    await simulator.resume()
    expect((await call('/control/state')).status).toBe(200)
    expect((await call(`${other}/control/state`)).status).toBe(200)
  })

  it('comes back by itself from a pause through the control API', async () => {
    expect((await control('/pause', { seconds: 0.01 })).status).toBe(200)
    const isBack = () => call('/control/state').then(Boolean, () => false)
    while (!(await isBack())) await new Promise(setImmediate)
    expect(await isBack()).toBe(true)
  })

  it.each([
    { endpoint: 'nothing', kind: 'slow' },
    { endpoint: '*', kind: 'nothing' },
    { endpoint: '*', kind: 'odd_answer', shape: 'nothing' },
    { endpoint: '*', kind: 'status', status: 200 },
    { endpoint: '*', kind: 'slow', ms: 'x' },
  ])('refuses the fault %j', async (fault) => {
    expect((await control('/faults', fault)).status).toBe(400)
    expect(simulator.hub.faults.list()).toEqual([])
  })

  it('counts calls per endpoint, refused ones too', async () => {
    await partner('/clients')
    await partner('/clients', { headers: {} })
    expect(simulator.hub.calls).toMatchObject({ clients: 2, create_key: 0 })
    expect((await call('/control/counters')).body).toMatchObject({ calls: { clients: 2 }, minted: [] })
    expect((await control('/counters/reset')).body.calls.clients).toBe(0)
  })
})
