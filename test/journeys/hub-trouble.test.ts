import { afterEach, describe, expect, it } from '@jest/globals'
import { engines } from '../databases.ts'
import { answerOddly, countCalls, refuseCredentials, untilTrouble } from '../hub-faults.ts'
import { comeBack, grant, newClient, type Returned, readStatus } from '../journey.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS, startTimedSite, type TimedSite } from '../keys/timed-site.ts'
import { eventually } from '../site.ts'

const HUB_USER = { username: 'nordlicht', password: 'canary-hub-password' }
const BY_PASSWORD = {
  D360_PARTNER_API_KEY: '',
  D360_USERNAME: HUB_USER.username,
  D360_PASSWORD: HUB_USER.password,
}

describe.each(engines)('what concerns the whole hub is nobody’s number’s, on %s', (engine) => {
  let site: TimedSite
  afterEach(() => site.stop())
  const open = async (settings: Record<string, string> = {}) => {
    site = await startTimedSite({ engine, settings })
    Object.assign(site.hub.settings, HUB_USER)
  }
  const shareAndReturn = async (id: string) => comeBack(await grant(site, id))
  const needs = () => site.context.overview.listNeeds()
  const readiness = async () => {
    const answer = await fetch(`${site.url}/readyz`)
    return [answer.status, ((await answer.json()) as Record<string, unknown>)['360dialog']]
  }
  const errors = () => site.log.filter((line) => /"level":"error"/.test(line))
  const requirementsOf = async ({ browser, status }: Returned) =>
    (await browser.get(status).set('accept', 'application/json').expect(200)).body.requirements
  const isConnected = async (returned: Returned) => (await readStatus(returned)) === 'completed'
  const later = async (ms: number, step = 20_000) => {
    for (let passed = 0; passed < ms; passed += step) {
      site.clock.advance(step)
      await fetch(`${site.url}/healthz`)
    }
  }

  it.each([401, 403] as const)(
    'refused credentials (%s): said once, all rest, one question a minute, and all goes on by itself',
    async (status) => {
      await open()
      const waiting = await comeBack(await grant(site, 'ch9', newClient('ch9', { running: false })))
      await site.untilQuiet()
      site.clock.advance(2 * MINUTE_MS)
      refuseCredentials(site.hub, status)
      const returned = [await shareAndReturn('ch1'), await shareAndReturn('ch2')]
      await untilTrouble(site)
      const since = site.clock.now()
      const before = countCalls(site.hub)
      await later(30 * MINUTE_MS)
      expect(countCalls(site.hub) - before).toBeLessThanOrEqual(2 * 31)

      expect(errors()).toHaveLength(1)
      expect(errors()[0]).toContain('360dialog refuses the credentials of this Partner Hub')
      expect(await readiness()).toEqual([200, 'credentials_refused'])
      const { trouble, channels, returns, reviews } = await needs()
      expect(trouble).toMatchObject({ kind: 'credentials_refused', upstreamStatus: status, waiting: 3 })
      expect(since.getTime() - (trouble?.sinceAt.getTime() ?? 0)).toBeLessThan(5_000)
      expect([channels, returns, reviews]).toEqual([[], [], []])
      for (const one of [...returned, waiting]) {
        expect(await readStatus(one)).toBe('waiting')
        expect(await requirementsOf(one)).toMatchObject([{ code: 'access', who: 'admin' }])
        const page = await one.browser.get(one.status).set('accept-language', 'en')
        expect(page.text).toMatch(/mends its access to 360dialog/)
      }
      const [found] = (await site.context.search.find('ch9')).channels.shown
      expect(found).toMatchObject({ turn: 'admin', needsAdmin: false, permission: 'shared' })

      site.hub.clearFaults()
      site.hub.channel('ch9')
      await untilTrouble(site, false)
      await later(2 * MINUTE_MS)
      await site.untilQuiet()
      for (const one of returned) expect(await isConnected(one)).toBe(true)
      expect(await needs()).toMatchObject({ trouble: undefined, channels: [], returns: [] })
      expect(await readiness()).toEqual([200, 'ok'])
      expect(errors()).toHaveLength(1)
      expect(site.hub.minted.toSorted()).toEqual(['ch1', 'ch2'])
    },
  )

  it.each([
    ['null_rows', 'not_understood'],
    ['not_json', 'not_understood'],
    ['empty', 'not_understood'],
  ] as const)(
    'answers that nobody understands (%s) are said, and nothing waits in silence',
    async (shape, kind) => {
      await open()
      answerOddly(site.hub, shape)
      const returned = await shareAndReturn('ch1')
      await untilTrouble(site)
      await later(10 * MINUTE_MS)
      expect((await needs()).trouble).toMatchObject({ kind, waiting: 1 })
      expect(await readiness()).toEqual([200, kind])
      const [received] = (await site.context.overview.findCase((await sessionCode()) ?? ''))?.returns ?? []
      expect(received).toMatchObject({ state: 'received', problem: 'unexpected_answer' })
      expect(await requirementsOf(returned)).toMatchObject([{ code: 'access', who: 'admin' }])
      expect(errors()).toHaveLength(1)

      site.hub.clearFaults()
      await untilTrouble(site, false)
      await later(2 * MINUTE_MS)
      await site.untilQuiet()
      expect(await isConnected(returned)).toBe(true)
    },
  )
  const sessionCode = async () =>
    (await site.context.db.selectFrom('connectSession').select('code').executeTakeFirst())?.code

  it.each([401, 403, 500, 400])('a login that is answered with %s is refused credentials', async (status) => {
    await open(BY_PASSWORD)
    site.hub.setFault({ endpoint: 'token', kind: 'status', status, times: 0 })
    const returned = await shareAndReturn('ch1')
    await untilTrouble(site)
    const before = countCalls(site.hub)
    await later(10 * MINUTE_MS)
    // A login that fails inside is tried three times, for each of two lists.
    expect(countCalls(site.hub) - before).toBeLessThanOrEqual((status === 500 ? 6 : 2) * 11)
    expect((await needs()).trouble).toMatchObject({ kind: 'credentials_refused', upstreamStatus: status })
    expect(errors()).toHaveLength(1)
    site.hub.clearFaults()
    await untilTrouble(site, false)
    await later(2 * MINUTE_MS)
    await site.untilQuiet()
    expect(await isConnected(returned)).toBe(true)
  })

  it('a 401 to the creating call alone is the partner’s to mend, and is tried again', async () => {
    await open()
    site.hub.setFault({ endpoint: 'create_key', kind: 'status', status: 401, times: 0 })
    const returned = await shareAndReturn('ch1')
    await eventually(async () => (await needs()).channels.length === 1)
    const { trouble, channels } = await needs()
    expect(trouble).toBeUndefined()
    expect(channels).toMatchObject([
      { standing: 'credentials_refused', turn: 'admin', permission: 'shared', keyStatus: 'waiting' },
    ])
    expect(await requirementsOf(returned)).toMatchObject([{ code: 'access', who: 'admin' }])
    site.hub.clearFaults()
    await site.pass(HOUR_MS)
    expect(await isConnected(returned)).toBe(true)
    expect(site.hub.minted).toEqual(['ch1'])
  })

  it('a lost answer is not given to an admin because the credentials are refused', async () => {
    let isSent = false
    const crashPoint = (step: string) => {
      if (step === 'mint.intended' && !isSent) refuseCredentials(site.hub)
      isSent ||= step === 'mint.intended'
    }
    site = await startTimedSite({ engine, crashPoint })
    site.hub.setFault({ endpoint: 'create_key', kind: 'lost_after_commit' })
    const returned = await shareAndReturn('ch1')
    await untilTrouble(site)
    await later(2 * DAY_MS, HOUR_MS)
    expect(await site.context.channels.find('ch1')).toMatchObject({ mintState: 'unknown' })
    site.hub.clearFaults()
    await untilTrouble(site, false)
    await later(5 * MINUTE_MS)
    await site.untilQuiet()
    expect(await isConnected(returned)).toBe(true)
  })

  it('one odd answer about one customer is that return’s: the admin sees why, at once', async () => {
    await open()
    site.hub.setFault({ endpoint: 'channels', kind: 'odd_answer', shape: 'null_rows' })
    const returned = await shareAndReturn('ch1')
    await eventually(async () => (await needs()).returns.length === 1)
    const { trouble, returns } = await needs()
    expect([trouble, returns]).toMatchObject([undefined, [{ problem: 'unexpected_answer' }]])
    await site.pass(2 * MINUTE_MS)
    expect(await isConnected(returned)).toBe(true)
    expect((await needs()).returns).toEqual([])
  })

  it('a permission to read clients that is missing is not the credentials’', async () => {
    await open()
    site.hub.setFault({ endpoint: 'clients', kind: 'status', status: 403, times: 0 })
    await shareAndReturn('ch1')
    await eventually(async () => (await needs()).returns.length === 1)
    await later(10 * MINUTE_MS)
    expect(await needs()).toMatchObject({ trouble: undefined, returns: [{ problem: 'refused' }] })
  })

  it('is known after a restart, with the time at which it began', async () => {
    await open()
    refuseCredentials(site.hub)
    await shareAndReturn('ch1')
    await untilTrouble(site)
    const since = (await site.context.trouble.find())?.sinceAt
    site.clock.advance(HOUR_MS)
    site = await site.restart({})
    expect((await needs()).trouble?.sinceAt).toEqual(since)
    expect(await readiness()).toEqual([200, 'credentials_refused'])
  })
})
