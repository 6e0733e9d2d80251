import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { keyFactsOf } from '../../src/keys/key-facts.ts'
import { shownOf } from '../../src/shown-facts.ts'
import { engines } from '../databases.ts'
import { comeBack, grant, type Returned, readStatus } from '../journey.ts'
import { HOUR_MS, MINUTE_MS, startTimedSite, type TimedSite } from '../keys/timed-site.ts'

describe.each(engines)('a client takes its permission back, on %s', (engine) => {
  let site: TimedSite
  let first: Returned
  beforeEach(async () => {
    site = await startTimedSite({ engine })
    site.hub.setSwitches({ revoke_kills_key: true })
    first = await comeBack(await grant(site, 'ch1'))
    await site.untilQuiet()
    expect(await readStatus(first)).toBe('completed')
  })
  afterEach(() => site.stop())

  const channel = () => site.context.channels.find('ch1')
  const probe = () => site.settleKey('ch1')
  const again = () => ({ clientId: site.hub.channel('ch1').clientId, channels: ['ch1'] })
  const actions = async () =>
    (await site.context.audit.list({ channelId: 'ch1', limit: 100 })).map(({ action }) => action)

  /** A new grant goes on with the next version, however the last one ended. */
  async function expectGrantedAgain(version: number): Promise<void> {
    const returned = await comeBack(await grant(site, 'ch1', again()))
    await site.untilQuiet()
    expect(await readStatus(returned)).toBe('completed')
    expect(await channel()).toMatchObject({ permission: 'shared', keyStatus: 'stored', keyVersion: version })
  }

  it.each(['ids', 'not_found'] as const)(
    'in the redirect, with shared numbers as %s: the key is retired once it is rejected',
    async (shape) => {
      site.hub.setSwitches({ shared_numbers: shape })
      const { clientId } = site.hub.channel('ch1')
      await comeBack(await grant(site, 'ch1', { clientId, revoke: ['ch1'] }))
      await site.untilQuiet()
      if (shape === 'not_found') {
        expect(await channel()).toMatchObject({ permission: 'unknown', keyStatus: 'stored' })
        for (const minutes of [1, 5]) await site.pass(minutes * MINUTE_MS)
      }
      expect(await channel()).toMatchObject({ permission: 'missing', keyStatus: 'retired' })
      expect(site.hub.minted).toEqual(['ch1'])
      await expectGrantedAgain(2)
    },
  )

  it('in its own Hub, without a word: the probe finds the key rejected, and an admin confirms it', async () => {
    // Where the list of shared numbers can be read, the sync proves it.
    site.hub.setSwitches({ shared_numbers: 'not_found' })
    site.hub.revoke('ch1')
    await probe()
    const found = await channel()
    expect(found).toMatchObject({ permission: 'unknown', keyStatus: 'rejected' })
    if (!found) throw new Error('the channel is gone')
    const decision = { channelId: 'ch1', adminName: 'anna', shown: shownOf(keyFactsOf(found, undefined)) }
    await expect(site.context.decisions.retire({ ...decision, shown: 'x' })).rejects.toThrow()
    expect(await channel()).toMatchObject({ keyStatus: 'rejected' })
    await site.context.decisions.retire(decision)
    expect(await channel()).toMatchObject({ permission: 'missing', keyStatus: 'retired' })
    expect(await actions()).toContain('api_key.retired')
    await site.pass(6 * HOUR_MS)
    expect(site.hub.minted).toEqual(['ch1'])
    await expectGrantedAgain(2)
  })

  it('or another system creates keys for its number: after two keys that did not live a day, nothing ends its', async () => {
    const returnAgain = async () => {
      await comeBack(await grant(site, 'ch1', again()))
      await site.untilQuiet()
    }
    site.hub.mintForeignKey('ch1')
    await probe()
    expect(await channel()).toMatchObject({ keyStatus: 'rejected', probeProblem: 'key_rejected' })
    await returnAgain()
    const found = await channel()
    if (!found) throw new Error('the channel is gone')
    expect(found).toMatchObject({ mintProblem: 'key_in_use' })
    const open = await site.context.ledger.findOpen('ch1')
    const shown = shownOf(keyFactsOf(found, open))
    await site.context.decisions.replace({ channelId: 'ch1', adminName: 'anna', shown })
    await site.untilQuiet()
    expect(site.hub.minted).toEqual(['ch1', 'ch1'])
    const foreign = site.hub.mintForeignKey('ch1')
    await probe()
    expect(await channel()).toMatchObject({ keyStatus: 'rejected', probeProblem: 'another_system' })
    await returnAgain()
    expect(await channel()).toMatchObject({ keyStatus: 'needs_decision', mintProblem: 'another_system' })
    expect(site.hub.liveKeyOf('ch1')).toBe(foreign)
  })
})
