import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { engines } from '../databases.ts'
import { comeBack, grant, newClient, type Returned, readStatus } from '../journey.ts'
import { DAY_MS, startTimedSite, type TimedSite } from '../keys/timed-site.ts'

/** Each way first leads an honest client to its key; then another system creates one, and it must live. */
describe.each(engines)('no key that another system uses dies unasked, on %s', (engine) => {
  let site: TimedSite
  let honest: Returned
  beforeEach(async () => {
    site = await startTimedSite({ engine })
    honest = await comeBack(await grant(site, 'ch1'))
    await site.untilQuiet()
    expect(await readStatus(honest)).toBe('completed')
    expect(site.hub.minted).toEqual(['ch1'])
  })
  afterEach(() => site.stop())

  const again = () => ({ clientId: site.hub.channel('ch1').clientId, channels: ['ch1'] })
  const channelOf = (id: string) => site.context.channels.find(id)
  const withoutNonce = (back: string) => {
    const query = new URLSearchParams(back.slice(back.indexOf('?')))
    query.delete('nonce')
    query.delete('state')
    return `/callback?${query}`
  }
  const arrivals = async () =>
    (await site.context.db.selectFrom('connectReturn').select('arrival').orderBy('id').execute()).map(
      ({ arrival }) => arrival,
    )

  /** Whatever came, no key was created; what is known of ours is what 360dialog says. */
  async function expectAlive(foreign: string): Promise<void> {
    await site.pass(DAY_MS)
    expect(site.hub.liveKeyOf('ch1')).toBe(foreign)
    expect(site.hub.minted).toEqual(['ch1'])
  }

  it('while a customer who revoked and grants again gets a new key', async () => {
    site.hub.setSwitches({ revoke_kills_key: true })
    site.hub.revoke('ch1')
    expect(site.hub.liveKeyOf('ch1')).toBeUndefined()
    const returned = await comeBack(await grant(site, 'ch1', again()))
    await site.untilQuiet()
    expect(await readStatus(returned)).toBe('completed')
    expect(site.hub.minted).toEqual(['ch1', 'ch1'])
  })

  it.each([
    ['as it was', (back: string) => back],
    ['with more in it', (back: string) => `${back}&revoked=[ch9]`],
    ['without its nonce', withoutNonce],
  ])('by an old callback address from the browser’s history, %s', async (_, change) => {
    const foreign = site.hub.mintForeignKey('ch1')
    await site.pass(2 * DAY_MS)
    await honest.browser.get(change(honest.back)).expect(303)
    await expectAlive(foreign)
    expect((await channelOf('ch1'))?.mintId).toBeUndefined()
  })

  it('by a callback address of today: an admin is asked', async () => {
    const foreign = site.hub.mintForeignKey('ch1')
    await honest.browser.get(`${honest.back}&revoked=[ch9]`).expect(303)
    await expectAlive(foreign)
    expect(await channelOf('ch1')).toMatchObject({ keyStatus: 'needs_decision', mintProblem: 'key_in_use' })
  })

  it('by a launch that has expired: the key of ours is looked at, and no other is asked for', async () => {
    const { browser, back } = await grant(site, 'ch1', again())
    const foreign = site.hub.mintForeignKey('ch1')
    await site.pass(2 * DAY_MS)
    await browser.get(back).expect(303)
    await expectAlive(foreign)
    expect(await arrivals()).toEqual(['launch', 'expired_launch'])
    expect(await channelOf('ch1')).toMatchObject({ keyStatus: 'rejected', mintId: undefined })
  })

  it('by a return without a nonce in a browser that is away', async () => {
    const { browser, back } = await grant(site, 'ch1', again())
    const foreign = site.hub.mintForeignKey('ch1')
    await browser.get(withoutNonce(back)).expect(303)
    await expectAlive(foreign)
    expect(await arrivals()).toEqual(['launch', 'open_launch'])
    expect(await channelOf('ch1')).toMatchObject({ keyStatus: 'rejected', mintId: undefined })
  })

  it('by a new grant after it: an admin is asked', async () => {
    const foreign = site.hub.mintForeignKey('ch1')
    await comeBack(await grant(site, 'ch1', again()))
    await expectAlive(foreign)
    expect(await channelOf('ch1')).toMatchObject({ keyStatus: 'needs_decision', mintProblem: 'key_in_use' })
  })

  it('by a new grant after it, while the key records cannot be read', async () => {
    const foreign = site.hub.mintForeignKey('ch1')
    site.hub.setFault({ endpoint: 'list_keys', kind: 'status', status: 403, times: 0 })
    await honest.browser.get(`${honest.back}&revoked=[ch9]`).expect(303)
    await expectAlive(foreign)
    expect(await channelOf('ch1')).toMatchObject({ mintProblem: 'key_records_unreadable' })
  })

  it('on a number that is newer than its launch', async () => {
    const granted = await grant(site, 'ch2', newClient('ch2'))
    const foreign = site.hub.mintForeignKey('ch2')
    await comeBack(granted)
    await expectAlive(String(site.hub.liveKeyOf('ch1')))
    expect(site.hub.liveKeyOf('ch2')).toBe(foreign)
    expect(await channelOf('ch2')).toMatchObject({
      ...{ tenantId: 't-ch2', keyStatus: 'needs_decision', mintProblem: 'key_in_use' },
    })
  })
})
