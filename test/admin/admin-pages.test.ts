import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import request from 'supertest'
import { type Database, openDatabase } from '../../src/database/database.ts'
import { migrate } from '../../src/database/migrate.ts'
import type { KeyStatus, ReviewReason } from '../../src/database/schema.ts'
import { reviewFactsOf } from '../../src/onboarding/review-facts.ts'
import { createEmptyDatabase, type EmptyDatabase } from '../databases.ts'
import { type AdminArea, openAdminArea, PASSWORD } from './admin-area.ts'
import {
  addChannel,
  addClient,
  addKey,
  addMint,
  addNotice,
  addReturn,
  addReview,
  addSession,
  addTask,
  addTenant,
} from './rows.ts'

const EVIL = `<script>alert('x')</script>"&${'W'.repeat(72)}`
const SEALED = 'canary-sealed-0123456789'
const at = new Date('2026-03-02T08:57:00.000Z')
const CODE = 'K7Q-2MD'

let empty: EmptyDatabase
let db: Database
let area: AdminArea
let browser: request.Agent

async function openArea(): Promise<void> {
  empty = await createEmptyDatabase('sqlite')
  db = openDatabase(empty.url)
  await migrate(db, 'sqlite')
  area = await openAdminArea(db)
  await area.admins.create('anna', PASSWORD)
  browser = request.agent(area.app)
  await browser.post('/admin/sign-in').type('form').send({ name: 'anna', password: PASSWORD })
}

async function closeArea(): Promise<void> {
  await db.destroy()
  await empty.drop()
}

const page = async (path: string, status = 200) => (await browser.get(path).expect(status)).text
/** As a reader sees it. */
const words = async (path: string) => (await page(path)).replaceAll(/<[^>]*>/g, ' ').replaceAll(/\s+/g, ' ')

describe('an empty admin area', () => {
  beforeAll(openArea)
  afterAll(closeArea)

  it('says that nothing waits and nothing is here', async () => {
    expect(await words('/admin')).toContain('Nothing to do. Everything is running.')
    expect(await words('/admin')).toContain('No numbers yet.')
    expect(await words('/admin/search?q=nobody')).toContain('Nothing was found for nobody .')
    expect(await words('/admin?after=zzz')).toContain('There is nothing on this page.')
    expect(await words('/admin/reviews')).toContain('No number waits for a decision.')
    expect(await words('/admin/reviews?after=zzz')).toContain('There is nothing on this page.')
  })

  it('says what to do with a code that nobody has', async () => {
    expect(await words('/admin/search?q=K7Q-2MD')).toContain('Nothing was found for K7Q-2MD')
    await browser.get('/admin/cases/K7Q-2MD').expect(404)
    await browser.get('/admin/cases/%00').expect(404)
  })

  it.each([
    ...['/admin/channels/none', '/admin/channels/%00', "/admin/channels/'--"],
    ...['/admin/reviews/none', '/admin/reviews/%00', "/admin/reviews/'--"],
  ])('has no %s', (path) => browser.get(path).expect(404))

  it('shows who came in', async () => {
    expect(await words('/admin/audit')).toContain('admin.signed_in')
    expect(await words('/admin')).toContain('Signed in as anna')
  })
})

const reviewReasons = `another_client channel_not_listed bound_elsewhere launch_expired no_nonce
  owner_refused owner_silent nothing_matches another_number no_session`.split(/\s+/) as ReviewReason[]

const keyStatuses: KeyStatus[] = 'none waiting minting stored needs_decision unknown rejected retired'.split(
  ' ',
) as KeyStatus[]

describe('an admin area with one number in each state', () => {
  beforeAll(async () => {
    await openArea()
    await addClient(db, 'client', EVIL)
    await addTenant(db, 't1', EVIL)
    await addSession(db, 'ses_1', { email: EVIL, code: CODE })
    for (const keyStatus of keyStatuses) await addChannel(db, `key-${keyStatus}`, { keyStatus })
    await fillKeys()
    await fillReturns()
    await fillNotices()
    await fillHealth()
  })
  afterAll(closeArea)

  async function fillKeys(): Promise<void> {
    await addMint(db, 'key-waiting', { problem: 'not_running', dueAt: new Date('2026-03-02T14:05:00.000Z') })
    await addMint(db, 'key-minting', { state: 'minting', sentAt: at })
    const lost = { state: 'unknown', problem: 'answer_lost', upstreamStatus: 504, sentAt: at } as const
    await addMint(db, 'key-unknown', { ...lost, dueAt: at })
    const stopped = { state: 'needs_decision', problem: 'answer_host_not_allowed' } as const
    await addMint(db, 'key-needs_decision', { ...stopped, sealedAnswer: SEALED, sentAt: at })
    await addMint(db, 'key-stored', { state: 'stored', sentAt: at, closedAt: at })
    await addKey(db, 'key-stored', 2, SEALED)
    await addChannel(db, 'failed', { keyStatus: 'stored', keyVersion: 2, displayName: EVIL })
    await addKey(db, 'failed', 3, SEALED)
    await addKey(db, 'key-retired', 1, SEALED)
    await db.updateTable('apiKey').set({ isHeldBack: true }).where('channelId', '=', 'key-retired').execute()
    await addTask(db, 'failed', 'probe', { state: 'failed', problem: 'another_number' })
    await addTask(db, 'failed', 'webhook', { state: 'failed', problem: 'unreachable' })
    await addChannel(db, 'bare', {
      ...{ clientId: EVIL, tenantId: null, boundAt: null, phoneNumber: null, displayName: null },
      ...{ permission: 'unknown', permissionSource: null, permissionObservedAt: null, rawStatus: '' },
    })
    await addChannel(db, 'revoked', { keyStatus: 'retired', permission: 'missing' })
    await addChannel(db, 'ended', { keyStatus: 'needs_decision', status: 'terminated' })
    await addChannel(db, 'slow', { keyStatus: 'waiting' })
    const longAgo = new Date(at.getTime() - 4 * 24 * 60 * 60_000)
    await addMint(db, 'slow', { problem: 'not_running', requestedAt: longAgo, dueAt: at })
    const observation = { channelId: 'key-stored', source: 'return', observedAt: at } as const
    await db
      .insertInto('observation')
      .values([
        { ...observation, id: 'obs_1', says: 'shared' },
        { ...observation, id: 'obs_2', says: 'revocation_reported' },
      ])
      .execute()
  }

  async function fillNotices(): Promise<void> {
    const of = { channelId: 'key-stored' }
    const again = { copies: 3, lastReceivedAt: new Date(at.getTime() + 60_000) }
    await addNotice(db, 'n1', { ...of, ...again, event: 'channel_permission_granted', outcome: 'read' })
    await addNotice(db, 'n2', { ...of, event: EVIL, signature: 'missing', outcome: 'not_listed' })
    await addNotice(db, 'n3', { ...of, event: '', signature: 'invalid', outcome: 'kept' })
    for (let n = 4; n < 30; n += 1)
      await addNotice(db, `n${n}`, { channelId: 'ended', event: `channel_${n}`, signature: 'unchecked' })
  }

  async function fillHealth(): Promise<void> {
    const finding = { about: EVIL, state: 'blocked', code: EVIL, text: EVIL, solution: EVIL } as const
    const failing = { failure: 'unreachable', failedAt: at } as const
    await db
      .insertInto('channelHealth')
      .values([
        {
          ...{ channelId: 'key-stored', version: 2, askedAt: at, state: 'blocked', findings: [finding] },
          ...{ sinceAt: at, answeredAt: at },
        },
        { channelId: 'key-rejected', version: 1, askedAt: at, state: 'unknown', findings: [], ...failing },
      ])
      .execute()
    await addTask(db, 'key-stored', 'probe', { state: 'ok', version: 2 })
    await db.deleteFrom('job').where('kind', '=', 'probe').where('subject', '=', 'key-stored').execute()
  }

  async function fillReturns(): Promise<void> {
    const inReview = (reason: ReviewReason) =>
      ['key-none', 'bare'].map((channelId) => ({ channelId, outcome: 'review' as const, reason }))
    for (const reason of reviewReasons) {
      await addReturn(db, `ret_${reason}`, { state: 'needs_review', channels: inReview(reason) })
      const asked = { sessionId: 'ses_1', tenantId: 't1', returnId: `ret_${reason}` }
      await addReview(db, `rev_${reason}`, { reason, ...(reason !== 'no_session' && asked) })
    }
    await addReview(db, 'rev_open', { reason: 'nothing_matches', channelId: 'key-none', tenantId: 't1' })
    const closed = { decidedBy: 'cli', closedAt: at, channelId: 'key-none', reason: 'no_session' } as const
    const shown = reviewFactsOf(await area.reviews.read('rev_open'))
    await addReview(db, 'rev_accepted', { ...closed, decision: 'accepted', decidedTenantId: 't1', shown })
    await addReview(db, 'rev_refused', { ...closed, decision: 'refused', shown })
    await addReturn(db, 'ret_pending', { state: 'pending', arrival: 'other_browser' })
    const refused = { channelId: 'key-none', outcome: 'refused', reason: 'no_nonce' } as const
    await addReturn(db, 'ret_refused', { state: 'refused', channels: [refused] })
    await addReturn(db, 'ret_bound', {
      state: 'bound',
      channels: [
        { channelId: 'key-stored', outcome: 'bound', rule: 'verified_email' },
        { channelId: 'key-rejected', isRevoked: true },
      ],
    })
    await addReturn(db, 'ret_declined', { state: 'declined', clientId: null })
  }

  const paths = [
    ...[
      '/admin',
      '/admin/search?q=<script>',
      '/admin/search?q=key',
      '/admin/audit',
      '/admin/channels/failed',
    ],
    ...['/admin/channels/bare', ...keyStatuses.map((status) => `/admin/channels/key-${status}`)],
    ...['/admin/reviews', ...reviewReasons.map((reason) => `/admin/reviews/rev_${reason}`)],
    ...['open', 'accepted', 'refused'].map((id) => `/admin/reviews/rev_${id}`),
  ]

  it.each(paths)('shows %s, every name escaped and nothing sealed', async (path) => {
    const text = await page(path)
    expect(text).not.toContain('<script>')
    expect(text).not.toMatch(/undefined|\[object|canary/)
  })

  it('lists the stuck numbers, and no others', async () => {
    const needs = /What needs me(.*)All numbers/s.exec(await page('/admin'))?.[1] ?? ''
    const linked = [...needs.matchAll(/\/admin\/channels\/([\w-]+)"/g)].map(([, id]) => id)
    expect(linked).toEqual(['failed', 'key-needs_decision', 'key-rejected', 'key-retired', 'slow'])
    expect(needs).toContain('Stuck numbers')
    expect(needs.match(/reviews\/rev_/g)).toHaveLength(5)
    expect(needs).toContain('Show all that wait')
  })

  it('lists what waits for a decision, and says what to ask for', async () => {
    expect((await page('/admin/reviews')).match(/reviews\/rev_/g)).toHaveLength(11)
    expect(await words('/admin/reviews/rev_nothing_matches')).toContain(
      'Ask the customer to use the e-mail at 360dialog that you have verified',
    )
  })

  it('says whose turn it is, and how the permission is known', async () => {
    expect(await words('/admin/channels/key-none')).toContain('Shared : told by the redirect')
    expect(await words('/admin/channels/key-waiting')).toContain(
      'Whose turn: WhatsApp. The number is not running yet at 360dialog. Nothing to do. This began 3 minutes ago. Looked at again at 14:05 UTC.',
    )
  })

  it('tells the whole story of a number, newest first', async () => {
    const text = await words('/admin/channels/key-stored')
    for (const part of ['Reported as revoked', 'A mint was opened', 'A customer came back: Bound'])
      expect(text).toContain(part)
    expect(text).toContain('2 Mar 2026, 08:57 UTC')
    expect(text).toContain('3 minutes ago')
  })

  it('tells what 360dialog sent about a number, the last twenty', async () => {
    const text = await words('/admin/channels/key-stored')
    for (const part of [
      'channel_permission_granted 2 Mar 2026, 08:58 UTC (2 minutes ago) came 3 times Signed by 360dialog 360dialog was asked about it.',
      'Not signed 360dialog was asked, and does not list it.',
      'without a name 2 Mar 2026, 08:57 UTC (3 minutes ago) Wrong signature It is only kept.',
    ])
      expect(text).toContain(part)
    const ended = await words('/admin/channels/ended')
    expect(ended.match(/Not checked 360dialog is asked about it soon\./g)).toHaveLength(20)
    expect(await words('/admin/channels/slow')).toContain('has sent no notice about this number')
  })

  it('tells the health of a number, how old that is, and when it may be asked for again', async () => {
    const text = await words('/admin/channels/key-stored')
    expect(text).toContain('Health State Blocked since 2 Mar 2026, 08:57 UTC')
    expect(text).toContain('Next allowed 2 Mar 2026, 09:02 UTC (in 2 minutes)')
    expect(text).toContain('What stands in the way')
    expect(await words('/admin/channels/key-rejected')).toContain(
      'It could not be asked for. What follows is the last answer. The messaging service of 360dialog could not be reached.',
    )
    expect(await words('/admin/channels/failed')).toContain('360dialog was not asked about the health')
  })

  it('asks for it again only when 360dialog allows it, however often the button is pressed', async () => {
    for (let presses = 0; presses < 3; presses += 1)
      await browser
        .post('/admin/channels/key-stored/try')
        .type('form')
        .send({ what: 'probe' })
        .expect('location', '/admin/channels/key-stored?tried=later')
    const jobs = await db.selectFrom('job').selectAll().where('subject', '=', 'key-stored').execute()
    const allowed = new Date(at.getTime() + 300_000)
    expect(jobs).toMatchObject([{ kind: 'health', priority: 0, dueAt: allowed }])
    const text = await words('/admin/channels/key-stored?tried=later')
    expect(text).toContain('360dialog was asked a moment ago.')
    expect(text).toContain('Asked again by itself in 2 minutes')
  })

  it('tells the case of a code', async () => {
    const text = await page(`/admin/cases/${CODE}`)
    expect(text).not.toMatch(/<script>|undefined|\[object/)
    for (const part of [
      '/admin/channels/key-stored',
      '/admin/channels/bare',
      'Nothing shared',
      'key-rejected',
      'Waits for the customer',
      'Not connected',
      'Review of key-none: open',
      'Review of key-none: refused',
    ])
      expect(text).toContain(part)
  })

  it('looks again at a press of the button, and writes down who pressed', async () => {
    const before = area.woken()
    const press = (channel: string, what: string) =>
      browser.post(`/admin/channels/${channel}/try`).type('form').send({ what }).expect(303)
    for (const [channel, what] of [
      ...([
        ['key-waiting', 'mint'],
        ['key-unknown', 'mint'],
        ['key-needs_decision', 'answer'],
      ] as const),
      ...([
        ['failed', 'probe'],
        ['failed', 'webhook'],
      ] as const),
    ]) {
      const { headers } = await press(channel, what)
      expect(headers.location).toBe(`/admin/channels/${channel}?tried=now`)
    }
    // The probe that failed is due already.
    expect(area.woken()).toBe(before + 4)
    expect((await press('key-needs_decision', 'mint')).headers.location).toContain('?tried=nothing')
    expect(area.woken()).toBe(before + 4)

    const job = await db
      .selectFrom('job')
      .selectAll()
      .where('subject', '=', 'min_key-waiting')
      .executeTakeFirst()
    expect(job).toMatchObject({ kind: 'mint', dueAt: area.clock.now(), attempts: 0 })
    const [entry] = await area.audit.list({ channelId: 'key-waiting', limit: 1 })
    expect(entry).toMatchObject({ actor: 'admin:anna', action: 'channel.tried', tenantId: 't1' })
    expect(entry?.detail).toEqual({ what: 'mint', tried: 'now' })
    expect(await words('/admin/channels/failed?tried=now')).toContain('Latchkey checks it now.')
    expect(await words('/admin/channels/failed?tried=nothing')).toContain(
      'Nothing to retry: it has already moved on.',
    )
    expect(await page('/admin/channels/failed?tried=__proto__')).not.toContain('role="status"')
  })

  it.each([{ what: 'everything' }, {}])('refuses to try %j', (form) =>
    browser.post('/admin/channels/failed/try').type('form').send(form).expect(422),
  )

  it('has nothing to try on a number that is not there', () =>
    browser.post('/admin/channels/none/try').type('form').send({ what: 'mint' }).expect(404))
})

describe('an admin area with many rows', () => {
  beforeAll(async () => {
    await openArea()
    await addTenant(db, 't1', 'Shop A')
    for (let index = 100; index < 220; index += 1)
      await addChannel(db, `ch${index}`, { phoneNumber: `+49${index}`, keyStatus: 'rejected' })
    for (let index = 0; index < 60; index += 1)
      await area.audit.record({ actor: 'cli', action: `act.${index}` })
    for (let index = 100; index < 160; index += 1) await addReview(db, `rev_${index}`, { reason: 'no_nonce' })
  })
  afterAll(closeArea)

  const nextOf = (text: string) => /href="([^"]*)" rel="next"/.exec(text)?.[1]?.replaceAll('&amp;', '&')

  async function countPages(path: string, pattern: RegExp): Promise<Set<string>> {
    const seen = new Set<string>()
    for (let next: string | undefined = path; next; ) {
      const text = await page(next)
      const listed = text.split('id="all"').at(-1) ?? ''
      for (const [found] of listed.matchAll(pattern)) seen.add(found)
      next = nextOf(text)
    }
    return seen
  }

  it('leads through all numbers, 50 at a time', async () => {
    expect((await countPages('/admin', /channels\/ch\d+/g)).size).toBe(120)
  })

  it('shows the first 50 that need an admin, and that there are more', async () => {
    expect(await words('/admin')).toContain('There are more. The next ones show when these are done.')
  })

  it('leads through all reviews', async () => {
    expect((await countPages('/admin/reviews', /reviews\/rev_\d+/g)).size).toBe(60)
  })

  it('leads through the whole audit', async () => {
    expect((await countPages('/admin/audit', /act\.\d+/g)).size).toBe(60)
  })
})
