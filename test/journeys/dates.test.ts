import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { openReviewSite, type ReviewSite } from '../admin/review-site.ts'
import { engines } from '../databases.ts'
import { comeBack, emailOf, newClient, readStatus } from '../journey.ts'
import { DAY_MS, HOUR_MS } from '../keys/timed-site.ts'
import { type Browser, launchFrom, pathOf } from '../site.ts'

/** The same moment, as others write it. */
const spellings: readonly (readonly [string, (iso: string) => unknown])[] = [
  ['with a blank and a difference', (iso) => iso.replace('T', ' ').replace('Z', '+00:00')],
  ['with a short difference', (iso) => iso.replace('T', ' ').replace('Z', '+00')],
  ['with UTC behind it', (iso) => iso.replace('T', ' ').replace('Z', ' UTC')],
  ['as mail has it (RFC 1123)', (iso) => new Date(iso).toUTCString()],
  ['in small letters', (iso) => iso.toLowerCase()],
  ['with microseconds', (iso) => iso.replace('Z', '.123456Z')],
  ['with nanoseconds, as Go has it', (iso) => iso.replace('T', ' ').replace('Z', '.123456789 +0000 UTC')],
  ['without a zone', (iso) => iso.replace('Z', '')],
  ['in seconds since 1970', (iso) => Date.parse(iso) / 1000],
  ['in milliseconds, as text', (iso) => String(Date.parse(iso))],
  ['in another zone', (iso) => `${new Date(Date.parse(iso) + 2 * HOUR_MS).toISOString().slice(0, 19)}+0200`],
]

/** What nobody can place, or what there is not. */
const riddles: readonly (readonly [string, unknown])[] = [
  ['the day or the month first', '03/04/2026'],
  ['a day that there is not', '2026-02-30T09:00:00Z'],
  ['a zone that is not one', '2026-03-02 09:00:00 CET'],
  ['no day', '0000-00-00 00:00:00'],
  ['two digits of the year', '26-03-02 09:00:00'],
  ['a day to come', '2099-01-01T00:00:00Z'],
  ['the weekday of another day', 'Tue, 02 Mar 2026 09:00:00 GMT'],
  ['a word', 'canary-just-now'],
  ['an object', { date: '2026-03-02' }],
  ['a flag', true],
]

/** The same of an end to come; the simulator ends what sorts before today. */
const endsUnread: readonly (readonly [string, unknown])[] = [
  ['a word', 'canary-soon'],
  ['the day or the month first', '30/04/2026'],
  ['dots', '31.12.2026'],
  ['a day that there is not', '2026-04-31T00:00:00Z'],
  ['an hour that there is not', '2026-12-02T25:00:00Z'],
  ['a zone that is not one', '2026-12-02 09:00:00 CET'],
  ['the weekday of another day', 'Wed, 02 Mar 2027 09:00:00 GMT'],
  ['two digits of the year', '26-12-02 09:00:00'],
  ['an object', { date: '2026-12-02' }],
  ['a flag', true],
]

describe.each(engines)('dates of 360dialog, on %s', (engine) => {
  let site: ReviewSite
  let numbers = 0
  let admin: Browser | undefined
  beforeAll(async () => {
    site = await openReviewSite(engine)
  })
  afterAll(() => site.stop())

  const newChannel = () => {
    numbers += 1
    return `ch${numbers}`
  }
  const channelOf = async (id: string) => (await site.context.channels.list({ ids: [id] }))[0]
  const said = (id: string, dates: object) => Object.assign(site.hub.channel(id), dates)
  const pageOf = async (path: string): Promise<string> => {
    admin ??= await site.signIn()
    const { status, text } = await admin.get(path)
    if (status === 200) return text
    // An hour has passed.
    admin = await site.signIn()
    return (await admin.get(path).expect(200)).text
  }
  const linesOf = (field: string) => site.log.filter((line) => line.includes(`"field":"${field}"`))

  /** A customer's new number, created at 360dialog after the launch. */
  const shareNew = async (spell: (iso: string) => unknown) => {
    const id = newChannel()
    const browser = site.newBrowser()
    const order = { tenantId: `t-${id}`, tenantName: 'Shop', email: emailOf(id), emailVerified: true }
    const screen = await launchFrom(browser, await site.link(order))
    const back = pathOf(site.hub.visit(screen, newClient(id)))
    said(id, { createdAt: spell(site.hub.channel(id).createdAt) })
    const returned = await comeBack({ browser, back })
    await site.untilQuiet()
    return { id, returned }
  }

  describe('of a number whose key records cannot be read', () => {
    beforeAll(() => site.hub.setFault({ endpoint: 'list_keys', times: 0, kind: 'status', status: 403 }))
    afterAll(() => site.hub.clearFaults())

    it.each(spellings)('are read %s: it is newer than its launch, and gets its key', async (_, spell) => {
      const { id } = await shareNew(spell)
      expect((await channelOf(id))?.facts.unreadDates).toBeUndefined()
      expect(site.minted(id)).toBe(1)
      expect(await pageOf(`/admin/channels/${id}`)).toMatch(
        /Created at 360dialog<\/dt><dd>2 Mar 2026, \d\d:\d\d UTC/,
      )
    })

    it.each(riddles)('are not read as %s: it may be older, and have a key', async (_, riddle) => {
      const { id } = await shareNew(() => riddle)
      const waits = { createdAt: undefined, facts: { unreadDates: ['created_at'] } }
      expect(await channelOf(id)).toMatchObject({ ...waits, mintProblem: 'key_records_unreadable' })
      expect(site.minted(id)).toBe(0)
      expect(await pageOf(`/admin/channels/${id}`)).toMatch(/Created at 360dialog<\/dt><dd>not read/)
    })

    it('that says none is not said to have one', async () => {
      const { id } = await shareNew(() => null)
      expect(await channelOf(id)).toMatchObject({ mintProblem: 'key_records_unreadable' })
      expect(await pageOf(`/admin/channels/${id}`)).not.toContain('Created at 360dialog')
    })
  })

  it.each(endsUnread)(
    'when a number ends: as %s its end is not read, and it goes on until 360dialog says more',
    async (_, riddle) => {
      const { id, returned } = await shareNew((iso) => iso)
      expect(await readStatus(returned)).toBe('completed')
      said(id, { endsAt: riddle })
      await site.pass(HOUR_MS)
      expect(await channelOf(id)).toMatchObject({
        status: 'pending_deletion',
        facts: { unreadDates: ['terminated_at'] },
      })
      const { browser, status } = returned
      const { body } = await browser.get(status).set('accept', 'application/json').expect(200)
      expect(body.requirements).toMatchObject([{ code: 'deletion', normally_until: null }])
      await browser.get(status).expect(200)
      expect(await pageOf(`/admin/channels/${id}`)).toMatch(/Ends<\/dt><dd>not read/)
    },
  )

  it.each(spellings.filter(([how]) => how !== 'in milliseconds, as text'))(
    'when a number ends: read %s',
    async (_, spell) => {
      const { id, returned } = await shareNew((iso) => iso)
      const end = new Date(site.clock.now().getTime() + 30 * DAY_MS).toISOString().replace(/\.\d+/, '')
      said(id, { endsAt: spell(end) })
      await site.pass(HOUR_MS)
      expect(await channelOf(id)).toMatchObject({ status: 'pending_deletion' })
      const { body } = await returned.browser
        .get(returned.status)
        .set('accept', 'application/json')
        .expect(200)
      expect(body.requirements[0].normally_until.slice(0, 19)).toBe(end.slice(0, 19))
    },
  )

  it('that another spelling says again is no change', async () => {
    const { id } = await shareNew((iso) => iso)
    const before = await channelOf(id)
    said(id, { createdAt: new Date(site.hub.channel(id).createdAt).toUTCString() })
    await site.pass(HOUR_MS)
    expect(await channelOf(id)).toMatchObject({ createdAt: before?.createdAt, facts: before?.facts })
  })

  it('in a review are evidence: read, not read or not said', async () => {
    const id = newChannel()
    await site.share(id)
    const { id: review } = await site.openReview(id)
    const shows = async (createdAt: unknown) => {
      said(id, { createdAt })
      await site.pass(HOUR_MS)
      return /Created at 360dialog<\/dt><dd>([^<]*)</.exec(await pageOf(`/admin/reviews/${review}`))?.[1]
    }
    expect(await shows('Mon, 02 Mar 2026 09:00:00 GMT')).toBe('2 Mar 2026, 09:00 UTC')
    expect(await shows('03/04/2026')).toMatch(/^not read/)
    expect(await shows(null)).toBe('not said')
  })

  it('that cannot be read are said once an hour, by their field alone, however many rows have them', async () => {
    await site.pass(2 * HOUR_MS)
    const { id: clientId } = site.hub.addClient({ name: 'Chain', email: 'chain@shop.example' })
    Object.assign(site.hub.client(clientId), { createdAt: 'canary-client' })
    for (let nth = 0; nth < 300; nth += 1) {
      const number = { clientId, phoneNumber: `+4940${String(nth).padStart(7, '0')}`, displayName: 'Chain' }
      said(site.hub.addChannel(number).id, { createdAt: `canary ${nth}`, endsAt: '30/02/2026' })
    }
    const fields = ['channels.created_at', 'channels.terminated_at', 'clients.created_at']
    const count = () => fields.map((field) => linesOf(field).length)
    const before = count()
    await site.pass(HOUR_MS - 60_000)
    const after = count()
    expect(after.map((lines, at) => lines - (before[at] ?? 0)).every((more) => more >= 0 && more <= 2)).toBe(
      true,
    )
    expect(after.at(-1)).toBe((before.at(-1) ?? 0) + 1)
    expect(linesOf('clients.created_at')[0]).toContain('a date of 360dialog could not be read')
    expect(site.log.filter((line) => /canary|30\/02/.test(line))).toEqual([])
  })
})
