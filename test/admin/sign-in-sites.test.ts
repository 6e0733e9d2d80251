import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { createDatabase, type EmptyDatabase, engines } from '../databases.ts'
import { type Browser, type Site, startSite } from '../site.ts'
import { TestClock } from '../test-clock.ts'

const PASSWORD = 'correct horse battery'
const settings = { TRUST_PROXY: '1' }

const from = (address: string) => ({ 'x-forwarded-for': address })
const signIn = (browser: Browser, address: string, password = PASSWORD, name = 'anna') =>
  browser.post('/admin/sign-in').set(from(address)).type('form').send({ name, password })

describe('two sites on one PostgreSQL', () => {
  let database: EmptyDatabase
  let sites: readonly [Site, Site]
  beforeEach(async () => {
    database = await createDatabase('postgres')
    const clock = new TestClock()
    const start = () => startSite({ databaseUrl: database.url, clock, settings })
    sites = [await start(), await start()]
    await sites[0].context.admins.create('anna', PASSWORD)
  })
  afterEach(async () => {
    await Promise.all(sites.map((site) => site.stop()))
    await database.drop()
  })

  it('share the tries of an address, and those of a name', async () => {
    const guesses = (times: number, name: (nth: number) => string, address: string) =>
      Promise.all(
        Array.from({ length: times }, async (_, nth) => {
          const site = sites[nth % 2 === 0 ? 0 : 1]
          return (await signIn(site.newBrowser(), address, 'wrong', name(nth))).status
        }),
      )
    const byAddress = await guesses(14, (nth) => `name${nth}`, '203.0.113.1')
    expect(byAddress.filter((status) => status === 429)).toHaveLength(4)
    const byName = await guesses(8, () => 'anna', '198.51.100.1')
    expect(byName.filter((status) => status === 429)).toHaveLength(3)
    for (const site of sites) await signIn(site.newBrowser(), '198.51.100.2').expect(429)
    await signIn(sites[1].newBrowser(), '203.0.113.2').expect(303)
  })
})

describe.each(engines)('a stranger who fails a thousand times at a name, on %s', (engine) => {
  it('keeps no known browser out, and another one of the admin only for a bounded time', async () => {
    const clock = new TestClock()
    const site = await startSite({ engine, clock, settings })
    await site.context.admins.create('anna', PASSWORD)
    const known = site.newBrowser()
    await signIn(known, '203.0.113.7').expect(303)
    await known.post('/admin/sign-out').set(from('203.0.113.7')).expect(303)

    // From the admin's own address, and from some networks beside it.
    const failures = Array.from({ length: 1_000 }, (_, nth) =>
      nth % 2 === 0 ? '203.0.113.7' : `198.51.${nth % 8}.${nth % 250}`,
    )
    for (let nth = 0; nth < failures.length; nth += 50)
      await Promise.all(
        failures.slice(nth, nth + 50).map((address) => signIn(site.newBrowser(), address, 'wrong')),
      )
    await signIn(known, '203.0.113.7').expect(303)

    clock.advance(60_000)
    const unknown = site.newBrowser()
    const waiting = await signIn(unknown, '203.0.113.7', 'wrong')
    if (waiting.status === 429) {
      expect(Number(waiting.headers['retry-after'])).toBeLessThanOrEqual(900)
    }
    clock.advance(15 * 60_000)
    await signIn(unknown, '203.0.113.7').expect(303)
    await signIn(site.newBrowser(), '192.0.2.1').expect(303)
    await site.stop()
  }, 120_000)
})
