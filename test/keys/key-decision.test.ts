import { afterEach, describe, expect, it } from '@jest/globals'
import { fingerprintOf } from '../../src/keys/key-store.ts'
import { engines } from '../databases.ts'
import { dumpOf } from '../dump.ts'
import {
  actionsOn,
  addOldChannel,
  channelOf,
  decisionOf,
  grantAgain,
  NUMBER,
  startStopped,
} from './stopped-channel.ts'
import { DAY_MS, type TimedSite } from './timed-site.ts'

const MINUTE_MS = 60_000
const UNREADABLE = { endpoint: 'list_keys', times: 0, kind: 'status', status: 403 } as const

describe.each(engines)('a number that has a key already, on %s', (engine) => {
  let site: TimedSite
  let foreign: string
  afterEach(() => site.stop())

  const stop = async (settings = {}) => {
    ;({ site, foreign } = await startStopped(engine, settings))
    expect(await channelOf(site)).toMatchObject({ mintState: 'needs_decision', mintProblem: 'key_in_use' })
  }
  const decision = (channelId?: string) => decisionOf(site, channelId)
  const replace = async () => site.context.decisions.replace(await decision())
  const paste = async (apiKey: string, address?: string) =>
    site.context.decisions.paste(await decision(), { apiKey, address })

  /** Nothing was asked for, the key in use lives, and the number waits as before. */
  const expectUntouched = async (problem = 'key_in_use') => {
    await site.pass(DAY_MS)
    expect(site.hub.calls.create_key).toBe(0)
    expect(await channelOf(site)).toMatchObject({
      keyStatus: 'needs_decision',
      keyVersion: 0,
      mintState: 'needs_decision',
      mintProblem: problem,
    })
  }

  it('stays untouched when the customer opens the link again', async () => {
    await stop()
    await grantAgain(site)
    await expectUntouched()
    expect(site.hub.liveKeyOf('ch1')).toBe(foreign)
  })

  describe('is replaced', () => {
    it('when an admin decides it, once', async () => {
      await stop()
      const decided = await decision()
      const { mintId } = await channelOf(site)
      await replace()
      await site.untilQuiet()

      expect(site.hub.minted).toEqual(['ch1'])
      const live = String(site.hub.liveKeyOf('ch1'))
      expect(live).not.toBe(foreign)
      expect(await channelOf(site)).toMatchObject({
        keyStatus: 'stored',
        keyVersion: 1,
        keyFingerprint: fingerprintOf('ch1', live),
        mintId: undefined,
        probeState: 'ok',
      })
      expect(await actionsOn(site)).toEqual([
        ...['api_key.stored', 'api_key.replace_decided', 'mint.needs_decision', 'channel.bound'],
      ])
      const ledger = await site.context.mints.listOfChannel('ch1')
      expect(ledger).toMatchObject([
        { reason: 'replace', askedBy: 'admin:anna', state: 'stored' },
        { id: mintId, state: 'not_needed', problem: 'key_in_use' },
      ])
      await expect(site.context.decisions.replace(decided)).rejects.toThrow('Nothing was changed')
      await site.pass(DAY_MS)
      expect(site.hub.calls.create_key).toBe(1)
    })

    it('by one of two admins who decide at once', async () => {
      await stop()
      const decided = await decision()
      const both = await Promise.allSettled([
        site.context.decisions.replace(decided),
        site.context.decisions.replace({ ...decided, adminName: 'bert' }),
      ])
      expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
      await site.pass(DAY_MS)
      expect(site.hub.calls.create_key).toBe(1)
      expect((await actionsOn(site)).filter((name) => name === 'api_key.replace_decided')).toHaveLength(1)
    })

    it('but no other key that has come since: that one asks again', async () => {
      await stop()
      const other = site.hub.mintForeignKey('ch1')
      await replace()
      await expectUntouched('another_key_appeared')
      expect(site.hub.liveKeyOf('ch1')).toBe(other)

      await replace()
      await site.untilQuiet()
      expect(site.hub.minted).toEqual(['ch1'])
      expect(await channelOf(site)).toMatchObject({ keyStatus: 'stored', mintId: undefined })
    })

    it('not by a page that shows an earlier stop', async () => {
      await stop()
      const early = await decision()
      site.hub.mintForeignKey('ch1')
      await replace()
      await site.untilQuiet()
      await expect(site.context.decisions.replace(early)).rejects.toThrow('Nothing was changed')
      await expectUntouched('another_key_appeared')
    })

    it('not by a page that shows fewer key records, although it is the same stop', async () => {
      await stop()
      const early = await decision()
      const { mintId } = await channelOf(site)
      const newer = site.hub.mintForeignKey('ch1')
      await grantAgain(site)
      expect((await channelOf(site)).mintId).toBe(mintId)
      const problem = 'This changed meanwhile: which keys are known at 360dialog.'
      await expect(site.context.decisions.replace(early)).rejects.toThrow(problem)
      await expect(
        site.context.decisions.paste(early, { apiKey: newer, address: undefined }),
      ).rejects.toThrow(problem)
      await expectUntouched()
      expect(site.hub.liveKeyOf('ch1')).toBe(newer)
    })

    it('when the key records cannot be read: the admin knew that', async () => {
      await stop()
      site.hub.setFault(UNREADABLE)
      await grantAgain(site)
      expect(await channelOf(site)).toMatchObject({ mintProblem: 'key_records_unreadable' })
      await replace()
      await site.untilQuiet()
      expect(site.hub.minted).toEqual(['ch1'])
      expect(await channelOf(site)).toMatchObject({ keyStatus: 'stored' })
    })

    it('not when the key records cannot be read any more', async () => {
      await stop()
      site.hub.setFault(UNREADABLE)
      await replace()
      await expectUntouched('key_records_unreadable')
      expect(site.hub.liveKeyOf('ch1')).toBe(foreign)
    })

    it.each([
      ['the connection is cut after it was made', { kind: 'lost_after_commit' }],
      ['360dialog fails after it was made', { kind: 'status', status: 500, committed: true }],
    ] as const)('with one second mint, and no more, when %s', async (_, fault) => {
      await stop()
      site.hub.setFault({ endpoint: 'create_key', ...fault })
      await replace()
      await site.untilQuiet()
      expect(site.hub.minted).toEqual(['ch1', 'ch1'])
      expect(await channelOf(site)).toMatchObject({ keyStatus: 'stored', mintId: undefined })
      await site.pass(DAY_MS)
      expect(site.hub.calls.create_key).toBe(2)
    })

    it('not a second time on its own, when 360dialog failed and the old key lives on', async () => {
      await stop()
      site.hub.setFault({ endpoint: 'create_key', kind: 'status', status: 500 })
      await replace()
      await site.pass(DAY_MS)
      expect(site.hub.calls.create_key).toBe(1)
      expect(site.hub.liveKeyOf('ch1')).toBe(foreign)
      expect(await channelOf(site)).toMatchObject({ mintState: 'needs_decision', mintProblem: 'answer_lost' })
    })

    it('not a second time on its own, when nobody could read what was there before', async () => {
      await stop()
      site.hub.setFault(UNREADABLE)
      await grantAgain(site)
      site.hub.setFault({ endpoint: 'create_key', kind: 'lost_after_commit' })
      await replace()
      await site.untilQuiet()
      site.hub.clearFaults()
      await site.pass(DAY_MS)
      expect(site.hub.calls.create_key).toBe(1)
      expect(await channelOf(site)).toMatchObject({ mintState: 'needs_decision', mintProblem: 'answer_lost' })
    })
  })

  it('keeps an answer that could not be read when an admin has another key made', async () => {
    await stop()
    site.hub.setFault({ endpoint: 'create_key', kind: 'odd_answer', shape: 'host' })
    await replace()
    await site.untilQuiet()
    const stopped = await channelOf(site)
    expect(stopped).toMatchObject({ mintState: 'needs_decision', mintProblem: 'answer_host_not_allowed' })
    await replace()
    await site.untilQuiet()

    expect(site.hub.minted).toEqual(['ch1', 'ch1'])
    expect(await channelOf(site)).toMatchObject({ keyStatus: 'stored', keyVersion: 1, mintId: undefined })
    const ledger = await site.context.mints.listOfChannel('ch1')
    expect(ledger.find(({ id }) => id === stopped.mintId)?.sealedAnswer).toMatch(/^ey/)
    expect(await site.context.mints.readAgain('ch1', site.context.db)).toBe(false)
  })

  describe('keeps the key in use, when an admin pastes it', () => {
    it('which is proven by its number, and minted by nobody', async () => {
      await stop({ CHANNEL_WEBHOOK_URL: 'https://product.example/{channel_id}' })
      const { mintId } = await channelOf(site)
      expect(await paste(foreign)).toBe('stored')
      await site.untilQuiet()

      expect(await channelOf(site)).toMatchObject({
        keyStatus: 'stored',
        keyVersion: 1,
        keyFingerprint: fingerprintOf('ch1', foreign),
        permission: 'shared',
        permissionSource: 'probe',
        mintId: undefined,
        probeState: 'ok',
        webhookState: undefined,
      })
      const key = await site.context.keys.open('ch1')
      expect(key).toMatchObject({ apiKey: foreign, address: `${site.simulator.url}/waba-v2` })
      expect(await actionsOn(site)).toEqual([...['api_key.pasted', 'mint.needs_decision', 'channel.bound']])
      expect(await site.context.mints.listOfChannel('ch1')).toMatchObject([
        { id: mintId, state: 'not_needed' },
      ])
      await site.pass(DAY_MS)
      expect(site.hub.liveKeyOf('ch1')).toBe(foreign)
      expect(site.hub.calls).toMatchObject({ create_key: 0, webhook_set: 0 })
    })

    it('and a link that is opened again finds that key', async () => {
      await stop()
      await paste(foreign)
      await grantAgain(site)
      await site.pass(DAY_MS)
      expect(site.hub.calls.create_key).toBe(0)
      expect(await channelOf(site)).toMatchObject({ keyStatus: 'stored', keyVersion: 1, mintId: undefined })
    })

    it('once, of two who paste it at once', async () => {
      await stop()
      const both = await Promise.allSettled([paste(foreign), paste(foreign)])
      // The other is told that something was faster, or, if it looks late, that the key is there.
      const stores = both.filter((one) => one.status === 'fulfilled' && one.value === 'stored')
      expect(stores).toHaveLength(1)
      const stored = await site.context.db.selectFrom('apiKey').select('version').execute()
      expect(stored).toEqual([{ version: 1 }])
    })

    it('or replaces it, but never both', async () => {
      await stop()
      const both = await Promise.allSettled([paste(foreign), replace()])
      expect(both.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      await site.untilQuiet()
      const live = String(site.hub.liveKeyOf('ch1'))
      expect(await channelOf(site)).toMatchObject({
        keyFingerprint: fingerprintOf('ch1', live),
        keyVersion: 1,
      })
    })

    it('and leaves the messages where they go, also when a webhook of ours was still planned', async () => {
      await stop({ CHANNEL_WEBHOOK_URL: 'https://product.example/{channel_id}' })
      await replace()
      site.hub.setFault({ endpoint: 'webhook_set', times: 0, kind: 'status', status: 500 })
      await site.untilQuiet()
      expect(await channelOf(site)).toMatchObject({ webhookState: 'failed' })
      const theirs = site.hub.mintForeignKey('ch1')
      await site.settleKey('ch1')
      await grantAgain(site)
      await paste(theirs)
      site.hub.clearFaults()
      await site.pass(DAY_MS)
      expect(site.hub.channel('ch1').webhook).toBeNull()
      expect(await channelOf(site)).toMatchObject({ keyStatus: 'stored', keyVersion: 2 })
    })

    it.each([
      ['of another number', async () => addOldChannel(site, 'ch2', '+49300000002'), 'another number'],
      ['that 360dialog rejects', async () => 'no-such-key', '360dialog rejects this key'],
      ['with a blank in it', async () => 'two words', 'That is not a key'],
      ['that is empty', async () => '', 'That is not a key'],
      ['that would be another header', async () => 'key\r\nx-evil: 1', 'That is not a key'],
    ])('but none %s', async (_, find, reason) => {
      await stop()
      const wrong = await find()
      await expect(paste(wrong)).rejects.toThrow(reason)
      await expectUntouched()
      const seen = [await dumpOf(site.context.db, engine), ...site.log].join('\n')
      if (wrong.length > 1) expect(seen).not.toContain(wrong)
      expect(await paste(foreign)).toBe('stored')
    })

    it.each([
      ['https://evil.example', 'D360_MESSAGING_HOSTS'],
      ['http://user:pass@localhost', 'D360_MESSAGING_HOSTS'],
      ['somewhere', 'not an address'],
    ])('and sends it nowhere else: %s', async (address, reason) => {
      await stop()
      await expect(paste(foreign, address)).rejects.toThrow(reason)
      expect(await paste(foreign, `${site.simulator.url}/waba-v2/`)).toBe('stored')
    })

    it('but not unproven: 360dialog is away, or does not say the number', async () => {
      await stop()
      site.hub.setFault({ endpoint: 'phone_number', kind: 'status', status: 503 })
      await expect(paste(foreign)).rejects.toThrow('Try again in a minute')
      site.hub.setFault({ endpoint: 'phone_number', kind: 'status', status: 404 })
      await expect(paste(foreign)).rejects.toThrow('does not say for which number')
      const forget = (phoneNumber: string | null) =>
        site.context.db.updateTable('channel').set({ phoneNumber }).execute()
      await forget(null)
      await expect(paste(foreign)).rejects.toThrow('which number this channel has')
      await forget(NUMBER)
      await expectUntouched()
      expect(await paste(foreign)).toBe('stored')
    })
  })

  it('has nothing to decide while a mint only waits', async () => {
    await stop()
    const waiting = addOldChannel(site, 'ch2', '+49300000002')
    site.hub.change('ch2', { running: false })
    await grantAgain(site, 'ch2')
    const { mintId } = await channelOf(site, 'ch2')
    const decided = await decision('ch2')
    await expect(site.context.decisions.replace(decided)).rejects.toThrow('Nothing was changed')
    await expect(
      site.context.decisions.paste(decided, { apiKey: waiting, address: undefined }),
    ).rejects.toThrow('Nothing was changed')
    await site.pass(MINUTE_MS)
    expect(await channelOf(site, 'ch2')).toMatchObject({ mintId, mintState: 'waiting' })
  })
})
