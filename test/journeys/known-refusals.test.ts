import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { defaultSwitches } from '../../src/simulator/switches.ts'
import { engines } from '../databases.ts'
import { comeBack, newClient, readStatus } from '../journey.ts'
import { eventually, launchFrom, pathOf, type Site, startSite } from '../site.ts'

const form = { company: 'Bakery', email: 'anna@bakery.example', number: '', consent: 'yes' }

describe.each(engines)('what 360dialog refuses is said before the visit, on %s', (engine) => {
  let site: Site
  beforeAll(async () => {
    site = await startSite({ engine })
  })
  afterAll(() => site.stop())
  afterEach(async () => {
    site.hub.setSwitches(defaultSwitches)
    await site.context.sync.complete()
  })

  const send = (more: object) =>
    site
      .newBrowser()
      .post('/connect')
      .type('form')
      .send({ ...form, ...more })
  const open = async (order: object) => site.newBrowser().get(await site.link(order))
  const wantsLogin = (screen: string) => new URL(screen).searchParams.get('next') === 'login'
  /** The same at 360dialog, from a launch of a customer who is not refused here. */
  const at360dialog = async (acts: object) => {
    const screen = await launchFrom(site.newBrowser(), await site.link({ tenantId: 'other' }))
    return () => site.hub.visit(screen, acts)
  }
  const signUpAs = (email: string) => at360dialog({ signup: { name: 'Bakery', email } })

  it.each([
    ['anna@web.de', 'because of its provider', 'This email domain is not accepted'],
    ['anna@nordlicht.example', 'belongs to Nordlicht', 'This address belongs to your partner'],
  ])('a new account with %s, which an account that is there passes', async (email, ours, theirs) => {
    site.hub.setSwitches({ partner_domain: 'nordlicht.example' })
    expect(await signUpAs(email)).toThrow(theirs)

    const refused = await send({ email, account: 'new' }).expect(422)
    expect(refused.text).toContain(ours)
    expect(refused.text).toContain('I already have a 360dialog account')
    expect(refused.text).toMatch(/<input id="email"[^>]*aria-invalid="true"/)
    const passed = await send({ email, account: 'existing' }).expect(303)
    expect(wantsLogin(String(passed.headers.location))).toBe(true)

    const link = await open({ tenantId: 'new', email })
    expect(link.text).toContain(ours)
    expect(link.text).not.toContain(email)
  })

  it('of an account with as many numbers as it may have, until it has room again', async () => {
    const browser = site.newBrowser()
    const order = { tenantId: 'full', tenantName: 'Full', email: 'ch1@shop.example' }
    const { signup, add = [] } = newClient('ch1')
    const screen = await launchFrom(browser, await site.link(order))
    expect(wantsLogin(screen)).toBe(false)
    const back = site.hub.visit(screen, { signup, add: [...add, ...(newClient('ch2').add ?? [])] })
    const returned = await comeBack({ browser, back: pathOf(back) })
    await eventually(async () => (await readStatus(returned)) === 'completed')

    const { text } = await open(order)
    expect(text).toContain('2 of 2 numbers used')
    // Who has numbers here has an account there.
    expect(text.indexOf('I already have a 360dialog account')).toBeLessThan(
      text.indexOf('Continue to 360dialog'),
    )
    // The page that offers another number says so beside the button.
    expect((await browser.get(returned.status).expect(200)).text).toMatch(
      /2 of 2 numbers used.*Connect another number/s,
    )
    const { clientId } = site.hub.channel('ch1')
    expect(await at360dialog({ clientId, add: newClient('ch3').add })).toThrow('may have 2 numbers')
    expect((await open({ ...order, number: add[0]?.phoneNumber })).text).not.toContain('numbers used')
    expect((await open({ ...order, tenantId: 'else' })).text).not.toContain('numbers used')

    site.hub.end('ch2')
    await site.context.sync.complete()
    expect((await open(order)).text).not.toContain('numbers used')
    site.hub.visit(await launchFrom(browser, await site.link(order)), {
      clientId,
      add: newClient('ch3').add ?? [],
    })
    await site.context.sync.complete()
    expect((await open(order)).text).toContain('2 of 2 numbers used')
  })

  it.each([
    [{ blocked_new_submission: true }, 'takes no new accounts and no new numbers', 'cannot take new numbers'],
    [{ allow_client_to_add_phone_no: false }, 'nobody can add a new number', 'does not let you add numbers'],
  ])('of everything new: %j', async (switches, ours, theirs) => {
    const number = newClient(Object.keys(switches)[0]?.length.toString() ?? '').add?.[0]
    const { id: clientId } = site.hub.addClient({ name: 'Old', email: `${number?.id}@old.example` })
    site.hub.addChannel({ clientId, phoneNumber: '', displayName: 'Old', ...number })
    const early = site.newBrowser()
    const status = await leave(early, { tenantId: `early-${Object.keys(switches)}` })
    site.hub.setSwitches(switches)
    await site.context.sync.complete()
    expect(await at360dialogExisting(clientId)).toThrow(theirs)

    expect((await site.newBrowser().get('/').expect(200)).text).toContain(ours)
    const refused = await send({}).expect(422)
    expect(refused.text).toContain(ours)
    expect(refused.text).not.toContain('Continue to 360dialog')
    expect((await open({ tenantId: 'new' })).text).toContain(ours)
    await site
      .newBrowser()
      .post(await site.link({ tenantId: 'new' }))
      .expect(422)

    // Whoever has left for 360dialog before reads it on the status page, and the partner has to see to it.
    const story = await early.get(status).set('accept', 'application/json').expect(200)
    expect(story.body.requirements).toMatchObject([
      { code: 'place', who: 'admin', action: null },
      { code: 'grant', who: 'client', action: 'share' },
    ])
    expect((await early.get(status).expect(200)).text).toContain(ours)
    const again = await early.post(status).expect(303)
    expect(new URL(String(again.headers.location)).searchParams.get('next')).toBe('login')

    // What is there already can be shared.
    const browser = site.newBrowser()
    const order = { tenantId: `t-${number?.id}`, email: `${number?.id}@old.example` }
    const left = await browser
      .post(await site.link(order))
      .type('form')
      .send({ account: 'existing' })
      .expect(303)
    const back = site.hub.visit(String(left.headers.location), { clientId, channels: [number?.id ?? ''] })
    const returned = await comeBack({ browser, back: pathOf(back) })
    await eventually(async () => (await readStatus(returned)) === 'completed')
  })

  /** Leaves for 360dialog and stays there: the address of the page that waits meanwhile. */
  const leave = async (browser: ReturnType<typeof site.newBrowser>, order: object) => {
    const screen = await launchFrom(browser, await site.link(order))
    const nonce = new URL(screen).searchParams.get('state')
    const { status } = await comeBack({ browser, back: `/callback?nonce=${nonce}` })
    await site.context.db.deleteFrom('connectReturn').execute()
    return status
  }

  const at360dialogExisting = async (clientId: string) => {
    const left = await site
      .newBrowser()
      .post(await site.link({ tenantId: 'other' }))
      .type('form')
      .send({ account: 'existing' })
      .expect(303)
    return () => site.hub.visit(String(left.headers.location), { clientId, add: newClient('ch77').add ?? [] })
  }
})
