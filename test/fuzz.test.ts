import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { EventLoopLag } from './event-loop-lag.ts'
import { type Corpus, fuzzBytes, fuzzRequest, type Random, seededRandom } from './fuzz-requests.ts'
import { Pipeline, sendBytes, type Tally } from './fuzz-sender.ts'
import { comeBack, grant, newClient, readStatus } from './journey.ts'
import { type Mailbox, openMailbox } from './mailbox.ts'
import { type Browser, eventually, launchFrom, pathOf, type Site, startSite } from './site.ts'

/** `npm run fuzz` sends a hundred thousand. */
const REQUESTS = Number(process.env.FUZZ_REQUESTS ?? 10_000)
const SEED = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 32))
const PASSWORD = 'correct horse battery'
const CONNECTIONS = 6
const AT_ONCE = 25
/** Of a hundred: what is sent as bytes that may be no HTTP at all. */
const BYTES_PERCENT = 3

const mailSettings = () => ({ SMTP_URL: mailbox.url, MAIL_FROM: 'connect@nordlicht.example' })
const UNLIMITED = { RATE_LIMIT_PUBLIC: '1000000', RATE_LIMIT_SIGN_IN: '1000000' }

let site: Site
let mailbox: Mailbox
beforeAll(async () => {
  mailbox = await openMailbox()
})
afterEach(() => site?.stop())
afterAll(() => mailbox.close())

/** What the honest client has, and what the product reads of it: fuzzing must not change a byte of it. */
async function readPossessions(): Promise<string> {
  const { db, channels } = site.context
  const channel = await channels.find('ch1')
  // Neither when it was said nor what 360dialog answers: it may be asked meanwhile.
  const observed = db.selectFrom('observation').select(['id', 'source', 'says']).where('source', '!=', 'api')
  const rows = [
    await observed.where('channelId', '=', 'ch1').execute(),
    await db.selectFrom('apiKey').selectAll().where('channelId', '=', 'ch1').execute(),
  ]
  return JSON.stringify([channel?.permission, channel?.tenantId, rows])
}

/** Most on SQLite, which answers faster: together they are no more than one engine alone had. */
const shares = [
  ['sqlite', Math.ceil(REQUESTS * 0.7)],
  ['postgres', Math.ceil(REQUESTS * 0.3)],
] as const

describe.each(shares)(`fuzzing on %s, FUZZ_SEED=${SEED}`, (engine, requests) => {
  it(`of ${requests} requests breaks nothing, holds nobody up, and gets nothing`, async () => {
    site = await startSite({ engine, settings: { ...mailSettings(), ...UNLIMITED } })
    const honest = await comeBack(await grant(site, 'ch1'))
    await eventually(async () => (await readStatus(honest)) === 'completed')
    const corpus = await collect(honest)
    const before = await readPossessions()

    const heapBefore = process.memoryUsage().heapUsed
    const watch = new EventLoopLag()
    const tally = await fuzz(site, corpus, requests, () => watch.mark())
    expect(watch.end()).toBeLessThan(1_000)

    const statuses = [...tally.keys()]
    expect(statuses.filter((status) => status >= 500)).toEqual([])
    expect([200, 303, 400, 401, 403, 404, 405, 422].filter((status) => !statuses.includes(status))).toEqual(
      [],
    )
    expect(logged('error')).toEqual([])
    // What grows with every request would be more than this.
    site.log.length = 0
    expect(process.memoryUsage().heapUsed - heapBefore).toBeLessThan(500_000_000)

    const later = await comeBack(await grant(site, 'ch9'))
    await eventually(async () => (await readStatus(later)) === 'completed')
    expect(site.hub.minted).toEqual(['ch1', 'ch9'])
    expect(await readPossessions()).toBe(before)
    expect(await readStatus(honest)).toBe('completed')
    expect((await site.context.channels.list({ tenantId: 't-eve' })).map(({ id }) => id)).toEqual([])
  }, 280_000)

  it('with limits is told to wait, and breaks nothing', async () => {
    site = await startSite({
      engine,
      settings: { ...mailSettings(), RATE_LIMIT_PUBLIC: '50', RATE_LIMIT_SIGN_IN: '5' },
    })
    const honest = await comeBack(await grant(site, 'ch1'))
    await eventually(async () => (await readStatus(honest)) === 'completed')
    const tally = await fuzz(site, await collect(honest), engine === 'sqlite' ? 2_000 : 1_000)
    expect(tally.get(429)).toBeGreaterThan(0)
    expect([...tally.keys()].filter((status) => status >= 500)).toEqual([])
    expect(logged('error')).toEqual([])
    expect(site.hub.minted).toEqual(['ch1'])
  })
})

const logged = (level: string) => site.log.filter((line) => line.includes(`"level":"${level}"`)).slice(0, 3)

/** Real addresses, forms and cookies of everybody: an attacker who launched, a product, an admin, a stranger. */
async function collect(honest: { back: string; status: string }): Promise<Corpus> {
  const eve = site.newBrowser()
  const order = { tenantId: 't-eve', tenantName: 'Eve', email: 'eve@else.example' }
  const link = await site.link(order)
  const launched = await eve.post(link).expect(303)
  const nonce = String(new URL(String(launched.headers.location)).searchParams.get('state'))
  const clientId = site.hub.channel('ch1').clientId
  const ids = `client=${clientId}&channels=[ch1]&revoked=[ch1]`
  const question = await askOwner(site)
  const unused = site.hub.visit(await launchFrom(site.newBrowser(), await site.link()), newClient('ch2'))
  await site.context.admins.create('anna', PASSWORD)
  const code = await site.context.admins.createFirstCode()
  const { secret: token } = await site.context.tokens.create({
    ...{ name: 'shop', scopes: ['channels:read'], tenantId: undefined, expiresAt: undefined },
  })
  return {
    targets: [
      ...[
        '/',
        '/connect',
        link,
        honest.status,
        '/returned',
        '/return/x',
        '/confirm/x',
        question,
        '/healthz',
        '/metrics',
        '/site.css',
      ],
      ...['/brand.css', '/pico.css', '/admin', '/admin/sign-in?next=%2Fadmin%2Faudit', '/admin/sign-out'],
      ...[
        '/admin/channels/ch1',
        '/admin/channels/ch1/try',
        '/admin/channels/ch1/replace',
        '/admin/channels/ch1/paste',
      ],
      ...['/admin/cases/K7Q-2MD', '/admin/audit?before=x', '/admin/reviews', '/admin/reviews/x/accept'],
      ...['/api/v1/token', '/api/v1/channels?permission=shared&limit=10', '/api/v1/channels/ch1'],
      ...[
        '/api/v1/channels/ch1/api-key',
        `/admin/first/${code}x`,
        `/callback?${ids}`,
        honest.back,
        pathOf(unused),
      ],
    ],
    returns: [
      ids,
      honest.back.slice('/callback?'.length),
      pathOf(unused).slice('/callback?'.length),
      `nonce=${nonce}&state=${nonce}&${ids}`,
      `nonce=${nonce}&client=${clientId}&channels=%5B%22ch1%22%2C+%22ch2%22%5D`,
      `state=${'x'.repeat(43)}&client=${clientId}&channels=(ch1,ch2)`,
      `platform=x&client=${clientId}&channels[]=ch1&channels[]=ch2&revoked=[]`,
      `client=a&client=b&channels=[${'c,'.repeat(90)}]`,
    ],
    forms: [
      'company=Shop&email=a%40shop.example&number=%2B4930123456&consent=yes',
      'company=&email=&consent=',
      'what=mint',
      'answer=yes&channels=ch5',
      'answer=stop&channels=ch1,ch5',
      'what=probe&what=webhook',
      'mint=min_1&confirm=3456',
      'mint=min_1&key=canary-key&address=https%3A%2F%2Fwaba-v2.360dialog.io',
      'decision=accept&tenant=t1&note=x',
      // Without a name: every other name would cost a look at a password, which is slow on purpose.
      'next=%2Fadmin&again=1&password=x&name=',
      '__proto__[x]=1&constructor[prototype]=2&a[]=3',
      `${'a=1&'.repeat(60)}`,
      '{"name":"anna","__proto__":{"x":1}}',
      '',
    ],
    cookies: [
      ...[cookieOf(launched.headers), `browser=${'x'.repeat(43)}`, 'admin=s%3Ax.y', 'a=b; c=d; browser='],
      cookieOf((await signIn(site.newBrowser())).headers),
    ],
    tokens: [`Bearer ${token}`, `Bearer ${token.slice(0, -1)}`, site.url, 'same-origin', 'application/json'],
  }
}

const signIn = (browser: Browser) =>
  browser.post('/admin/sign-in').type('form').send({ name: 'anna', password: PASSWORD }).expect(303)
const cookieOf = (headers: Record<string, unknown>) =>
  [headers['set-cookie'] ?? []]
    .flat()
    .map((cookie) => String(cookie).split(';')[0])
    .join('; ')

/** A question to the owner of a number that does not run, so that a yes of anybody mints nothing. Answers its address. */
async function askOwner(site: Site): Promise<string> {
  const sent = mailbox.mails.length
  const browser = site.newBrowser()
  const order = { tenantId: 't-ch5', tenantName: 'Shop 5', emailVerified: false }
  const screen = await launchFrom(browser, await site.link(order))
  await comeBack({ browser, back: pathOf(site.hub.visit(screen, newClient('ch5', { running: false }))) })
  return eventually(() => mailbox.mails[sent]?.link)
}

async function fuzz(site: Site, corpus: Corpus, requests: number, onAnswer = () => {}): Promise<Tally> {
  const tally: Tally = new Map()
  const random = seededRandom(SEED)
  let left = requests
  const work = async () => {
    const pipeline = new Pipeline(site.config.port, tally, onAnswer)
    while (left > 0) {
      left -= AT_ONCE
      await pipeline.send(Array.from({ length: AT_ONCE }, () => fuzzRequest(random, corpus)))
      await sendOddBytes(site.config.port, random, corpus, tally)
    }
    pipeline.end()
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, work))
  return tally
}

async function sendOddBytes(port: number, random: Random, corpus: Corpus, tally: Tally): Promise<void> {
  if (random(100) >= BYTES_PERCENT * AT_ONCE) return
  const status = await sendBytes(port, fuzzBytes(random, corpus))
  tally.set(status, (tally.get(status) ?? 0) + 1)
}
