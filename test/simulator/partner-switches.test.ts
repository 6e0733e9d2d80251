import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import type { Channel } from '../../src/simulator/records.ts'
import { defaultSwitches, type Switches } from '../../src/simulator/switches.ts'
import { type Answered, addReadyChannel, withSimulator } from './running-simulator.ts'

type Setting = Partial<Switches>
type Body = Answered['body']

const simulator = withSimulator({ now: () => new Date('2026-03-02T09:15:00Z') })
const { call, partner, messaging } = simulator
let channel: Channel

beforeEach(() => {
  channel = addReadyChannel(simulator.hub, '+4930123456')
})
afterEach(() => {
  simulator.hub.setSwitches(defaultSwitches)
  simulator.hub.end(channel.id)
})

/** What the simulator says under a setting, which must be something else than what it says usually. */
async function says<T>(setting: Setting, ask: () => Promise<T>): Promise<T> {
  const usual = await ask()
  simulator.hub.setSwitches(setting)
  const answer = await ask()
  expect(answer).not.toEqual(usual)
  return answer
}

const filtered = (list: string, filters: object, more = '') =>
  partner(`/${list}?filters=${encodeURIComponent(JSON.stringify(filters))}${more}`)
const listed = async (): Promise<Body> => {
  const { body } = await filtered('channels', { id: channel.id })
  return body.partner_channels[0]
}
const client = async (): Promise<Body> =>
  (await filtered('clients', { id: channel.clientId })).body.clients[0]
const mint = () => partner(`/channels/${channel.id}/api_keys`, { method: 'POST' })
const one = async () => (await partner(`/channels/${channel.id}`)).body
const statusOf = async (asked: Promise<Answered>) => (await asked).status

describe('a channel, as a switch lets it be written', () => {
  const silent = { account_mode: null, status: 'created', hub_status: 'pending', state: 'pending' }
  const running = ({ account_mode, status, hub_status, availability_status, integration }: Body) => ({
    ...{ account_mode, status, hub_status, state: integration.state },
    ...(availability_status && { availability_status }),
  })
  it.each([
    ['account_mode', { account_mode: 'live' }],
    ['status', { status: 'ready' }],
    ['hub_status', { hub_status: 'live' }],
    ['availability_status', { availability_status: 'running' }],
    ['integration', { state: 'running' }],
    ['none', {}],
  ] as const)('says that it runs by %s', async (running_field, field) => {
    expect(await says({ running_field }, async () => running(await listed()))).toEqual({
      ...silent,
      ...field,
    })
  })

  it.each<[Setting, (row: Body) => unknown, unknown]>([
    [{ phone_plus: false }, (row) => row.setup_info.phone_number, '4930123456'],
    [
      { phone_place: 'phone_number' },
      (row) => [row.phone_number, 'phone_number' in row.setup_info],
      ['+4930123456', false],
    ],
    [{ phone_place: 'display_phone_number' }, (row) => row.display_phone_number, '+4930123456'],
    [{ quality_words: 'word' }, (row) => row.current_quality_rating, 'High'],
    [{ milliseconds: true }, (row) => row.created_at, '2026-03-02T09:15:00.821Z'],
    [{ channel_client: 'id' }, (row) => ['client' in row, 'client_id' in row], [false, true]],
    [{ channel_client: 'object' }, (row) => ['client' in row, 'client_id' in row], [true, false]],
    [{ app_id_place: 'channel' }, (row) => ['app_id' in row, 'app_id' in row.integration], [true, false]],
    [{ access_field: 'is_owned' }, (row) => row.is_owned, true],
    [{ access_field: 'access' }, (row) => row.access, 'owned'],
  ])('with %j', async (setting, pick, expected) => {
    expect(await says(setting, async () => pick(await listed()))).toEqual(expected)
  })

  it('is told from one to which the partner has shared access only', async () => {
    simulator.hub.change(channel.id, { isSharedAccess: true })
    expect(await says({ access_field: 'is_owned' }, async () => (await listed()).is_owned)).toBe(false)
    expect(await says({ access_field: 'access' }, async () => (await listed()).access)).toBe('shared')
  })

  it('ends in one field or in the other', async () => {
    simulator.hub.change(channel.id, { endsAt: '2026-04-01T00:00:00Z' })
    const ends = async () => {
      const { terminated_at, cancelled_at } = await listed()
      return [terminated_at, cancelled_at]
    }
    expect(await ends()).toEqual(['2026-04-01T00:00:00Z', null])
    expect(await says({ ended_field: 'cancelled_at' }, ends)).toEqual([null, '2026-04-01T00:00:00Z'])
  })

  it.each<[Setting, () => unknown]>([
    [{ channel_envelope: 'list' }, () => ({ partner_channels: [{ id: channel.id }] })],
    [{ channel_envelope: 'channel' }, () => ({ channel: { id: channel.id } })],
    [{ channel_envelope: 'not_found' }, () => ({ meta: { http_code: 404 } })],
  ])('is answered alone with %j', async (setting, expected) => {
    expect(await says(setting, one)).toMatchObject(expected() as object)
  })
})

describe('lists and clients, as a switch lets them be', () => {
  it.each<[Setting, (body: Body) => unknown]>([
    [{ list_envelope: 'channels' }, (body) => body.channels[0].id],
    [{ list_envelope: 'bare_array' }, (body) => body[0].id],
  ])('come with %j', async (setting, pick) => {
    const asked = async () => (await filtered('channels', { id: channel.id })).body
    expect(pick(await says(setting, asked))).toBe(channel.id)
  })

  it('page as long as they are set to', async () => {
    const limit = async (query: string) => (await partner(`/channels?${query}`)).body.limit
    expect(await says({ page_default: 1000, page_most: 1000 }, () => limit(''))).toBe(1000)
    expect(await says({ page_most: 50 }, () => limit('limit=500'))).toBe(50)
  })

  it('ignore filters, or only unknown ones', async () => {
    const total = async () => (await filtered('clients', { id: 'noneCL' })).body.total
    expect(await says({ filters: 'ignored' }, total)).toBeGreaterThan(0)
    simulator.hub.setSwitches(defaultSwitches)
    const unknown = async () => {
      const { status, body } = await filtered('clients', { id: channel.clientId, nickname: 'x' })
      return [status, body.total]
    }
    expect(await unknown()).toEqual([400, undefined])
    expect(await says({ filters: 'known_only' }, unknown)).toEqual([200, 1])
  })

  it.each<[Setting, object]>([
    [{ client_details: 'null' }, { meta_info: null, contact_info: null, contact_user: null }],
    [{ client_details: 'missing' }, {}],
  ])('show clients with %j', async (setting, expected) => {
    const details = async () => {
      const { meta_info, contact_info, contact_user } = await client()
      return { meta_info, contact_info, contact_user }
    }
    expect(await says(setting, details)).toEqual(expected)
  })

  it('write the times of clients with milliseconds', async () => {
    const created = async () => (await client()).created_at
    expect(await says({ milliseconds: true }, created)).toBe('2026-03-02T09:15:00.821Z')
  })
})

describe('refusals and limits, as a switch lets them be', () => {
  const message = 'Channel not found'
  it.each<[Setting, unknown]>([
    [{ error_shape: 'meta_errors' }, { meta: { http_code: 404 }, errors: [{ code: 404, title: message }] }],
    [{ error_shape: 'error' }, { error: message }],
    [{ error_shape: 'error_message' }, { error: { message } }],
    [{ error_shape: 'message' }, { message }],
    [{ error_shape: 'html' }, undefined],
    [{ error_shape: 'empty' }, undefined],
  ])('with %j', async (setting, expected) => {
    const refused = async () => {
      const { status, body, text } = await partner('/channels/noneCH')
      return { status, body, text }
    }
    const { status, body, text } = await says(setting, refused)
    expect(status).toBe(404)
    if (expected) expect(body).toMatchObject(expected)
    else
      expect(text).toBe(setting.error_shape === 'html' ? '<html><title>404</title><h1>404</h1></html>' : '')
  })

  it('limit every call to 5 in 30 seconds, and say when to come back', async () => {
    const sixth = async () => {
      for (let n = 1; n <= 5; n += 1) await partner('')
      const { status, headers } = await partner('')
      return [status, headers.get('retry-after')]
    }
    expect(await says({ rate_limit: 'all' }, sixth)).toEqual([429, null])
    expect(
      await says({ retry_after: true }, async () => (await partner('')).headers.get('retry-after')),
    ).toBe('30')
    const key = simulator.hub.mintForeignKey(channel.id)
    expect(await statusOf(messaging('/waba-v2/health_status', key))).toBe(200)
    simulator.hub.advance(30)
    expect(await statusOf(partner(''))).toBe(200)
  })

  it('let the partner’s key in by the other header', async () => {
    const asked = () => statusOf(partner('', { headers: { 'D360-API-KEY': 'partner-key' } }))
    expect(await says({ d360_header: true }, asked)).toBe(200)
  })

  it('write the type and the life of a token', async () => {
    const logIn = async () => {
      const body = new URLSearchParams({ username: 'anna', password: 'secret' })
      const { token_type, expires_in } = (await call('/api/v2/token', { method: 'POST', body })).body
      return [token_type, expires_in]
    }
    expect(await says({ token_type: 'bearer', token_seconds: 5 }, logIn)).toEqual(['bearer', 5])
  })

  it.each<[Setting, unknown]>([
    [{ allow_client_to_add_phone_no: false }, false],
    [{ onboarding_deeplink_add_params: false }, false],
    [{ blocked_new_submission: true }, true],
  ])('show the partner with %j', async (setting, expected) => {
    const [name = ''] = Object.keys(setting)
    expect(await says(setting, async () => (await partner('')).body[name])).toBe(expected)
  })
})

describe('keys, as a switch lets them be', () => {
  const key = expect.stringMatching(/^\w{31}$/)
  it.each<[Setting, object]>([
    [{ key_answer: 'wrapped' }, { status: 201, body: { api_keys: [{ api_key: key }] } }],
    [{ key_answer: 'key' }, { status: 201, body: { key } }],
    [{ key_status: '200' }, { status: 200, body: { api_key: key } }],
    [{ hosting: 'on_premise' }, { body: { address: expect.stringMatching(/:\d+\/waba$/) } }],
    [{ key_address: 'https://waba.360dialog.io' }, { body: { address: 'https://waba.360dialog.io' } }],
  ])('are created with %j', async (setting, expected) => {
    expect(await says(setting, mint)).toMatchObject(expected)
    expect(simulator.hub.liveKeyOf(channel.id)).toMatch(/^\w{31}$/)
  })

  it.each(['404', '409'] as const)(
    'are refused with %s before the number runs',
    async (not_running_status) => {
      simulator.hub.change(channel.id, { running: false })
      expect(await says({ not_running_status }, () => statusOf(mint()))).toBe(Number(not_running_status))
    },
  )

  it.each<[Switches['key_records'], (value: string) => unknown]>([
    ['without_key', () => [200, undefined]],
    ['clear', (value) => [200, value]],
    ['refused', () => [403, undefined]],
  ])('are listed %s', async (key_records, expected) => {
    const value = simulator.hub.mintForeignKey(channel.id)
    const records = async () => {
      const { status, body } = await partner(`/channels/${channel.id}/api_keys`)
      return [status, body.api_keys?.[0].api_key]
    }
    expect(await says({ key_records }, records)).toEqual(expected(value))
  })

  it('are deleted by a partner with permission, or by none', async () => {
    const remove = () => statusOf(partner(`/channels/${channel.id}/api_keys`, { method: 'DELETE' }))
    simulator.hub.mintForeignKey(channel.id)
    expect(await says({ delete_keys: false }, remove)).toBe(404)
    expect(simulator.hub.liveKeyOf(channel.id)).toBeUndefined()
    simulator.hub.setSwitches({ delete_keys: true })
    simulator.hub.revoke(channel.id)
    expect(await remove()).toBe(403)
  })

  it('end with the permission', async () => {
    const revoked = async () => {
      simulator.hub.grant(channel.id)
      simulator.hub.mintForeignKey(channel.id)
      simulator.hub.revoke(channel.id)
      return simulator.hub.liveKeyOf(channel.id) === undefined
    }
    expect(await says({ revoke_kills_key: true }, revoked)).toBe(true)
  })
})
