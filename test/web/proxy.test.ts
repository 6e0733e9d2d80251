import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { comeBack, grant, readStatus } from '../journey.ts'
import { type Browser, eventually } from '../site.ts'
import { ADDRESS_HEADER, type ProxiedSite, startProxiedSite } from './proxy.ts'

const PASSWORD = 'correct horse battery'
const PUBLIC = 12
const LIMITS = { RATE_LIMIT_PUBLIC: String(PUBLIC), RATE_LIMIT_SIGN_IN: '100' }

const sites = new Map<string, ProxiedSite>()
beforeAll(async () => {
  for (const trust of ['1', '127.0.0.1', 'off'])
    sites.set(trust, await startProxiedSite({ ...LIMITS, TRUST_PROXY: trust }))
})
afterAll(async () => {
  await Promise.all([...sites.values()].map((site) => site.stop()))
})

const siteThat = (trust: string): ProxiedSite => {
  const site = sites.get(trust)
  if (!site) throw new Error('there is no such site')
  return site
}
const cookiesOf = ({ headers }: { headers: Record<string, unknown> }) =>
  [headers['set-cookie'] ?? []].flat().map(String)
const sessionCookieOf = (answer: { headers: Record<string, unknown> }) =>
  cookiesOf(answer).find((cookie) => cookie.startsWith('__Host-admin=')) ?? ''
const signIn = (browser: Browser) =>
  browser.post('/admin/sign-in').type('form').send({ name: 'anna', password: PASSWORD })
const launch = (site: ProxiedSite, address: string, more: Record<string, string> = {}) =>
  site
    .newBrowser()
    .post('/connect/x')
    .set({ [ADDRESS_HEADER]: address, ...more })
const launches = async (times: number, act: () => PromiseLike<{ status: number }>) => {
  const seen: number[] = []
  for (let nth = 0; nth < times; nth += 1) seen.push((await act()).status)
  return seen
}

describe.each(['1', '127.0.0.1', 'off'])('behind a proxy that ends TLS, with TRUST_PROXY=%s', (trust) => {
  it('goes from link to stored key', async () => {
    const site = siteThat(trust)
    const returned = await comeBack(await grant(site, 'ch1'))
    expect(returned.status).toMatch(/^\/status\//)
    await eventually(async () => (await readStatus(returned)) === 'completed')
    expect(site.hub.minted).toEqual(['ch1'])
  })

  it('gives cookies that only https and only this host get, and says to use https only', async () => {
    const site = siteThat(trust)
    const launched = await site
      .newBrowser()
      .post(await site.link())
      .set('origin', site.url)
      .expect(303)
    expect(cookiesOf(launched)).toEqual([
      expect.stringMatching(
        /^__Host-browser=[\w-]{43}; Max-Age=\d+; Path=\/; .*HttpOnly; Secure; SameSite=Lax$/,
      ),
    ])
    expect(String(cookiesOf(launched))).not.toContain('Domain')
    expect(launched.headers['strict-transport-security']).toMatch(/^max-age=31536000/)
    expect(launched.headers['content-security-policy']).toContain('upgrade-insecure-requests')
  })

  it('lets an admin in and out', async () => {
    const site = siteThat(trust)
    await site.context.admins.create('anna', PASSWORD)
    const browser = site.newBrowser()
    const signedIn = await signIn(browser).set('origin', site.url).expect(303)
    expect(cookiesOf(signedIn)).toEqual([
      expect.stringMatching(/^__Host-admin-browser=.*HttpOnly; Secure; SameSite=Strict$/),
      expect.stringMatching(/^__Host-admin=.*HttpOnly; Secure; SameSite=Lax$/),
    ])
    await browser.get('/admin').expect(200)
    await browser.post('/admin/sign-out').set('origin', site.url).expect(303)
    await browser.get('/admin').expect(303)
  })

  it('takes no form from the same host over http', async () => {
    const site = siteThat(trust)
    const origin = site.url.replace('https:', 'http:')
    await site.newBrowser().post('/connect').set('origin', origin).expect(403)
  })
})

describe('the address that the limits count', () => {
  it.each(['1', '127.0.0.1'])('is the one that the proxy saw, with TRUST_PROXY=%s', async (trust) => {
    const site = siteThat(trust)
    expect(await launches(PUBLIC + 1, () => launch(site, '203.0.113.1'))).toEqual([
      ...Array(PUBLIC).fill(404),
      429,
    ])
    expect((await launch(site, '203.0.113.2')).status).toBe(404)
  })

  it.each(['1', '127.0.0.1'])('is not what a client says of itself, with TRUST_PROXY=%s', async (trust) => {
    const site = siteThat(trust)
    let nth = 0
    const lie = () => {
      nth += 1
      const made = `198.51.100.${nth}`
      const lies = { 'x-forwarded-for': `${made}, ${made}`, 'x-real-ip': made, forwarded: `for=${made}` }
      return launch(site, '203.0.113.3', { ...lies, 'client-ip': made, 'cf-connecting-ip': made })
    }
    expect((await launches(PUBLIC + 1, lie)).at(-1)).toBe(429)
    // Nor can a client use up the limit of another.
    expect((await launch(site, '198.51.100.1')).status).toBe(404)
  })

  it.each(['1', '127.0.0.1'])(
    'is without the port, brackets and quotes that a proxy writes, with TRUST_PROXY=%s',
    async (trust) => {
      const site = siteThat(trust)
      const spellings = (port: number) => [`203.0.113.9:${port}`, '203.0.113.9', `"203.0.113.9:${port}"`]
      const sixes = (port: number) => [`[2001:db8:9::1]:${port}`, '"[2001:db8:9::1]"', '2001:DB8:9:0::1']
      for (const write of [spellings, sixes]) {
        let port = 40_000
        const next = () => {
          port += 1
          return launch(site, write(port)[port % 3] ?? '')
        }
        expect((await launches(PUBLIC + 1, next)).at(-1)).toBe(429)
      }
      expect((await launch(site, '203.0.113.10:40001')).status).toBe(404)
      let nth = 0
      const garbage = () => {
        nth += 1
        return launch(site, `_hidden${nth}`)
      }
      expect((await launches(PUBLIC + 1, garbage)).at(-1)).toBe(429)
    },
  )

  it('is not the port-writing proxy’s own, with TRUST_PROXY=127.0.0.1', async () => {
    const site = siteThat('127.0.0.1')
    const behindTwo = (nth: number) =>
      launch(site, '127.0.0.1:5000', { 'x-forwarded-for': `203.0.113.${nth}:4${nth}` })
    expect((await launches(PUBLIC + 1, () => behindTwo(40))).at(-1)).toBe(429)
    expect((await behindTwo(41)).status).toBe(404)
  })

  it('is the connection’s when no proxy is trusted', async () => {
    const site = siteThat('off')
    let nth = 0
    const lie = () => {
      nth += 1
      return launch(site, `203.0.113.${nth}`, { 'x-forwarded-for': `198.51.100.${nth}` })
    }
    expect((await launches(PUBLIC + 1, lie)).at(-1)).toBe(429)
  })
})

describe('cookies that somebody else planted', () => {
  const plant = (cookie: string) => ({ cookie })

  it('are not looked at without the prefix that a sibling host cannot set', async () => {
    const site = siteThat('1')
    const signedIn = await signIn(site.newBrowser()).expect(303)
    const [pair = ''] = sessionCookieOf(signedIn).split(';')
    const value = pair.slice('__Host-admin='.length)
    await site
      .newBrowser()
      .get('/admin')
      .set(plant(`__Host-admin=${value}`))
      .expect(200)
    for (const name of [
      'admin',
      '__Secure-admin',
      '__host-admin',
      ' __Host-admin',
      '__Host-admin ',
      'connect.sid',
    ])
      await site
        .newBrowser()
        .get('/admin')
        .set(plant(`x=1; ${name.replace(' ', '.')}=${value}`))
        .expect(303)
    const stranger = { [ADDRESS_HEADER]: '203.0.113.20', ...plant(`browser=${'p'.repeat(43)}`) }
    const launched = await site
      .newBrowser()
      .post(await site.link())
      .set(stranger)
      .expect(303)
    expect(String(cookiesOf(launched))).toMatch(/^__Host-browser=(?!p{43})/)
  })

  it('never become a session, however many and however written', async () => {
    const site = siteThat('1')
    const browser = site.newBrowser()
    const planted = `s%3A${'p'.repeat(43)}.${'q'.repeat(43)}`
    for (const cookie of [
      `__Host-admin=${planted}`,
      `__Host-admin=${planted}; __Host-admin=${planted}`,
      '__Host-admin=s%3A.; __Host-admin=',
      '__Host-admin=%E0%A4%A; __Host-browser=%E0%A4%A',
      '__Host-admin=j:{"adminId":"x"}; __proto__=x; constructor=y',
      `__Host-browser=${'x'.repeat(9_000)}`,
      ';;;=;=;a;"; ,',
    ]) {
      const asked = await browser.get('/admin').set(plant(cookie))
      expect([cookie, asked.status, asked.headers.location]).toEqual([cookie, 303, '/admin/sign-in'])
      expect(String(cookiesOf(asked))).not.toContain('p'.repeat(43))
      const visited = await browser.get('/callback?client=c&channels=[a]').set(plant(cookie))
      expect([cookie, visited.status]).toEqual([cookie, 303])
    }
  })

  it('are worth nothing after sign-in: the session has a new id', async () => {
    const site = siteThat('1')
    const before = await signIn(site.newBrowser()).expect(303)
    const [old = ''] = sessionCookieOf(before).split(';')
    const after = await signIn(site.newBrowser()).set(plant(old)).expect(303)
    const [fresh = ''] = sessionCookieOf(after).split(';')
    expect(fresh).not.toBe(old)
    await site.newBrowser().get('/admin').set(plant(old)).expect(303)
    await site.newBrowser().get('/admin').set(plant(fresh)).expect(200)
  })

  it('do not make a return come from the browser that launched', async () => {
    const site = siteThat('127.0.0.1')
    const granted = await grant(site, 'ch2')
    for (const cookie of ['browser=x', `__Host-browser=${'p'.repeat(43)}`, `__Host-browser=x; browser=y`]) {
      const { headers } = await site.newBrowser().get(granted.back).set(plant(cookie)).expect(303)
      expect(headers.location).toMatch(/^\/return/)
    }
    expect((await comeBack(granted)).status).toMatch(/^\/status\//)
  })
})
