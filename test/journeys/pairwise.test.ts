import { describe, expect, it } from '@jest/globals'
import { standingOf } from '../../src/channels/standing.ts'
import { standingTable } from '../../src/channels/standing-tables.ts'
import type { Engine } from '../../src/database/database.ts'
import { paths } from '../../src/paths.ts'
import { defaultSwitches, readSwitches, switchGroups } from '../../src/simulator/switches.ts'
import type { VisitActs } from '../../src/simulator/visits.ts'
import { engines } from '../databases.ts'
import { seededRandom } from '../fuzz-requests.ts'
import { emailOf, newClient } from '../journey.ts'
import { HOUR_MS, startTimedSite, type TimedSite } from '../keys/timed-site.ts'
import { type Combination, coverPairs, type Factors } from '../pairwise.ts'
import { type Browser, launchFrom, pathOf } from '../site.ts'

const MINUTE_MS = 60_000
const HUB_USER = { username: 'nordlicht', password: 'canary-hub-password' }

/** Left out: with these the screen turns everybody away, so nobody comes back and there is nothing to hear. */
const turnsAway = [
  ...['allow_client_to_add_phone_no', 'blocked_new_submission', 'coexistence', 'restricted_emails'],
  ...['io_signature_encoding'],
]

/** Every switch with choices is a factor by itself. One that takes any number or text has the values that are tried here. */
const anyValue: Factors = {
  partner_domain: ['', 'nordlicht.example'],
  io_signature_seconds: [300, 30],
  page_default: [20, 1],
  page_most: [200, 1],
  balance: [48.15, 0],
  token_seconds: [86_400, 60],
  key_address: ['', 'https://elsewhere.example'],
  notice_retries: [10, 0],
  notice_delay: [0, 600],
  notice_loss: [0, 2, 1],
  history_phases: [3, 1],
  history_kilobytes: [2, 300],
}

/** What is no switch, and plays a part in how they are heard. */
const circumstances: Factors = {
  signs_in_by: ['key', 'password'],
  unsigned_notices: ['require', 'warn'],
  number_is: ['new', 'of_the_app'],
  runs: ['at_once', 'later'],
  status_before: ['created', 'ready'],
}

/** With one of these there may be no key in the end. Whatever else 360dialog does, there is one. */
const mayStop: Factors = {
  client_details: ['null', 'missing'],
  running_field: ['none'],
  drop_channels: [true],
  drop_state: [true],
  onboarding_deeplink_add_params: [false],
  key_address: ['https://elsewhere.example'],
}

const switches = new Map(switchGroups.flatMap((group) => Object.entries(group.switches)))
const all: Factors = {
  ...Object.fromEntries(
    [...switches]
      .filter(([name]) => !turnsAway.includes(name))
      .map(([name, { choices }]) => [name, choices ?? anyValue[name] ?? []]),
  ),
  ...circumstances,
}
const smooth: Factors = Object.fromEntries(
  Object.entries(all).map(([name, values]) => [
    name,
    values.filter((value) => !mayStop[name]?.includes(value)),
  ]),
)
// First those that all end in a key, so that no two readings meet only where the way ends before them.
const smoothRows = coverPairs(smooth)
const rows = [...smoothRows, ...coverPairs(all, smoothRows)]

/** `npm run pairwise` takes every row; PAIRWISE_ROWS=3,77 takes those, and nothing some that PAIRWISE_SEED chooses. */
const SOME = 3
const wanted = process.env.PAIRWISE_ROWS
const SEED = Number(process.env.PAIRWISE_SEED ?? Math.floor(Math.random() * 2 ** 32))
const random = seededRandom(SEED)

function chooseRows(): number[] {
  if (wanted === 'all') return [...rows.keys()]
  if (wanted) return wanted.split(',').map(Number)
  return Array.from({ length: SOME }, () => random(rows.length))
}

it('pairs every switch, but those with which nobody comes back', () => {
  expect(
    [...switches.keys()].filter((name) => !turnsAway.includes(name) && !(all[name]?.length ?? 0)),
  ).toEqual([])
  for (const [name, values] of Object.entries({ ...anyValue, ...mayStop }))
    for (const value of values) expect(readSwitches({ [name]: value })).toEqual({ [name]: value })
  expect(turnsAway.filter((name) => !switches.has(name))).toEqual([])
})

describe.each(engines)(`whatever 360dialog does, on %s, PAIRWISE_SEED=${SEED}`, (engine) => {
  it.each(chooseRows())(
    `a client gets its key, waits, or is looked at: row %i of ${rows.length}`,
    async (nth) => {
      const row = rows[nth] ?? {}
      const journey = await Journey.start(engine, row)
      try {
        await journey.travel()
      } catch (error) {
        throw new Error(`row ${nth}: ${JSON.stringify(row)}`, { cause: error })
      } finally {
        await journey.stop()
      }
    },
  )
})

/** `review`: an admin is asked. `waiting`: it goes on by itself, or the page says what the client can do. */
type End = 'key' | 'review' | 'waiting'

/** One client with one number, and a 360dialog that does as its row says. */
class Journey {
  readonly #site: TimedSite
  readonly #row: Combination
  readonly #browser: Browser
  /** Where the browser is. */
  #page = ''
  #link = ''

  private constructor(site: TimedSite, row: Combination) {
    this.#site = site
    this.#row = row
    this.#browser = site.newBrowser()
  }

  static async start(engine: Engine, row: Combination): Promise<Journey> {
    const site = await startTimedSite({ engine, settings: settingsFor(row) })
    const { hub, url } = site
    Object.assign(hub.settings, { redirectUrl: `${url}${paths.callback}`, ...HUB_USER })
    hub.webhookUrl = `${url}${paths.notices}`
    hub.setSwitches(
      readSwitches(Object.fromEntries(Object.entries(row).filter(([name]) => switches.has(name)))),
    )
    return new Journey(site, row)
  }

  stop(): Promise<void> {
    return this.#site.stop()
  }

  async travel(): Promise<void> {
    const { hub, context } = this.#site
    const foreign = ['other1', 'other2'].map((id) => addNumberInUse(this.#site, id))
    const clientId = await this.#share()
    for (const ms of [MINUTE_MS, 10 * MINUTE_MS, HOUR_MS]) await this.#pass(ms)
    const end = await this.#end()
    const isSmooth = Object.entries(mayStop).every(([name, values]) => !values.includes(this.#row[name]))
    if (isSmooth) expect(end).toBe('key')

    hub.setSwitches(defaultSwitches)
    const normalAt = this.#site.clock.now()
    await this.#pass(HOUR_MS)
    expect((await context.sync.read())?.completedAt?.getTime()).toBeGreaterThan(normalAt.getTime())
    // What the page asks of the client, the client does.
    if ((await this.#end()) === 'waiting') await this.#visit({ clientId, channels: ['ch1'] })
    await this.#settle()
    expect(await this.#end()).toBe(end === 'review' ? 'review' : 'key')
    expect(hub.minted).toEqual(hub.liveKeyOf('ch1') ? ['ch1'] : [])
    expect(['other1', 'other2'].map((id) => hub.liveKeyOf(id))).toEqual(foreign)
    this.#expectNothingBroke()
  }

  /** Signs up and thinks better of it, comes again and shares its number, which runs then or a little later. */
  async #share(): Promise<string> {
    const { hub } = this.#site
    const { runs, number_is, status_before, signup: kind } = this.#row
    const { signup, add = [] } = newClient('ch1')
    const order = { tenantId: 't-ch1', tenantName: 'Shop ch1', email: emailOf('ch1') }
    this.#link = await this.#site.link(order)
    this.#page = this.#link
    await this.#visit({ signup, cancel: true })
    await this.#settle()
    const clientId = hub.listClients().find(({ email }) => email === order.email)?.id ?? ''
    const number = { isOnBizApp: number_is === 'of_the_app', running: runs === 'at_once' }
    await this.#visit({ clientId, add: add.map((one) => ({ ...one, ...number })) })
    await this.#settle()
    if (number.running) return clientId

    // Of a classic number, "ready" says that it runs.
    if (kind === 'embedded') hub.setStatus('ch1', String(status_before))
    await this.#pass(10 * MINUTE_MS)
    expect(await this.#end()).not.toBe('key')
    hub.makeRun('ch1')
    await this.#settle()
    return clientId
  }

  /** Leaves by the button of the page, or by the link where the page has none, and comes back as 360dialog sends it. */
  async #visit(acts: VisitActs): Promise<void> {
    const { hub } = this.#site
    const from = hasButton(await this.#read()) ? this.#page : this.#link
    const back = pathOf(hub.visit(await launchFrom(this.#browser, from), acts))
    if (hub.switches.redirect_post) {
      const sent = { origin: 'https://hub.360dialog.com', 'sec-fetch-site': 'cross-site' }
      await this.#browser.post(back).set(sent).expect(405).expect('refresh', '0')
    }
    this.#page = String((await this.#browser.get(back).expect(303)).headers.location)
  }

  async #read(): Promise<string> {
    return (await this.#browser.get(this.#page).expect(200)).text
  }

  async #settle(): Promise<void> {
    await this.#site.hub.outbox.settled()
    await this.#site.untilQuiet()
  }

  async #pass(ms: number): Promise<void> {
    this.#site.clock.advance(ms)
    await this.#settle()
  }

  /** @throws when nobody can do anything, or what is told is not so */
  async #end(): Promise<End> {
    const { context, hub } = this.#site
    const channel = await context.channels.find('ch1')
    const page = await this.#read()
    if (channel?.keyStatus === 'stored') {
      expect(await this.#readKey()).toBe(hub.liveKeyOf('ch1'))
      expect(channel).toMatchObject({ tenantId: 't-ch1', probeState: 'ok', webhookState: 'ok' })
      expect(hub.channel('ch1').webhook?.url).toBe('https://product.example/ch1')
      // Where 360dialog's list says otherwise for ever, nobody is told that all is well.
      expect(page).toContain(channel.permission === 'shared' ? 'Everything is ready.' : 'Your number works')
      return 'key'
    }
    const reviews = await context.reviews.listOfChannel('ch1')
    if (reviews.some(({ closedAt }) => !closedAt) && page.includes('is checking this')) return 'review'
    const { needsAdmin, requirement } = channel ? standingTable[standingOf(channel)] : {}
    if (channel?.tenantId && needsAdmin) return 'review'
    if ((channel?.mintDueAt && requirement) || hasButton(page)) return 'waiting'
    throw new Error(`a dead end: ${JSON.stringify(channel)} ${this.#page}`)
  }

  async #readKey(): Promise<unknown> {
    const order = { name: 'product', tenantId: undefined, expiresAt: undefined }
    const { secret } = await this.#site.context.tokens.create({ ...order, scopes: ['keys:read'] })
    const { body } = await this.#browser
      .get(`${paths.api}/channels/ch1/api-key`)
      .set('authorization', `Bearer ${secret}`)
      .expect(200)
    return body.api_key
  }

  #expectNothingBroke(): void {
    const { hub, log } = this.#site
    const lines = log.map((line) => JSON.parse(line))
    expect(
      lines.filter(({ level, status, msg }) => level === 'error' || (status >= 500 && msg === 'request')),
    ).toEqual([])
    const { notice_signature, unsigned_notices } = this.#row
    const isSigned = notice_signature === 'hex' || notice_signature === 'prefixed'
    const expected =
      isSigned || unsigned_notices === 'warn' ? ['200', 'lost', ''] : ['200', '401', 'lost', '']
    expect(hub.outbox.list().filter(({ answer }) => !expected.includes(answer))).toEqual([])
  }
}

/** As an operator sets the site up for such a hub. */
function settingsFor(row: Combination): Record<string, string> {
  const byPassword = {
    D360_PARTNER_API_KEY: '',
    D360_USERNAME: HUB_USER.username,
    D360_PASSWORD: HUB_USER.password,
  }
  return {
    SELF_SIGNUP: 'off',
    D360_STATE_IN: row.refuse_redirect_url ? 'state' : 'both',
    D360_IO_SIGNATURE: 'on',
    D360_PAYMENT: String(row.payment),
    D360_WEBHOOK_SIGNATURE: String(row.unsigned_notices),
    CHANNEL_WEBHOOK_URL: 'https://product.example/{channel_id}',
    ...(row.signs_in_by === 'password' && byPassword),
  }
}

/** A number of this hub whose key another system has. Answers that key. */
function addNumberInUse({ hub }: TimedSite, id: string): string {
  const { id: clientId } = hub.addClient({ id: `client-${id}`, name: id, email: emailOf(id) })
  const number = { phoneNumber: `+494000000${id.slice(-1)}`, displayName: id }
  hub.addChannel({ id, clientId, ...number, running: true, permitted: true })
  return hub.mintForeignKey(id)
}

const hasButton = (page: string) => page.includes('<form method="post"')
