import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import request from 'supertest'
import { engines } from '../databases.ts'
import { emailOf, newClient, readStatus } from '../journey.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS, startTimedSite, type TimedSite } from '../keys/timed-site.ts'
import { type Browser, launchFrom, pathOf } from '../site.ts'

let site: TimedSite
let count = 0
const newId = () => `ch${++count}`
const minted = (channelId: string) => site.hub.minted.filter((id) => id === channelId).length
const tenantOf = async (channelId: string) => (await site.context.channels.find(channelId))?.tenantId
const clientOf = (channelId: string) => site.hub.channel(channelId).clientId
const reviewsOf = async (channelId: string) =>
  (await site.context.reviews.listOfChannel(channelId)).map(({ reason, tenantId, arrival, decision }) => ({
    ...{ reason, tenantId, arrival, decision },
  }))
/** Each request is its first. */
const withoutCookies = () => request(site.url) as unknown as Browser

async function arrive(browser: Browser, back: string): Promise<string> {
  return String((await browser.get(back).expect(303)).headers.location)
}

const orderOf = (channelId: string) => ({
  ...{ tenantId: `t-${channelId}`, tenantName: `Shop ${channelId}`, email: emailOf(channelId) },
})

/** The first round: it grants a number, and is told to continue. */
async function goRoundOnce(
  browser: Browser,
  channelId: string,
  acts = newClient(channelId),
): Promise<string> {
  const link = await site.link(orderOf(channelId))
  const page = await arrive(browser, pathOf(site.hub.visit(await launchFrom(browser, link), acts)))
  expect((await browser.get(page).expect(200)).text).toContain('Continue here')
  return page
}

/** One more round; 360dialog names only what changes in a visit. */
async function goRoundAgain(browser: Browser, page: string, acts: object): Promise<string> {
  return arrive(browser, pathOf(site.hub.visit(await launchFrom(browser, page), acts)))
}

async function expectAdvice(browser: Browser, page: string, userAgent = 'Mozilla/5.0'): Promise<string> {
  const { text } = await browser.get(page).set('user-agent', userAgent).expect(200)
  expect(text).toContain('This browser keeps no cookies')
  expect(text).toContain('another browser')
  expect(text).toContain(`${site.url}${page}?copied`)
  expect(text).toMatch(/[2-9A-Z]{3}-[2-9A-Z]{3}/)
  return text
}

async function expectNothingBound(channelId: string): Promise<void> {
  await site.untilQuiet()
  expect([await tenantOf(channelId), minted(channelId)]).toEqual([undefined, 0])
}

async function expectConnected(browser: Browser, status: string, channelId: string): Promise<void> {
  await site.untilQuiet()
  expect(await readStatus({ browser, status, back: '' })).toBe('completed')
  expect([await tenantOf(channelId), minted(channelId)]).toEqual([`t-${channelId}`, 1])
}

const IN_REVIEW = { reason: 'no_cookie', arrival: 'no_cookie', decision: undefined }

describe.each(engines)('a browser that keeps no cookie, on %s', (engine) => {
  beforeAll(async () => {
    site = await startTimedSite({ engine })
  })
  afterAll(() => site.stop())

  it('is told after the second round, the admin sees it, and nothing is bound', async () => {
    const [browser, channelId] = [withoutCookies(), newId()]
    const first = await goRoundOnce(browser, channelId)
    expect(await reviewsOf(channelId)).toEqual([])
    const page = await goRoundAgain(browser, first, { clientId: clientOf(channelId) })
    expect(page).toMatch(/^\/return\/[\w-]{43}$/)
    expect(page).not.toBe(first)
    await expectAdvice(browser, page)
    await expectNothingBound(channelId)
    // Its first round named the number; its second, as 360dialog does, nothing.
    expect(await reviewsOf(channelId)).toEqual([{ ...IN_REVIEW, tenantId: `t-${channelId}` }])
    await expectAdvice(browser, page)
    await expectAdvice(browser, first)

    const anna = site.newBrowser()
    await anna.get(`/admin/first/${await site.context.admins.createFirstCode()}`)
    expect((await anna.get('/admin').expect(200)).text).toContain('keeps no cookies')
    const [review] = await site.context.reviews.listOfChannel(channelId)
    const text = (await anna.get(`/admin/reviews/${review?.id}`).expect(200)).text
    expect(text).toContain('open the link in another browser')
  })

  it.each([
    ['the same number in both rounds', (id: string) => ({ clientId: clientOf(id), channels: [id] })],
    ['a cancelled second round', (id: string) => ({ clientId: clientOf(id), cancel: true })],
  ])('goes to review with %s', async (_, acts) => {
    const [browser, channelId] = [withoutCookies(), newId()]
    const page = await goRoundAgain(browser, await goRoundOnce(browser, channelId), acts(channelId))
    await expectAdvice(browser, page)
    await expectNothingBound(channelId)
    expect(await reviewsOf(channelId)).toEqual([{ ...IN_REVIEW, tenantId: `t-${channelId}` }])
  })

  it('that opens its link again instead is told, too', async () => {
    const [browser, channelId] = [withoutCookies(), newId()]
    const link = await site.link(orderOf(channelId))
    await arrive(browser, pathOf(site.hub.visit(await launchFrom(browser, link), newClient(channelId))))
    const page = await goRoundAgain(browser, link, { clientId: clientOf(channelId) })
    await expectAdvice(browser, page)
    await expectNothingBound(channelId)
    expect(await reviewsOf(channelId)).toEqual([{ ...IN_REVIEW, tenantId: `t-${channelId}` }])
  })

  it('that signs up by itself is told, too', async () => {
    const [browser, channelId] = [withoutCookies(), newId()]
    const form = { company: `Shop ${channelId}`, email: emailOf(channelId), number: '', consent: 'yes' }
    const answer = await browser.post('/connect').type('form').send(form).expect(303)
    const back = pathOf(site.hub.visit(String(answer.headers.location), newClient(channelId)))
    const page = await goRoundAgain(browser, await arrive(browser, back), { clientId: clientOf(channelId) })
    await expectAdvice(browser, page)
    await expectNothingBound(channelId)
    expect(await reviewsOf(channelId)).toMatchObject([IN_REVIEW])
  })

  it('that shared nothing is on the admin’s list with what to advise, until it comes back otherwise', async () => {
    const [browser, channelId] = [withoutCookies(), newId()]
    const first = await goRoundOnce(browser, channelId, { ...newClient(channelId), cancel: true })
    const cancel = { clientId: clientOf(channelId), cancel: true }
    const page = await goRoundAgain(browser, first, cancel)
    await expectAdvice(browser, page)
    const mine = async () =>
      (await site.context.overview.listNeeds()).stuck.filter((one) => one.tenantName === `Shop ${channelId}`)
    expect(await mine()).toMatchObject([{ why: 'no_cookie' }])
    await goRoundAgain(browser, page, cancel)
    expect(await mine()).toHaveLength(1)

    const other = site.newBrowser()
    const visit = { clientId: clientOf(channelId), channels: [channelId] }
    await expectConnected(other, await goRoundAgain(other, `${page}?copied`, visit), channelId)
    expect(await mine()).toEqual([])
  })

  it('gets out by the address that it copies into another browser', async () => {
    const [browser, channelId] = [withoutCookies(), newId()]
    const page = await goRoundAgain(browser, await goRoundOnce(browser, channelId), {
      clientId: clientOf(channelId),
    })
    const [copied = ''] =
      /http:\/\/localhost:\d+\/return\/[\w-]+\?copied/.exec(await expectAdvice(browser, page)) ?? []
    await expectNothingBound(channelId)
    const other = site.newBrowser()
    const { text } = await other.get(pathOf(copied)).expect(200)
    expect(text).toContain('Continue here')
    expect(text).not.toContain('keeps no cookies')
    const visit = { clientId: clientOf(channelId), channels: [channelId] }
    await expectConnected(other, await goRoundAgain(other, pathOf(copied), visit), channelId)
    expect(await reviewsOf(channelId)).toMatchObject([{ decision: 'settled' }])
    expect((await browser.get(page).expect(200)).text).toContain('Connected')
  })

  it('gets out by allowing cookies', async () => {
    const [browser, channelId] = [withoutCookies(), newId()]
    const page = await goRoundAgain(browser, await goRoundOnce(browser, channelId), {
      clientId: clientOf(channelId),
    })
    await expectNothingBound(channelId)
    const allowed = site.newBrowser()
    const visit = { clientId: clientOf(channelId), channels: [channelId] }
    await expectConnected(allowed, await goRoundAgain(allowed, page, visit), channelId)
  })

  it('gets out by the admin, who knows it', async () => {
    const [browser, channelId] = [withoutCookies(), newId()]
    const page = await goRoundAgain(browser, await goRoundOnce(browser, channelId), {
      clientId: clientOf(channelId),
    })
    await site.untilQuiet()
    const [review] = await site.context.reviews.listOfChannel(channelId)
    await site.context.reviews.accept(review?.id ?? '', `t-${channelId}`, 'cli')
    await site.untilQuiet()
    expect([await tenantOf(channelId), minted(channelId)]).toEqual([`t-${channelId}`, 1])
    expect((await browser.get(page).expect(200)).text).toContain('Connected')
  })

  it.each([
    ['Instagram', 'Mozilla/5.0 (iPhone) Mobile/15E148 Instagram 330.0.3 (iPhone14,5)'],
    ['Facebook', 'Mozilla/5.0 (Linux; Android 14; wv) Chrome/126 [FB_IAB/FB4A;FBAV/467;]'],
    ['LinkedIn', 'Mozilla/5.0 (iPhone) Mobile/15E148 [LinkedInApp]/9.29'],
  ])('inside %s is told how to leave it', async (app, userAgent) => {
    const [browser, channelId] = [withoutCookies(), newId()]
    const page = await goRoundAgain(browser, await goRoundOnce(browser, channelId), {
      clientId: clientOf(channelId),
    })
    const text = await expectAdvice(browser, page, userAgent)
    expect(text).toContain(`You are in the browser of ${app}`)
    expect(text).toContain('Open in browser')
    expect(await expectAdvice(browser, page)).not.toContain('You are in the browser of')
  })

  it('is not taken for one: what opens the page by hand, or later, comes for the first time', async () => {
    const [browser, channelId] = [withoutCookies(), newId()]
    const page = await goRoundAgain(browser, await goRoundOnce(browser, channelId), {
      clientId: clientOf(channelId),
    })
    const look = async (site: string) =>
      (await browser.get(page).set('sec-fetch-site', site).expect(200)).text
    expect(await look('cross-site')).toContain('This browser keeps no cookies')
    expect(await look('none')).not.toContain('This browser keeps no cookies')
    site.clock.advance(2 * MINUTE_MS)
    expect(await look('cross-site')).not.toContain('This browser keeps no cookies')
    expect(await look('cross-site')).toContain('Continue here')
  })

  it('is waited for while 360dialog does not list its number yet', async () => {
    const [browser, channelId, clientId] = [withoutCookies(), newId(), `late${count}`]
    const link = await site.link(orderOf(channelId))
    const back = (screen: string) => {
      const nonce = new URL(screen).searchParams.get('state')
      return `/callback?nonce=${nonce}&client=${clientId}&channels=[${channelId}]`
    }
    const first = await arrive(browser, back(await launchFrom(browser, link)))
    const page = await arrive(browser, back(await launchFrom(browser, first)))
    await site.pass(HOUR_MS)
    expect(await reviewsOf(channelId)).toEqual([])
    await expectAdvice(browser, page)
    site.hub.addClient({ id: clientId, name: 'Late', email: emailOf(channelId) })
    const number = { phoneNumber: '+49 30 7777777', displayName: 'Late', running: true }
    site.hub.addChannel({ id: channelId, clientId, ...number })
    site.hub.grant(channelId)
    await site.pass(5 * HOUR_MS)
    expect(await reviewsOf(channelId)).toEqual([{ ...IN_REVIEW, tenantId: `t-${channelId}` }])
  })
})

describe.each(engines)('without a cookie nobody gets what is another’s, on %s', (engine) => {
  beforeAll(async () => {
    site = await startTimedSite({ engine })
  })
  afterAll(() => site.stop())

  const nonceOf = (screen: string) => new URL(screen).searchParams.get('state') ?? ''
  const forged = (screen: string, clientId: string, channelId: string) =>
    `/callback?nonce=${nonceOf(screen)}&client=${clientId}&channels=[${channelId}]`

  /** Another customer's number that is not bound yet. */
  const addVictim = async (channelId: string) => {
    const acts = newClient(channelId)
    const browser = site.newBrowser()
    const back = pathOf(site.hub.visit(await launchFrom(browser, await site.link(orderOf(channelId))), acts))
    return { browser, back }
  }

  it('by ids that it knows: a review that says why, and the honest return still binds', async () => {
    const [eve, channelId] = [withoutCookies(), newId()]
    const victim = await addVictim(channelId)
    const link = await site.link({ tenantId: 't-eve', tenantName: 'Eve', email: 'eve@else.example' })
    const first = await arrive(eve, forged(await launchFrom(eve, link), clientOf(channelId), channelId))
    await arrive(eve, forged(await launchFrom(eve, first), clientOf(channelId), channelId))
    await expectNothingBound(channelId)
    expect(await reviewsOf(channelId)).toEqual([{ ...IN_REVIEW, tenantId: 't-eve' }])
    await expectConnected(victim.browser, await arrive(victim.browser, victim.back), channelId)
  })

  it('by a number that is bound already: it stays where it is', async () => {
    const [eve, channelId] = [withoutCookies(), newId()]
    const victim = await addVictim(channelId)
    await expectConnected(victim.browser, await arrive(victim.browser, victim.back), channelId)
    const link = await site.link({ tenantId: 't-eve', tenantName: 'Eve', email: emailOf(channelId) })
    const first = await arrive(eve, forged(await launchFrom(eve, link), clientOf(channelId), channelId))
    await arrive(eve, forged(await launchFrom(eve, first), clientOf(channelId), channelId))
    await site.untilQuiet()
    expect([await tenantOf(channelId), minted(channelId)]).toEqual([`t-${channelId}`, 1])
    expect(await reviewsOf(channelId)).toMatchObject([{ reason: 'bound_elsewhere', tenantId: 't-eve' }])
  })

  it('by a permission screen that was forwarded, with a verified e-mail that matches', async () => {
    const [eve, channelId] = [withoutCookies(), newId()]
    const link = await site.link({ tenantId: 't-eve', tenantName: 'Eve', email: emailOf(channelId) })
    const first = await arrive(eve, `/callback?nonce=${nonceOf(await launchFrom(eve, link))}`)
    const screen = await launchFrom(eve, first)
    const victim = site.newBrowser()
    const page = await arrive(victim, pathOf(site.hub.visit(screen, newClient(channelId))))
    const text = (await victim.get(page).expect(200)).text
    expect(text).toContain('Only continue if you know them.')
    await expectNothingBound(channelId)
  })

  it('by continuing in the own browser what was taken up of another’s', async () => {
    const channelId = newId()
    const [eve, victim] = [site.newBrowser(), site.newBrowser()]
    const link = await site.link({ tenantId: 't-eve', tenantName: 'Eve', email: emailOf(channelId) })
    const screen = await launchFrom(eve, link)
    const page = await arrive(victim, pathOf(site.hub.visit(screen, newClient(channelId))))
    // Eve knows the page by the nonce. She makes it a review, and continues in her own browser.
    const cookieless = withoutCookies()
    const again = await launchFrom(cookieless, page)
    await arrive(cookieless, `/callback?nonce=${nonceOf(again)}`)
    await expectNothingBound(channelId)
    const own = await launchFrom(eve, page)
    await arrive(eve, `/callback?nonce=${nonceOf(own)}&client=${clientOf(channelId)}&channels=[]`)
    await expectNothingBound(channelId)
    expect(await reviewsOf(channelId)).toMatchObject([{ reason: 'no_cookie', decision: undefined }])
    // The victim's own browser still can, if it knows who asks.
    const next = await launchFrom(victim, page)
    await arrive(victim, `/callback?nonce=${nonceOf(next)}&client=${clientOf(channelId)}&channels=[]`)
    await site.untilQuiet()
    expect(await tenantOf(channelId)).toBe('t-eve')
  })

  it('however often it comes: a session keeps 25 of them, and then its page says so', async () => {
    const [eve, channelId] = [withoutCookies(), newId()]
    let page = await goRoundOnce(eve, channelId)
    const link = page
    for (let nth = 1; nth < 25; nth += 1)
      page = await arrive(eve, forged(await launchFrom(eve, link), clientOf(channelId), channelId))
    const screen = await launchFrom(eve, link)
    expect((await eve.get(forged(screen, clientOf(channelId), channelId))).status).toBe(410)
    await expectNothingBound(channelId)
    expect(await reviewsOf(channelId)).toHaveLength(1)
    const rows = await site.context.db
      .selectFrom('connectReturn')
      .innerJoin('connectSession', 'connectSession.id', 'connectReturn.sessionId')
      .select('connectReturn.id')
      .where('connectSession.tenantId', '=', `t-${channelId}`)
      .execute()
    expect(rows).toHaveLength(25)
  })

  it('by ids that nobody has: no admin is asked about any', async () => {
    const eve = withoutCookies()
    const link = await site.link({ tenantId: 't-eve2', tenantName: 'Eve', email: 'eve@else.example' })
    const first = await arrive(eve, forged(await launchFrom(eve, link), 'noCL', 'noCH'))
    await arrive(eve, forged(await launchFrom(eve, first), 'noCL', 'noCH'))
    await site.pass(DAY_MS + 2 * HOUR_MS)
    expect(await reviewsOf('noCH')).toEqual([])
  })
})
