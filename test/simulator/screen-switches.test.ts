import { createHmac } from 'node:crypto'
import { afterEach, describe, expect, it } from '@jest/globals'
import { defaultSwitches, type Switches } from '../../src/simulator/switches.ts'
import { addReadyChannel, withSimulator } from './running-simulator.ts'

type Setting = Partial<Switches>

const simulator = withSimulator()
const { call, submit, control, partner } = simulator
const classic = '/dashboard/app/tEstDePA/permissions'

afterEach(() => simulator.hub.setSwitches(defaultSwitches))

const open = async (query = '') => (await call(`${classic}${query}`)).headers.get('location') ?? ''
const signUp = (visit: string, email: string) =>
  submit(`${visit}/sign-up`, [
    ['name', 'Shop'],
    ['email', email],
  ])
const addNumber = (visit: string, phoneNumber: string, ...more: string[][]) =>
  submit(`${visit}/numbers`, [['phone_number', phoneNumber], ['display_name', 'Shop'], ...more])
const numbersOf = (email: string) => {
  const client = simulator.hub.listClients().find((known) => known.email === email)
  return simulator.hub.listChannels(client?.id ?? 'none')
}
let made = 1000
const next = () => {
  made += 1
  return made
}
const newEmail = () => `person${next()}@shop.example`
const newNumber = () => `+4930200${next()}`
const statusOf = async (asked: ReturnType<typeof call>) => (await asked).status

describe('the redirect', () => {
  /** One number stays shared, one is added to it, one is revoked. */
  const back = (setting: Setting, acts: object = {}) => {
    const kept = addReadyChannel(simulator.hub, newNumber())
    const { clientId } = kept
    const add = (permitted: boolean) =>
      simulator.hub.addChannel({ clientId, phoneNumber: newNumber(), displayName: 'x', permitted })
    const [added, dropped] = [add(false), add(true)]
    simulator.hub.setSwitches(setting)
    const usual = { channels: [kept.id, added.id], revoke: [dropped.id] }
    const location = simulator.hub.visit(`${classic}?state=s`, { clientId, ...usual, ...acts })
    const names = { [clientId]: 'c', [kept.id]: 'kept', [added.id]: 'added', [dropped.id]: 'dropped' }
    const read = Object.entries(names).reduce((text, [id, name]) => text.replaceAll(id, name), location)
    return read.replace('https://stored.example/callback', '')
  }
  const nothing = { channels: [], revoke: [] }

  it.each<[Setting, string]>([
    [{}, '?client=c&channels=[kept,added]&revoked=[dropped]&state=s'],
    [{ brackets: 'none' }, '?client=c&channels=kept,added&revoked=dropped&state=s'],
    [{ brackets: 'round' }, '?client=c&channels=(kept,added)&revoked=(dropped)&state=s'],
    [{ brackets: 'repeated' }, '?client=c&channels[]=kept&channels[]=added&revoked[]=dropped&state=s'],
    [{ quotes: 'single' }, "?client=c&channels=['kept','added']&revoked=['dropped']&state=s"],
    [{ revoked: 'in_both' }, '?client=c&channels=[kept,added,dropped]&revoked=[dropped]&state=s'],
    [{ repeat_unchanged: false }, '?client=c&channels=[added]&revoked=[dropped]&state=s'],
    [{ onboarding_deeplink_add_params: false }, '?state=s'],
  ])('with %j is %s', (setting, expected) => {
    expect(back(setting)).toBe(expected)
  })

  it.each<[Setting, string]>([
    [{}, '?client=c&channels=[]&state=s'],
    [{ revoked: 'always' }, '?client=c&channels=[]&revoked=[]&state=s'],
    [{ empty_list: 'blank' }, '?client=c&channels=&state=s'],
    [{ empty_list: 'left_out' }, '?client=c&state=s'],
    [{ brackets: 'repeated' }, '?client=c&state=s'],
  ])('of an empty choice is, with %j, %s', (setting, expected) => {
    expect(back(setting, nothing)).toBe(expected)
  })

  it('of Cancel is an empty choice, or state only', () => {
    expect(back({}, { cancel: true })).toBe('?client=c&channels=[]&state=s')
    expect(back({ cancel_says: 'state_only' }, { cancel: true })).toBe('?state=s')
  })

  it('names a number again that is new and shared from the start', () => {
    const setting = { repeat_unchanged: false, payment: 'partner' } as const
    const added = { add: [{ id: 'newCH', phoneNumber: newNumber(), displayName: 'x' }], ...nothing }
    addReadyChannel(simulator.hub)
    simulator.hub.setSwitches(setting)
    const { clientId } = addReadyChannel(simulator.hub, newNumber())
    expect(simulator.hub.visit(classic, { clientId, ...added })).toContain('channels=[newCH]')
  })

  it('comes by POST, with the form that was sent', async () => {
    const visit = await open()
    expect(await statusOf(submit(`${visit}/cancel`))).toBe(302)
    simulator.hub.setSwitches({ redirect_post: true })
    expect(await statusOf(submit(`${visit}/cancel`))).toBe(307)
  })
})

describe('without a redirect URL', () => {
  const unset = withSimulator({ redirectUrl: '' })

  it('the screen shows an error, or ends on a page of 360dialog', async () => {
    expect((await unset.call(classic)).status).toBe(400)
    unset.hub.setSwitches({ no_redirect_url: 'default' })
    const visit = (await unset.call(classic)).headers.get('location') ?? ''
    const left = (await unset.submit(`${visit}/cancel`)).headers.get('location') ?? ''
    expect(left).toBe(`${unset.url}/hub?channels=[]`)
    expect((await unset.call(left)).status).toBe(200)
  })
})

describe('signed launches', () => {
  const sign = (encoding: 'hex' | 'base64' | 'base64url', age: number) => {
    const timestamp = String(Math.floor(simulator.hub.now().getTime() / 1000) - age)
    const signature = createHmac('sha512', 'platform-secret').update(`tEstDePA|${timestamp}`).digest(encoding)
    return call(`${classic}?${new URLSearchParams({ io_signature: signature, io_timestamp: timestamp })}`)
  }

  it.each(['base64', 'base64url'] as const)('are written in %s', async (io_signature_encoding) => {
    simulator.hub.setSwitches({ io_signature_required: true })
    expect(await statusOf(sign(io_signature_encoding, 1))).toBe(403)
    simulator.hub.setSwitches({ io_signature_encoding })
    expect(await statusOf(sign(io_signature_encoding, 2))).toBe(302)
    expect(await statusOf(sign('hex', 3))).toBe(403)
  })

  it('are too old at the age that is set', async () => {
    simulator.hub.setSwitches({ io_signature_required: true, io_signature_seconds: 20 })
    expect(await statusOf(sign('hex', 25))).toBe(403)
    simulator.hub.setSwitches({ io_signature_seconds: 30 })
    expect(await statusOf(sign('hex', 26))).toBe(302)
  })
})

describe('the price page', () => {
  const card = [['card', 'made-up 4242']]
  const agreed = [...card, ['agreed', 'true']]

  it('stands between sign-up and numbers with direct payment, and keeps no card', async () => {
    simulator.hub.setSwitches({ price_page: true })
    const [visit, email] = [await open('?plan_selection=premium'), newEmail()]
    await signUp(visit, email)
    expect((await call(visit)).text).toMatch(/value="premium" checked/)
    expect((await addNumber(visit, newNumber())).status).toBe(422)
    expect((await submit(`${visit}/share`)).status).toBe(422)
    for (const fields of [[], card, [['agreed', 'true']]])
      expect((await submit(`${visit}/prices`, fields)).text).toContain('Enter a card, and accept')
    expect((await submit(`${visit}/prices`, agreed)).headers.get('location')).toBe(visit)
    expect((await addNumber(visit, newNumber())).status).toBe(303)
    expect(JSON.stringify(simulator.hub.listClients())).not.toContain('made-up 4242')
    const signup = { name: 'Shop', email: newEmail() }
    expect(simulator.hub.visit(classic, { signup, number: newNumber() })).toContain('channels=[')
  })

  it('waits for a client that left before it paid', async () => {
    simulator.hub.setSwitches({ price_page: true })
    const email = newEmail()
    await signUp(await open(), email)
    const client = simulator.hub.listClients().find((known) => known.email === email)
    const visit = await open('?next=login')
    await submit(`${visit}/log-in`, [['client', client?.id ?? '']])
    expect((await call(visit)).text).toContain('Prices and payment')
  })

  it.each<Setting>([{}, { price_page: true, payment: 'partner' }])(
    'is not there with %j',
    async (setting) => {
      simulator.hub.setSwitches(setting)
      const visit = await open()
      await signUp(visit, newEmail())
      expect((await call(visit)).text).not.toContain('Prices and payment')
    },
  )
})

describe('with partner payment', () => {
  it('every number is shared, without a choice', async () => {
    simulator.hub.setSwitches({ payment: 'partner' })
    const [visit, email] = [await open(), newEmail()]
    await signUp(visit, email)
    await addNumber(visit, newNumber())
    const [channel] = numbersOf(email)
    expect(channel?.permitted).toBe(true)
    const page = (await call(visit)).text
    expect(page).not.toContain('type="checkbox" name="channels"')
    expect(page).toContain(`type="hidden" name="channels" value="${channel?.id}"`)
  })
})

describe('sign-up', () => {
  it('refuses some e-mail domains, or none', async () => {
    const visit = await open()
    for (const email of ['a@WEB.de', 'b@mailinator.com'])
      expect((await signUp(visit, email)).text).toContain('This email domain is not accepted')
    simulator.hub.setSwitches({ restricted_emails: false })
    expect((await signUp(visit, 'a@web.de')).status).toBe(303)
  })

  it('refuses the partner’s own e-mail domain', async () => {
    simulator.hub.setSwitches({ partner_domain: 'nordlicht.example' })
    const visit = await open()
    expect((await signUp(visit, 'me@Nordlicht.example')).text).toContain(
      'This address belongs to your partner',
    )
    expect((await signUp(visit, newEmail())).status).toBe(303)
  })

  it('is closed, and so are numbers, when the partner is blocked', async () => {
    simulator.hub.setSwitches({ blocked_new_submission: true })
    const [visit, email] = [await open(), newEmail()]
    const shown = (await call(visit)).text
    expect(shown).toContain('Your partner cannot take new numbers at the moment. Ask Nordlicht')
    expect(shown).not.toContain('Create account')
    expect(shown).toContain('Cancel')
    expect((await signUp(visit, email)).status).toBe(422)
    simulator.hub.setSwitches({ blocked_new_submission: false })
    await signUp(visit, email)
    simulator.hub.setSwitches({ blocked_new_submission: true })
    expect((await addNumber(visit, newNumber())).text).toContain('Your partner cannot take new numbers')
  })
})

describe('adding a number', () => {
  const signedUp = async () => {
    const [visit, email] = [await open(), newEmail()]
    await signUp(visit, email)
    return { visit, email }
  }

  it('is the partner’s to allow', async () => {
    simulator.hub.setSwitches({ allow_client_to_add_phone_no: false })
    const { visit } = await signedUp()
    const shown = (await call(visit)).text
    expect(shown).toContain('Your partner does not let you add numbers')
    expect(shown).not.toContain('name="phone_number"')
    expect((await addNumber(visit, newNumber())).text).toContain('Your partner does not let you add numbers')
  })

  it('ends at the limit, which the partner raises, and an ended number counts no more', async () => {
    const { visit, email } = await signedUp()
    for (let n = 1; n <= 2; n += 1) expect((await addNumber(visit, newNumber())).status).toBe(303)
    expect((await addNumber(visit, newNumber())).text).toContain('Your account may have 2 numbers')
    const [first] = numbersOf(email)
    simulator.hub.end(first?.id ?? '')
    expect((await addNumber(visit, newNumber())).status).toBe(303)
    expect((await addNumber(visit, newNumber())).status).toBe(422)
    await partner(`/clients/${first?.clientId}`, {
      method: 'PATCH',
      headers: { 'x-api-key': 'partner-key', 'content-type': 'application/json' },
      body: '{"max_channels":3}',
    })
    expect((await addNumber(visit, newNumber())).status).toBe(303)
  })

  it('makes classic numbers, which run when their status is ready', async () => {
    simulator.hub.setSwitches({ signup: 'classic' })
    const { visit, email } = await signedUp()
    await addNumber(visit, newNumber())
    const id = numbersOf(email)[0]?.id ?? ''
    const wire = async () => {
      const { account_mode, status, hub_status, waba_account } = (await partner(`/channels/${id}`)).body
      return [account_mode, status, hub_status, waba_account.on_behalf_of_business_info.type]
    }
    expect(await wire()).toEqual([null, 'created', 'pending', 'OBO'])
    const mint = () => statusOf(partner(`/channels/${id}/api_keys`, { method: 'POST' }))
    simulator.hub.grant(id)
    for (const [status, minted] of [
      ['unverified', 400],
      ['ready', 201],
      ['certificate_declined', 400],
    ] as const) {
      await control(`/channels/${id}/status`, { status })
      expect([await wire(), await mint()]).toEqual([[null, status, 'pending', 'OBO'], minted])
    }
  })

  it('gives a number of today another word for its status, and nothing else', async () => {
    const { id } = addReadyChannel(simulator.hub, newNumber())
    const said = async (status: string) => {
      const { body } = await control(`/channels/${id}/status`, { status })
      return [body.account_mode, body.status]
    }
    expect(await said('a_new_word')).toEqual(['live', 'a_new_word'])
    expect(await said('')).toEqual(['live', 'ready'])
  })

  it('connects a number of the Business app, or finds it not eligible', async () => {
    const { visit, email } = await signedUp()
    const inApp = ['coexistence', 'true']
    simulator.hub.setSwitches({ coexistence: 'not_eligible' })
    expect((await addNumber(visit, newNumber(), inApp)).text).toContain('This number is not eligible')
    expect((await addNumber(visit, newNumber())).status).toBe(303)
    simulator.hub.setSwitches({ coexistence: 'works' })
    expect((await addNumber(visit, newNumber(), inApp)).status).toBe(303)
    const [plain, app] = numbersOf(email)
    for (const { id } of [plain, app] as { id: string }[]) simulator.hub.makeRun(id)
    const facts = async (id = '') => {
      const { is_on_biz_app, current_limit } = (await partner(`/channels/${id}`)).body
      return [is_on_biz_app, current_limit]
    }
    expect([await facts(plain?.id), await facts(app?.id)]).toEqual([
      [false, 'TIER_1K'],
      [true, 'TIER_250'],
    ])
  })

  it('takes an American number from Meta for who has none', async () => {
    const { visit, email } = await signedUp()
    await addNumber(visit, '', ['made', 'true'])
    expect(numbersOf(email)[0]?.phoneNumber).toMatch(/^\+1555\d{7}$/)
  })
})
