import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { engines } from '../databases.ts'
import { comeBack, grant, newClient, readStatus } from '../journey.ts'
import { DAY_MS, HOUR_MS, startTimedSite, type TimedSite } from '../keys/timed-site.ts'
import { eventually } from '../site.ts'

const MINUTE_MS = 60_000

describe.each(engines)('the walk through the hub, on %s', (engine) => {
  let site: TimedSite
  let dies: string | undefined
  let pageTakesMs = 0
  beforeEach(async () => {
    dies = undefined
    pageTakesMs = 0
    site = await startTimedSite({
      engine,
      crashPoint: (step) => {
        if (step === 'sync.page_read') site.clock.advance(pageTakesMs)
        if (step !== dies) return
        dies = undefined
        throw new Error('the process dies here')
      },
    })
  })
  afterEach(() => site.stop())

  const nextCycle = () => site.pass(16 * MINUTE_MS)
  const sync = async () => (await site.context.sync.read()) ?? { channels: -1, completedAt: undefined }
  const countChannels = async () => (await site.context.channels.list({})).length

  /** A hub as a partner brings it along: numbers that run, each with a key that another system uses. */
  function addHub(count: number): void {
    for (let nth = 0; nth < count; nth += 1) {
      const client = `cl${Math.floor(nth / 2)}`
      if (nth % 2 === 0) site.hub.addClient({ id: client, name: `Shop ${nth}`, email: `${client}@x.example` })
      site.hub.addChannel({
        ...{ id: `ch${nth}`, clientId: client, phoneNumber: `+49301${String(nth).padStart(6, '0')}` },
        ...{ displayName: `Shop ${nth}`, running: true, permitted: true },
      })
      site.hub.mintKey(`ch${nth}`)
    }
    site.hub.minted.length = 0
  }

  it('attaches a hub with 450 running numbers: all are seen, no key is asked for, none dies', async () => {
    addHub(450)
    const keys = site.hub.listChannels().map(({ key }) => key)
    await site.pass(2 * MINUTE_MS)
    expect(await countChannels()).toBe(450)
    expect(await sync()).toMatchObject({ clients: 225, channels: 450 })
    for (let hours = 0; hours < 24; hours += 6) await site.pass(6 * HOUR_MS)
    expect(site.hub.minted).toEqual([])
    expect(site.hub.calls.list_keys).toBe(0)
    expect(site.hub.listChannels().map(({ key }) => key)).toEqual(keys)
    const channel = await site.context.channels.find('ch7')
    expect(channel).toMatchObject({ tenantId: undefined, keyStatus: 'none', permission: 'unknown' })
  })

  it('goes on where it was when 360dialog failed, and what was read stays', async () => {
    addHub(250)
    await site.pass(2 * MINUTE_MS)
    addHub2()
    const before = site.hub.calls.channels
    site.hub.setFault({ endpoint: 'channels', times: 1, kind: 'slow', ms: 1 })
    site.hub.setFault({ endpoint: 'channels', times: 3, kind: 'status', status: 500 })
    await nextCycle()
    expect(await sync()).toMatchObject({ failures: 1, list: 'channels', place: 200 })
    expect(await countChannels()).toBe(250)
    await site.pass(MINUTE_MS)
    expect(await sync()).toMatchObject({ failures: 0, channels: 251 })
    // One page, three refusals, and the page that was left.
    expect(site.hub.calls.channels - before).toBe(5)
    expect(await countChannels()).toBe(251)
  })

  function addHub2(): void {
    site.hub.addChannel({
      ...{ id: 'zz-new', clientId: 'cl0', phoneNumber: '+4930777', displayName: 'New', running: true },
    })
  }

  it.each(['sync.page_read', 'sync.page_stored'])('finds its place after a death at %s', async (point) => {
    addHub(250)
    dies = point
    await site.pass(2 * MINUTE_MS)
    await site.pass(10 * MINUTE_MS)
    expect(await sync()).toMatchObject({ clients: 125, channels: 250, completedAt: expect.any(Date) })
    expect(await countChannels()).toBe(250)
  })

  it('comes to its end however long it takes, where 360dialog gives us little', async () => {
    addHub(850)
    pageTakesMs = 15 * MINUTE_MS
    await site.pass(2 * MINUTE_MS)
    expect(await sync()).toMatchObject({ clients: 425, channels: 850, completedAt: expect.any(Date) })
    expect(site.hub.calls.clients + site.hub.calls.channels).toBe(3 + 5)
  })

  it('makes a number’s key when it runs, and the message about that was lost', async () => {
    const returned = await comeBack(await grant(site, 'ch1', newClient('ch1', { running: false })))
    await site.pass(10 * MINUTE_MS)
    expect(await readStatus(returned)).toBe('waiting')
    site.hub.makeRun('ch1')
    await nextCycle()
    expect(await readStatus(returned)).toBe('completed')
    expect(site.hub.minted).toEqual(['ch1'])
  })

  it('keeps what the lists tell anyway, and each change of it as a line of the history', async () => {
    addHub(2)
    await site.pass(2 * MINUTE_MS)
    expect(await site.context.channels.find('ch0')).toMatchObject({
      facts: { messagingLimit: 'TIER_1K', quality: 'GREEN', waba: { name: expect.any(String) } },
    })
    expect(await site.context.channels.listChanges('ch0', 10)).toEqual([])
    site.hub.end('ch0')
    await nextCycle()
    const [change, ...others] = await site.context.channels.listChanges('ch0', 10)
    expect(change).toMatchObject({ fact: 'status', was: 'live', became: 'terminated' })
    expect(others).toEqual([])
    await site.pass(DAY_MS)
    expect(await site.context.channels.listChanges('ch0', 10)).toHaveLength(1)
  })

  it('notes what is not listed any more after two whole walks, takes nothing away, and takes it back', async () => {
    addHub(4)
    await site.pass(2 * MINUTE_MS)
    const ended = site.hub.channel('ch0')
    site.hub.forget('ch0')
    const unlisted = async () => (await site.context.channels.find('ch0'))?.unlistedAt
    await nextCycle()
    expect(await unlisted()).toBeUndefined()
    await nextCycle()
    expect(await unlisted()).toBeInstanceOf(Date)
    expect(await countChannels()).toBe(4)
    site.hub.addChannel({ ...ended, createdAt: new Date(ended.createdAt) })
    await nextCycle()
    expect(await unlisted()).toBeUndefined()
  })

  it('is done once for all processes', async () => {
    addHub(10)
    const before = site.hub.calls.channels
    const both = Promise.all([site.context.sync.complete(), site.context.sync.complete()])
    const results = await eventually(() => {
      site.clock.advance(1_000)
      return Promise.race([both, new Promise<false>((resolve) => setImmediate(resolve, false))])
    })
    expect(results.map(({ channels }) => channels)).toEqual([10, 10])
    expect(site.hub.calls.channels - before).toBeLessThanOrEqual(2)
  })
})
