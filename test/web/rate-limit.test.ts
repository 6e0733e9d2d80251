import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { grant } from '../journey.ts'
import { type Site, startSite } from '../site.ts'

const PUBLIC = 4
const SIGN_IN = 3

/** Behind one proxy, so that a test says by a header from which address it comes. */
const settings = {
  RATE_LIMIT_PUBLIC: String(PUBLIC),
  RATE_LIMIT_SIGN_IN: String(SIGN_IN),
  TRUST_PROXY: '1',
}

let site: Site
beforeEach(async () => {
  site = await startSite({ settings })
})
afterEach(() => site.stop())

const from = (address: string) => ({ 'x-forwarded-for': address })
const statuses = async (times: number, ask: () => PromiseLike<{ status: number }>) => {
  const seen: number[] = []
  for (let nth = 0; nth < times; nth += 1) seen.push((await ask()).status)
  return seen
}

describe('the limit a minute and address', () => {
  it('holds for launches, all kinds together, and for nobody else', async () => {
    const link = await site.link()
    const launch = () => site.newBrowser().post(link).set(from('203.0.113.1'))
    expect(await statuses(PUBLIC + 1, launch)).toEqual([...Array(PUBLIC).fill(303), 429])
    const answer = await site.newBrowser().post('/connect').set(from('203.0.113.1')).expect(429)
    expect(answer.headers['retry-after']).toMatch(/^\d+$/)
    expect(answer.text).toMatch(/[2-9A-Z]{3}-[2-9A-Z]{3}/)
    await site.newBrowser().post('/status/x').set(from('203.0.113.1')).expect(429)
    await site.newBrowser().post(link).set(from('203.0.113.2')).expect(303)
    await site.newBrowser().get(link).set(from('203.0.113.1')).expect(200)
  })

  it('never touches a return with a live nonce', async () => {
    const { browser, back } = await grant(site, 'ch1')
    const limited = from('203.0.113.3')
    await statuses(PUBLIC + 1, () => site.newBrowser().post('/connect').set(limited))
    await site.newBrowser().post('/connect').set(limited).expect(429)
    const seen = await statuses(PUBLIC * 3, () => browser.get(back).set(limited))
    expect(seen).toEqual(Array(PUBLIC * 3).fill(303))
    await browser
      .get(back)
      .set(limited)
      .expect('location', /^\/status\//)
  })

  it('holds for returns with a nonce that nobody knows', async () => {
    const unknown = `/callback?nonce=${'x'.repeat(43)}&client=cl1&channels=[ch1]`
    const seen = await statuses(PUBLIC + 1, () => site.newBrowser().get(unknown).set(from('203.0.113.4')))
    expect(seen).toEqual([...Array(PUBLIC).fill(303), 429])
  })

  it('holds for sign-ins and one-time links', async () => {
    const guess = () =>
      site
        .newBrowser()
        .post('/admin/sign-in')
        .set(from('203.0.113.5'))
        .type('form')
        .send({ name: 'anna', password: 'guess' })
    expect(await statuses(SIGN_IN + 1, guess)).toEqual([...Array(SIGN_IN).fill(422), 429])
    await site.newBrowser().get('/admin/first/x').set(from('203.0.113.5')).expect(429)
    await site.newBrowser().get('/admin/first/x').set(from('203.0.113.6')).expect(410)
  })
})
