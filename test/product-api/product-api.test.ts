import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import request from 'supertest'
import { fingerprintOf } from '../../src/keys/key-store.ts'
import type { Scope } from '../../src/product-api/token-service.ts'
import { eventually, launchFrom, pathOf, type Site, startSite } from '../site.ts'

let site: Site
const tokenWith = async (scopes: Scope[], more: { tenantId?: string; expiresAt?: Date } = {}) => {
  const order = { name: 'product', scopes, tenantId: more.tenantId, expiresAt: more.expiresAt }
  return (await site.context.tokens.create(order)).secret
}
const get = (path: string, token?: string) => {
  const call = request(site.url).get(`/api/v1${path}`)
  return token ? call.set('authorization', `Bearer ${token}`) : call
}

async function connect(tenantId: string, channelIds: string[], running: boolean): Promise<void> {
  const browser = site.newBrowser()
  const email = `${tenantId}@shop.example`
  const screen = await launchFrom(browser, await site.link({ tenantId, tenantName: tenantId, email }))
  const back = site.hub.visit(screen, {
    signup: { name: tenantId, email },
    add: channelIds.map((id, n) => ({
      id,
      phoneNumber: `+49301234${tenantId.at(-1)}0${n}`,
      displayName: id,
      running,
    })),
  })
  await browser.get(pathOf(back)).expect(303)
  const wanted = running ? 'stored' : 'waiting'
  await eventually(async () => {
    const states = await site.context.channels.list({ ids: channelIds })
    return states.length === channelIds.length && states.every((one) => one.keyStatus === wanted)
  })
}

beforeAll(async () => {
  site = await startSite()
  await connect('t1', ['ch1', 'ch2'], true)
  await connect('t2', ['ch3'], false)
})
afterAll(() => site.stop())

describe('the product API', () => {
  it('answers problems as problem documents with a code from the closed list', async () => {
    const answer = await get('/channels').expect(401)
    expect(answer.headers['content-type']).toContain('application/problem+json')
    expect(answer.headers['www-authenticate']).toBe('Bearer realm="latchkey"')
    expect(answer.body).toMatchObject({ status: 401, code: 'unauthenticated' })
    await get('/nothing', await tokenWith(['channels:read'])).expect(404)
  })

  it.each(['', 'Bearer', 'Bearer lk_', 'Bearer lk_wrong', 'Basic abc', 'lk_x'])(
    'refuses the header %j',
    async (header) => {
      await request(site.url).get('/api/v1/token').set('authorization', header).expect(401)
    },
  )

  it('tells a token what it is', async () => {
    const expiresAt = new Date(Date.now() + 86_400_000)
    const { body } = await get('/token', await tokenWith(['keys:read'], { expiresAt })).expect(200)
    expect(body).toEqual({ name: 'product', scopes: ['keys:read'], expires_at: expiresAt.toISOString() })
  })

  it('refuses expired and revoked tokens, and tokens without the scope', async () => {
    const expired = await tokenWith(['keys:read'], { expiresAt: new Date(Date.now() - 1000) })
    await get('/token', expired).expect(401)
    const order = { name: 'x', scopes: ['keys:read' as const], tenantId: undefined, expiresAt: undefined }
    const { id, secret } = await site.context.tokens.create(order)
    await get('/channels', secret).expect(403)
    await get('/token', secret).expect(200)
    expect(await site.context.tokens.revoke(id)).toBe(true)
    expect(await site.context.tokens.revoke(id)).toBe(false)
    await get('/token', secret).expect(401)
  })

  it('describes a channel', async () => {
    const { body } = await get('/channels/ch1', await tokenWith(['channels:read'])).expect(200)
    expect(body).toEqual({
      channel_id: 'ch1',
      client_id: expect.stringMatching(/CL$/),
      tenant_id: 't1',
      phone_number: '+49301234100',
      display_name: 'ch1',
      status: 'live',
      raw_status: expect.stringContaining('account_mode=live'),
      permission: { status: 'shared', source: 'probe', observed_at: expect.stringMatching(/Z$/) },
      key: {
        status: 'stored',
        version: 1,
        fingerprint: fingerprintOf('ch1', site.hub.liveKeyOf('ch1') ?? ''),
        created_at: expect.stringMatching(/Z$/),
      },
    })
  })

  it('lists in pages and by filter, and says what is wrong with a query', async () => {
    const token = await tokenWith(['channels:read'])
    const first = await get('/channels?limit=2', token).expect(200)
    expect(first.body.data.map((one: { channel_id: string }) => one.channel_id)).toEqual(['ch1', 'ch2'])
    const second = await get(`/channels?limit=2&cursor=${first.body.next_cursor}`, token).expect(200)
    expect(second.body.data).toHaveLength(1)
    expect(second.body.next_cursor).toBeNull()
    const waiting = await get('/channels?key_status=waiting&permission=shared', token).expect(200)
    expect(waiting.body.data.map((one: { channel_id: string }) => one.channel_id)).toEqual(['ch3'])
    expect((await get('/channels?tenant_id=t2', token)).body.data).toHaveLength(1)
    for (const query of [
      'limit=0',
      'limit=x',
      'permission=yes',
      'cursor=%00',
      'colour=red',
      'limit=1&limit=2',
    ])
      expect((await get(`/channels?${query}`, token).expect(400)).body.code).toBe('invalid_request')
  })

  it('hands out the key, and counts repeats by one token on one row', async () => {
    const token = await tokenWith(['keys:read'])
    for (let reads = 0; reads < 3; reads += 1) {
      const { body, headers } = await get('/channels/ch1/api-key', token).expect(200)
      expect(body).toMatchObject({
        channel_id: 'ch1',
        version: 1,
        api_key: site.hub.liveKeyOf('ch1'),
        address: `${site.hub.url}/waba-v2`,
      })
      expect(headers).toMatchObject({ 'cache-control': 'no-store' })
    }
    const { id } = await site.context.db
      .selectFrom('apiToken')
      .select('id')
      .orderBy('id', 'desc')
      .executeTakeFirstOrThrow()
    const counted = await site.context.db
      .selectFrom('keyRead')
      .selectAll()
      .where('tokenId', '=', id)
      .execute()
    expect(counted).toMatchObject([{ channelId: 'ch1', reads: 3 }])
    const entries = await site.context.audit.list({ channelId: 'ch1', limit: 100 })
    expect(entries.filter((entry) => entry.actor === `token:${id}`)).toMatchObject([
      { action: 'api_key.read' },
    ])
  })

  it('keeps the counters of a quarter, and forgets what is older', async () => {
    const { keyReads, db } = site.context
    await get('/channels/ch1/api-key', await tokenWith(['keys:read'])).expect(200)
    const inDays = (days: number) => new Date(Date.now() + days * 86_400_000)
    const counted = (await db.selectFrom('keyRead').select('reads').execute()).length
    expect(counted).toBeGreaterThan(0)
    expect(await keyReads.forget(inDays(89))).toBe(0)
    expect(await keyReads.forget(inDays(91))).toBe(counted)
    expect(await db.selectFrom('keyRead').select('reads').execute()).toEqual([])
  })

  it('says what a channel without a key waits for', async () => {
    const { body } = await get('/channels/ch3/api-key', await tokenWith(['keys:read'])).expect(404)
    expect(body).toMatchObject({ code: 'no_key', key_status: 'waiting', retry_after: expect.any(Number) })
  })

  it('hands out a key that was refused once, as doubted, and says when it is rejected', async () => {
    const { db, probes } = site.context
    const token = await tokenWith(['keys:read'])
    const read = () => get('/channels/ch2/api-key', token)
    expect((await read().expect(200)).body.doubted).toBe(false)
    site.hub.mintForeignKey('ch2')
    // Once counts; what is refused at once again does not.
    for (let times = 0; times < 3; times += 1) expect(await probes.askWhetherAlive('ch2')).toBe('doubted')
    expect((await read().expect(200)).body.doubted).toBe(true)
    for (const now of ['doubted', 'dead']) {
      await db
        .updateTable('apiKey')
        .set({ refusedAt: new Date(0) })
        .where('channelId', '=', 'ch2')
        .execute()
      expect(await probes.askWhetherAlive('ch2')).toBe(now)
    }
    const { body } = await read().expect(409)
    expect(body.code).toBe('key_rejected')
    expect(site.hub.minted.filter((id) => id === 'ch2')).toHaveLength(1)
  })

  it('shows a token of one tenant nothing of another', async () => {
    const token = await tokenWith(['channels:read', 'keys:read'], { tenantId: 't2' })
    const { body } = await get('/channels', token).expect(200)
    expect(body.data.map((one: { channel_id: string }) => one.channel_id)).toEqual(['ch3'])
    expect((await get('/channels?tenant_id=t1', token)).body.data).toEqual([])
    expect((await get('/channels/ch1', token).expect(404)).body.code).toBe('unknown_channel')
    expect((await get('/channels/ch1/api-key', token).expect(404)).body.code).toBe('unknown_channel')
  })
})
