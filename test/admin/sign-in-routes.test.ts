import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import request from 'supertest'
import { type Database, openDatabase } from '../../src/database/database.ts'
import { migrate } from '../../src/database/migrate.ts'
import { createEmptyDatabase, type EmptyDatabase } from '../databases.ts'
import { type AdminArea, openAdminArea, PASSWORD } from './admin-area.ts'

const MINUTE = 60_000
let empty: EmptyDatabase
let db: Database
let area: AdminArea

beforeEach(async () => {
  empty = await createEmptyDatabase('sqlite')
  db = openDatabase(empty.url)
  await migrate(db, 'sqlite')
  area = await openAdminArea(db)
  await area.admins.create('anna', PASSWORD)
})
afterEach(async () => {
  await db.destroy()
  await empty.drop()
})

const signIn = (browser: request.Agent, more: object = {}) =>
  browser
    .post('/admin/sign-in')
    .type('form')
    .send({ name: 'anna', password: PASSWORD, ...more })
const cookiesOf = (response: request.Response) => [response.headers['set-cookie'] ?? []].flat().map(String)
const cookieOf = (response: request.Response) =>
  cookiesOf(response).find((cookie) => !cookie.includes('admin-browser=')) ?? ''

describe('signing in to the admin area', () => {
  it('sends a stranger to sign in, and remembers where to', async () => {
    const browser = request.agent(area.app)
    await browser.get('/admin').expect(303).expect('location', '/admin/sign-in')
    const sent = await browser.get('/admin/audit?before=x').expect(303)
    expect(sent.headers.location).toBe('/admin/sign-in?next=%2Fadmin%2Faudit%3Fbefore%3Dx')
    const page = await browser.get(String(sent.headers.location)).expect(200)
    expect(page.text).toContain('value="/admin/audit?before=x"')
    expect(page.headers['cache-control']).toBe('no-store')
    expect(cookieOf(page)).toBe('')
    await signIn(browser, { next: '/admin/audit?before=x' }).expect('location', '/admin/audit?before=x')
    await browser.get('/admin/audit').expect(200)
  })

  it.each(['/admin/channels/c1/try', '/admin/unknown'])('lets a stranger post nothing to %s', (path) =>
    request(area.app)
      .post(path)
      .type('form')
      .send({ what: 'mint' })
      .expect(303)
      .expect('location', '/admin/sign-in'),
  )

  it.each(['//evil.example', 'https://evil.example/admin', '/\\evil.example', '/admin/../x'])(
    'never leads elsewhere after sign-in: %s',
    (next) => signIn(request.agent(area.app), { next }).expect(303).expect('location', '/admin'),
  )

  it('gives a cookie that scripts and other sites do not get', async () => {
    const cookie = cookieOf(await signIn(request.agent(area.app)))
    expect(cookie).toMatch(/^admin=.*; Path=\/; .*HttpOnly; SameSite=Lax$/)
    const secure = await openAdminArea(db, { publicUrl: new URL('https://connect.example') })
    const given = await signIn(request.agent(secure.app))
    expect(cookieOf(given)).toMatch(/^__Host-admin=.*HttpOnly; Secure; /)
    expect(cookiesOf(given).join('\n')).toMatch(/^__Host-admin-browser=.*HttpOnly; Secure; SameSite=Strict$/m)
  })

  it('gives another session id at every sign-in, and ends the old one', async () => {
    const browser = request.agent(area.app)
    const first = cookieOf(await signIn(browser)).split(';')[0] ?? ''
    const second = cookieOf(await signIn(browser)).split(';')[0] ?? ''
    expect(second).not.toBe(first)
    await request(area.app).get('/admin').set('Cookie', first).expect(303)
    await request(area.app).get('/admin').set('Cookie', second).expect(200)
  })

  it('takes no session id that it did not give', async () => {
    const planted = 'admin=s%3Aplanted.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'
    const response = await request(area.app)
      .post('/admin/sign-in')
      .set('Cookie', planted)
      .type('form')
      .send({ name: 'anna', password: PASSWORD })
    expect(cookieOf(response)).not.toContain('planted')
    await request(area.app).get('/admin').set('Cookie', planted).expect(303)
  })

  it('answers the same to a wrong password, an unknown name and a disabled admin', async () => {
    await area.admins.create('bert', PASSWORD)
    await area.admins.disable('bert')
    const texts = await Promise.all(
      [
        { name: 'anna', password: 'wrong' },
        { name: 'nobody', password: PASSWORD },
        { name: 'bert', password: PASSWORD },
      ].map(async (given) => {
        const { text } = await signIn(request.agent(area.app), given).expect(422)
        return text.replace(given.name, 'NAME')
      }),
    )
    expect(new Set(texts).size).toBe(1)
    expect(texts[0]).toContain('Wrong name or password.')
  })

  it.each([{ name: ['a', 'b'] }, { name: '', password: '' }, { name: '<script>alert(1)</script>' }])(
    'survives %j',
    async (given) => {
      const { text } = await signIn(request.agent(area.app), given).expect(422)
      expect(text).not.toContain('<script>')
    },
  )

  it('survives a form without a body', () => request(area.app).post('/admin/sign-in').expect(422))

  it('takes no form from another site', () =>
    signIn(request.agent(area.app)).set('Sec-Fetch-Site', 'cross-site').expect(403))

  it('opens until sign-out', async () => {
    const browser = request.agent(area.app)
    const cookie = cookieOf(await signIn(browser)).split(';')[0] ?? ''
    await browser.get('/admin/sign-in').expect(303).expect('location', '/admin')
    await browser.post('/admin/sign-out').expect(303).expect('location', '/admin/sign-in')
    await request(area.app).get('/admin').set('Cookie', cookie).expect(303)
    await browser.post('/admin/sign-out').expect(303)
    expect(await db.selectFrom('adminSession').selectAll().execute()).toEqual([])
  })

  it('closes after 30 idle minutes', async () => {
    const browser = request.agent(area.app)
    await signIn(browser)
    area.clock.advance(29 * MINUTE)
    await browser.get('/admin').expect(200)
    area.clock.advance(29 * MINUTE)
    await browser.get('/admin').expect(200)
    area.clock.advance(30 * MINUTE)
    await browser.get('/admin').expect(303)
  })

  it('closes at once when the admin is disabled', async () => {
    const browser = request.agent(area.app)
    await signIn(browser)
    await area.admins.disable('anna')
    await browser.get('/admin').expect(303)
  })

  it('makes an address wait that tries too often', async () => {
    area = await openAdminArea(db, { signInsPerMinute: 3 })
    for (let tries = 0; tries < 3; tries += 1)
      await signIn(request.agent(area.app), { password: 'wrong' }).expect(422)
    const { text, headers } = await signIn(request.agent(area.app)).expect(429)
    expect(text).toContain('Wait a minute, then try again.')
    expect(headers['retry-after']).toBeDefined()
  })

  describe('guessing at one name', () => {
    const guess = (name: string, password = 'wrong') => signIn(request.agent(area.app), { name, password })
    const guessTimes = async (times: number, name = 'anna') =>
      (await Promise.all(Array.from({ length: times }, () => guess(name)))).map(({ status }) => status)

    it('makes each try after five wait longer, and never longer than 15 minutes', async () => {
      expect((await guessTimes(8)).toSorted()).toEqual([...Array(5).fill(422), 429, 429, 429])
      const { text, headers } = await guess(' Anna ', PASSWORD).expect(429)
      expect(text).toContain('Wait 2 seconds, then try again.')
      expect(headers['retry-after']).toBe('2')
      const waits: number[] = []
      for (let nth = 0; nth < 11; nth += 1) {
        const waiting = await guess('anna').expect(429)
        const seconds = Number(waiting.headers['retry-after'])
        waits.push(seconds)
        area.clock.advance(seconds * 1000 - 1)
        await guess('anna', PASSWORD).expect(429)
        area.clock.advance(1)
        await guess('anna').expect(422)
      }
      expect(waits).toEqual([2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900])
      expect((await guess('anna', PASSWORD).expect(429)).text).toContain('Wait 15 minutes, then try again.')
      area.clock.advance(15 * MINUTE)
      await guess('anna', PASSWORD).expect(303)
    })

    it('makes a name wait that no admin has, too, and does not hold up another', async () => {
      expect((await guessTimes(6, 'nobody')).toSorted()).toEqual([...Array(5).fill(422), 429])
      await guess('anna', PASSWORD).expect(303)
    })

    it('is forgotten by a success', async () => {
      expect(await guessTimes(4)).toEqual(Array(4).fill(422))
      await guess('ANNA', PASSWORD).expect(303)
      expect(await guessTimes(5)).toEqual(Array(5).fill(422))
      await guess('anna', PASSWORD).expect(429)
    })

    it('holds up no browser in which the admin has signed in before, until the password changes', async () => {
      const known = request.agent(area.app)
      await signIn(known).expect(303)
      await known.post('/admin/sign-out').expect(303)
      await guessTimes(6)
      await guess('anna', PASSWORD).expect(429)
      await signIn(known, { password: 'wrong' }).expect(422)
      await signIn(known).expect(303)
      await known.post('/admin/sign-out').expect(303)
      await area.admins.setPassword('anna', `${PASSWORD} 2`)
      await signIn(known, { password: `${PASSWORD} 2` }).expect(429)
      expect(await db.selectFrom('adminBrowser').selectAll().execute()).toEqual([])
    })

    it('counts a known browser, too, for its own admin only', async () => {
      await area.admins.create('bert', PASSWORD)
      const known = request.agent(area.app)
      await signIn(known).expect(303)
      for (let nth = 0; nth < 5; nth += 1) await signIn(known, { password: 'wrong' }).expect(422)
      await signIn(known).expect(429)
      // Nobody else waits for that, and at another name the browser is a stranger.
      await guess('anna', PASSWORD).expect(303)
      await guessTimes(6, 'bert')
      await signIn(known, { name: 'bert' }).expect(429)
    })
  })
})

describe('the first link', () => {
  it('opens once', async () => {
    const link = `/admin/first/${await area.admins.createFirstCode()}`
    const browser = request.agent(area.app)
    const first = await browser.get(link).expect(303).expect('location', '/admin')
    expect(cookieOf(first)).toContain('admin=')
    expect((await browser.get('/admin').expect(200)).text).toContain('demo')
    const { text } = await request(area.app).get(link).expect(410)
    expect(text).toContain('npm start')
    await browser.get(link).expect(303)
  })

  it.each(['head', 'post', 'put'] as const)('is not used up by %s', async (method) => {
    const link = `/admin/first/${await area.admins.createFirstCode()}`
    await request(area.app)[method](link).expect(405).expect('allow', 'GET')
    await request(area.app).get(link).expect(303)
  })

  it('is not used up by a browser that only looks ahead', async () => {
    const link = `/admin/first/${await area.admins.createFirstCode()}`
    await request(area.app).get(link).set('Sec-Purpose', 'prefetch;prerender').expect(405)
    await request(area.app).get(link).expect(303)
  })

  it('says when its time is over', async () => {
    const link = `/admin/first/${await area.admins.createFirstCode()}`
    area.clock.advance(15 * MINUTE)
    await request(area.app).get(link).expect(410)
    await request(area.app).get('/admin/first/%00').expect(410)
  })
})
