import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { sql } from 'kysely'
import type { Response } from 'supertest'
import { comeBack, grant, readStatus } from '../journey.ts'
import { type Browser, eventually, launchFrom, pathOf, type Site, startSite } from '../site.ts'

const PASSWORD = 'correct horse battery'
const MARKUP = `"><script>alert(1)</script><img src=x onerror=alert(1)>'`
const SIGN_UP = { company: MARKUP, email: 'eve@else.example', number: '', consent: 'yes' }

let site: Site
let strict: Site
let admin: Browser
const pages = new Map<string, { answer: Response; status: number }>()

beforeAll(async () => {
  site = await startSite({ settings: { RATE_LIMIT_SIGN_IN: '100000' } })
  strict = await startSite({ settings: { RATE_LIMIT_PUBLIC: '1', SELF_SIGNUP: 'off' } })
  await site.context.admins.create('anna', PASSWORD)
  admin = site.newBrowser()
  await admin.post('/admin/sign-in').type('form').send({ name: 'anna', password: PASSWORD }).expect(303)
  await visitEverything()
})
afterAll(async () => {
  await site.stop()
  await strict.stop()
})

/** Every kind of page, for people and for the admin, with names that want to be more than text. */
async function visitEverything(): Promise<void> {
  const browser = site.newBrowser()
  const see = async (name: string, status: number, asked: PromiseLike<Response>) => {
    pages.set(name, { answer: await asked, status })
  }
  const hostile = { tenantId: 't2', tenantName: MARKUP }
  const returned = await comeBack(
    await grant(site, 'ch1', {
      signup: { name: MARKUP, email: 'ch1@shop.example' },
      add: [{ id: 'ch1', phoneNumber: '+49301234567', displayName: MARKUP, running: true }],
    }),
  )
  const elsewhere = pathOf(
    site.hub.visit(await launchFrom(site.newBrowser(), await site.link(hostile)), {
      signup: { name: MARKUP, email: 'b@shop.example' },
      add: [{ id: 'ch2', phoneNumber: '+49301234568', displayName: MARKUP }],
    }),
  )
  await see('sign-up', 200, browser.get('/'))
  await see('sign-up with mistakes', 422, browser.post('/connect').type('form').send({ company: MARKUP }))
  await see('sign-up, closed', 200, strict.newBrowser().get('/'))
  await see('link', 200, browser.get(await site.link(hostile)))
  await see('unknown link', 404, browser.get(`/connect/${encodeURIComponent(MARKUP)}`))
  await see('returned', 200, browser.get('/returned'))
  const { location } = (await browser.get(elsewhere)).headers
  await see('back in another browser', 200, browser.get(String(location)))
  await eventually(async () => (await readStatus(returned)) === 'completed')
  await see('status', 200, browser.get(returned.status))
  await see('unreadable return', 400, browser.get(`/callback?client=${encodeURIComponent(MARKUP)}`))
  await see('forbidden', 403, browser.post('/connect').set('origin', 'null'))
  await see('not found', 404, browser.get(`/${encodeURIComponent(MARKUP)}`))
  await see(
    'too large',
    413,
    browser
      .post('/connect')
      .type('form')
      .send({ company: 'x'.repeat(20_000) }),
  )
  await strict.newBrowser().post('/connect/x')
  await see('too many', 429, strict.newBrowser().post('/connect/x'))
  await see('callback by PUT', 405, browser.put('/callback'))
  await see('admin: sign-in', 200, browser.get(`/admin/sign-in?next=${encodeURIComponent(MARKUP)}`))
  const wrong = { name: MARKUP, password: 'x', next: MARKUP }
  await see('admin: wrong password', 422, browser.post('/admin/sign-in').type('form').send(wrong))
  await see('admin: used link', 410, browser.get('/admin/first/x'))
  await see('admin: overview', 200, admin.get('/admin'))
  await see('admin: search', 200, admin.get(`/admin/search?q=${encodeURIComponent(MARKUP)}`))
  await see('admin: nothing found', 200, admin.get(`/admin/search?q=${encodeURIComponent(`${MARKUP} x`)}`))
  await see('admin: channel', 200, admin.get('/admin/channels/ch1'))
  await see('admin: audit', 200, admin.get('/admin/audit'))
  const signedUp = await site.newBrowser().post('/connect').type('form').send(SIGN_UP).expect(303)
  expect(signedUp.text).not.toContain('<script')
  const { code } = await site.context.db
    .selectFrom('connectSession')
    .select('code')
    .where('tenantId', '=', 't2')
    .limit(1)
    .executeTakeFirstOrThrow()
  await see('admin: case', 200, admin.get(`/admin/cases/${code}`))
  await see('admin: not found', 404, admin.get('/admin/nothing'))
  await see('API: unauthenticated', 401, browser.get('/api/v1/channels'))
  await sql`alter table connect_session rename to away`.execute(site.context.db)
  await see('a bug', 500, browser.get(returned.status))
  await sql`alter table away rename to connect_session`.execute(site.context.db)
}

it('a link is noted as opened by whom reads it, once, and not by whom asks whether it is there', async () => {
  const link = await site.link({ tenantId: 't3' })
  const openedAt = async () => {
    const sessions = site.context.db.selectFrom('connectSession').select('openedAt')
    return (await sessions.where('tenantId', '=', 't3').executeTakeFirstOrThrow()).openedAt
  }
  await site.newBrowser().head(link).expect(200)
  expect(await openedAt()).toBeUndefined()
  await site.newBrowser().get(link).expect(200)
  const first = await openedAt()
  expect(first).toBeInstanceOf(Date)
  await site.newBrowser().get(link).expect(200)
  expect(await openedAt()).toEqual(first)
})

describe('every kind of page', () => {
  it('is what it should be', () => {
    const seen = [...pages].map(([name, { answer }]) => [name, answer.status])
    expect(seen).toEqual([...pages].map(([name, { status }]) => [name, status]))
  })

  it('allows no script, no style but its own files, and no frame', () => {
    for (const [name, { answer }] of pages) {
      const policy = String(answer.headers['content-security-policy'])
      const rules = new Map(policy.split(';').map((rule) => [rule.split(' ')[0], rule]))
      expect([name, rules.get('default-src')]).toEqual([name, "default-src 'none'"])
      expect([name, rules.get('frame-ancestors')]).toEqual([name, "frame-ancestors 'none'"])
      expect([name, rules.get('base-uri')]).toEqual([name, "base-uri 'none'"])
      expect([name, rules.get('style-src')]).toEqual([name, "style-src 'self'"])
      expect([name, /script|unsafe|\*|https?:|connect-src|object-src/.test(policy)]).toEqual([name, false])
      expect([name, answer.headers['x-content-type-options']]).toEqual([name, 'nosniff'])
      expect([name, answer.headers['referrer-policy']]).toEqual([name, 'same-origin'])
      expect([name, answer.headers['x-frame-options']]).toEqual([name, 'SAMEORIGIN'])
    }
  })

  it('has no script, no handler and no style in it, whatever 360dialog’s and clients’ names say', () => {
    for (const [name, { answer }] of pages) {
      const tags = answer.text.match(/<[a-z!/](?:"[^"]*"|[^">])*>/gi) ?? []
      const bad = tags.filter((tag) => {
        const withoutValues = tag.replaceAll(/"[^"]*"/g, '""')
        const isForbidden = /^<(script|style|iframe|object|embed|base|svg|math|img)\b/i.test(tag)
        return isForbidden || /\s(on\w+|style)=/i.test(withoutValues) || /="\s*(javascript|data):/i.test(tag)
      })
      expect([name, bad]).toEqual([name, []])
    }
    expect(pages.get('admin: channel')?.answer.text).toContain('&lt;script&gt;')
    expect(pages.get('back in another browser')?.answer.text).toContain('&lt;script&gt;')
  })

  it('lets forms go to this site only, but for a launch', () => {
    for (const [name, { answer }] of pages) {
      const launches = /sign-up|link|status|back in another|forbidden|too large|too many|a bug/.test(name)
      const policy = String(answer.headers['content-security-policy'])
      if (!launches) expect([name, policy]).toEqual([name, expect.stringContaining("form-action 'self'")])
    }
  })

  it('is kept by nobody when it is about somebody', () => {
    for (const name of [
      'status',
      'back in another browser',
      'unreadable return',
      'admin: overview',
      'admin: channel',
    ])
      expect([name, pages.get(name)?.answer.headers['cache-control']]).toEqual([name, 'no-store'])
  })
})
