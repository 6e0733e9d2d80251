import { afterEach, describe, expect, it } from '@jest/globals'
import type { ChannelDetails } from '../../src/channels/channel-service.ts'
import type { CrashPointName } from '../../src/jobs/crash-points.ts'
import { fingerprintOf } from '../../src/keys/key-store.ts'
import type { Fault } from '../../src/simulator/faults.ts'
import { engines } from '../databases.ts'
import { comeBack, emailOf, grant, type Returned, readStatus } from '../journey.ts'
import { DAY_MS, startTimedSite, type TimedSite } from './timed-site.ts'

const MINUTE_MS = 60_000

describe.each(engines)('a mint on %s', (engine) => {
  let site: TimedSite
  afterEach(() => site.stop())

  /** A new client grants a new number, and this goes wrong with its key creation. */
  const grantDespite = async (...faults: WithoutEndpoint[]) => {
    site = await startTimedSite({ engine })
    for (const fault of faults) site.hub.setFault({ endpoint: 'create_key', ...fault } as Fault)
    return comeBackAndWait(site)
  }

  it.each([
    ['refused with 400', { kind: 'status', status: 400 }],
    ['told to slow down', { kind: 'status', status: 429 }],
    ['told to slow down for a while', { kind: 'status', status: 429, retry_after: 45 }],
  ] as const)('waits and is then made once when it is %s', async (_, fault) => {
    const returned = await grantDespite(fault)
    expect(await readStatus(returned)).toBe('waiting')
    expect(await channel(site)).toMatchObject({
      mintState: 'waiting',
      mintProblem: 'refused',
      mintUpstreamStatus: fault.status,
    })
    expect(site.hub.minted).toEqual([])

    await site.pass(MINUTE_MS)
    await expectConnected(site, returned)
    expect(site.hub.minted).toEqual(['ch1'])
    expect(site.hub.calls.create_key).toBe(2)
  })

  it('is made once when no connection to 360dialog stood at first', async () => {
    let refusals = 1
    site = await startTimedSite({
      engine,
      crashPoint: (step: CrashPointName, simulator) => {
        if (step !== 'mint.intended' || refusals === 0) return
        refusals -= 1
        // Closes its door before it returns: what is sent from here on meets no listener.
        void simulator.pause()
      },
    })
    const granted = await comeBack(await grant(site, 'ch1'))
    await site.untilQuiet()
    expect(await channel(site)).toMatchObject({ mintState: 'waiting', mintProblem: 'never_sent' })

    await site.simulator.resume()
    await site.pass(MINUTE_MS)
    await expectConnected(site, granted)
    expect(site.hub.calls.create_key).toBe(1)
  })

  it.each([
    ['the connection is cut after it was made', { kind: 'lost_after_commit' }],
    ['360dialog fails after it was made', { kind: 'status', status: 500, committed: true }],
  ] as const)('is repeated once, and no more, when %s', async (_, fault) => {
    const returned = await grantDespite(fault)

    await expectConnected(site, returned)
    expect(site.hub.minted).toEqual(['ch1', 'ch1'])
    expect(await actionsOn(site)).toEqual(['api_key.stored', 'mint.repeated', 'channel.bound'])
  })

  it('is repeated only after a minute when 360dialog failed and no key record appeared', async () => {
    const returned = await grantDespite({ kind: 'status', status: 500 })
    expect(await readStatus(returned)).toBe('waiting')
    expect(await channel(site)).toMatchObject({
      keyStatus: 'unknown',
      mintState: 'unknown',
      mintProblem: 'answer_lost',
    })
    expect(site.hub.calls.create_key).toBe(1)

    await site.pass(MINUTE_MS)
    await expectConnected(site, returned)
    expect(site.hub.minted).toEqual(['ch1'])
    expect(site.hub.calls.create_key).toBe(2)
  })

  it('waits for an admin when the answer is lost a second time', async () => {
    await grantDespite({ kind: 'lost_after_commit', times: 2 })
    await site.pass(3 * DAY_MS)

    expect(await channel(site)).toMatchObject({
      keyStatus: 'needs_decision',
      mintState: 'needs_decision',
      mintProblem: 'answer_lost',
    })
    expect(site.hub.minted).toEqual(['ch1', 'ch1'])
    expect(site.hub.calls.create_key).toBe(2)
  })

  it('is not made while the permission is missing, is given up after a day, and made after a new grant', async () => {
    site = await startTimedSite({ engine })
    const granted = await grant(site, 'ch1')
    site.hub.revoke('ch1')
    const returned = await comeBack(granted)
    await site.untilQuiet()
    expect(await channel(site)).toMatchObject({
      permission: 'missing',
      permissionSource: 'mint',
      mintState: 'waiting',
      mintProblem: 'no_permission',
      mintUpstreamStatus: 403,
    })
    await site.pass(3 * DAY_MS)
    expect(await channel(site)).toMatchObject({ keyStatus: 'none', mintId: undefined })
    expect(await readStatus(returned)).not.toBe('completed')
    expect(site.hub.minted).toEqual([])

    const again = { clientId: site.hub.channel('ch1').clientId, channels: ['ch1'] }
    const returnedAgain = await comeBack(await grant(site, 'ch1', again))
    await site.untilQuiet()
    await expectConnected(site, returnedAgain)
    expect(site.hub.minted).toEqual(['ch1'])
  })

  it('is not made again for a channel whose key is ours and works', async () => {
    const first = await grantDespite()
    await expectConnected(site, first)
    const ours = site.hub.liveKeyOf('ch1')

    const again = { clientId: site.hub.channel('ch1').clientId, channels: ['ch1'] }
    const returned = await comeBack(await grant(site, 'ch1', again))
    await site.untilQuiet()

    await expectConnected(site, returned)
    expect(site.hub.calls.create_key).toBe(1)
    expect(site.hub.liveKeyOf('ch1')).toBe(ours)
  })
})

describe.each(engines)('a channel older than its launch on %s', (engine) => {
  let site: TimedSite
  afterEach(() => site.stop())

  const startWithOldChannel = async () => {
    site = await startTimedSite({ engine })
    const createdAt = new Date(site.clock.now().getTime() - 90 * DAY_MS)
    site.hub.addClient({ id: 'cl1', name: 'Shop ch1', email: emailOf('ch1'), createdAt })
    const number = { clientId: 'cl1', phoneNumber: '+49300000001', displayName: 'Shop ch1', running: true }
    site.hub.addChannel({ id: 'ch1', ...number, createdAt })
  }

  const grantOld = async () => {
    const returned = await comeBack(await grant(site, 'ch1', { clientId: 'cl1', channels: ['ch1'] }))
    await site.untilQuiet()
    return returned
  }

  it('keeps the key that somebody else made for it, and waits for an admin', async () => {
    await startWithOldChannel()
    const foreign = site.hub.mintForeignKey('ch1')
    await grantOld()
    await site.pass(3 * DAY_MS)

    expect(await channel(site)).toMatchObject({
      keyStatus: 'needs_decision',
      mintState: 'needs_decision',
      mintProblem: 'key_in_use',
    })
    expect(site.hub.calls.create_key).toBe(0)
    expect(site.hub.liveKeyOf('ch1')).toBe(foreign)
  })

  it.each([
    ['are no JSON', { kind: 'odd_answer', shape: 'not_json' }],
    ['are empty', { kind: 'odd_answer', shape: 'empty' }],
    ['fail', { kind: 'status', status: 500 }],
    ['are refused', { kind: 'status', status: 403 }],
    ['are always asked for too often', { kind: 'status', status: 429 }],
  ] as const)('counts as having a key when its key records %s', async (_, fault) => {
    await startWithOldChannel()
    const foreign = site.hub.mintForeignKey('ch1')
    site.hub.setFault({ endpoint: 'list_keys', times: 0, ...fault })
    await grantOld()
    await site.pass(3 * DAY_MS)

    expect(await channel(site)).toMatchObject({
      mintState: 'needs_decision',
      mintProblem: 'key_records_unreadable',
    })
    expect(site.hub.calls.create_key).toBe(0)
    expect(site.hub.liveKeyOf('ch1')).toBe(foreign)
  })

  it('gets its key when the key records say that it has none', async () => {
    await startWithOldChannel()
    await expectConnected(site, await grantOld())
    expect(site.hub.minted).toEqual(['ch1'])
  })

  it('keeps looking for a day, then waits for an admin, when the answer is lost and the key records cannot be read', async () => {
    await startWithOldChannel()
    site.hub.setFault({ endpoint: 'create_key', kind: 'lost_after_commit' })
    const granted = await grant(site, 'ch1', { clientId: 'cl1', channels: ['ch1'] })
    // The first look at the records is before the mint, and works.
    site.hub.setFault({ endpoint: 'list_keys', kind: 'slow', ms: 1 })
    site.hub.setFault({ endpoint: 'list_keys', times: 0, kind: 'odd_answer', shape: 'not_json' })
    await comeBack(granted)
    await site.untilQuiet()
    expect(await channel(site)).toMatchObject({ keyStatus: 'unknown', mintState: 'unknown' })
    await site.pass(3 * DAY_MS)

    expect(await channel(site)).toMatchObject({
      keyStatus: 'needs_decision',
      mintProblem: 'answer_lost',
    })
    expect(site.hub.calls.create_key).toBe(1)
  })

  it('gets no key over one that somebody made after ours was replaced', async () => {
    await startWithOldChannel()
    await expectConnected(site, await grantOld())
    const foreign = site.hub.mintForeignKey('ch1')
    await grantOld()
    await site.pass(3 * DAY_MS)

    expect(await channel(site)).toMatchObject({
      keyStatus: 'needs_decision',
      mintProblem: 'key_in_use',
    })
    expect(site.hub.calls.create_key).toBe(1)
    expect(site.hub.liveKeyOf('ch1')).toBe(foreign)
  })
})

type WithoutEndpoint = Fault extends infer F ? (F extends Fault ? Omit<F, 'endpoint'> : never) : never

async function comeBackAndWait(site: TimedSite): Promise<Returned> {
  const returned = await comeBack(await grant(site, 'ch1'))
  await site.untilQuiet()
  return returned
}

async function channel({ context }: TimedSite): Promise<ChannelDetails> {
  const found = await context.channels.find('ch1')
  if (!found) throw new Error('there is no channel')
  return found
}

/** The client sees it connected, and the stored key is the one that lives. */
async function expectConnected(site: TimedSite, returned: Returned): Promise<void> {
  expect(await readStatus(returned)).toBe('completed')
  const found = await channel(site)
  expect(found).toMatchObject({ keyStatus: 'stored', mintId: undefined, probeState: 'ok' })
  expect(found.keyFingerprint).toBe(fingerprintOf('ch1', String(site.hub.liveKeyOf('ch1'))))
}

async function actionsOn({ context }: TimedSite): Promise<string[]> {
  return (await context.audit.list({ channelId: 'ch1', limit: 100 })).map(({ action }) => action)
}
