import type { ServerResponse } from 'node:http'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { PartnerApi, type PartnerApiSettings } from '../../src/d360/partner-api.ts'
import { RateLimiter } from '../../src/d360/rate-limiter.ts'
import { PartnerApiError } from '../../src/errors.ts'
import { InstantClock } from './instant-clock.ts'
import { MemoryRateLimits } from './memory-rate-limits.ts'
import { newTrouble } from './memory-trouble.ts'
import {
  everythingIn,
  failureOf,
  findDeadAddress,
  type Received,
  sendJson,
  startUpstream,
  type Upstream,
} from './upstream.ts'

let answer: (request: Received, response: ServerResponse, nth: number) => void
let server: Upstream
let clock: InstantClock
let store: MemoryRateLimits
let calls: [string, number | 'error'][]
let unreadable: string[]
let unreadDates: string[]

beforeEach(async () => {
  server = await startUpstream((request, response, nth) => answer(request, response, nth))
  clock = new InstantClock()
  store = new MemoryRateLimits()
  calls = []
  unreadable = []
  unreadDates = []
})
afterEach(() => server.close())

function connect(settings: Partial<PartnerApiSettings> = {}): PartnerApi {
  return new PartnerApi({
    baseUrl: new URL(`${server.url}/api/v2`),
    partnerId: 'p1',
    credentials: { apiKey: 'canary-partner-key' },
    rateLimiter: new RateLimiter({ rate: 'auto', store, clock }),
    clock,
    trouble: newTrouble(clock),
    timeoutMs: 20_000,
    onCall: (endpoint, status) => calls.push([endpoint, status]),
    onUnreadableRow: (endpoint) => unreadable.push(endpoint),
    onUnreadDate: (field) => unreadDates.push(field),
    ...settings,
  })
}

function channelRows(count: number, from = 0) {
  return Array.from({ length: count }, (_, nth) => ({ id: `ch${from + nth}`, client_id: 'cl1' }))
}

it('asks with the API key, and says who asks', async () => {
  answer = (_, response) => sendJson(response, 200, { api_keys: [{ id: 7 }] })
  expect(await connect().listApiKeyIds('ch1', 'known')).toEqual(['7'])
  expect(server.received).toMatchObject([
    { method: 'GET', path: '/api/v2/partners/p1/channels/ch1/api_keys' },
  ])
  expect(server.received[0]?.headers).toMatchObject({
    'x-api-key': 'canary-partner-key',
    'user-agent': 'latchkey',
  })
  expect(calls).toEqual([['list_keys', 200]])
})

describe('a list', () => {
  const serve = (list: object[], { cap = 1000, name = 'partner_channels', fields = true } = {}) => {
    answer = ({ query }, response) => {
      const offset = Number(query.get('offset'))
      const page = list.slice(offset, offset + Math.min(cap, Number(query.get('limit'))))
      const envelope = { count: page.length, total: list.length, limit: cap, offset }
      sendJson(response, 200, fields ? { ...envelope, [name]: page } : { [name]: page })
    }
  }
  const readAll = async () => (await connect().listChannels({}, 'sync')).map(({ id }) => id)
  const ids = (count: number) => channelRows(count).map(({ id }) => id)

  it('is read in pages of 200', async () => {
    serve(channelRows(450))
    expect(await readAll()).toEqual(ids(450))
    expect(server.received.map(({ query }) => query.toString())).toEqual([
      'limit=200&offset=0',
      'limit=200&offset=200',
      'limit=200&offset=400',
    ])
  })

  it('is read whole from a server that caps its pages lower', async () => {
    serve(channelRows(45), { cap: 20 })
    expect(await readAll()).toEqual(ids(45))
    expect(server.received).toHaveLength(3)
  })

  it('is read whole when capped pages come without page fields and under another name', async () => {
    serve(channelRows(45), { cap: 20, fields: false, name: 'channels' })
    expect(await readAll()).toEqual(ids(45))
  })

  it('is read whole from a server that ignores the limit', async () => {
    answer = (_, response) => sendJson(response, 200, { total: 450, partner_channels: channelRows(450) })
    expect(await readAll()).toEqual(ids(450))
    expect(server.received).toHaveLength(1)
  })

  it.each([
    { partner_channels: channelRows(3), total: 9 },
    { partner_channels: channelRows(3) },
    channelRows(3),
  ])('ends when a server that ignores the offset brings nothing new', async (page) => {
    answer = (_, response) => sendJson(response, 200, page)
    expect(await readAll()).toEqual(ids(3))
    expect(server.received).toHaveLength(2)
  })

  it('leaves out rows that cannot be read, tells of them, and keeps the others', async () => {
    const odd = [
      null,
      'ch7',
      { client_id: 'cl1' },
      { id: 'ch8' },
      { id: 'ch9', client_id: 'cl1', setup_info: 'odd' },
    ]
    answer = (_, response) =>
      sendJson(response, 200, { total: 7, partner_channels: [...odd, ...channelRows(2)] })
    expect(await readAll()).toEqual(['ch9', 'ch0', 'ch1'])
    expect(unreadable).toEqual(['channels', 'channels', 'channels', 'channels'])
  })

  it('tells of dates that cannot be read by their field, once an hour however many rows have them', async () => {
    const odd = { created_at: 'canary', terminated_at: '03/04/2026', cancelled_at: null }
    const rows = channelRows(150).map((row) => ({ ...row, ...odd }))
    answer = (_, response) => sendJson(response, 200, { total: 150, partner_channels: rows })
    const api = connect()
    const readMore = async () => {
      await api.listChannels({}, 'sync')
      return unreadDates
    }
    const fields = ['channels.created_at', 'channels.terminated_at']
    expect(await readMore()).toEqual(fields)
    await clock.sleep(59 * 60_000)
    expect(await readMore()).toEqual(fields)
    await clock.sleep(60_000)
    expect(await readMore()).toEqual([...fields, ...fields])
  })

  it.each([{}, { partner_channels: null }, { meta: { success: true } }, 'ok', 7])(
    'is an unexpected answer when it is %j',
    async (body) => {
      answer = (_, response) => sendJson(response, 200, body)
      await expect(readAll()).rejects.toMatchObject({ failure: 'unexpected_answer' })
    },
  )

  it('that never ends is not taken for a whole one', async () => {
    answer = ({ query }, response) => sendJson(response, 200, channelRows(1, Number(query.get('offset'))))
    await expect(readAll()).rejects.toMatchObject({ failure: 'unexpected_answer' })
    expect(server.received).toHaveLength(500)
  })
})

describe('a filter', () => {
  const list = [
    { id: 'ch1', client_id: 'cl1' },
    { id: 'ch2', client_id: 'cl2' },
    { id: 'ch3', client: { id: 'cl1' } },
  ]

  it.each([
    [{ clientId: 'cl1' }, '{"client_id":"cl1"}', ['ch1', 'ch3']],
    [{ channelId: 'ch2' }, '{"id":"ch2"}', ['ch2']],
    [{}, null, ['ch1', 'ch2', 'ch3']],
  ])('%j travels as JSON, and is applied again here', async (filter, filters, expected) => {
    answer = (_, response) => sendJson(response, 200, { total: 3, partner_channels: list })
    const channels = await connect().listChannels(filter as { clientId: string }, 'mint')
    expect(channels.map(({ id }) => id)).toEqual(expected)
    expect(server.received[0]?.query.get('filters')).toBe(filters)
  })

  it('that is refused is replaced by reading everything', async () => {
    answer = ({ query }, response) =>
      query.has('filters')
        ? sendJson(response, 400, {})
        : sendJson(response, 200, { total: 3, partner_channels: list })
    expect(await connect().findChannel('ch2', 'mint')).toMatchObject({ id: 'ch2', clientId: 'cl2' })
    expect(await connect().listChannels({ clientId: 'cl1' }, 'mint')).toHaveLength(2)
  })

  it('finds nothing when there is nothing', async () => {
    answer = (_, response) => sendJson(response, 200, { total: 0, partner_channels: [], clients: [] })
    expect(await connect().findChannel('ch9', 'mint')).toBeUndefined()
    expect(await connect().findClientWithChannels('cl9', 'mint')).toBeUndefined()
    expect(server.received).toHaveLength(2)
  })

  it('finds a client on a later page of a server that ignores filters', async () => {
    answer = ({ query }, response) =>
      sendJson(response, 200, {
        total: 3,
        clients: [
          {
            id: `cl${query.get('offset')}`,
            name: 'Backhaus',
            contact_info: { email: 'IT@Backhaus.example' },
          },
        ],
        partner_channels: list,
      })
    const found = await connect().findClientWithChannels('cl1', 'mint')
    expect(found?.client).toEqual({ id: 'cl1', name: 'Backhaus', emails: ['it@backhaus.example'] })
    expect(found?.channels.map(({ id }) => id)).toEqual(['ch1', 'ch3'])
    expect(server.received.map(({ path }) => path.replace('/api/v2/partners/p1/', ''))).toEqual([
      'clients',
      'clients',
      'channels',
    ])
    expect(server.received[0]?.query.get('filters')).toBe('{"id":"cl1"}')
  })
})

describe('the key records of a channel', () => {
  const record = { id: 201126, address: 'https://waba.360dialog.io', api_key: 'canary-channel-key' }

  it.each([[{ api_keys: [record] }], [{ data: [record] }], [[record]], [record]])(
    'are known by their ids, in the form %j',
    async (body) => {
      answer = (_, response) => sendJson(response, 200, body)
      expect(await connect().listApiKeyIds('ch1', 'mint')).toEqual(['201126'])
      expect(server.received[0]?.path).toBe('/api/v2/partners/p1/channels/ch1/api_keys')
    },
  )

  it('may be none', async () => {
    answer = (_, response) => sendJson(response, 200, { api_keys: [] })
    expect(await connect().listApiKeyIds('ch1', 'mint')).toEqual([])
  })

  it.each([{}, { api_keys: null }, { api_keys: [record, { api_key: 'canary' }] }, null, 'canary', ''])(
    'are not taken for none when they cannot be read: %j',
    async (body) => {
      answer = (_, response) => sendJson(response, 200, body)
      const error = await failureOf(connect().listApiKeyIds('ch1', 'mint'))
      expect(error).toMatchObject({ failure: 'unexpected_answer' })
      expect(everythingIn(error)).not.toContain('canary')
    },
  )
})

describe('reading', () => {
  it.each([429, 500, 502, 503, 504])('is tried three times on %i', async (status) => {
    answer = (_, response, nth) => sendJson(response, nth < 3 ? status : 200, { id: 'p1' })
    expect(await connect().listApiKeyIds('ch1', 'known')).toEqual(['p1'])
    expect(clock.slept).toEqual([1000, 2000])
    expect(calls).toEqual([
      ['list_keys', status],
      ['list_keys', status],
      ['list_keys', 200],
    ])
  })

  it('gives up after three tries', async () => {
    answer = (_, response) => sendJson(response, 503, {})
    await expect(connect().listApiKeyIds('ch1', 'known')).rejects.toMatchObject({
      failure: 'unknown',
      upstreamStatus: 503,
    })
    expect(server.received).toHaveLength(3)
  })

  it('is tried again when no answer comes', async () => {
    answer = (_, response, nth) => nth > 1 && sendJson(response, 200, { id: 'p1' })
    expect(await connect({ timeoutMs: 1_000 }).listApiKeyIds('ch1', 'known')).toEqual(['p1'])
    expect(calls).toEqual([
      ['list_keys', 'error'],
      ['list_keys', 200],
    ])
  })

  it('is tried again when nobody listens', async () => {
    const api = connect({ baseUrl: new URL(await findDeadAddress()) })
    await expect(api.listApiKeyIds('ch1', 'known')).rejects.toMatchObject({ failure: 'never_sent' })
    expect(calls).toHaveLength(3)
  })

  it('waits as long as Retry-After says', async () => {
    answer = (_, response, nth) => {
      if (nth === 1) return response.writeHead(429, { 'retry-after': '7' }).end()
      return sendJson(response, 200, { id: 'p1' })
    }
    await connect().listApiKeyIds('ch1', 'known')
    expect(clock.slept).toEqual([7000])
  })

  it.each(['11', new Date(Date.now() + 3_600_000).toUTCString()])(
    'gives up when Retry-After is %s',
    async (retryAfter) => {
      answer = (_, response) => response.writeHead(429, { 'retry-after': retryAfter }).end()
      await expect(connect().listApiKeyIds('ch1', 'known')).rejects.toMatchObject({
        failure: 'refused',
        upstreamStatus: 429,
      })
      expect(server.received).toHaveLength(1)
    },
  )

  it.each([301, 400, 401, 403, 404])('is not tried again on %i', async (status) => {
    answer = (_, response) => response.writeHead(status, { location: '/elsewhere' }).end()
    await expect(connect().listApiKeyIds('ch1', 'known')).rejects.toMatchObject({
      failure: 'refused',
      upstreamStatus: status,
    })
    expect(server.received).toHaveLength(1)
  })
})

describe('the rate limit', () => {
  it('is taken from for each page and each try', async () => {
    const rateLimiter = new RateLimiter({ rate: { calls: 2, seconds: 60 }, store, clock })
    answer = ({ query }, response, nth) =>
      nth === 1
        ? sendJson(response, 500, {})
        : sendJson(response, 200, { total: 2, channels: channelRows(1, Number(query.get('offset'))) })
    await connect({ rateLimiter }).listChannels({}, 'sync')
    expect(server.received).toHaveLength(3)
    expect(clock.slept).toEqual([1000, 59_000])
  })

  it('that cannot be read stops the call, with its own error and for good', async () => {
    const gone = Object.assign(new Error('database is gone'), { code: 'ECONNRESET' })
    store.read = () => Promise.reject(gone)
    expect(await failureOf(connect().listApiKeyIds('ch1', 'known'))).toBe(gone)
    expect(await failureOf(connect().createApiKey('ch1'))).toBe(gone)
    expect([server.received, calls, clock.slept]).toEqual([[], [], []])
  })

  it('hears of every 429, with what Retry-After says', async () => {
    answer = (_, response) => response.writeHead(429, { 'retry-after': '600' }).end()
    const start = clock.now().getTime()
    await failureOf(connect().createApiKey('ch1'))
    expect(store.state.blockedUntil?.getTime()).toBe(start + 600_000)
    expect(store.state.slowUntil?.getTime()).toBe(start + 1_200_000)
  })
})

describe('the metrics', () => {
  it('name every endpoint', async () => {
    answer = ({ path }, response) =>
      sendJson(response, path.endsWith('/ch9/api_keys') ? 403 : 200, {
        id: '1',
        clients: [],
        partner_channels: [],
      })
    const api = connect()
    await api.findClientWithChannels('cl1', 'known')
    await api.findChannel('ch1', 'known')
    await api.listApiKeyIds('ch1', 'known')
    await failureOf(api.createApiKey('ch9'))
    const named = ['clients', 'channels', 'list_keys']
    expect(calls).toEqual([...named.map((endpoint) => [endpoint, 200]), ['create_key', 403]])
  })

  it('count an answer that is cut off for its size', async () => {
    answer = (_, response) => response.writeHead(200).end('x'.repeat(5 * 1024 * 1024 + 1))
    await failureOf(connect().listApiKeyIds('ch1', 'known'))
    expect(calls).toEqual([['list_keys', 'error']])
  })

  it('cannot lose the only copy of a key', async () => {
    answer = (_, response) => response.writeHead(201).end('the key')
    const onCall = () => {
      throw new Error('metrics are broken')
    }
    expect(await connect({ onCall }).createApiKey('ch1')).toBe('the key')
  })
})

describe('an error', () => {
  it.each([200, 302, 400, 401, 404, 429, 500])(
    'tells nothing of key and answer after a %i',
    async (status) => {
      answer = (_, response) =>
        response.writeHead(status, { location: '/canary', 'x-odd': 'canary' }).end('canary {')
      const api = connect()
      const failures = [
        await failureOf(api.findClientWithChannels('cl1', 'known')),
        await failureOf(api.listChannels({}, 'known')),
        await failureOf(api.listApiKeyIds('ch1', 'known')),
      ]
      for (const error of failures) {
        expect(error).toBeInstanceOf(PartnerApiError)
        expect(everythingIn(error)).not.toContain('canary')
      }
    },
  )
})
