import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, it } from '@jest/globals'
import { PartnerApi } from '../../src/d360/partner-api.ts'
import { RateLimiter } from '../../src/d360/rate-limiter.ts'
import { PartnerApiError } from '../../src/errors.ts'
import { InstantClock } from './instant-clock.ts'
import { MemoryRateLimits } from './memory-rate-limits.ts'
import { newTrouble } from './memory-trouble.ts'
import { selfSigned } from './self-signed.ts'
import {
  everythingIn,
  failureOf,
  findDeadAddress,
  type Received,
  sendJson,
  startSocketServer,
  startUpstream,
  type Upstream,
} from './upstream.ts'

const open: { close(): Promise<void> }[] = []
const apiKey = 'canary-partner-key'

afterEach(async () => {
  for (const server of open.splice(0)) await server.close()
})

async function upstream(
  handler: (request: Received, response: ServerResponse, nth: number) => void,
): Promise<Upstream> {
  const server = await startUpstream(handler)
  open.push(server)
  return server
}

function connect(url: string, timeoutMs = 20_000): PartnerApi {
  const clock = new InstantClock()
  const rateLimiter = new RateLimiter({ rate: 'auto', store: new MemoryRateLimits(), clock })
  return new PartnerApi({
    baseUrl: new URL(url),
    partnerId: 'p1',
    credentials: { apiKey },
    rateLimiter,
    clock,
    trouble: newTrouble(clock),
    timeoutMs,
    onCall: () => {},
    onUnreadableRow: () => {},
    onUnreadDate: () => {},
  })
}

async function outcomeAt(url: string, timeoutMs?: number): Promise<string> {
  const error = await failureOf(connect(url, timeoutMs).createApiKey('ch1'))
  if (!(error instanceof PartnerApiError)) return `no PartnerApiError but ${error}`
  expect(everythingIn(error)).not.toContain('canary')
  return `${error.failure} ${error.upstreamStatus ?? ''}`.trim()
}

describe('creating an API key', () => {
  it.each([
    [200, '{"api_key":"k"}'],
    [201, ' not { json \u00e9\n'],
    [202, ''],
  ])('hands back the raw body of a %i', async (status, body) => {
    const server = await upstream((_, response) => response.writeHead(status).end(body))
    expect(await connect(`${server.url}/api/v2`).createApiKey('ch1')).toBe(body)
    expect(server.received).toMatchObject([
      { method: 'POST', path: '/api/v2/partners/p1/channels/ch1/api_keys', body: '{}' },
    ])
    expect(server.received[0]?.headers['x-api-key']).toBe(apiKey)
  })

  it('reads a compressed answer', async () => {
    const server = await upstream((_, response) =>
      response.writeHead(201, { 'content-encoding': 'gzip' }).end(gzipSync('{"api_key":"k"}')),
    )
    expect(await connect(server.url).createApiKey('ch1')).toBe('{"api_key":"k"}')
  })

  it.each([400, 401, 403, 404, 409, 422, 429])('is refused by a %i, and not repeated', async (status) => {
    const server = await upstream((_, response) => sendJson(response, status, { message: 'canary' }))
    expect(await outcomeAt(server.url)).toBe(`refused ${status}`)
    expect(server.received).toHaveLength(1)
  })

  it.each([301, 302, 303, 307, 308])('is refused by a %i, which is not followed', async (status) => {
    const server = await upstream((_, response) =>
      response.writeHead(status, { location: '/elsewhere' }).end(),
    )
    expect(await outcomeAt(server.url)).toBe(`refused ${status}`)
    expect(server.received).toHaveLength(1)
  })

  it.each([500, 502, 503, 504])('has an unknown outcome after a %i, and is not repeated', async (status) => {
    const server = await upstream((_, response) =>
      response.writeHead(status, { 'retry-after': '0' }).end('canary'),
    )
    expect(await outcomeAt(server.url)).toBe(`unknown ${status}`)
    expect(server.received).toHaveLength(1)
  })

  it('is refused by a 4xx even when its body breaks off', async () => {
    const server = await upstream((_, response) => {
      response.writeHead(403, { 'content-length': '1000' }).write('canary')
      response.socket?.end()
    })
    expect(await outcomeAt(server.url)).toBe('refused 403')
  })

  it('lets the caller have the last word before the request leaves', async () => {
    const server = await upstream((_, response) => sendJson(response, 201, { api_key: 'k' }))
    const sentBefore: number[] = []
    const intend = async () => void sentBefore.push(server.received.length)
    expect(await connect(server.url).createApiKey('ch1', intend)).toBe('{"api_key":"k"}')
    expect(sentBefore).toEqual([0])
  })

  it('does not happen when the caller fails at that', async () => {
    const server = await upstream((_, response) => sendJson(response, 201, { api_key: 'k' }))
    const intend = async () => {
      throw new Error('the intent could not be kept')
    }
    await expect(connect(server.url).createApiKey('ch1', intend)).rejects.toThrow(
      'the intent could not be kept',
    )
    expect(server.received).toEqual([])
  })

  it('goes over a connection of its own', async () => {
    const ports: (number | undefined)[] = []
    const server = await upstream((request, response) => {
      ports.push(response.socket?.remotePort)
      sendJson(response, 200, request.method === 'GET' ? { id: '7' } : { api_key: 'k' })
    })
    const api = connect(server.url)
    await api.listApiKeyIds('ch1', 'mint')
    await api.listApiKeyIds('ch1', 'mint')
    await api.createApiKey('ch1')
    expect(ports[1]).toBe(ports[0])
    expect(ports[2]).not.toBe(ports[0])
  })
})

describe('a lost creation of an API key was never sent', () => {
  it('when nobody listens', async () => {
    expect(await outcomeAt(await findDeadAddress())).toBe('never_sent')
  })

  it('when the host has no address', async () => {
    expect(await outcomeAt('http://nowhere.invalid')).toBe('never_sent')
  })

  it('when the secure connection is not made in time', async () => {
    const server = await startSocketServer(() => {})
    open.push(server)
    expect(await outcomeAt(server.url.replace('http:', 'https:'), 150)).toBe('never_sent')
  })

  it('when the secure connection fails', async () => {
    const server = await startSocketServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    open.push(server)
    expect(await outcomeAt(server.url.replace('http:', 'https:'))).toBe('never_sent')
  })

  it('when the secure connection is reset', async () => {
    const server = await startSocketServer((socket) => socket.resetAndDestroy())
    open.push(server)
    expect(await outcomeAt(server.url.replace('http:', 'https:'))).toBe('never_sent')
  })

  it('when the certificate is not trusted, and then the server saw no request', async () => {
    let requests = 0
    const server = createTlsServer(selfSigned, () => (requests += 1)).listen(0, '127.0.0.1')
    await once(server, 'listening')
    open.push({ close: async () => void server.close() })
    expect(await outcomeAt(`https://127.0.0.1:${(server.address() as AddressInfo).port}`)).toBe('never_sent')
    expect(requests).toBe(0)
  })

  it('when the channel id would lead to another address', async () => {
    const server = await upstream((_, response) => sendJson(response, 201, {}))
    for (const id of ['..', '.', '']) {
      const error = await failureOf(connect(server.url).createApiKey(id))
      expect(error).toMatchObject({ failure: 'never_sent' })
    }
    await connect(server.url).createApiKey('a/../b?c#d')
    expect(server.received.map(({ path }) => path)).toEqual([
      '/partners/p1/channels/a%2F..%2Fb%3Fc%23d/api_keys',
    ])
  })
})

describe('a lost creation of an API key has an unknown outcome', () => {
  it('when no answer comes in time', async () => {
    const server = await upstream(() => {})
    expect(await outcomeAt(server.url, 500)).toBe('unknown')
    expect(server.received).toHaveLength(1)
  })

  it('when the answer stalls half way', async () => {
    const server = await upstream((_, response) => response.writeHead(201).write('{"api_key":"canary'))
    expect(await outcomeAt(server.url, 500)).toBe('unknown')
  })

  it('when the answer breaks off', async () => {
    const server = await upstream((_, response) => {
      response.writeHead(201, { 'content-length': '1000' }).write('{"api_key":"canary')
      response.socket?.end()
    })
    expect(await outcomeAt(server.url)).toBe('unknown')
  })

  it('when the answer is too large', async () => {
    const server = await upstream((_, response) =>
      response.writeHead(201).end('x'.repeat(5 * 1024 * 1024 + 1)),
    )
    expect(await outcomeAt(server.url)).toBe('unknown')
  })

  it('when the answer is small and grows too large unpacked', async () => {
    const bomb = gzipSync('x'.repeat(20 * 1024 * 1024))
    const server = await upstream((_, response) =>
      response.writeHead(201, { 'content-encoding': 'gzip' }).end(bomb),
    )
    expect(await outcomeAt(server.url)).toBe('unknown')
  })

  it('when the answer cannot be unpacked', async () => {
    const server = await upstream((_, response) =>
      response.writeHead(201, { 'content-encoding': 'gzip' }).end('canary'),
    )
    expect(await outcomeAt(server.url)).toBe('unknown')
  })

  it.each(['resetAndDestroy', 'destroy', 'end'] as const)(
    'when the server ends the connection by %s',
    async (how) => {
      const server = await startSocketServer((socket) => socket[how]())
      open.push(server)
      expect(await outcomeAt(server.url)).toBe('unknown')
    },
  )

  it('when the answer is not HTTP', async () => {
    const server = await startSocketServer((socket) => socket.end('canary\r\n\r\n'))
    open.push(server)
    expect(await outcomeAt(server.url)).toBe('unknown')
  })
})
