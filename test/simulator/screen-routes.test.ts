import { createHmac } from 'node:crypto'
import { afterEach, describe, expect, it } from '@jest/globals'
import { defaultSwitches } from '../../src/simulator/switches.ts'
import { addReadyChannel, withSimulator } from './running-simulator.ts'

const simulator = withSimulator()
const { call, submit } = simulator
const classic = '/dashboard/app/tEstDePA/permissions'
const back = encodeURIComponent('https://partner.example/cb?nonce=a%2Bb#top')

afterEach(() => simulator.hub.setSwitches(defaultSwitches))

async function open(path: string): Promise<string> {
  const launched = await call(path)
  expect(launched.status).toBe(302)
  return launched.headers.get('location') ?? ''
}
const locationOf = async (answer: ReturnType<typeof call>) => (await answer).headers.get('location')

describe('the permission screen', () => {
  it.each([['/dashboard/app/tEstDePA/permissions'], ['/dashboard/app/tEstDePA'], ['/onboarding/tEstDePA']])(
    'takes a new client from %s back to the partner',
    async (path) => {
      const email = `new${path.length}@shop.example`
      const digits = `49151000${path.length}`
      const query = `number="${digits}"&email=${email}&name=Shop+A&state=s%201&redirect_url=${back}&lang=&store_id=7`
      const visit = await open(`${path}?${query}`)

      const signUp = await call(visit)
      expect(signUp.text).toContain(`value="${email}"`)
      expect(signUp.text).toContain('value="Shop A"')
      const account = [
        ['name', 'Shop A'],
        ['email', email],
      ]
      expect(await locationOf(submit(`${visit}/sign-up`, account))).toBe(visit)

      const add = await call(visit)
      expect(add.text).toContain(`value="+${digits}"`)
      await submit(`${visit}/numbers`, [
        ['phone_number', `+${digits}`],
        ['display_name', 'Shop A'],
      ])
      const client = simulator.hub.listClients().find((known) => known.email === email)
      const [channel] = simulator.hub.listChannels(client?.id)
      expect((await call(visit)).text).toMatch(new RegExp(`value="${channel?.id}" checked`))

      expect(await locationOf(submit(`${visit}/share`, [['channels', channel?.id ?? '']]))).toBe(
        `https://partner.example/cb?nonce=a%2Bb&client=${client?.id}&channels=[${channel?.id}]&state=s%201#top`,
      )
      expect(channel).toMatchObject({ permitted: true, running: false, phoneNumber: `+${digits}` })
    },
  )

  it('lets an existing client log in, confirm one number and take another back', async () => {
    const kept = addReadyChannel(simulator.hub, '+4930000001')
    const { clientId } = kept
    const dropped = simulator.hub.addChannel({
      clientId,
      phoneNumber: '+4930000002',
      displayName: 'B',
      permitted: true,
    })
    const asked = simulator.hub.addChannel({ clientId, phoneNumber: '+4930000003', displayName: 'C' })
    const visit = await open(`${classic}?next=login&number=4930000003`)
    expect((await call(visit)).text).toContain(`value="${clientId}"`)
    await submit(`${visit}/log-in`, [['client', clientId]])
    const page = (await call(visit)).text
    for (const { id } of [kept, dropped, asked]) expect(page).toMatch(new RegExp(`value="${id}" checked`))

    const chosen = [
      ['channels', kept.id],
      ['channels', asked.id],
    ]
    expect(await locationOf(submit(`${visit}/share`, chosen))).toBe(
      `https://stored.example/callback?client=${clientId}&channels=[${kept.id},${asked.id}]&revoked=[${dropped.id}]`,
    )
    expect(simulator.hub.channel(dropped.id).permitted).toBe(false)
  })

  it('goes back with nothing shared on Cancel, with the client when it is known', async () => {
    const stranger = await open(`${classic}?state=s`)
    expect(await locationOf(submit(`${stranger}/cancel`))).toBe(
      'https://stored.example/callback?channels=[]&state=s',
    )
    const { clientId } = addReadyChannel(simulator.hub)
    const known = await open(classic)
    await submit(`${known}/log-in`, [['client', clientId]])
    expect(await locationOf(submit(`${known}/cancel`))).toBe(
      `https://stored.example/callback?client=${clientId}&channels=[]`,
    )
  })

  it('says what is wrong with a form and keeps what was typed', async () => {
    const visit = await open(classic)
    const refused = await submit(`${visit}/sign-up`, [
      ['name', 'Shop "A"'],
      ['email', 'no address'],
    ])
    expect([refused.status, refused.text]).toEqual([422, expect.stringContaining('value="Shop &#34;A&#34;"')])
    const { email } = simulator.hub.addClient({ name: 'Taken', email: 'Taken@shop.example' })
    expect(
      (
        await submit(`${visit}/sign-up`, [
          ['name', 'x'],
          ['email', email.toLowerCase()],
        ])
      ).status,
    ).toBe(422)
    expect((await submit(`${visit}/log-in`)).status).toBe(422)
    await submit(`${visit}/sign-up`, [
      ['name', 'Shop'],
      ['email', 'typo@shop.example'],
    ])
    expect((await submit(`${visit}/numbers`, [['phone_number', '12']])).status).toBe(422)
    const taken = addReadyChannel(simulator.hub, '+4930999999').phoneNumber
    expect(
      (
        await submit(`${visit}/numbers`, [
          ['phone_number', taken],
          ['display_name', 'x'],
        ])
      ).status,
    ).toBe(422)
  })

  it('refuses strange channels, visits, partners and redirect URLs', async () => {
    const foreign = addReadyChannel(simulator.hub)
    simulator.hub.revoke(foreign.id)
    const visit = await open(classic)
    await submit(`${visit}/log-in`, [['client', addReadyChannel(simulator.hub).clientId]])
    expect((await submit(`${visit}/share`, [['channels', foreign.id]])).status).toBe(404)
    expect(simulator.hub.channel(foreign.id).permitted).toBe(false)
    expect((await call('/visits/none')).status).toBe(404)
    expect((await call('/onboarding/otherPA')).status).toBe(404)
    expect((await call(`${classic}?redirect_url=javascript:alert(1)`)).status).toBe(400)
    expect((await call(`${classic}?redirect_url=nonsense`)).status).toBe(400)
    expect((await submit(`${await open(classic)}/share`)).status).toBe(422)
  })

  it('keeps the partner payload of older launch links', async () => {
    const signup = { name: 'Shop', email: 'payload@shop.example' }
    simulator.hub.visit(`${classic}?partner=tenant-42`, { signup })
    expect(simulator.hub.listClients().find(({ email }) => email === signup.email)?.partnerPayload).toBe(
      'tenant-42',
    )
  })
})

describe('switches of the screen', () => {
  const visit = (query = '') => {
    const { id, clientId } = addReadyChannel(simulator.hub)
    const location = simulator.hub.visit(`${classic}?state=s${query}`, { clientId, channels: [id, id] })
    return location.replaceAll(id, 'a').replace(clientId, 'c').replace('https://stored.example/callback', '')
  }

  it.each([
    [{}, '?client=c&channels=[a,a]&state=s'],
    [{ brackets: 'encoded' }, '?client=c&channels=%5Ba%2Ca%5D&state=s'],
    [{ quotes: 'double' }, '?client=c&channels=["a","a"]&state=s'],
    [{ spaces: true }, '?client=c&channels=[a,+a]&state=s'],
    [{ spaces: true, brackets: 'encoded' }, '?client=c&channels=%5Ba%2C%20a%5D&state=s'],
    [{ drop_channels: true }, '?client=c&state=s'],
    [{ drop_state: true }, '?client=c&channels=[a,a]'],
  ] as const)('with %j it sends %s', (switches, expected) => {
    simulator.hub.setSwitches(switches)
    expect(visit()).toBe(expected)
  })

  it('sends quotes over HTTP as they are', async () => {
    simulator.hub.setSwitches({ quotes: 'double' })
    const { id, clientId } = addReadyChannel(simulator.hub)
    const path = await open(classic)
    await submit(`${path}/log-in`, [['client', clientId]])
    expect(await locationOf(submit(`${path}/share`, [['channels', id]]))).toContain(`["${id}"]`)
  })

  it('drops or refuses the redirect URL of the launch', async () => {
    simulator.hub.setSwitches({ drop_redirect_url: true })
    expect(visit(`&redirect_url=${back}`)).toBe('?client=c&channels=[a,a]&state=s')
    simulator.hub.setSwitches({ refuse_redirect_url: true })
    expect((await call(`${classic}?redirect_url=${back}`)).status).toBe(400)
    expect((await call(classic)).status).toBe(302)
  })

  it('admits each signed launch once, and no wrong, old or unsigned one', async () => {
    simulator.hub.setSwitches({ io_signature_required: true })
    const now = Math.floor(simulator.hub.now().getTime() / 1000)
    const launch = (timestamp: number, secret = 'platform-secret') => {
      const signature = createHmac('sha512', secret).update(`tEstDePA|${timestamp}`).digest('hex')
      return call(`${classic}?io_signature=${signature}&io_timestamp=${timestamp}`).then(
        ({ status }) => status,
      )
    }
    expect((await call(classic)).status).toBe(403)
    expect(await launch(now, 'other')).toBe(403)
    expect(await launch(now - 301)).toBe(403)
    expect([await launch(now), await launch(now)]).toEqual([302, 403])
  })

  it.each(['localhost', '127.0.0.1'])(
    'sends a launch at %s on to the other host once, signed or not',
    async (host) => {
      simulator.hub.setSwitches({ launch_hop: true })
      const other = host === 'localhost' ? '127.0.0.1' : 'localhost'
      const asked = simulator.url.replace('localhost', host)
      const hop = await open(`${asked}${classic}?state=a%20b`)
      expect(hop).toBe(`${simulator.url.replace('localhost', other)}${classic}?state=a%20b&hop=1`)
      expect(await open(hop)).toMatch(/^\/visits\//)
      expect(await open(`${asked}${classic}`)).toMatch(/\?hop=1$|&hop=1$/)
    },
  )
})
