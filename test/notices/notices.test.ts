import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import type { Row } from '../../src/database/schema.ts'
import { engines } from '../databases.ts'
import { comeBack, grant, newClient, readStatus } from '../journey.ts'
import { DAY_MS, startTimedSite, type TimedSite } from '../keys/timed-site.ts'
import { PLATFORM_SECRET } from '../site.ts'
import { envelope, post, signatureOf, stopSync } from './notice-sender.ts'

const MINUTE_MS = 60_000

/** Those of the contract that are about a channel, one of them spelled with a dot. */
const channelEvents =
  `channel_created channel_submitted channel_ready channel_running channel_live channel_permission_granted
  channel_permission_revoked cancellation_request cancellation_revoke cancellation_processed
  template_messaging_enabled template_messaging_disabled channel.live`.split(/\s+/)

describe.each(engines)('a notice of 360dialog, on %s', (engine) => {
  let site: TimedSite
  beforeEach(async () => {
    site = await startTimedSite({ engine })
    await stopSync(site)
  })
  afterEach(() => site.stop())

  const rows = (): Promise<Row<'notice'>[]> =>
    site.context.db.selectFrom('notice').selectAll().orderBy('id').orderBy('place').execute()
  const channelOf = (id: string) => site.context.channels.find(id)
  const observationsOf = async (id: string) =>
    (await site.context.channels.listObservations(id)).map(({ source, says }) => `${source}: ${says}`)
  const send = async (event: string, data: unknown) => {
    await post(site, envelope(event, data)).expect(200)
    await site.untilQuiet()
  }
  /** How often channels are asked for while this happens. */
  const callsWhile = async (happens: () => Promise<unknown>) => {
    const before = site.hub.calls.channels
    await happens()
    await site.untilQuiet()
    return site.hub.calls.channels - before
  }
  const connect = async (channelId: string, acts = newClient(channelId)) => {
    const returned = await comeBack(await grant(site, channelId, acts))
    await site.untilQuiet()
    return returned
  }

  describe('is taken', () => {
    it('and kept as it came, signed, and answered at once', async () => {
      const body = '{ "id":"evt_7", "event":"channel_live","data":{"id":"ch1","client_id":"cl1"} }\n'
      await post(site, body).expect(200)
      expect(await rows()).toMatchObject([
        {
          ...{ event: 'channel_live', envelopeId: 'evt_7', dataId: 'ch1', channelId: 'ch1', clientId: 'cl1' },
          ...{ body: body.trim(), size: body.length, signature: 'valid', copies: 1, place: 0 },
        },
      ])
    })

    it('by the signature with its prefix, and by either secret during a change', async () => {
      const body = envelope('channel_live', { id: 'ch1' })
      await post(site, body, `sha256=${signatureOf(body)}`).expect(200)
      site = await site.restart({ D360_PLATFORM_SECRET: `a-new-secret ${PLATFORM_SECRET}` })
      await post(site, envelope('channel_ready', { id: 'ch1' })).expect(200)
      const next = envelope('channel_running', { id: 'ch1' })
      await post(site, next, signatureOf(next, 'a-new-secret')).expect(200)
      expect((await rows()).map(({ signature }) => signature)).toEqual(['valid', 'valid', 'valid'])
    })

    it('whatever its account event is, and its channel is read again', async () => {
      await connect('ch1')
      for (const event of channelEvents) {
        expect([event, await callsWhile(() => send(event, { id: 'ch1' }))]).toEqual([event, 1])
        expect((await rows()).at(-1)).toMatchObject({
          event: event.replace('.', '_'),
          body: envelope(event, { id: 'ch1' }),
          outcome: 'read',
        })
      }
    })

    it('although it names a number only, or a template', async () => {
      await connect('ch1')
      const data = { phone_number: '49 30 000 0001', violation_type: 'SPAM' }
      expect(await callsWhile(() => send('account_violation', data))).toBe(1)
      expect(await callsWhile(() => send('account_restriction', data))).toBe(1)
      const template = { id: '104000000000001', template: { name: 'hello', new_status: 'rejected' } }
      expect(await callsWhile(() => send('waba_template_status_changed', template))).toBe(0)
      expect((await rows()).map(({ channelId, outcome }) => [channelId, outcome])).toEqual([
        ['ch1', 'read'],
        ['ch1', 'read'],
        [undefined, 'kept'],
      ])
    })

    it('although its event is new: it is kept without its body, and shown, and its channel is read again', async () => {
      await connect('ch1')
      expect(await callsWhile(() => send('channel_paused', { id: 'ch1', why: 'unpaid' }))).toBe(1)
      expect(await callsWhile(() => send('moon_rising', { id: 'ch2' }))).toBe(0)
      expect(await callsWhile(() => post(site, '{"hello":"world"}').expect(200))).toBe(0)
      expect((await rows()).map(({ event, outcome, body }) => [event, outcome, body])).toEqual([
        ['channel_paused', 'read', undefined],
        ['moon_rising', 'kept', undefined],
        ['', 'kept', undefined],
      ])
      expect(await site.context.notices.listOfChannel('ch1', 20)).toMatchObject([{ event: 'channel_paused' }])
    })

    it('in a list, each event by itself', async () => {
      const list = ['channel_ready', 'nonsense', 'channel_live'].map((event) =>
        envelope(event, { id: 'ch1' }),
      )
      await post(site, `[${list.join(', ')}]`).expect(200)
      const stored = await rows()
      expect(stored.map(({ event, place }) => [event, place])).toEqual([
        ['channel_ready', 0],
        ['nonsense', 1],
        ['channel_live', 2],
      ])
      expect(stored.map(({ body }) => body)).toEqual([list[0], undefined, list[2]])
    })

    it('again, byte for byte: it is marked, and makes its channel due once more', async () => {
      await connect('ch1')
      const data = { id: 'ch1', client_id: 'cl1' }
      for (const copies of [1, 2, 3]) {
        expect(await callsWhile(() => send('channel_permission_granted', data))).toBe(1)
        expect(await rows()).toMatchObject([{ copies, outcome: 'read' }])
      }
      expect((await observationsOf('ch1')).filter((one) => one === 'notice: grant_reported')).toHaveLength(3)
    })

    it('again, by a process whose clock is behind', async () => {
      const first = site.clock.now()
      await send('channel_live', { id: 'ch1' })
      site.clock.advance(-2_000)
      await send('channel_live', { id: 'ch1' })
      expect(await rows()).toMatchObject([{ copies: 2, receivedAt: first, lastReceivedAt: first }])
    })

    it('for 90 days after it came last', async () => {
      const pass = async (days: number) => {
        site.clock.advance(days * DAY_MS)
        await site.untilQuiet()
      }
      await send('channel_live', { id: 'ch1' })
      await pass(60)
      await send('channel_live', { id: 'ch1' })
      await pass(60)
      expect(await rows()).toHaveLength(1)
      await pass(31)
      expect(await rows()).toEqual([])
    })
  })

  describe('makes us look', () => {
    it('at the channel, which is described anew, and the mint that waits for it', async () => {
      const returned = await connect('ch1', newClient('ch1', { running: false }))
      expect(await readStatus(returned)).toBe('waiting')
      site.hub.makeRun('ch1')
      await send('channel_running', { id: 'ch1' })
      expect(site.hub.minted).toEqual(['ch1'])
      expect(await channelOf('ch1')).toMatchObject({ status: 'live', keyStatus: 'stored' })
      expect(await readStatus(returned)).toBe('completed')
    })

    it('by trying where no field says that a number runs: 360dialog decides, once', async () => {
      site.hub.setSwitches({ running_field: 'none' })
      const returned = await connect('ch1', newClient('ch1', { running: false }))
      await send('channel_running', { id: 'ch1' })
      expect(await channelOf('ch1')).toMatchObject({ mintProblem: 'refused', mintUpstreamStatus: 400 })
      site.hub.makeRun('ch1')
      await send('channel_live', { id: 'ch1' })
      expect(await channelOf('ch1')).toMatchObject({ isRunning: false, keyStatus: 'stored' })
      expect([site.hub.minted, await readStatus(returned)]).toEqual([['ch1'], 'completed'])
    })

    it('but not when nobody signed it', async () => {
      site.hub.setSwitches({ running_field: 'none' })
      site = await site.restart({ D360_WEBHOOK_SIGNATURE: 'warn' })
      await connect('ch1', newClient('ch1', { running: false }))
      await post(site, envelope('channel_running', { id: 'ch1' }), '').expect(200)
      await site.pass(10 * MINUTE_MS)
      expect(site.hub.calls.create_key).toBe(0)
    })

    it('whether it is true or not: what it says is no fact', async () => {
      await connect('ch1', newClient('ch1', { running: false }))
      await send('channel_live', { id: 'ch1', account_mode: 'live', status: 'ready', client_id: 'clX' })
      expect(await channelOf('ch1')).toMatchObject({ isRunning: false, keyStatus: 'waiting' })
      expect((await channelOf('ch1'))?.clientId).not.toBe('clX')
    })

    it('at the key, when a revocation is reported', async () => {
      site.hub.setSwitches({ revoke_kills_key: true })
      await connect('ch1')
      site.hub.revoke('ch1')
      await send('channel_permission_revoked', { id: 'ch1' })
      expect(await channelOf('ch1')).toMatchObject({ permission: 'missing', keyStatus: 'retired' })
      await send('channel_permission_revoked', { id: 'ch1' })
      await send('channel_permission_granted', { id: 'ch1' })
      expect(await channelOf('ch1')).toMatchObject({ permission: 'missing', isPermissionDisputed: true })
    })

    it('and keeps a key that works, whatever is reported, in any order', async () => {
      await connect('ch1')
      await send('channel_permission_granted', { id: 'ch1' })
      expect(await channelOf('ch1')).toMatchObject({ permission: 'shared', keyStatus: 'stored' })
      await send('channel_permission_revoked', { id: 'ch1' })
      await send('channel_permission_granted', { id: 'ch1' })
      const kept = { permission: 'shared', keyStatus: 'stored', probeState: 'ok' }
      expect(await channelOf('ch1')).toMatchObject(kept)
      expect(site.hub.minted).toEqual(['ch1'])
    })

    it('again, when another one comes while 360dialog is being asked', async () => {
      await connect('ch1')
      site.hub.setFault({ endpoint: 'channels', kind: 'slow', ms: 300 })
      const before = site.hub.calls.channels
      await post(site, envelope('channel_live', { id: 'ch1' })).expect(200)
      while (site.hub.calls.channels === before) await new Promise((resolve) => setTimeout(resolve, 10))
      await post(site, envelope('channel_ready', { id: 'ch1' })).expect(200)
      await site.untilQuiet()
      expect(site.hub.calls.channels - before).toBe(2)
      expect((await rows()).map(({ outcome }) => outcome)).toEqual(['read', 'read'])
    })

    it('later, when 360dialog does not answer', async () => {
      await connect('ch1')
      site.hub.setFault({ endpoint: 'channels', kind: 'status', status: 403 })
      await send('channel_live', { id: 'ch1' })
      expect(await rows()).toMatchObject([{ outcome: undefined }])
      await site.pass(MINUTE_MS)
      expect(await rows()).toMatchObject([{ outcome: 'read' }])
    })

    it('at a client that is known, and at nobody else', async () => {
      await connect('ch1')
      const { clientId } = site.hub.channel('ch1')
      const asked = site.hub.calls.clients
      await send('client_created', { client: { id: clientId, name: 'Shop' } })
      await send('client_created', { id: 'clX', name: 'Nobody' })
      expect(site.hub.calls.clients - asked).toBe(1)
      expect((await rows()).map((row) => [row.clientId, row.outcome])).toEqual([
        [clientId, 'read'],
        ['clX', 'kept'],
      ])
    })
  })

  describe('about channels that are not known here', () => {
    it('costs one call a minute, however many there are', async () => {
      const flood = (from: number) =>
        callsWhile(async () => {
          for (let n = from; n < from + 20; n += 1) await send('channel_live', { id: `strange${n}` })
        })
      expect(await flood(0)).toBe(1)
      expect(await flood(20)).toBe(0)
      expect(await callsWhile(() => site.pass(MINUTE_MS))).toBe(1)
      expect(await callsWhile(() => site.pass(DAY_MS))).toBe(0)
      expect(new Set((await rows()).map(({ outcome }) => outcome))).toEqual(new Set(['not_listed']))
      expect(await channelOf('strange1')).toBeUndefined()
    })

    it('shows them when 360dialog lists them, and asks for no key', async () => {
      const { id: clientId } = site.hub.addClient({ name: 'Elsewhere', email: 'a@elsewhere.example' })
      for (const id of ['other1', 'other2'])
        site.hub.addChannel({
          ...{ id, clientId, phoneNumber: `+49309${id.length}${id.at(-1)}0000`, displayName: id },
          ...{ running: true, permitted: true },
        })
      const foreign = site.hub.mintForeignKey('other1')
      await send('channel_permission_granted', { id: 'other1' })
      await send('channel_permission_granted', { id: 'other2' })
      await site.pass(DAY_MS)
      for (const id of ['other1', 'other2'])
        expect(await channelOf(id)).toMatchObject({ clientId, tenantId: undefined, keyStatus: 'none' })
      expect(site.hub.minted).toEqual([])
      expect(site.hub.liveKeyOf('other1')).toBe(foreign)
    })

    it('waits its minute too when 360dialog does not answer', async () => {
      site.hub.setFault({ endpoint: 'channels', kind: 'status', status: 404 })
      expect(await callsWhile(() => send('channel_live', { id: 'strange' }))).toBe(1)
      expect(await callsWhile(() => site.pass(MINUTE_MS / 2))).toBe(0)
      expect(await callsWhile(() => site.pass(MINUTE_MS))).toBe(1)
      expect(await rows()).toMatchObject([{ outcome: 'not_listed' }])
    })
  })
})
