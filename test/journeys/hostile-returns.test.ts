import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { maskPhoneNumber } from '../../src/phone-number.ts'
import { engines } from '../databases.ts'
import { comeBack, emailOf, grant, newClient, type Returned, readStatus } from '../journey.ts'
import { DAY_MS, HOUR_MS, startTimedSite, type TimedSite } from '../keys/timed-site.ts'
import { type Browser, launchFrom, pathOf } from '../site.ts'

const EVE = { tenantId: 't-eve', tenantName: 'Eve Ltd', email: 'eve@else.example', emailVerified: true }

/** Each attack is a way that first leads an honest client to its number, and then an attacker nowhere. */
describe.each(engines)('nobody gets another’s number, on %s', (engine) => {
  let site: TimedSite
  let honest: Returned
  beforeEach(async () => {
    site = await startTimedSite({ engine })
    honest = await comeBack(await grant(site, 'ch1'))
    await site.untilQuiet()
    expect(await readStatus(honest)).toBe('completed')
    expect(site.hub.minted).toEqual(['ch1'])
  })
  afterEach(() => site.stop())

  const clientOf = (channelId: string) => site.hub.channel(channelId).clientId
  const nonceOf = (screen: string) => new URL(screen).searchParams.get('state') ?? ''
  const forged = (nonce: string, clientId: string, channels: string) =>
    `/callback?nonce=${nonce}&state=${nonce}&client=${clientId}&channels=[${channels}]`
  const leave = async (browser: Browser, order: object = EVE) => launchFrom(browser, await site.link(order))
  const reviewsOf = async (channelId: string) =>
    (await site.context.reviews.listOfChannel(channelId)).map(({ reason, tenantId }) => [reason, tenantId])

  const unattached = () =>
    site.context.db
      .selectFrom('connectReturn')
      .select(['state', 'raw'])
      .where('launchId', 'is', null)
      .execute()

  /** Whatever was sent, the number is still the honest client's, with its one key, and nobody else saw it. */
  async function expectUnharmed(attacker: Returned | undefined): Promise<void> {
    await site.untilQuiet()
    expect(site.hub.minted).toEqual(['ch1'])
    expect((await site.context.channels.find('ch1'))?.tenantId).toBe('t-ch1')
    expect(await readStatus(honest)).toBe('completed')
    expect(await site.context.channels.list({ tenantId: EVE.tenantId })).toEqual([])
    if (!attacker) return
    const page = await attacker.browser.get(attacker.status).expect(200)
    for (const secret of [maskPhoneNumber(site.hub.channel('ch1').phoneNumber), 'Shop ch1', 'ch1@shop'])
      expect(page.text).not.toContain(secret)
    expect(await readStatus(attacker)).toBe('needs_review')
  }

  it('by a forged return: another customer names ids that it knows', async () => {
    const browser = site.newBrowser()
    const back = forged(nonceOf(await leave(browser)), clientOf('ch1'), 'ch1')
    await expectUnharmed(await comeBack({ browser, back }))
    expect(await reviewsOf('ch1')).toEqual([['bound_elsewhere', 't-eve']])
  })

  it('by a forged return for a number that nobody has bound yet', async () => {
    site.hub.addChannel({
      id: 'ch2',
      clientId: clientOf('ch1'),
      phoneNumber: '+4930222',
      displayName: 'Second',
      running: true,
    })
    site.hub.grant('ch2')
    const browser = site.newBrowser()
    const back = forged(nonceOf(await leave(browser)), clientOf('ch1'), 'ch2')
    await expectUnharmed(await comeBack({ browser, back }))
    expect(await reviewsOf('ch2')).toEqual([['nothing_matches', 't-eve']])
  })

  it('by a replayed return: the very address of the honest one, in another browser', async () => {
    const browser = site.newBrowser()
    const answer = await browser.get(honest.back).expect(303)
    const page = String(answer.headers.location)
    expect(page).toMatch(/^\/return\//)
    const screen = await launchFrom(browser, page)
    const back = forged(nonceOf(screen), clientOf('ch1'), 'ch1')
    await comeBack({ browser, back })
    await expectUnharmed(undefined)
  })

  it('by a replayed return with ids changed: another client on the same nonce', async () => {
    await comeBack(await grant(site, 'ch3'))
    await site.untilQuiet()
    const back = honest.back.replaceAll(clientOf('ch1'), clientOf('ch3')).replaceAll('[ch1]', '[ch3]')
    await honest.browser.get(back).expect(303)
    await site.untilQuiet()
    expect(await reviewsOf('ch3')).toEqual([['another_client', 't-ch1']])
    expect((await site.context.channels.find('ch3'))?.tenantId).toBe('t-ch3')
    expect(site.hub.minted).toEqual(['ch1', 'ch3'])
  })

  it('by a connect link that was forwarded: the number goes to review, not to who sent the link', async () => {
    const victim = site.newBrowser()
    const screen = await leave(victim)
    const { browser, status } = await comeBack({
      browser: victim,
      back: pathOf(site.hub.visit(screen, newClient('ch4'))),
    })
    await site.untilQuiet()
    expect(await readStatus({ browser, status, back: '' })).toBe('needs_review')
    expect(await reviewsOf('ch4')).toEqual([['nothing_matches', 't-eve']])
    await expectUnharmed(undefined)
  })

  it('by the permission screen’s address that was forwarded: the other browser is told for whom it is', async () => {
    const screen = await leave(site.newBrowser())
    const victim = site.newBrowser()
    const answer = await victim.get(pathOf(site.hub.visit(screen, newClient('ch5')))).expect(303)
    expect(answer.headers.location).toMatch(/^\/return\//)
    const page = await victim.get(String(answer.headers.location)).expect(200)
    expect(page.text).toContain('Eve Ltd')
    expect(page.text).toContain('Only continue if you know them.')
    await expectUnharmed(undefined)
    expect(site.hub.minted).not.toContain('ch5')
  })

  it('by signing up with the victim’s e-mail and sending it the permission screen', async () => {
    const eve = site.newBrowser()
    const screen = await leave(eve, { ...EVE, email: 'victim@shop.example', emailVerified: false })
    const victim = site.newBrowser()
    const acts = { ...newClient('ch15'), signup: { name: 'Victim', email: 'victim@shop.example' } }
    const pending = await victim.get(pathOf(site.hub.visit(screen, acts))).expect(303)
    const page = String(pending.headers.location)
    // The victim does not go on. Eve knows the nonce, and so both pages; and she may know the ids.
    await comeBack({ browser: eve, back: forged(nonceOf(screen), clientOf('ch15'), 'ch15') })
    const next = await launchFrom(eve, page)
    await comeBack({ browser: eve, back: forged(nonceOf(next), clientOf('ch15'), 'ch15') })
    await expectUnharmed(undefined)
    expect(site.hub.minted).not.toContain('ch15')
    expect(await reviewsOf('ch15')).toEqual([['nothing_matches', 't-eve']])
  })

  it('by signing up with the victim’s e-mail at the same moment', async () => {
    const eve = site.newBrowser()
    const screen = await leave(eve, { ...EVE, email: 'racer@shop.example', emailVerified: false })
    const browser = site.newBrowser()
    const form = { company: 'Shop', email: 'Racer@Shop.example', number: '', consent: 'yes' }
    const answer = await browser.post('/connect').type('form').send(form).expect(303)
    const acts = { ...newClient('ch7'), signup: { name: 'Shop', email: 'racer@shop.example' } }
    const back = pathOf(site.hub.visit(String(answer.headers.location), acts))
    const attack = await comeBack({ browser: eve, back: forged(nonceOf(screen), clientOf('ch7'), 'ch7') })
    await site.untilQuiet()
    expect(await readStatus(attack)).toBe('needs_review')
    const victim = await comeBack({ browser, back })
    await site.untilQuiet()
    // Neither gets it by itself; the admin sees both, and the rightful one is told that it is being checked.
    expect(await readStatus(victim)).toBe('needs_review')
    expect(await reviewsOf('ch7')).toEqual([['nothing_matches', 't-eve']])
    const [review] = await site.context.reviews.listOfChannel('ch7')
    const { claimants } = await site.context.reviews.read(review?.id ?? '')
    expect(claimants.map(({ session }) => session.tenantName)).toEqual(['Eve Ltd', 'Shop'])
    expect(site.hub.minted).toEqual(['ch1'])
  })

  it('by an own number beside a foreign one: the whole return waits', async () => {
    const browser = site.newBrowser()
    const screen = await leave(browser)
    const acts = { signup: { name: 'Eve', email: EVE.email }, add: newClient('ch8').add ?? [] }
    const back = pathOf(site.hub.visit(screen, acts)).replace('[ch8]', '[ch8,ch1]')
    const eve = await comeBack({ browser, back })
    await site.untilQuiet()
    expect(await readStatus(eve)).toBe('needs_review')
    expect(await reviewsOf('ch8')).toEqual([['channel_not_listed', 't-eve']])
    expect(site.hub.minted).toEqual(['ch1'])
    await expectUnharmed(undefined)
  })

  // What follows goes the same ways through the database.
  if (engine === 'postgres') return

  it('by a strange id in `revoked`, which does not hold up the own number', async () => {
    const granted = await grant(site, 'ch9')
    const { browser, status } = await comeBack({ ...granted, back: `${granted.back}&revoked=[ch1]` })
    await site.untilQuiet()
    expect(await readStatus({ browser, status, back: '' })).toBe('completed')
    expect((await site.context.channels.find('ch1'))?.permission).toBe('shared')
  })

  it('by returns of ids that nobody has, however many: no admin is asked about any', async () => {
    const browser = site.newBrowser()
    const nonce = nonceOf(await leave(browser))
    for (let nth = 0; nth < 30; nth += 1)
      await browser
        .get(forged(nonce, `cl${nth}`, Array.from({ length: 100 }, (_, n) => `x${n}`).join()))
        .expect(303)
    await expectUnharmed(undefined)
    await site.pass(2 * DAY_MS)
    expect(await site.context.reviews.listOpen({ limit: 1 })).toEqual([])
    const left = await site.context.db.selectFrom('connectReturn').select('state').distinct().execute()
    expect(left.map(({ state }) => state).toSorted()).toEqual(['bound', 'refused'])
  })

  it('by returns without a nonce: kept only if 360dialog confirms them, one row each, attached to nobody', async () => {
    const stranger = site.newBrowser()
    site.hub.addChannel({
      id: 'ch10',
      clientId: clientOf('ch1'),
      phoneNumber: '+4930333',
      displayName: 'Third',
      running: true,
    })
    site.hub.grant('ch10')
    for (const query of [
      `client=${clientOf('ch1')}&channels=[ch10]`,
      `client=${clientOf('ch1')}&channels=[ch10]&state=${'x'.repeat(43)}`,
      `client=${clientOf('ch1')}&channels=[ch1]`,
      `client=nobody&channels=[ch10]`,
      `client=${clientOf('ch1')}&channels=[made-up]`,
      `client=${clientOf('ch1')}&channels=[]`,
      '',
    ]) {
      const answer = await stranger.get(`/callback?${query}`).expect(303)
      expect(answer.headers.location).toBe('/returned')
    }
    for (let minutes = 0; minutes < 3; minutes += 1) await site.pass(60_000)
    await expectUnharmed(undefined)
    const open = await site.context.reviews.listOpen({ limit: 10 })
    expect(open.map(({ channelId, tenantId }) => [channelId, tenantId])).toEqual([['ch10', undefined]])
    expect(await unattached()).toEqual([{ state: 'needs_review', raw: undefined }])
  })

  it('by a flood of returns without a nonce: 200 open, and the honest client is not held up', async () => {
    await site.simulator.pause()
    const stranger = site.newBrowser()
    for (let nth = 0; nth < 50; nth += 1) {
      const ids = Array.from({ length: 100 }, (_, n) => `f${nth}-${n}`).join()
      await stranger.get(`/callback?client=flood${nth}&channels=[${ids}]`).expect(303)
    }
    expect((await unattached()).length).toBe(200)
    await site.simulator.resume()
    const { browser, status } = await comeBack(await grant(site, 'ch11'))
    await site.pass(60_000)
    expect(await readStatus({ browser, status, back: '' })).toBe('completed')
    await site.pass(25 * HOUR_MS)
    expect(await unattached()).toEqual([])
  })

  it('by guessing: a status or "Continue here" page that nobody was sent to is not there', async () => {
    const stranger = site.newBrowser()
    for (const path of ['/status', '/return'])
      for (const id of ['x'.repeat(43), '1', honest.status.slice(8, -1), '%00', '..%2f..%2fadmin']) {
        const answer = await stranger.get(`${path}/${id}`)
        expect([path, id, [400, 404].includes(answer.status)]).toEqual([path, id, true])
      }
  })

  it('by a link that was stolen after use: it launches for its own tenant, and shows no number', async () => {
    const link = await site.link({ tenantId: 't-ch1', tenantName: 'Shop ch1', email: emailOf('ch1') })
    const page = await site.newBrowser().get(link).expect(200)
    expect(page.text).not.toContain('•••')
    const thief = site.newBrowser()
    const screen = await launchFrom(thief, link)
    const acts = { signup: { name: 'Thief', email: 'thief@else.example' }, add: newClient('ch12').add ?? [] }
    const stolen = await comeBack({ browser: thief, back: pathOf(site.hub.visit(screen, acts)) })
    await site.untilQuiet()
    // The thief's own number does not come into the victim's account either.
    expect(await reviewsOf('ch12')).toEqual([['nothing_matches', 't-ch1']])
    await expectUnharmed(undefined)
    expect((await thief.get(stolen.status)).text).not.toContain('•••')
  })

  it('by made-up returns of somebody who holds the honest client’s page: it goes on saying "connected"', async () => {
    const thief = site.newBrowser()
    const nonce = nonceOf(await launchFrom(thief, honest.status))
    const back = forged(nonce, 'made-up', 'made-up')
    const { status } = await comeBack({ browser: thief, back })
    await site.untilQuiet()
    expect(await readStatus({ browser: thief, status, back })).toBe('waiting')
    await expectUnharmed(undefined)
  })

  it('by a link for one number: only that number binds by itself', async () => {
    const browser = site.newBrowser()
    const number = '+493070001'
    const screen = await leave(browser, { ...EVE, number })
    const add = [
      { id: 'ch13', phoneNumber: number, displayName: 'Named', running: true },
      { id: 'ch14', phoneNumber: '+493070002', displayName: 'Other', running: true },
    ]
    const back = pathOf(site.hub.visit(screen, { signup: { name: 'Eve', email: EVE.email }, add }))
    const eve = await comeBack({ browser, back })
    await site.untilQuiet()
    expect(site.hub.minted).toEqual(['ch1', 'ch13'])
    expect(await reviewsOf('ch14')).toEqual([['another_number', 't-eve']])
    expect(await readStatus(eve)).toBe('needs_review')
  })
})
