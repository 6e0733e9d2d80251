import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import type { CrashPointName } from '../../src/jobs/crash-points.ts'
import { engines } from '../databases.ts'
import { comeBack, grant, readStatus } from '../journey.ts'
import { DAY_MS, HOUR_MS, startTimedSite, type TimedSite } from '../keys/timed-site.ts'
import { type Browser, eventually, launchFrom } from '../site.ts'

describe.each(engines)('nobody stops the service, on %s', (engine) => {
  let site: TimedSite
  /** Calls that 360dialog had got when each key was asked for. */
  let callsAtMint: number[] = []
  beforeEach(async () => {
    callsAtMint = []
    const crashPoint = (step: CrashPointName) => {
      if (step === 'mint.intended') callsAtMint.push(calls())
    }
    site = await startTimedSite({ engine, crashPoint })
    const honest = await comeBack(await grant(site, 'ch1'))
    await site.untilQuiet()
    expect(await readStatus(honest)).toBe('completed')
  })
  afterEach(() => site.stop())

  const nonceOf = (screen: string) => new URL(screen).searchParams.get('state') ?? ''
  const madeUp = (nonce: string, nth: number) =>
    `/callback?nonce=${nonce}&state=${nonce}&client=made-up-${nth}&channels=[x${nth},y${nth}]`
  const returnsOf = (nonce?: string) =>
    site.context.db
      .selectFrom('connectReturn')
      .leftJoin('launch', 'launch.id', 'connectReturn.launchId')
      .select(['connectReturn.id', 'connectReturn.state', 'arrival'])
      .where('launch.id', nonce === undefined ? 'is' : 'is not', null)
      .execute()
  /** But for health, which is asked for by itself, and with a key of the number's own. */
  const calls = () =>
    Object.values(site.hub.calls).reduce((sum, count) => sum + count, 0) - site.hub.calls.health_status

  /** The walk through the whole hub asks, too: what follows is between two of them. */
  const afterWalk = () => site.pass(2 * 60_000)

  async function flood(browser: Browser, nonce: string, count: number): Promise<void> {
    for (let sent = 0; sent < count; sent += 50)
      await Promise.all(
        Array.from({ length: Math.min(50, count - sent) }, (_, n) =>
          browser.get(madeUp(nonce, sent + n)).expect(303),
        ),
      )
  }

  describe('by a flood of returns of one nonce', () => {
    it('of which fifty are kept; the page says so, and the log has the hash of the others', async () => {
      const browser = site.newBrowser()
      const link = await site.link({ tenantId: 't-eve', tenantName: 'Eve Ltd' })
      const nonce = nonceOf(await launchFrom(browser, link))
      await flood(browser, nonce, 200)
      const sessions = site.context.db.selectFrom('connectSession').select('returnCount')
      expect(await sessions.where('tenantId', '=', 't-eve').execute()).toEqual([{ returnCount: 50 }])
      expect(await returnsOf('eve')).toHaveLength(51)
      const { headers } = await browser.get(madeUp(nonce, 201)).expect(303)
      const page = await browser.get(String(headers.location)).expect(200)
      expect(page.text).toContain('used too often')
      const dropped = site.log.filter((line) => line.includes('one return too many'))
      expect(dropped).toHaveLength(151)
      expect(JSON.parse(dropped[0] ?? '')).toMatchObject({ sha256: expect.stringMatching(/^[0-9a-f]{16}$/) })
      expect(dropped.join()).not.toContain(nonce)
      // Nor does the link lead any further.
      expect((await browser.post(link).expect(410)).text).toContain('used too often')
    })

    it('which does not hold up an honest customer: its return goes first, and so do its calls', async () => {
      const granted = await grant(site, 'ch2')
      const browser = site.newBrowser()
      const nonce = nonceOf(await launchFrom(browser, await site.link({ tenantId: 't-eve' })))
      const before = calls()
      await site.simulator.pause()
      await flood(browser, nonce, 60)
      const honest = await comeBack(granted)
      await site.simulator.resume()
      await site.untilQuiet()
      for (let waited = 0; (await readStatus(honest)) !== 'completed' && waited < 60; waited += 5)
        await site.pass(5_000)
      expect(await readStatus(honest)).toBe('completed')
      // Before it went what was under way with its retries, and the three returns that any session may bring first;
      // in the order in which they came, all fifty would have.
      expect((callsAtMint[1] ?? 0) - before).toBeLessThan(35)
    })

    it('in another browser, which leaves room for the one that launched', async () => {
      const granted = await grant(site, 'ch2')
      const stranger = site.newBrowser()
      const nonce = nonceOf(granted.back.replace(/^/, 'http://x'))
      for (let nth = 0; nth < 30; nth += 1) {
        const answer = await stranger.get(madeUp(nonce, nth))
        expect([nth, answer.status]).toEqual([nth, nth < 25 ? 303 : 410])
      }
      const honest = await comeBack(granted)
      await site.untilQuiet()
      expect(await readStatus(honest)).toBe('completed')
    })

    it('twice, at two nonces of one link, by many at once: never more than fifty', async () => {
      const link = await site.link({ tenantId: 't-eve' })
      const browsers = [site.newBrowser(), site.newBrowser()]
      const nonces = await Promise.all(browsers.map(async (one) => nonceOf(await launchFrom(one, link))))
      await Promise.all(browsers.map((one, at) => flood(one, nonces[at] ?? '', 100)))
      expect(await returnsOf('eve')).toHaveLength(51)
    })

    it('which costs little on the disk, and is gone after its time', async () => {
      const browser = site.newBrowser()
      const nonce = nonceOf(await launchFrom(browser, await site.link({ tenantId: 't-eve' })))
      await flood(browser, nonce, 300)
      await site.untilQuiet()
      const stored = await site.context.db.selectFrom('connectReturn').select('raw').execute()
      expect(JSON.stringify(stored).length).toBeLessThan(50 * 8_192)
      await site.pass(100 * DAY_MS)
      expect((await returnsOf('eve')).map(({ state }) => state)).toEqual(['bound'])
    })
  })

  describe('by returns without a nonce', () => {
    const anonymous = (client: string, count: number) => {
      const ids = Array.from({ length: count }, (_, n) => `${client}-${n}`).join()
      return site.newBrowser().get(`/callback?client=${client}&channels=[${ids}]`).expect(303)
    }

    it('which cost one question for a client, not for a channel, and keep five ids of it', async () => {
      await afterWalk()
      const before = calls()
      await site.simulator.pause()
      for (const client of ['a', 'b', 'c']) await anonymous(client, 100)
      expect(await returnsOf()).toHaveLength(15)
      await site.simulator.resume()
      for (let minutes = 0; minutes < 8; minutes += 1) await site.pass(60_000)
      expect(calls() - before).toBeLessThanOrEqual(6)
      expect(await returnsOf()).toEqual([])
    })

    it('of a client that 360dialog knows: they are confirmed together', async () => {
      const { clientId } = site.hub.channel('ch1')
      const more = ['ch10', 'ch11', 'ch12']
      for (const [n, id] of more.entries())
        site.hub.addChannel({ id, clientId, phoneNumber: `+493077${n}`, displayName: id, running: true })
      await afterWalk()
      const before = calls()
      await site.newBrowser().get(`/callback?client=${clientId}&channels=[${more},no-such]`).expect(303)
      await site.pass(60_000)
      expect(calls() - before).toBeLessThanOrEqual(4)
      expect((await returnsOf()).map(({ state }) => state)).toEqual(more.map(() => 'needs_review'))
      expect(site.hub.minted).toEqual(['ch1'])
    })

    it('which never make 360dialog slow us down, and wait while it does', async () => {
      site.hub.setFault({ endpoint: 'clients', times: 1, kind: 'status', status: 429 })
      const first = await comeBack(await grant(site, 'ch2'))
      await site.pass(60_000)
      expect(await readStatus(first)).toBe('completed')
      const before = calls()
      for (let nth = 0; nth < 6; nth += 1) await anonymous(`flood${nth}`, 5)
      await site.pass(60_000)
      expect(calls()).toBe(before)
      const honest = await comeBack(await grant(site, 'ch3'))
      await site.pass(60_000)
      expect(await readStatus(honest)).toBe('completed')
      // Once 360dialog is at ease again they are looked at, one client after the other.
      for (let minutes = 0; minutes < 20; minutes += 1) await site.pass(60_000)
      expect(await returnsOf()).toEqual([])
    })

    it('of a client about which 360dialog cannot answer: the others are looked at all the same', async () => {
      site.hub.setFault({ endpoint: 'clients', times: 1_000, kind: 'status', status: 500 })
      await anonymous('poison', 1)
      await site.pass(HOUR_MS)
      expect(await returnsOf()).toHaveLength(1)
      await site.pass(2 * DAY_MS)
      expect(await returnsOf()).toEqual([])
      // One of its lists does not answer, and that is not 360dialog.
      expect(site.log.filter((line) => line.includes('360dialog does not answer'))).toEqual([])
    })
  })

  describe('by using up the signatures of launches', () => {
    const signed = { D360_IO_SIGNATURE: 'on', D360_PLATFORM_SECRET: 'platform', SELF_SIGNUP: 'open' }
    const company = (name: string) => ({ company: name, email: 'eve@else.example', consent: 'yes' })
    const secondOf = (screen: string | undefined) =>
      Number(new URL(String(screen)).searchParams.get('io_timestamp'))
    beforeEach(async () => {
      site = await site.restart(signed)
    })

    it('with one link, in one browser or in many: who has three a minute waits, and nobody else', async () => {
      const link = await site.link({ tenantId: 't-eve' })
      const browser = site.newBrowser()
      for (const status of [303, 303, 303, 503, 503]) await browser.post(link).expect(status)
      const answer = await site.newBrowser().post(link).expect(503)
      expect(answer.text).toContain('Many visitors: a moment, please')
      expect(answer.headers['retry-after']).toBe('60')
      await browser.post(await site.link({ tenantId: 't-mallory' })).expect(503)
      await site
        .newBrowser()
        .post(await site.link({ tenantId: 't-anna' }))
        .expect(303)
      await site.pass(61_000)
      await browser.post(link).expect(303)
    })

    const signUp = (name: string) => site.newBrowser().post('/connect').type('form').send(company(name))
    const useUpTheirHalf = async () => {
      for (let nth = 0; nth < 15; nth += 1) await signUp(`Eve ${nth}`).expect(303)
    }
    /** What was asked for, while the seconds pass that it may have to wait for. */
    const whileTimePasses = <T>(answer: Promise<T>) =>
      eventually<T>(async () => {
        site.clock.advance(1_000)
        return Promise.race([answer, new Promise<false>((resolve) => setImmediate(resolve, false))])
      })

    it('by signing up again and again: links have seconds of their own, and who signs up next waits its turn', async () => {
      await useUpTheirHalf()
      const link = await site.link({ tenantId: 't-anna' })
      const { headers } = await site.newBrowser().post(link).expect(303)
      expect(secondOf(headers.location)).toBeLessThanOrEqual(site.clock.now().getTime() / 1000)
      expect(await whileTimePasses(signUp('Bea').then(({ status }) => status))).toBe(303)
    })

    it('by many at once: those who cannot be served in time are told to come again', async () => {
      await useUpTheirHalf()
      const answers = Array.from({ length: 30 }, (_, nth) =>
        signUp(`Bea ${nth}`).then(({ status }) => status),
      )
      const statuses = await whileTimePasses(Promise.all(answers))
      expect(new Set(statuses)).toEqual(new Set([303, 503]))
      const seconds = await site.context.db.selectFrom('launchSignature').select('second').execute()
      expect(new Set(seconds.map(({ second }) => second)).size).toBe(seconds.length)
    })
  })
})
