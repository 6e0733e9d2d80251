import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { hashOf } from '../../src/identifiers.ts'
import { engines } from '../databases.ts'
import { codeOn, emailOf, grant, newClient, readStatus } from '../journey.ts'
import { DAY_MS, startTimedSite, type TimedSite } from '../keys/timed-site.ts'
import { type Browser, launchFrom, pathOf } from '../site.ts'

let site: TimedSite
let count = 0
const newId = () => `ch${++count}`
const tenantOf = async (channelId: string) => (await site.context.channels.find(channelId))?.tenantId
const minted = (channelId: string) => site.hub.minted.filter((id) => id === channelId).length
const nonceOf = (back: string) => /(?:state|nonce)=([\w-]{43})/.exec(back)?.[1] ?? ''

async function expectConnected(browser: Browser, back: string, channelId: string): Promise<void> {
  const answer = await browser.get(back)
  expect([answer.status, answer.headers.location]).toEqual([303, expect.stringMatching(/^\/status\//)])
  await site.untilQuiet()
  expect(await readStatus({ browser, status: String(answer.headers.location), back })).toBe('completed')
  expect([await tenantOf(channelId), minted(channelId)]).toEqual([`t-${channelId}`, 1])
}

/** What others do to the address that 360dialog sends the browser to. */
const changes: readonly (readonly [what: string, change: (back: string, nonce: string) => string])[] = [
  ['a router’s own client', (back) => back.replace('client=', 'client=web&client=')],
  ['a router’s own client behind it', (back) => `${back}&client=web`],
  ['client=undefined', (back) => `${back}&client=undefined`],
  ['a second state', (back) => `${back}&state=abc`],
  ['a state of digits first', (back) => back.replace('?', '?state=12345&')],
  ['a state of JSON', (back) => `${back}&state=%7B%22a%22%3A1%7D`],
  ['a nonce that is undefined', (back) => `${back}&nonce=undefined`],
  ['a state of another app that looks like ours', (back) => `${back}&state=${'z'.repeat(43)}`],
  ['a bad escape in a state', (back) => `${back}&state=%E0%A4%A`],
  ['a bad escape in what nobody reads', (back) => `${back}&utm=%E0%A4%A&q=100%`],
  ['a bad escape in a name', (back) => `${back}&%E0%A4%A=1`],
  ['languages and counters', (back) => `${back}&lang=de&gclid=x&refresh=%E0`],
  ['a second ?', (back) => back.replace('&', '?')],
  ['&amp;', (back) => back.replaceAll('&', '&amp;')],
  ['an escaped ?', (back) => back.replace('/callback?', '/callback%3F')],
  ['no ? at all', (back) => back.replace('/callback?', '/callback&')],
  ['everything escaped behind the ?', (back) => `/callback?${encodeURIComponent(back.slice(10))}`],
  ['a slash before the ?', (back) => back.replace('/callback?', '/callback/?')],
  ['escaped twice', (back) => back.replaceAll('%5B', '%255B').replaceAll('%5D', '%255D')],
  ['a nonce in quotes', (back, nonce) => back.replaceAll(nonce, `"${nonce}"`)],
  ['a word among the lists', (back) => `${back}&channels=undefined`],
  ['a revocation that is none', (back) => `${back}&revoked=null`],
]

describe.each(engines)('a client whose way back was changed by others, on %s', (engine) => {
  beforeAll(async () => {
    site = await startTimedSite({ engine })
  })
  afterAll(() => site.stop())

  it.each(changes)('is connected all the same: %s', async (_, change) => {
    const channelId = newId()
    const { browser, back } = await grant(site, channelId)
    await expectConnected(browser, change(back, nonceOf(back)), channelId)
  })
})

describe.each(['both', 'state', 'redirect_url'] as const)('with the nonce in %s', (stateIn) => {
  beforeAll(async () => {
    site = await startTimedSite({ engine: 'sqlite', settings: { D360_STATE_IN: stateIn } })
    site.hub.settings.redirectUrl = `${site.url}/callback`
  })
  afterAll(() => site.stop())

  it.each(['abc', '12345', 'undefined', '%7B%22from%22%3A%22web%22%7D', '%E0%A4%A', 'z'.repeat(43)])(
    'a foreign %s in either place stops nobody',
    async (value) => {
      for (const name of ['state', 'nonce']) {
        const channelId = newId()
        const { browser, back } = await grant(site, channelId)
        await expectConnected(browser, `${back}&${name}=${value}`, channelId)
      }
    },
  )

  it('a foreign value alone is no nonce: the browser tells for which request it came', async () => {
    const channelId = newId()
    const { browser, back } = await grant(site, channelId)
    const foreign = back.replaceAll(nonceOf(back), 'abc')
    expect((await browser.get(foreign).expect(303)).headers.location).toMatch(/^\/return\//)
    await site.untilQuiet()
    const [review] = await site.context.reviews.listOfChannel(channelId)
    expect(review).toMatchObject({ reason: 'no_nonce', tenantId: `t-${channelId}` })
  })
})

/** What cannot be read, although it carries a live nonce. */
const unreadable: readonly (readonly [what: string, change: (back: string) => string])[] = [
  ['two clients of one kind', (back) => `${back}&client=zYx98CL`],
  ['ids that are none', (back) => back.replace(/channels=[^&]*/, 'channels=[a%3Cb]')],
  ['an id that cannot be decoded', (back) => back.replace(/channels=[^&]*/, 'channels=[%E0%A4%A]')],
  ['channels of nobody', (back) => back.replace(/client=[^&]*/, 'x=1')],
  ['a client that is undefined', (back) => back.replace(/client=[^&]*/, 'client=undefined')],
  [
    'more than 100 ids',
    (back) => back.replace(/channels=[^&]*/, `channels=[${Array.from({ length: 101 }, (_, n) => `i${n}`)}]`),
  ],
  ['more than 8 kB', (back) => `${back}&x=${'x'.repeat(8_192)}`],
  ['JSON for a list', (back) => back.replace(/channels=[^&]*/, 'channels=[{"id":"a"}]')],
  ['a script', (back) => back.replace(/channels=[^&]*/, 'channels=<script>alert(1)</script>')],
  ['a template', (back) => back.replace(/channels=[^&]*/, 'channels={channels}')],
]

describe.each(engines)('what cannot be read, on %s', (engine) => {
  beforeAll(async () => {
    site = await startTimedSite({ engine })
  })
  afterAll(() => site.stop())

  const rowsOf = (code: string) =>
    site.context.db
      .selectFrom('connectReturn')
      .innerJoin('connectSession', 'connectSession.id', 'connectReturn.sessionId')
      .select([
        'connectReturn.state',
        'connectReturn.raw',
        'connectReturn.arrival',
        'connectSession.returnCount',
      ])
      .where('connectSession.code', '=', code)
      .execute()
  const admin = async () => {
    const browser = site.newBrowser()
    await browser.get(`/admin/first/${await site.context.admins.createFirstCode()}`)
    return browser
  }

  it.each(unreadable)('is kept for the admin before the page says so, with %s', async (_, change) => {
    const channelId = newId()
    const { browser, back } = await grant(site, channelId)
    const nonce = nonceOf(back)
    site.log.length = 0
    const answer = await browser.get(change(back)).expect(400)
    expect(answer.headers['cache-control']).toBe('no-store')
    expect(answer.text).toContain('what came is kept here')
    const code = codeOn(answer.text)
    const [row, ...others] = await rowsOf(code)
    expect(others).toEqual([])
    expect(row).toMatchObject({ state: 'unreadable', arrival: 'launch' })
    expect(row?.raw).toContain(hashOf(nonce))
    for (const text of [row?.raw, answer.text, site.log.join('')]) expect(text).not.toContain(nonce)
    expect(site.log.find((line) => line.includes('unreadable return'))).toContain(code)

    const { stuck } = await site.context.overview.listNeeds()
    expect(stuck).toContainEqual(
      expect.objectContaining({ code, tenantName: `Shop ${channelId}`, why: 'unreadable' }),
    )
    const anna = await admin()
    expect((await anna.get('/admin').expect(200)).text).toContain(code)
    const found = await anna.get(`/admin/search?q=${code.toLowerCase()}`).expect(303)
    const text = (await anna.get(String(found.headers.location)).expect(200)).text
    expect(text).toContain('cannot be read')
    expect(text).toContain(hashOf(nonce))
    expect(text).not.toContain('<script>')

    // The same again is the same row, and the honest way out works from the page itself.
    await browser.get(change(back)).expect(400)
    expect(await rowsOf(code)).toHaveLength(1)
    const action = /action="([^"]+)"/.exec(answer.text)?.[1] ?? ''
    const screen = await launchFrom(browser, action)
    const { clientId } = site.hub.channel(channelId)
    await expectConnected(
      browser,
      pathOf(site.hub.visit(screen, { clientId, channels: [channelId] })),
      channelId,
    )
    const left = (await site.context.overview.listNeeds()).stuck
    expect(left.map((one) => one.code)).not.toContain(code)
  })

  it('is kept in another browser, too, which can continue there', async () => {
    const channelId = newId()
    const { back } = await grant(site, channelId)
    const browser = site.newBrowser()
    const answer = await browser.get(back.replace('client=', 'client=zYx98CL&client=')).expect(400)
    const action = /action="(\/return\/[\w-]{43})"/.exec(answer.text)?.[1] ?? ''
    expect((await browser.get(action).expect(200)).text).toContain('Continue here')
    const screen = await launchFrom(browser, action)
    const visit = { clientId: site.hub.channel(channelId).clientId, channels: [channelId] }
    await expectConnected(browser, pathOf(site.hub.visit(screen, visit)), channelId)
  })

  it.each([
    ['no nonce', (back: string) => back.replaceAll(/(?:nonce|state)=[^&]*&?/g, '')],
    ['a nonce of nobody', (back: string) => back.replaceAll(nonceOf(back), 'z'.repeat(43))],
  ])('is only a hash in the log with %s', async (_, change) => {
    const { browser, back } = await grant(site, newId())
    const before = await site.context.db.selectFrom('connectReturn').select('id').execute()
    const answer = await browser.get(`${change(back)}&client=zYx98CL`).expect(400)
    expect(answer.text).toContain('This could not be read')
    expect(await site.context.db.selectFrom('connectReturn').select('id').execute()).toHaveLength(
      before.length,
    )
  })

  it('is only a hash in the log with a nonce that has expired', async () => {
    const { browser, back } = await grant(site, newId())
    await site.pass(DAY_MS + 1)
    await browser.get(`${back}&client=zYx98CL`).expect(400)
    expect((await site.context.overview.listNeeds()).stuck.map((one) => one.tenantName)).not.toContain(
      `Shop ch${count}`,
    )
  })

  it('takes no more room than any return: fifty of a session, half of them from elsewhere', async () => {
    const channelId = newId()
    const { browser, back } = await grant(site, channelId)
    const stranger = site.newBrowser()
    const statuses = []
    for (let nth = 0; nth < 30; nth += 1)
      statuses.push((await stranger.get(`${back}&client=zYx${nth}CL`)).status)
    expect(statuses).toEqual([...Array(25).fill(400), ...Array(5).fill(410)])
    for (let nth = 0; nth < 24; nth += 1) await browser.get(`${back}&client=zYx${nth}CL`).expect(400)
    await expectConnected(browser, back, channelId)
    const { stuck } = await site.context.overview.listNeeds()
    expect(stuck.filter((one) => one.tenantName === `Shop ${channelId}`)).toEqual([])
  })

  it('goes after 90 days, and leaves the list with its link', async () => {
    const channelId = newId()
    const order = { tenantId: `t-${channelId}`, tenantName: `Shop ${channelId}`, email: emailOf(channelId) }
    const browser = site.newBrowser()
    const back = pathOf(
      site.hub.visit(await launchFrom(browser, await site.link(order)), newClient(channelId)),
    )
    const code = codeOn((await browser.get(`${back}&client=zYx98CL`).expect(400)).text)
    const isListed = async () =>
      (await site.context.overview.listNeeds()).stuck.some((one) => one.code === code)
    expect(await isListed()).toBe(true)
    await site.pass(8 * DAY_MS)
    expect([await isListed(), (await rowsOf(code)).length]).toEqual([false, 1])
    await site.pass(84 * DAY_MS)
    expect(await rowsOf(code)).toEqual([])
  })
})
