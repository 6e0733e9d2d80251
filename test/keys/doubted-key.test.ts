import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { engines } from '../databases.ts'
import { comeBack, grant, type Returned, readStatus } from '../journey.ts'
import { HOUR_MS, MINUTE_MS, startTimedSite, type TimedSite } from './timed-site.ts'

describe.each(engines)('a key that 360dialog refuses, on %s', (engine) => {
  let site: TimedSite
  let returned: Returned
  beforeEach(async () => {
    site = await startTimedSite({ engine })
    returned = await comeBack(await grant(site, 'ch1'))
    await site.untilQuiet()
    // The next health, which would have its own word, is hours away then.
    await site.pass(HOUR_MS)
  })
  afterEach(() => site.stop())

  const channel = () => site.context.channels.find('ch1')
  const ask = () => site.context.probes.askWhetherAlive('ch1')
  const refuse = (times: number, status = 401) =>
    site.hub.setFault({ endpoint: 'phone_number', kind: 'status', status, times })
  const pass = async (...minutes: number[]) => {
    for (const each of minutes) await site.pass(each * MINUTE_MS)
  }
  const actions = async () =>
    (await site.context.audit.list({ channelId: 'ch1', limit: 100 })).map(({ action }) => action).reverse()
  const afterStored = async () => (await actions()).filter((action) => /doubt|reject|works/.test(action))

  it.each([401, 403])('once (%i), and then works, was doubted for a minute', async (status) => {
    refuse(1, status)
    expect(await ask()).toBe('doubted')
    expect(await channel()).toMatchObject({ keyStatus: 'stored', probeProblem: 'key_doubted' })
    expect(await readStatus(returned)).toBe('completed')
    await pass(1)
    expect(await channel()).toMatchObject({ keyStatus: 'stored', probeState: 'ok', permission: 'shared' })
    expect(await afterStored()).toEqual(['api_key.doubted', 'api_key.works_again'])
    await site.pass(HOUR_MS)
    expect(await afterStored()).toHaveLength(2)
  })

  it('twice, and then works, was doubted for six minutes', async () => {
    refuse(2)
    await ask()
    await pass(1)
    expect(await channel()).toMatchObject({ keyStatus: 'stored', probeProblem: 'key_doubted' })
    await pass(5)
    expect(await channel()).toMatchObject({ keyStatus: 'stored', probeState: 'ok' })
  })

  it('three times in a row is rejected, and in use again when it works after that', async () => {
    refuse(3)
    await ask()
    await pass(1, 5)
    expect(await channel()).toMatchObject({ keyStatus: 'rejected', probeProblem: 'key_rejected' })
    await pass(15)
    expect(await channel()).toMatchObject({ keyStatus: 'stored', probeState: 'ok', permission: 'shared' })
    expect(await afterStored()).toEqual(['api_key.doubted', 'api_key.rejected', 'api_key.works_again'])
    expect(site.hub.minted).toEqual(['ch1'])
  })

  it('for good is rejected, and asked about four times in all', async () => {
    refuse(0)
    const before = site.hub.calls.phone_number
    await ask()
    await pass(1, 5, 15)
    await site.pass(2 * HOUR_MS)
    expect(site.hub.calls.phone_number - before).toBe(4)
    expect(await channel()).toMatchObject({ keyStatus: 'rejected' })
  })

  it('counts refusals that are far enough apart, whoever asks, and in whatever number', async () => {
    refuse(0)
    for (let times = 0; times < 10; times += 1) expect(await ask()).toBe('doubted')
    expect(await channel()).toMatchObject({ keyStatus: 'stored', probeProblem: 'key_doubted' })
    await Promise.all(Array.from({ length: 5 }, ask))
    await pass(1)
    for (let times = 0; times < 3; times += 1) expect(await ask()).toBe('doubted')
  })

  it('is not replaced for it when its client comes back; once it works, none is needed', async () => {
    refuse(2)
    await ask()
    const again = { clientId: site.hub.channel('ch1').clientId, channels: ['ch1'] }
    const back = await comeBack(await grant(site, 'ch1', again))
    await site.untilQuiet()
    expect(await channel()).toMatchObject({ mintState: 'waiting', keyStatus: 'stored' })
    await pass(1, 5)
    expect(await channel()).toMatchObject({ mintState: undefined, keyStatus: 'stored', keyVersion: 1 })
    expect(await readStatus(back)).toBe('completed')
    expect(site.hub.minted).toEqual(['ch1'])
  })

  it('is replaced at once when its client comes back, if 360dialog has no record of it any more', async () => {
    site.hub.setSwitches({ revoke_kills_key: true })
    site.hub.revoke('ch1')
    const again = { clientId: site.hub.channel('ch1').clientId, channels: ['ch1'] }
    const back = await comeBack(await grant(site, 'ch1', again))
    await site.untilQuiet()
    expect(await readStatus(back)).toBe('completed')
    expect(await channel()).toMatchObject({ keyStatus: 'stored', keyVersion: 2 })
  })

  it('is replaced when its client comes back and the records cannot be read, once it is rejected', async () => {
    site.hub.setSwitches({ revoke_kills_key: true })
    site.hub.revoke('ch1')
    site.hub.setFault({ endpoint: 'list_keys', kind: 'status', status: 403, times: 0 })
    const again = { clientId: site.hub.channel('ch1').clientId, channels: ['ch1'] }
    await comeBack(await grant(site, 'ch1', again))
    await site.untilQuiet()
    expect(await channel()).toMatchObject({ mintState: 'waiting', keyVersion: 1 })
    await pass(1, 5)
    expect(await afterStored()).toEqual(['api_key.doubted', 'api_key.rejected'])
    expect((await channel())?.mintState).not.toBe('waiting')
  })
})
