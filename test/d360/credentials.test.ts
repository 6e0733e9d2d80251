import type { ServerResponse } from 'node:http'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { PartnerApi } from '../../src/d360/partner-api.ts'
import { RateLimiter } from '../../src/d360/rate-limiter.ts'
import { TestClock } from '../test-clock.ts'
import { MemoryRateLimits } from './memory-rate-limits.ts'
import { newTrouble } from './memory-trouble.ts'
import { everythingIn, failureOf, type Received, sendJson, startUpstream, type Upstream } from './upstream.ts'

let server: Upstream
let clock: TestClock
let api: PartnerApi
let logins: number
let validFrom: number
let login: (response: ServerResponse) => void

beforeEach(async () => {
  logins = 0
  validFrom = 1
  login = (response) => {
    logins += 1
    const token = { access_token: `canary-token-${logins}`, token_type: 'bearer', expires_in: 86_400 }
    sendJson(response, 200, token)
  }
  server = await startUpstream((request, response) =>
    request.path === '/token' ? login(response) : serve(request, response),
  )
  clock = new TestClock()
  const rateLimiter = new RateLimiter({ rate: 'auto', store: new MemoryRateLimits(), clock })
  const credentials = { username: 'anna', password: 'canary-password' }
  const baseUrl = new URL(server.url)
  const ignored = { onCall: () => {}, onUnreadableRow: () => {}, onUnreadDate: () => {} }
  api = new PartnerApi({
    baseUrl,
    partnerId: 'p1',
    credentials,
    rateLimiter,
    clock,
    trouble: newTrouble(clock),
    timeoutMs: 20_000,
    ...ignored,
  })
})
afterEach(() => server.close())

function serve({ headers, method }: Received, response: ServerResponse): void {
  const token = Number(/^Bearer canary-token-(\d+)$/.exec(headers.authorization ?? '')?.[1])
  if (token >= validFrom) sendJson(response, 200, method === 'POST' ? { api_key: 'k' } : { id: '7' })
  else sendJson(response, 401, { meta: { developer_message: 'canary' } })
}

describe('the login by name and password', () => {
  it('is made once for all calls', async () => {
    await Promise.all(Array.from({ length: 5 }, () => api.listApiKeyIds('ch1', 'known')))
    await api.createApiKey('ch1')
    expect(logins).toBe(1)
    expect(server.received[0]).toMatchObject({ method: 'POST', path: '/token' })
    expect(JSON.parse(server.received[0]?.body ?? '')).toEqual({
      username: 'anna',
      password: 'canary-password',
    })
  })

  it('is renewed before the token expires', async () => {
    await api.listApiKeyIds('ch1', 'known')
    clock.advance(86_400_000 * 0.89)
    await api.listApiKeyIds('ch1', 'known')
    expect(logins).toBe(1)
    clock.advance(86_400_000 * 0.02)
    await Promise.all([api.listApiKeyIds('ch1', 'known'), api.listApiKeyIds('ch1', 'known')])
    expect(logins).toBe(2)
  })

  it('is renewed once for all calls that met a 401', async () => {
    await api.listApiKeyIds('ch1', 'known')
    validFrom = 2
    await Promise.all(Array.from({ length: 8 }, () => api.listApiKeyIds('ch1', 'known')))
    expect(logins).toBe(2)
  })

  it('is renewed for a key creation too, which did not happen when it was answered 401', async () => {
    await api.listApiKeyIds('ch1', 'known')
    validFrom = 2
    const loginsBefore: number[] = []
    const intend = async () => void loginsBefore.push(logins)
    expect(await api.createApiKey('ch1', intend)).toBe('{"api_key":"k"}')
    expect(loginsBefore).toEqual([1, 2])
  })

  it('is renewed only once: a second 401 is refused', async () => {
    validFrom = 99
    const error = await failureOf(api.createApiKey('ch1'))
    expect(error).toMatchObject({ failure: 'refused', upstreamStatus: 401 })
    expect(server.received.map(({ path }) => path)).toEqual([
      '/token',
      '/partners/p1/channels/ch1/api_keys',
      '/token',
      '/partners/p1/channels/ch1/api_keys',
    ])
    expect(everythingIn(error)).not.toContain('canary')
  })

  it('that is refused refuses the call, and is tried anew by the next', async () => {
    const succeed = login
    login = (response) => sendJson(response, 401, { error: 'canary' })
    const error = await failureOf(api.createApiKey('ch1'))
    expect(error).toMatchObject({ failure: 'never_sent', upstreamStatus: 401 })
    expect(everythingIn(error)).not.toContain('canary')
    login = succeed
    expect(await api.createApiKey('ch1')).toBe('{"api_key":"k"}')
  })

  it.each(['', '<html>canary', '{}', '{"access_token":""}', '{"access_token":7}', '[]'])(
    'that answers %j leaves the call unsent',
    async (body) => {
      login = (response) => response.end(body)
      const error = await failureOf(api.createApiKey('ch1'))
      expect(error).toMatchObject({ failure: 'never_sent' })
      expect(everythingIn(error)).not.toContain('canary')
      expect(server.received).toHaveLength(1)
    },
  )

  it('that is lost leaves the call unsent', async () => {
    login = (response) => {
      response.socket?.destroy()
      clock.advance(2_000)
    }
    const call = failureOf(api.createApiKey('ch1'))
    while (server.received.length < 3) {
      clock.advance(2_000)
      await new Promise(setImmediate)
    }
    expect(await call).toMatchObject({ failure: 'never_sent' })
    expect(server.received.every(({ path }) => path === '/token')).toBe(true)
  })
})
