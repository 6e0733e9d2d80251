import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import request from 'supertest'
import { engines } from '../databases.ts'
import { comeBack, grant, newClient, readStatus } from '../journey.ts'
import { startTimedSite, type TimedSite } from '../keys/timed-site.ts'
import { PATH, stopSync } from './notice-sender.ts'

describe.each(engines)('with the notices of the simulator, on %s', (engine) => {
  let site: TimedSite
  beforeEach(async () => {
    site = await startTimedSite({ engine })
    await stopSync(site)
    site.hub.webhookUrl = site.url + PATH
  })
  afterEach(() => site.stop())

  const control = async (path: string, body: object = {}) => {
    await request(site.simulator.url).post(`/control${path}`).send(body).expect(200)
    await site.hub.outbox.settled()
    await site.untilQuiet()
  }
  const connect = async (running = true) => {
    const returned = await comeBack(await grant(site, 'ch1', newClient('ch1', { running })))
    await site.hub.outbox.settled()
    await site.untilQuiet()
    return returned
  }
  const sent = () => site.hub.outbox.list().map(({ event, answer }) => `${event}: ${answer}`)

  it('a number gets its key when it runs, and not at the next look', async () => {
    const returned = await connect(false)
    expect(await readStatus(returned)).toBe('waiting')
    await control('/channels/ch1/run')
    expect(sent()).toEqual(
      ['channel_running', 'channel_permission_granted', 'channel_created', 'client_created'].map(
        (event) => `${event}: 200`,
      ),
    )
    expect(await readStatus(returned)).toBe('completed')
  })

  it('the notice may come before the redirect', async () => {
    const granted = await grant(site, 'ch1')
    await site.hub.outbox.settled()
    await site.untilQuiet()
    expect(await site.context.channels.find('ch1')).toMatchObject({ keyStatus: 'none', tenantId: undefined })
    expect(site.hub.minted).toEqual([])
    const returned = await comeBack(granted)
    await site.untilQuiet()
    expect(await readStatus(returned)).toBe('completed')
    expect(site.hub.minted).toEqual(['ch1'])
  })

  it('a client that takes its permission back, and grants it again, is noticed', async () => {
    site.hub.setSwitches({ revoke_kills_key: true })
    await connect()
    await control('/channels/ch1/revoke')
    const channelOf = () => site.context.channels.find('ch1')
    expect(await channelOf()).toMatchObject({ permission: 'missing', keyStatus: 'retired' })
    await control('/channels/ch1/grant')
    expect(await channelOf()).toMatchObject({ permission: 'shared', permissionSource: 'api' })
    expect(site.hub.minted).toEqual(['ch1'])
  })

  it('one is sent again, and none when that is switched off', async () => {
    await connect()
    const [notice] = site.hub.outbox.list()
    await control(`/notices/${notice?.id}/send`)
    // The two come side by side: either may be stored first.
    const stored = await site.context.notices.listOfChannel('ch1', 20)
    expect(stored.toSorted((one, other) => (one.event < other.event ? -1 : 1))).toMatchObject([
      { event: 'channel_created', copies: 1, signature: 'valid' },
      { event: 'channel_permission_granted', copies: 2, signature: 'valid' },
    ])
    await control('/switches', { send_notices: 'false' })
    await control('/channels/ch1/revoke')
    expect(sent()[0]).toEqual('channel_permission_granted: 200')
    await request(site.simulator.url).post('/control/notices/none/send').expect(404)
  })
})
