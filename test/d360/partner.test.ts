import type { ServerResponse } from 'node:http'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { readPartner } from '../../src/d360/partner.ts'
import { PartnerApi } from '../../src/d360/partner-api.ts'
import { RateLimiter } from '../../src/d360/rate-limiter.ts'
import { InstantClock } from './instant-clock.ts'
import { MemoryRateLimits } from './memory-rate-limits.ts'
import { newTrouble } from './memory-trouble.ts'
import { failureOf, type Received, sendJson, startUpstream, type Upstream } from './upstream.ts'

let answer: (request: Received, response: ServerResponse) => void
let server: Upstream
let partnerApi: PartnerApi
beforeEach(async () => {
  server = await startUpstream((request, response) => answer(request, response))
  const clock = new InstantClock()
  partnerApi = new PartnerApi({
    ...{ baseUrl: new URL(`${server.url}/api/v2`), partnerId: 'p1', credentials: { apiKey: 'k' }, clock },
    rateLimiter: new RateLimiter({ rate: 'auto', store: new MemoryRateLimits(), clock }),
    ...{ trouble: newTrouble(clock), onCall: () => {}, onUnreadableRow: () => {}, onUnreadDate: () => {} },
  })
})
afterEach(() => server.close())

const ADDRESSES = { redirectUrl: 'https://a.example/callback', webhookUrl: 'https://a.example/hook' }

describe('the description of a hub', () => {
  it.each<[said: object, read: object]>([
    [
      { partner_redirect_url: 'https://a.example', webhook_url: null },
      { redirectUrl: 'https://a.example', webhookUrl: '' },
    ],
    [
      { partner_redirect_url: '', webhook_url: '\u001b[2Jx' },
      { redirectUrl: '', webhookUrl: '[2Jx' },
    ],
    [
      {},
      { redirectUrl: undefined, webhookUrl: undefined, allowsNewNumbers: undefined, isBlocked: undefined },
    ],
    [
      { allow_client_to_add_phone_no: false, blocked_new_submission: 'true' },
      { allowsNewNumbers: false, isBlocked: true },
    ],
    [
      { partner_redirect_url: {}, webhook_url: [], allow_client_to_add_phone_no: 1 },
      { redirectUrl: undefined, webhookUrl: undefined, allowsNewNumbers: undefined },
    ],
  ])('%j is read as %j', (said, read) => expect(readPartner(said)).toMatchObject(read))

  it.each([undefined, null, 'text', 7])('%j is none', (said) => expect(readPartner(said)).toBeUndefined())
})

describe('the partner’s calls', () => {
  it('read the hub, and its webhook URL by itself only when it was left out', async () => {
    answer = (_, response) => sendJson(response, 200, { webhook_url: null })
    expect(await partnerApi.readPartner()).toMatchObject({ webhookUrl: '' })
    expect(server.received).toHaveLength(1)
    answer = ({ path }, response) =>
      sendJson(response, 200, path.endsWith('/webhook_url') ? { webhook_url: 'https://x' } : {})
    expect(await partnerApi.readPartner()).toMatchObject({ webhookUrl: 'https://x' })
  })

  it('set both addresses in one change, which is sent once', async () => {
    answer = (_, response) => sendJson(response, 503, {})
    expect(await failureOf(partnerApi.setAddresses(ADDRESSES))).toMatchObject({ failure: 'unknown' })
    expect(server.received).toMatchObject([{ method: 'PATCH', path: '/api/v2/partners/p1' }])
    expect(JSON.parse(server.received[0]?.body ?? '')).toEqual({
      partner_redirect_url: ADDRESSES.redirectUrl,
      webhook_url: ADDRESSES.webhookUrl,
    })
  })

  it('remember what was answered last, and what time it was there', async () => {
    expect(partnerApi.lastAnswer).toBeUndefined()
    answer = (_, response) => response.writeHead(401, { date: 'Mon, 02 Mar 2026 09:01:30 GMT' }).end()
    await failureOf(partnerApi.readPartner())
    const theirTime = new Date('2026-03-02T09:01:30.000Z')
    expect(partnerApi.lastAnswer).toMatchObject({
      status: 401,
      at: new Date('2026-03-02T09:00:00.000Z'),
      theirTime,
    })
    answer = (_, response) => {
      response.sendDate = false
      sendJson(response, 200, {})
    }
    await partnerApi.setWebhookUrl('https://x')
    expect(partnerApi.lastAnswer).toMatchObject({ status: 200, theirTime: undefined })
  })
})
