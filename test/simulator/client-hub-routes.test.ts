import { afterEach, describe, expect, it } from '@jest/globals'
import { defaultSwitches } from '../../src/simulator/switches.ts'
import { addReadyChannel, withSimulator } from './running-simulator.ts'

const simulator = withSimulator()
const { call, partner, submit, messaging } = simulator

afterEach(() => simulator.hub.setSwitches(defaultSwitches))

function openHub() {
  const channel = addReadyChannel(simulator.hub)
  const page = `/hub/${channel.clientId}`
  return {
    ...{ channel, page, key: simulator.hub.mintForeignKey(channel.id) },
    press: (act: string) => submit(`${page}/channels/${channel.id}/${act}`),
    mint: () => partner(`/channels/${channel.id}/api_keys`, { method: 'POST' }),
  }
}

describe('the Client Hub', () => {
  it('is found from the first page, and lists every account', async () => {
    const { page } = openHub()
    expect((await call('/')).text).toContain('href="/hub"')
    expect((await call('/hub')).text).toContain(`href="${page}"`)
  })

  it('takes the partner’s access away, and gives it again', async () => {
    const { page, press, mint } = openHub()
    expect((await call(page)).text).toContain('You cannot create an API key')
    const pressed = await press('remove-access')
    expect([pressed.status, pressed.headers.get('location')]).toEqual([303, `${page}?done=remove-access`])
    expect((await mint()).status).toBe(403)
    expect((await call(page)).text).toContain('Give partner access')
    await press('give-access')
    expect((await mint()).status).toBe(201)
  })

  it('creates a key of the client’s own once the partner has no access, and never shows it', async () => {
    const { channel, page, key, press } = openHub()
    expect((await press('create-key')).status).toBe(403)
    await press('remove-access')
    const { headers } = await press('create-key')
    expect((await messaging('/waba-v2/health_status', key)).status).toBe(401)
    const shown = await call(headers.get('location') ?? '')
    expect(shown.text).toContain('A new key was created')
    expect(shown.text).not.toContain(simulator.hub.liveKeyOf(channel.id))
    expect(simulator.hub.minted).not.toContain(channel.id)
    expect(page).toBe(`/hub/${channel.clientId}`)
  })

  it('leaves the key to a partner that pays', async () => {
    const { channel, page, press } = openHub()
    simulator.hub.setSwitches({ payment: 'partner' })
    expect((await call(page)).text).toContain('Ask Nordlicht for the API key')
    expect((await press('remove-access')).status).toBe(403)
    expect(simulator.hub.channel(channel.id).permitted).toBe(true)
    expect((await press('create-key')).status).toBe(403)
  })

  it('cancels a number, and keeps it after all', async () => {
    const { channel, page, press } = openHub()
    await press('cancel')
    expect((await call(page)).text).toMatch(/Ends on \d{4}-\d\d-\d\d/)
    await press('keep')
    expect(simulator.hub.channel(channel.id).endsAt).toBeNull()
    await press('cancel')
    simulator.hub.advance(31 * 86_400)
    expect((await call(page)).text).toContain('<li>Ended</li>')
    expect((await press('keep')).status).toBe(400)
  })

  it('tells the partner’s webhook of a cancellation only, where the permission screen tells of access', async () => {
    const { channel, press } = openHub()
    simulator.hub.webhookUrl = 'http://localhost:1/webhooks/360dialog'
    for (const act of ['remove-access', 'create-key', 'give-access', 'cancel', 'keep'])
      expect((await press(act)).status).toBe(303)
    const names = () => simulator.hub.outbox.list().map(({ event }) => event)
    expect(names()).toEqual(['cancellation_revoke', 'cancellation_request'])
    simulator.hub.setSwitches({ phone_plus: false })
    simulator.hub.revoke(channel.id)
    const [told] = simulator.hub.outbox.list()
    expect(names()).toEqual(['channel_permission_revoked', 'cancellation_revoke', 'cancellation_request'])
    expect(JSON.parse(told?.body ?? '').data.setup_info.phone_number).toBe('4930123456')
    simulator.hub.setSwitches({ send_notices: false })
    simulator.hub.grant(channel.id)
    expect(names()).toHaveLength(3)
    await simulator.hub.outbox.settled()
    simulator.hub.webhookUrl = undefined
  })

  it('keeps out of other clients’ numbers and of what it does not know', async () => {
    const { channel, press } = openHub()
    const other = openHub()
    expect((await submit(`${other.page}/channels/${channel.id}/remove-access`)).status).toBe(404)
    expect((await press('constructor')).status).toBe(404)
    expect((await call('/hub/noneCL')).status).toBe(404)
    expect(simulator.hub.channel(channel.id).permitted).toBe(true)
  })
})
