import type { ServerResponse } from 'node:http'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { MessagingApi, MessagingApiError } from '../../src/d360/messaging-api.ts'
import {
  everythingIn,
  failureOf,
  findDeadAddress,
  type Received,
  sendJson,
  startUpstream,
  type Upstream,
} from './upstream.ts'

let answer: (request: Received, response: ServerResponse) => void
let server: Upstream
let calls: [string, number | 'error'][]
const apiKey = 'canary-channel-key'

beforeEach(async () => {
  server = await startUpstream((request, response) => answer(request, response))
  calls = []
})
afterEach(() => server.close())

function connect(allowedHosts = ['127.0.0.1'], timeoutMs = 20_000): MessagingApi {
  return new MessagingApi({
    allowedHosts,
    timeoutMs,
    onCall: (endpoint, status) => calls.push([endpoint, status]),
  })
}

describe('the number of a key', () => {
  it.each(['4930123456', '+49 30 123456', 4930123456])('is read from %j', async (number) => {
    answer = (_, response) => sendJson(response, 200, { phone_number: number })
    const access = { address: `${server.url}/eu/v2`, apiKey }
    expect(await connect().readPhoneNumber(access)).toEqual({ phoneNumber: '+4930123456' })
    expect(server.received).toMatchObject([{ method: 'GET', path: '/eu/v2/v1/configs/phone_number' }])
    expect(server.received[0]?.headers['d360-api-key']).toBe(apiKey)
    expect(calls).toEqual([['phone_number', 200]])
  })

  it.each([{}, { phone_number: null }, { phone_number: {} }])('may be missing: %j', async (body) => {
    answer = (_, response) => sendJson(response, 200, body)
    expect(await connect().readPhoneNumber({ address: server.url, apiKey })).toEqual({
      phoneNumber: undefined,
    })
  })

  it('is not told where there is no such call', async () => {
    answer = (_, response) => sendJson(response, 404, {})
    expect(await connect().readPhoneNumber({ address: server.url, apiKey })).toBeUndefined()
    expect(calls).toEqual([['phone_number', 404]])
  })
})

describe('the health of a number', () => {
  const told = { health: { gateway_status: 'connected' } }

  it('is asked for in the cloud, and of a gateway where that is not there', async () => {
    const cloud = { health_status: { can_send_message: 'LIMITED' } }
    answer = (_, response) => sendJson(response, 200, cloud)
    const access = { address: server.url, apiKey }
    expect(await connect().readHealth(access, { isOnGateway: false })).toEqual({
      state: 'limited',
      findings: [],
    })
    answer = ({ path }, response) => sendJson(response, path === '/v1/health' ? 200 : 404, told)
    expect(await connect().readHealth(access, { isOnGateway: true })).toEqual({
      state: 'available',
      findings: [],
    })
    expect(server.received.map(({ path }) => path)).toEqual(['/health_status', '/v1/health'])
  })

  it.each([
    [401, 'key_rejected'],
    [403, 'key_rejected'],
    [400, 'refused'],
    [404, 'refused'],
    [429, 'unreachable'],
    [500, 'unreachable'],
  ])('that is answered %i is %s', async (status, failure) => {
    answer = (_, response) => sendJson(response, status, told)
    const error = await failureOf(
      connect().readHealth({ address: server.url, apiKey }, { isOnGateway: false }),
    )
    expect(error).toMatchObject({ failure, upstreamStatus: status })
  })

  it.each(['[]', '"ok"', 'null', 'canary {', ''])('is not read from %s', async (body) => {
    answer = (_, response) => response.writeHead(200).end(body)
    const error = await failureOf(
      connect().readHealth({ address: server.url, apiKey }, { isOnGateway: false }),
    )
    expect(error).toMatchObject({ failure: 'unexpected_answer' })
    expect(everythingIn(error)).not.toContain('canary')
  })
})

describe('the webhook of a channel', () => {
  const webhook = { url: 'https://product.example/in', headers: { authorization: 'canary' } }

  it.each([{ url: webhook.url, headers: {} }, { webhook_id: '1' }, 'ok', {}])(
    'is set, and the answer may be %j',
    async (body) => {
      answer = (_, response) => sendJson(response, 200, body)
      await connect().setWebhook({ address: server.url, apiKey }, webhook)
      expect(server.received).toMatchObject([{ method: 'POST', path: '/v1/configs/webhook' }])
      expect(JSON.parse(server.received[0]?.body ?? '')).toEqual(webhook)
    },
  )

  it('is set at the other address where there is none at the first', async () => {
    answer = (received, response) =>
      received.path === '/configs/webhook' ? sendJson(response, 200, {}) : sendJson(response, 404, {})
    await connect().setWebhook({ address: server.url, apiKey }, webhook)
    expect(server.received.map(({ path }) => path)).toEqual(['/v1/configs/webhook', '/configs/webhook'])
    expect(JSON.parse(server.received[1]?.body ?? '')).toEqual(webhook)
  })

  it('is not believed to be set when another URL is echoed', async () => {
    answer = (_, response) => sendJson(response, 200, { url: 'https://other.example' })
    const error = await failureOf(connect().setWebhook({ address: server.url, apiKey }, webhook))
    expect(error).toMatchObject({ failure: 'unexpected_answer' })
    expect(everythingIn(error)).not.toContain('canary')
  })
})

describe('a call with a channel key', () => {
  it.each([
    [301, 'refused'],
    [400, 'refused'],
    [401, 'key_rejected'],
    [403, 'key_rejected'],
    [429, 'unreachable'],
    [500, 'unreachable'],
    [503, 'unreachable'],
    [200, 'unexpected_answer'],
  ])('that is answered %i is %s, and tells nothing of the key and the answer', async (status, failure) => {
    answer = (_, response) => response.writeHead(status, { location: '/canary' }).end('canary {')
    const access = { address: server.url, apiKey }
    const webhook = { url: 'https://product.example', headers: {} }
    // Whatever a 2xx answers to the second is taken for "done".
    const calls = [connect().readPhoneNumber(access), status !== 200 && connect().setWebhook(access, webhook)]
    for (const call of calls.filter((one) => one !== false)) {
      const error = await failureOf(call)
      expect(error).toBeInstanceOf(MessagingApiError)
      expect(error).toMatchObject({ failure, upstreamStatus: status })
      expect(everythingIn(error)).not.toContain('canary')
    }
    expect(server.received).toHaveLength(status === 200 ? 1 : 2)
  })

  it('is unreachable when no answer comes, or nobody listens', async () => {
    answer = () => {}
    for (const address of [server.url, await findDeadAddress()]) {
      const api = connect(['127.0.0.1'], 150)
      const error = await failureOf(api.readPhoneNumber({ address, apiKey }))
      expect(error).toMatchObject({ failure: 'unreachable', upstreamStatus: undefined })
      expect(everythingIn(error)).not.toContain('canary')
    }
  })

  it('is not made to a host that is not on the list', async () => {
    const { port } = new URL(server.url)
    for (const hosts of [[], ['*.360dialog.io'], ['127.0.0.1:1']]) {
      const api = connect(hosts)
      const access = { address: server.url, apiKey }
      const webhook = { url: 'https://product.example', headers: {} }
      for (const call of [api.readPhoneNumber(access), api.setWebhook(access, webhook)])
        expect(await failureOf(call)).toMatchObject({ failure: 'refused' })
    }
    const lookAlike = { address: `http://127.0.0.1@localhost:${port}`, apiKey }
    expect(await failureOf(connect().readPhoneNumber(lookAlike))).toMatchObject({ failure: 'refused' })
    expect(server.received).toEqual([])
  })
})
