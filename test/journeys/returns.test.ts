import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { linkPath } from '../../src/paths.ts'
import { defaultSwitches } from '../../src/simulator/switches.ts'
import { engines } from '../databases.ts'
import { codeOn, comeBack, emailOf, grant, newClient, readStatus } from '../journey.ts'
import { DAY_MS, HOUR_MS, startTimedSite, type TimedSite } from '../keys/timed-site.ts'
import { type Browser, launchFrom, pathOf } from '../site.ts'

let site: TimedSite

/** Comes back in this browser; answers the path of the page that it goes on to. */
async function arrive(browser: Browser, back: string): Promise<string> {
  const answer = await browser.get(back).expect(303)
  expect(answer.headers['cache-control']).toBe('no-store')
  return String(answer.headers.location)
}

/** Presses "Continue here" and shares nothing new: 360dialog names only what changes in a visit. */
async function continueHere(browser: Browser, page: string, clientId: string): Promise<string> {
  const text = (await browser.get(page).expect(200)).text
  expect(text).toContain('Continue here')
  const screen = await launchFrom(browser, page)
  return arrive(browser, pathOf(site.hub.visit(screen, { clientId })))
}

const clientOf = (channelId: string) => site.hub.channel(channelId).clientId
const minted = (channelId: string) => site.hub.minted.filter((id) => id === channelId).length
const reviewsOf = async (channelId: string) => {
  const reviews = await site.context.reviews.listOfChannel(channelId)
  return reviews.map(({ reason, tenantId, arrival }) => ({ reason, tenantId, arrival }))
}
const tenantOf = async (channelId: string) => (await site.context.channels.find(channelId))?.tenantId

/** What the honest way leads to: one key, and the page says so. */
async function expectConnected(browser: Browser, status: string, channelId: string): Promise<void> {
  await site.untilQuiet()
  expect(await readStatus({ browser, status, back: '' })).toBe('completed')
  expect(await tenantOf(channelId)).toBe(`t-${channelId}`)
  expect(minted(channelId)).toBe(1)
}

describe.each(engines)('a client comes back, on %s', (engine) => {
  beforeAll(async () => {
    site = await startTimedSite({ engine })
  })
  afterAll(() => site.stop())
  afterEach(() => {
    Object.assign(site.hub.switches, defaultSwitches)
  })

  it('in the browser that left', async () => {
    const { browser, status } = await comeBack(await grant(site, 'ch1'))
    await expectConnected(browser, status, 'ch1')
  })

  it('twice, by reload and by the back button, to the same page and one key', async () => {
    const { browser, back } = await grant(site, 'ch2')
    const first = await arrive(browser, back)
    expect(await arrive(browser, back)).toBe(first)
    await expectConnected(browser, first, 'ch2')
    expect(await arrive(browser, back)).toBe(first)
    await expectConnected(browser, first, 'ch2')
  })

  it('from a link that it opened twice', async () => {
    const browser = site.newBrowser()
    const order = { tenantId: 't-ch3', tenantName: 'Shop ch3', email: emailOf('ch3') }
    const link = await site.link(order)
    await launchFrom(browser, link)
    const screen = await launchFrom(browser, link)
    const status = await arrive(browser, pathOf(site.hub.visit(screen, newClient('ch3'))))
    await expectConnected(browser, status, 'ch3')
  })

  it('and shares a second number an hour later, with the same nonce', async () => {
    const { browser, back } = await grant(site, 'ch4')
    const status = await arrive(browser, back)
    await expectConnected(browser, status, 'ch4')
    await site.pass(HOUR_MS)
    const second = { id: 'ch4b', phoneNumber: '+49 30 444444', displayName: 'Second', running: true }
    site.hub.addChannel({ ...second, clientId: clientOf('ch4') })
    site.hub.grant('ch4b')
    expect(await arrive(browser, back.replaceAll('[ch4]', '[ch4b]'))).toBe(status)
    await site.untilQuiet()
    expect(await tenantOf('ch4b')).toBe('t-ch4')
    expect([minted('ch4'), minted('ch4b')]).toEqual([1, 1])
  })

  it.each([
    ['another browser', () => site.newBrowser()],
    [
      'a browser with another cookie',
      () => {
        const browser = site.newBrowser()
        browser.jar.setCookie(`browser=${'x'.repeat(43)}; Path=/`, 'localhost')
        return browser
      },
    ],
  ] as const)('in %s, and goes on there', async (_, openBrowser) => {
    const channelId = `ch5${site.hub.minted.length}`
    const { back, browser: left } = await grant(site, channelId)
    const other = openBrowser()
    const page = await arrive(other, back)
    expect(page).toMatch(/^\/return\/[\w-]{43}$/)
    expect((await other.get(page).expect(200)).text).toContain(`Shop ${channelId}`)
    await site.untilQuiet()
    expect([minted(channelId), await tenantOf(channelId)]).toEqual([0, undefined])
    expect(await arrive(other, back)).toBe(page)

    const status = await continueHere(other, page, clientOf(channelId))
    await expectConnected(other, status, channelId)
    await left.get(status).expect(200)
  })

  it('in another browser first, by a mail scanner say, and then in its own', async () => {
    const { browser, back } = await grant(site, 'ch6')
    await arrive(site.newBrowser(), back)
    const status = await arrive(browser, back)
    await expectConnected(browser, status, 'ch6')
  })

  it('after more than a day: nothing binds by itself, and "Continue here" does', async () => {
    const { browser, back } = await grant(site, 'ch7')
    await site.pass(DAY_MS + HOUR_MS)
    const page = await arrive(browser, back)
    expect(page).toMatch(/^\/return\//)
    await site.untilQuiet()
    expect(await reviewsOf('ch7')).toEqual([
      { reason: 'launch_expired', tenantId: 't-ch7', arrival: 'expired_launch' },
    ])
    expect(minted('ch7')).toBe(0)

    const status = await continueHere(browser, page, clientOf('ch7'))
    await expectConnected(browser, status, 'ch7')
    const [review] = await site.context.reviews.listOfChannel('ch7')
    expect(review).toMatchObject({ decision: 'settled', decidedBy: 'latchkey' })
  })

  it('without its nonce, in a browser with one open launch', async () => {
    const { browser, back } = await grant(site, 'ch8')
    const page = await arrive(browser, withoutNonce(back))
    expect(page).toMatch(/^\/return\//)
    expect(await arrive(browser, withoutNonce(back))).toBe(page)
    await site.untilQuiet()
    expect((await browser.get(page).expect(200)).text).toContain('is checking this')
    expect(await reviewsOf('ch8')).toEqual([
      { reason: 'no_nonce', tenantId: 't-ch8', arrival: 'open_launch' },
    ])
    expect(minted('ch8')).toBe(0)
    const status = await continueHere(browser, page, clientOf('ch8'))
    await expectConnected(browser, status, 'ch8')
  })

  it('without its nonce, in a browser that left for two tenants: nobody gets it', async () => {
    const { browser, back } = await grant(site, 'ch9')
    await launchFrom(browser, await site.link({ tenantId: 't-else' }))
    expect(await arrive(browser, withoutNonce(back))).toBe('/returned')
    await site.untilQuiet()
    expect(await reviewsOf('ch9')).toEqual([
      { reason: 'no_session', tenantId: undefined, arrival: 'no_nonce' },
    ])
    expect([minted('ch9'), await tenantOf('ch9')]).toEqual([0, undefined])
  })

  it('with two nonces: it is kept, and attached to neither', async () => {
    const one = await grant(site, 'ch10')
    const two = await grant(site, 'ch11')
    const nonce = new URL(one.back, 'http://x').searchParams.get('state')
    const mixed = two.back.replace(/state=[^&]*/, `state=${nonce}`)
    expect(await arrive(two.browser, mixed)).toBe('/returned')
    await site.pass(60_000)
    expect(await reviewsOf('ch11')).toEqual([
      { reason: 'no_session', tenantId: undefined, arrival: 'two_nonces' },
    ])
    expect(minted('ch11')).toBe(0)
    // And the honest return still works afterwards, and answers the review.
    await expectConnected(two.browser, await arrive(two.browser, two.back), 'ch11')
    expect((await site.context.reviews.listOfChannel('ch11'))[0]?.decision).toBe('settled')
  })

  it('with nothing shared: the page says so, and offers to start again', async () => {
    const granted = await grant(site, 'ch12', { ...newClient('ch12'), cancel: true })
    const { browser, status } = await comeBack(granted)
    expect(await readStatus({ browser, status, back: '' })).toBe('declined')
    const screen = await launchFrom(browser, status)
    await arrive(browser, pathOf(site.hub.visit(screen, { clientId: clientOf('ch12'), channels: ['ch12'] })))
    await expectConnected(browser, status, 'ch12')
  })

  it('with nothing shared, in another browser: it can continue there', async () => {
    const { back } = await grant(site, 'ch13', { ...newClient('ch13'), cancel: true })
    const other = site.newBrowser()
    const page = await arrive(other, back)
    const screen = await launchFrom(other, page)
    const visit = { clientId: clientOf('ch13'), channels: ['ch13'] }
    await expectConnected(other, await arrive(other, pathOf(site.hub.visit(screen, visit))), 'ch13')
  })

  it('when its link has ended: "Continue here" says where a new one comes from', async () => {
    const { back } = await grant(site, 'ch14')
    const other = site.newBrowser()
    const page = await arrive(other, back)
    await site.pass(8 * DAY_MS)
    for (const answer of [await other.get(page), await other.post(page)])
      expect([answer.status, answer.text.includes('This link has ended')]).toEqual([410, true])
    await other.get(linkPath('x')).expect(404)
  })

  it('by HEAD and other methods: 405, and nothing is stored', async () => {
    const { browser, back } = await grant(site, 'ch15')
    for (const method of ['head', 'post', 'put', 'delete', 'options', 'patch'] as const) {
      const answer = await browser[method](back).expect(405)
      expect(answer.headers.allow).toBe('GET')
    }
    expect(await storedReturns('cl15')).toBe(0)
    await expectConnected(browser, await arrive(browser, back), 'ch15')
  })

  it('by POST, from another site: it is told to come by GET, and only that is stored', async () => {
    const { browser, back } = await grant(site, 'ch16')
    const sent = { origin: 'https://hub.360dialog.com', 'sec-fetch-site': 'cross-site' }
    const answer = await browser.post(back).set(sent).type('form').send({ channels: 'ch1' }).expect(405)
    expect(answer.headers).toMatchObject({ refresh: '0', 'cache-control': 'no-store' })
    expect(await storedReturns(clientOf('ch16'))).toBe(0)
    await expectConnected(browser, await arrive(browser, back), 'ch16')
  })

  it.each([
    ['ids with foreign characters', 'client=c&channels=[a%3Cb]'],
    ['broken encoding', 'client=c&channels=[%E0%A4%A]'],
    ['more than 100 ids', `client=c&channels=[${Array.from({ length: 101 }, (_, n) => `i${n}`)}]`],
    ['over 8 kB', `client=c&channels=[a]&x=${'x'.repeat(8192)}`],
    ['two clients', 'client=c&client=d&channels=[a]'],
    ['channels of nobody', 'channels=[a]'],
  ])(
    'unreadably, with %s: a page with a code, and a line in the log that holds its hash only',
    async (_, query) => {
      site.log.length = 0
      const answer = await site.newBrowser().get(`/callback?${query}`).expect(400)
      const code = codeOn(answer.text)
      const line = site.log.find((one) => one.includes('unreadable return')) ?? ''
      expect(JSON.parse(line)).toMatchObject({ code, sha256: expect.any(String), length: query.length + 10 })
      expect(line).not.toContain(query.slice(0, 12))
    },
  )
})

describe.each([
  ['both', {}],
  ['both', { drop_state: true }],
  ['both', { drop_redirect_url: true }],
  ['state', {}],
  ['state', { refuse_redirect_url: true }],
  ['state', { drop_redirect_url: true }],
  ['redirect_url', {}],
  ['redirect_url', { drop_state: true }],
] as const)('with the nonce in %s and a permission screen that has %j', (stateIn, switches) => {
  it('a client connects its number', async () => {
    site = await startTimedSite({ engine: 'sqlite', settings: { D360_STATE_IN: stateIn } })
    site.hub.settings.redirectUrl = `${site.url}/callback`
    Object.assign(site.hub.switches, switches)
    const { browser, status } = await comeBack(await grant(site, 'ch1'))
    await expectConnected(browser, status, 'ch1')
    await site.stop()
  })
})

describe.each([
  ['state', { drop_state: true }],
  ['redirect_url', { drop_redirect_url: true }],
] as const)('with the nonce in %s only, and a screen that has %j', (stateIn, switches) => {
  it('a client comes back without a nonce, and is connected once the partner has said so', async () => {
    site = await startTimedSite({ engine: 'sqlite', settings: { D360_STATE_IN: stateIn } })
    site.hub.settings.redirectUrl = `${site.url}/callback`
    Object.assign(site.hub.switches, switches)
    const { browser, back } = await grant(site, 'ch1')
    const page = await arrive(browser, back)
    expect(page).toMatch(/^\/return\//)
    await site.untilQuiet()
    const [review] = await site.context.reviews.listOpen({ limit: 10 })
    expect(review).toMatchObject({ reason: 'no_nonce', tenantId: 't-ch1', channelId: 'ch1' })
    expect(site.hub.minted).toEqual([])
    await site.context.reviews.accept(review?.id ?? '', 't-ch1', 'cli')
    await site.untilQuiet()
    expect([minted('ch1'), await tenantOf('ch1')]).toEqual([1, 't-ch1'])
    expect((await browser.get(page).expect(200)).text).toContain('Everything is ready.')
    await site.stop()
  })
})

it('a screen that refuses redirect_url does so before anything is shared, and says so', async () => {
  site = await startTimedSite({ engine: 'sqlite' })
  site.hub.switches.refuse_redirect_url = true
  await expect(grant(site, 'ch1')).rejects.toThrow('not allowed')
  await site.stop()
})

const withoutNonce = (back: string) => back.replaceAll(/(?:nonce|state)=[^&]*&?/g, '')

async function storedReturns(clientId: string): Promise<number> {
  const rows = await site.context.db
    .selectFrom('connectReturn')
    .select('id')
    .where('clientId', '=', clientId)
    .execute()
  return rows.length
}
