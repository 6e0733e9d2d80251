import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { createApp } from '../../src/app.ts'
import { loadTranslations } from '../../src/web/translations.ts'
import { dumpOf } from '../dump.ts'
import { comeBack, grant, readStatus } from '../journey.ts'
import { eventually, launchFrom, pathOf, type Site, startSite } from '../site.ts'
import { statusOf } from './raw-http.ts'
import { fill, listRoutes, type Route } from './routes.ts'

const PASSWORD = 'correct horse battery'
const FOREIGN: readonly Record<string, string>[] = [
  { 'sec-fetch-site': 'cross-site' },
  { 'sec-fetch-site': 'same-site' },
  { 'sec-fetch-site': 'none' },
  { 'sec-fetch-site': 'same-origin, cross-site' },
  { 'sec-fetch-site': 'cross-site', origin: 'ours' },
  { origin: 'null' },
  { origin: 'https://evil.example' },
  { origin: 'ours.evil.example' },
]

let site: Site
let routes: Route[]
let adminCookie: string
beforeAll(async () => {
  site = await startSite({ settings: { RATE_LIMIT_SIGN_IN: '100000' } })
  routes = listRoutes(createApp(site.context, await loadTranslations()))
  await site.context.admins.create('anna', PASSWORD)
  const form = { name: 'anna', password: PASSWORD }
  const signedIn = await site.newBrowser().post('/admin/sign-in').type('form').send(form).expect(303)
  adminCookie = [signedIn.headers['set-cookie'] ?? []]
    .flat()
    .map((cookie) => String(cookie).split(';')[0])
    .join('; ')
})
afterAll(() => site.stop())

const pathsOf = (some: readonly Route[]) => [...new Set(some.map(({ path }) => path))]

describe('every route', () => {
  it('is found, those of every router', () => {
    const found = routes.map(({ method, path }) => `${method} ${path}`)
    expect(found).toEqual(
      expect.arrayContaining([
        'POST /connect',
        'POST /connect/:token',
        'ALL /callback',
        'GET /status/:id',
        'GET /api/v1/token',
        'POST /admin/sign-in',
        'POST /admin/channels/:id/try',
      ]),
    )
  })

  it.each(['POST', 'PUT', 'PATCH', 'DELETE'])('takes no form that another site sent: %s', async (method) => {
    for (const path of [...pathsOf(routes), '/nothing', '/admin/nothing'])
      for (const foreign of FOREIGN) {
        const own = (value: string) => value.replace('ours', site.url)
        const sent = Object.entries(foreign).map(([name, value]) => [name, own(value)])
        const headers = { ...Object.fromEntries(sent), cookie: adminCookie }
        const status = await statusOf({
          url: `${site.url}${fill(path)}`,
          method,
          headers,
          body: 'name=anna',
        })
        const refusals = /^\/(api|webhooks)\//.test(path) ? [401, 403, 404, 405] : [403]
        // 360dialog may send its browsers by POST: they are told to come again by GET.
        if (method === 'POST' && path === '/callback') refusals.splice(0, 1, 405)
        expect([method, path, foreign, refusals.includes(status) || status]).toEqual([
          ...[method, path, foreign, true],
        ])
      }
  })

  it('takes its forms from our own pages', async () => {
    const browser = site.newBrowser()
    const own = { 'sec-fetch-site': 'same-origin', origin: site.url }
    for (const { path } of routes.filter(({ method }) => method === 'POST')) {
      const { status } = await browser.post(fill(path)).set(own)
      expect([path, status]).not.toEqual([path, 403])
      expect([path, status < 500]).toEqual([path, true])
    }
  })

  it('changes nothing by HEAD, OPTIONS and methods that it does not know', async () => {
    const returned = await comeBack(await grant(site, 'ch1'))
    const screen = await launchFrom(site.newBrowser(), await site.link())
    const unused = pathOf(site.hub.visit(screen, { add: [], signup: { name: 'B', email: 'b@shop.example' } }))
    await eventually(async () => (await readStatus(returned)) === 'completed')
    const code = await site.context.admins.createFirstCode()
    const link = await site.link()
    const values: Record<string, string> = {
      '/connect/:token': link,
      '/callback': unused,
      '/status/:id': returned.status,
      '/admin/first/:code': `/admin/first/${code}`,
    }
    const forgetCounts = () => site.context.db.deleteFrom('signInCount').execute()
    await forgetCounts()
    const before = await dumpOf(site.context.db, 'sqlite')
    for (const path of pathsOf(routes))
      for (const cookie of ['', adminCookie])
        for (const method of ['HEAD', 'OPTIONS', 'TRACE', 'PROPFIND', 'QUERY']) {
          const address = values[path] ?? fill(path, { id: 'ch1' })
          const status = await statusOf({ url: `${site.url}${address}`, method, headers: { cookie } })
          expect([method, path, status < 500]).toEqual([method, path, true])
        }
    // Tries at a one-time link are counted, whatever the method.
    await forgetCounts()
    expect(await dumpOf(site.context.db, 'sqlite')).toBe(before)
    await site.newBrowser().get(`/admin/first/${code}`).expect(303).expect('location', '/admin')
  })
})
