import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import request from 'supertest'
import { codeOn } from '../journey.ts'
import { launchFrom, pathOf, type Site, startSite } from '../site.ts'

let site: Site
beforeAll(async () => {
  site = await startSite({
    settings: { METRICS_TOKEN: 'canary-metrics-token-0123456789abcdef', BRAND_COLOR: '#ffcc00' },
  })
})
afterAll(() => site.stop())
const visit = (path: string) => request(site.url).get(path)

describe('the floor of the site', () => {
  it('says that it lives, and that it can work', async () => {
    expect((await visit('/healthz').expect(200)).body).toEqual({ status: 'alive' })
    expect((await visit('/readyz').expect(200)).body).toEqual({
      status: 'ready',
      database: 'ok',
      vault: 'ok',
      '360dialog': 'ok',
    })
  })

  it('shows metrics to whoever has the token, and otherwise nothing', async () => {
    await visit('/metrics').expect(404)
    await visit('/metrics').set('authorization', 'Bearer wrong').expect(404)
    const answer = await visit('/metrics')
      .set('authorization', 'Bearer canary-metrics-token-0123456789abcdef')
      .expect(200)
    expect(answer.text).toContain('latchkey_request_seconds_count{method="GET",route="/readyz",status="200"}')
  })

  it('sends every page with the headers that keep others out', async () => {
    const { headers } = await visit('/returned').expect(200)
    const policy = String(headers['content-security-policy'])
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("form-action 'self'")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).not.toContain('script-src')
    expect(headers).toMatchObject({ 'referrer-policy': 'same-origin', 'x-content-type-options': 'nosniff' })
    expect(headers['x-powered-by']).toBeUndefined()
    expect(headers.etag).toBeUndefined()
  })

  it('lets pages with a launch form leave to wherever 360dialog redirects', async () => {
    expect((await visit('/')).headers['content-security-policy']).not.toContain('form-action')
    expect((await visit(await site.link())).headers['content-security-policy']).not.toContain('form-action')
  })

  it.each([
    ['another site', { 'sec-fetch-site': 'cross-site' }, 403],
    ['a sibling site', { 'sec-fetch-site': 'same-site' }, 403],
    ['another origin, from a browser that says no more', { origin: 'https://evil.example' }, 403],
    ['a page that hides where it is', { origin: 'null' }, 403],
    ['this site', { 'sec-fetch-site': 'same-origin' }, 303],
    ['no browser at all', {}, 303],
  ])('takes a form from %s or refuses it', async (_, headers, status) => {
    await request(site.url)
      .post(await site.link())
      .set(headers)
      .expect(status)
  })

  it('answers the callback to nothing but GET', async () => {
    const browser = site.newBrowser()
    const back = site.hub.visit(await launchFrom(browser, await site.link()), {
      signup: { name: 'Shop', email: 'anna@shop-a.example' },
      add: [{ phoneNumber: '+49301234567', displayName: 'Shop' }],
    })
    await browser.head(pathOf(back)).expect(405)
    for (const method of ['post', 'put', 'delete', 'options'] as const)
      await browser[method](pathOf(back)).expect(405).expect('allow', 'GET')
    expect(await site.context.db.selectFrom('connectReturn').select('id').execute()).toEqual([])
    await browser.get(pathOf(back)).expect(303)
  })

  it.each(['/callback?client=%E0%A4%A', '/callback?client=a&client=b', '/callback?channels=[a]'])(
    'answers a return that cannot be read with a page and a code that finds it in the log: %s',
    async (path) => {
      const { text } = await visit(path).expect(400)
      const code = codeOn(text)
      const line = site.log.find((entry) => entry.includes('unreadable return') && entry.includes(code))
      expect(JSON.parse(String(line))).toMatchObject({
        sha256: expect.stringMatching(/^[0-9a-f]{16}$/),
        length: path.length,
      })
    },
  )

  it('makes nothing of a return that belongs to no launch of this browser', async () => {
    const back = site.hub.visit(await launchFrom(site.newBrowser(), await site.link()), {
      signup: { name: 'Shop B', email: 'b@shop-b.example' },
      add: [{ id: 'chB', phoneNumber: '+49301234568', displayName: 'B', running: true }],
    })
    const stranger = site.newBrowser()
    await stranger
      .get(pathOf(back))
      .expect(303)
      .expect('location', /^\/return/)
    await stranger.get('/callback?client=cl1&channels=[ch1]').expect(303).expect('location', '/returned')
    await stranger
      .get(`/callback?nonce=${'x'.repeat(43)}&client=cl1&channels=[ch1]`)
      .expect('location', '/returned')
    await site.context.runner.workUntilIdle()
    expect(site.hub.minted).not.toContain('chB')
    expect((await site.context.channels.find('chB'))?.tenantId).toBeUndefined()
  })

  it('logs routes by their pattern, and no address, query or referer', async () => {
    const link = await site.link()
    await visit(`${link}?secret=1`).set('referer', 'https://secret.example/').expect(200)
    expect(site.log.some((line) => line.includes('"route":"/connect/:token"'))).toBe(true)
    expect(site.log.join('')).not.toContain(link.slice('/connect/'.length))
    expect(site.log.join('')).not.toContain('secret.example')
  })

  it('colours the site by the partner’s own style sheet, with text that can be read on it', async () => {
    const { text } = await visit('/brand.css').expect(200)
    expect(text).toBe(':root { --brand: #ffcc00; --brand-text: #000; }\n')
  })

  it('refuses a form that is too large or broken', async () => {
    await request(site.url)
      .post('/connect')
      .type('form')
      .send({ company: 'x'.repeat(20_000) })
      .expect(413)
    await request(site.url).post('/connect').type('form').send({ company: '' }).expect(422)
    await visit('/nothing-here').expect(404)
    await visit('/connect/%E0%A4%A').expect(400)
  })
})
