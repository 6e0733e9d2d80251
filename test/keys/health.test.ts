import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { HealthService } from '../../src/keys/health-service.ts'
import type { OpenedApiKey } from '../../src/keys/key-store.ts'
import { KeyVerdicts } from '../../src/keys/key-verdicts.ts'
import { engines } from '../databases.ts'
import { comeBack, grant, readStatus } from '../journey.ts'
import { HOUR_MS, startTimedSite, type TimedSite } from './timed-site.ts'

const MINUTE_MS = 60_000

describe.each(engines)('the health of a number with a key, on %s', (engine) => {
  let site: TimedSite
  beforeEach(async () => {
    site = await startTimedSite({ engine })
    const returned = await comeBack(await grant(site, 'ch1'))
    await site.untilQuiet()
    expect(await readStatus(returned)).toBe('completed')
  })
  afterEach(() => site.stop())

  const channel = () => site.context.channels.find('ch1')
  const health = () => site.context.health.find('ch1')
  const asked = () => site.hub.calls.health_status
  const askSoon = async () => {
    await site.context.probes.retry('ch1', 'probe', site.context.db)
    await site.untilQuiet()
  }

  it('is asked for by itself, every six hours or so', async () => {
    expect(await health()).toBeUndefined()
    await site.pass(15 * MINUTE_MS)
    expect(await health()).toMatchObject({ state: 'available', failure: undefined })
    expect(asked()).toBe(1)
    await site.pass(5 * HOUR_MS)
    expect(asked()).toBe(1)
    await site.pass(3 * HOUR_MS)
    expect(asked()).toBe(2)
    const works = { source: 'probe', says: 'key_works', observedAt: (await health())?.askedAt }
    const observed = await site.context.channels.listObservations('ch1')
    // What is said again and again is one row.
    expect(observed.filter(({ source }) => source === 'probe')).toEqual([expect.objectContaining(works)])
  })

  it('is asked for once in 300 seconds, however often somebody wants it', async () => {
    for (let times = 0; times < 5; times += 1) await askSoon()
    expect(asked()).toBe(1)
    await site.pass(299_000 - (site.clock.now().getTime() - ((await health())?.askedAt.getTime() ?? 0)))
    await askSoon()
    expect(asked()).toBe(1)
    await site.pass(MINUTE_MS)
    expect(asked()).toBe(2)
  })

  it('keeps its trouble with since when, and is asked for sooner; the longer it lasts, the less often', async () => {
    site.hub.change('ch1', { health: 'payment_failed' })
    await askSoon()
    const first = await health()
    expect(first).toMatchObject({ state: 'blocked', findings: [{ about: 'WABA', code: '141006' }] })
    await site.pass(20 * MINUTE_MS)
    expect(asked()).toBe(2)
    expect((await health())?.sinceAt).toEqual(first?.sinceAt)
    for (let hours = 0; hours < 10; hours += 1) await site.pass(HOUR_MS)
    expect(asked()).toBeLessThanOrEqual(8)
    site.hub.change('ch1', { health: 'available' })
    await site.pass(8 * HOUR_MS)
    expect(await health()).toMatchObject({ state: 'available', findings: [], failure: undefined })
  })

  it.each([500, 429, 400])('that could not be asked for (%i) changes no key', async (status) => {
    site.hub.change('ch1', status === 400 ? { health: 'account_problem' } : {})
    if (status !== 400) site.hub.setFault({ endpoint: 'health_status', kind: 'status', status })
    await askSoon()
    const failure = status === 400 ? 'refused' : 'unreachable'
    expect(await health()).toMatchObject({ failure, state: 'unknown', answeredAt: undefined })
    expect(await channel()).toMatchObject({ keyStatus: 'stored', permission: 'shared', probeState: 'ok' })
  })

  it('shows that a key is dead, which is never a reason to create another', async () => {
    site.hub.mintForeignKey('ch1')
    await site.pass(15 * MINUTE_MS)
    expect(await health()).toMatchObject({ failure: 'key_rejected' })
    expect(await channel()).toMatchObject({ keyStatus: 'stored', probeProblem: 'key_doubted' })
    for (const minutes of [1, 5]) await site.pass(minutes * MINUTE_MS)
    expect(await channel()).toMatchObject({ keyStatus: 'rejected', probeProblem: 'key_rejected' })
    for (let days = 0; days < 2; days += 1) await site.pass(24 * HOUR_MS)
    expect(asked()).toBe(1)
    await askSoon()
    expect(asked()).toBe(2)
    expect(site.hub.minted).toEqual(['ch1'])
  })

  it('rejects no key by an answer that is only remembered, after a crash before the verdict', async () => {
    const key = (await site.context.keys.open('ch1')) as OpenedApiKey
    site.hub.mintForeignKey('ch1')
    await expect(site.context.health.ask(key)).rejects.toMatchObject({ failure: 'key_rejected' })
    await expect(site.context.health.ask(key)).rejects.toMatchObject({ failure: 'unreachable' })
    await askSoon()
    expect(await channel()).toMatchObject({ keyStatus: 'stored' })
    expect(await channel()).toMatchObject({ keyStatus: 'stored', probeProblem: undefined })
    await site.pass(6 * MINUTE_MS)
    expect(await channel()).toMatchObject({ keyStatus: 'stored', probeProblem: 'key_doubted' })
    expect(asked()).toBe(2)
  })

  it('proves a key where no number is told, and whether a mint is needed waits until it may be asked for', async () => {
    site.hub.setSwitches({ number_check_on_cloud: false })
    await askSoon()
    const again = { clientId: site.hub.channel('ch1').clientId, channels: ['ch1'] }
    const returned = await comeBack(await grant(site, 'ch1', again))
    await site.untilQuiet()
    expect(await channel()).toMatchObject({ keyStatus: 'stored', mintState: 'waiting' })
    for (let minutes = 0; minutes < 11; minutes += 1) await site.pass(MINUTE_MS)
    expect(await readStatus(returned)).toBe('completed')
    expect(await channel()).toMatchObject({ keyStatus: 'stored', keyVersion: 1, mintState: undefined })
    expect(asked()).toBe(2)
    expect(site.hub.minted).toEqual(['ch1'])

    site.hub.mintForeignKey('ch1')
    site.hub.setSwitches({ number_check_on_cloud: true })
    await site.settleKey('ch1')
    expect(await channel()).toMatchObject({ keyStatus: 'rejected', probeProblem: 'key_rejected' })
    expect(asked()).toBe(2)
  })

  it.each([404, 500])('is one call in 300 seconds also when the first address answers %i', async (status) => {
    site.hub.setFault({ endpoint: 'health_status', kind: 'status', status })
    const before = site.hub.calls.health_status
    for (let times = 0; times < 6; times += 1) {
      await askSoon()
      await site.pass(3_000)
    }
    expect(site.hub.calls.health_status - before).toBe(1)
    await site.pass(5 * MINUTE_MS)
    expect(site.hub.calls.health_status - before).toBe(2)
    expect(await health()).toMatchObject({
      state: 'available',
      failure: undefined,
      isOnGateway: status === 404,
    })
  })

  it('is asked for again later when 360dialog is away: not once for each number', async () => {
    for (const id of ['ch2', 'ch3', 'ch4', 'ch5', 'ch6', 'ch7']) await comeBack(await grant(site, id))
    await site.untilQuiet()
    site.hub.setFault({ endpoint: 'health_status', kind: 'status', status: 503, times: 0 })
    await site.pass(15 * MINUTE_MS)
    const whileAway = asked()
    expect(whileAway).toBeGreaterThan(0)
    expect(whileAway).toBeLessThan(6)
    site.hub.clearFaults()
    for (let times = 0; times < 4; times += 1) await site.pass(10 * MINUTE_MS)
    const states = await site.context.db.selectFrom('channelHealth').select(['state', 'failure']).execute()
    expect(states).toEqual(Array.from({ length: 7 }, () => ({ state: 'available', failure: undefined })))
  })

  it('is asked for by one of many at once, whatever process they are', async () => {
    const key = (await site.context.keys.open('ch1')) as OpenedApiKey
    const verdicts = new KeyVerdicts(site.context)
    const others = Array.from({ length: 8 }, () => new HealthService({ ...site.context, verdicts }))
    // Whoever comes second while the first waits gets no answer, and makes no call.
    await Promise.allSettled(others.map((other) => other.ask(key)))
    expect(asked()).toBe(1)
    const answers = await Promise.all(others.map((other) => other.ask(key)))
    expect(asked()).toBe(1)
    expect(new Set(answers.map(String)).size).toBe(1)
    await expect(others[0]?.ask(key, { isFresh: true })).rejects.toMatchObject({ failure: 'unreachable' })
  })
})
