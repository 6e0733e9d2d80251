import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import request from 'supertest'
import { type Database, openDatabase } from '../../src/database/database.ts'
import { migrate } from '../../src/database/migrate.ts'
import type { KeyStatus } from '../../src/database/schema.ts'
import { reviewReasons } from '../../src/onboarding/belonging.ts'
import { createEmptyDatabase, type EmptyDatabase } from '../databases.ts'
import { type AdminArea, HUB, openAdminArea, PASSWORD } from './admin-area.ts'
import { addChannel, addClient, addKey, addMint, addReturn, addReview, addTask, addTenant } from './rows.ts'

const EVIL = `<script>alert('x')</script>"&${'W'.repeat(72)}`
const SEALED = 'canary-sealed-0123456789'
const at = '2026-03-02T08:57:00.000Z'

let empty: EmptyDatabase
let db: Database
let area: AdminArea
let browser: request.Agent

async function openRoom(): Promise<void> {
  empty = await createEmptyDatabase('sqlite')
  db = openDatabase(empty.url)
  await migrate(db, 'sqlite')
  area = await openAdminArea(db)
  await area.admins.create('anna', PASSWORD)
  browser = request.agent(area.app)
  await browser.post('/admin/sign-in').type('form').send({ name: 'anna', password: PASSWORD })
}

async function closeRoom(): Promise<void> {
  await db.destroy()
  await empty.drop()
}

const page = async (path: string, status = 200) => (await browser.get(path).expect(status)).text
/** As a reader sees it. */
const words = async (path: string) => (await page(path)).replaceAll(/<[^>]*>/g, ' ').replaceAll(/\s+/g, ' ')

describe('an empty admin area', () => {
  beforeAll(openRoom)
  afterAll(closeRoom)

  it('says that nothing waits and nothing is here', async () => {
    expect(await words('/admin')).toContain('Nothing. All goes on by itself.')
    expect(await words('/admin')).toContain('No numbers yet.')
    expect(await words('/admin?q=nobody')).toContain('Nothing was found.')
    expect(await words('/admin?after=zzz')).toContain('There is nothing on this page.')
    expect(await words('/admin/reviews')).toContain('No number waits for a decision.')
    expect(await words('/admin/reviews?after=zzz')).toContain('There is nothing on this page.')
    expect(await words('/admin?q=%00')).toContain('No numbers yet.')
  })

  it('says what to do with a code that nobody has', async () => {
    expect(await words('/admin?q=K7Q-2MD')).toContain('No customer has the code K7Q-2MD')
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

const keyStatuses: KeyStatus[] = 'none waiting minting stored needs_decision unknown rejected retired'.split(
  ' ',
) as KeyStatus[]

describe('an admin area with one number in each state', () => {
  let code: string

  beforeAll(async () => {
    await openRoom()
    await addClient(db, 'client', EVIL)
    const session = { id: 'ses_1', tenantId: 't1', tenantName: EVIL, origin: 'link' as const }
    const about = { email: EVIL, emailVerified: false, number: undefined, linkHash: undefined }
    const life = { createdAt: area.clock.now(), expiresAt: area.clock.now() }
    code = await area.sessions.save({ ...session, ...about, ...life }, db)
    for (const key_status of keyStatuses) await addChannel(db, `key-${key_status}`, { key_status })
    await fillKeys()
    await fillReturns()
  })
  afterAll(closeRoom)

  async function fillKeys(): Promise<void> {
    await addMint(db, 'key-waiting', { problem: 'not_running', due_at: '2026-03-02T14:05:00.000Z' })
    await addMint(db, 'key-minting', { state: 'minting', sent_at: at })
    await addMint(db, 'key-unknown', {
      state: 'unknown',
      problem: 'answer_lost',
      due_at: at,
      upstream_status: 504,
    })
    await addMint(db, 'key-needs_decision', {
      state: 'needs_decision',
      problem: 'answer_host_not_allowed',
      sealed_answer: SEALED,
    })
    await addMint(db, 'key-stored', { state: 'stored', sent_at: at, closed_at: at })
    await addKey(db, 'key-stored', 2, SEALED)
    await addChannel(db, 'failed', { key_status: 'stored', key_version: 2, display_name: EVIL })
    await addKey(db, 'failed', 3, SEALED)
    await addTask(db, 'failed', 'probe', { state: 'failed', problem: 'another_number' })
    await addTask(db, 'failed', 'webhook', { state: 'failed', problem: 'unreachable' })
    await addChannel(db, 'bare', {
      ...{ client_id: EVIL, tenant_id: null, bound_at: null, phone_number: null, display_name: null },
      ...{ permission: 'unknown', permission_source: null, permission_observed_at: null, raw_status: '' },
    })
    const observation = { hub_id: HUB, channel_id: 'key-stored', source: 'return' as const, observed_at: at }
    await db
      .insertInto('observation')
      .values([
        { ...observation, id: 'obs_1', says: 'shared' },
        { ...observation, id: 'obs_2', says: 'revocation_reported' },
      ])
      .execute()
  }

  async function fillReturns(): Promise<void> {
    const reviewed = { bound: [], review: ['key-none'], rule: undefined }
    for (const reason of reviewReasons) {
      const asked = { session_id: 'ses_1', tenant_id: 't1', return_id: `ret_${reason}` }
      await addReview(db, `rev_${reason}`, { reason, ...(reason !== 'no_session' && asked) })
      await addReturn(db, `ret_${reason}`, {
        ...{ state: 'needs_review', channels: '["key-none","bare"]' },
        verdict: { ...reviewed, reason },
      })
    }
    await addReview(db, 'rev_open', { reason: 'nothing_matches', channel_id: 'key-none', tenant_id: 't1' })
    const closed = { decided_by: 'cli', closed_at: at, channel_id: 'key-none', reason: 'no_session' }
    await addReview(db, 'rev_accepted', { ...closed, decision: 'accepted', decided_tenant_id: 't1' })
    await addReview(db, 'rev_refused', { ...closed, decision: 'refused' })
    await addReturn(db, 'ret_pending', { state: 'pending', came: 'other_browser' })
    await addReturn(db, 'ret_refused', { state: 'refused', verdict: { ...reviewed, reason: 'no_nonce' } })
    await addReturn(db, 'ret_bound', {
      state: 'bound',
      channels: '["key-stored"]',
      revoked: '["key-rejected"]',
    })
    await addReturn(db, 'ret_declined', { state: 'declined', client_id: null })
  }

  const paths = [
    ...['/admin', '/admin?q=<script>', '/admin?q=4930', '/admin/audit', '/admin/channels/failed'],
    ...['/admin/channels/bare', ...keyStatuses.map((status) => `/admin/channels/key-${status}`)],
    ...['/admin/reviews', ...reviewReasons.map((reason) => `/admin/reviews/rev_${reason}`)],
    ...['open', 'accepted', 'refused'].map((id) => `/admin/reviews/rev_${id}`),
  ]

  it.each(paths)('shows %s, every name escaped and nothing sealed', async (path) => {
    const text = await page(path)
    expect(text).not.toContain('<script>')
    expect(text).not.toMatch(/undefined|\[object|canary/)
  })

  it('lists what does not get on, and nothing else', async () => {
    const needs = /What needs me(.*)All numbers/s.exec(await page('/admin'))?.[1] ?? ''
    const linked = [...needs.matchAll(/\/admin\/channels\/([\w-]+)"/g)].map(([, id]) => id)
    expect(linked).toEqual(['failed', 'key-needs_decision', 'key-rejected', 'key-unknown'])
    expect(needs.match(/reviews\/rev_/g)).toHaveLength(5)
    expect(needs).toContain('Show all that wait')
  })

  it('lists what waits for a decision, and says what to ask for', async () => {
    expect((await page('/admin/reviews')).match(/reviews\/rev_/g)).toHaveLength(11)
    expect(await words('/admin/reviews/rev_nothing_matches')).toContain(
      'Ask the customer to use the e-mail at 360dialog that you have verified',
    )
  })

  it('says whose turn it is', async () => {
    expect(await words('/admin/channels/key-waiting')).toContain(
      'Whose turn: 360dialog. The number is not running yet at 360dialog. Nothing to do. Looked at again at 14:05 UTC.',
    )
  })

  it('tells the whole story of a number, newest first', async () => {
    const text = await words('/admin/channels/key-stored')
    for (const part of [
      'The permission is said to be taken back',
      'A mint was opened',
      'A customer came back: Bound',
    ])
      expect(text).toContain(part)
    expect(text).toContain('2 Mar 2026, 08:57 UTC')
    expect(text).toContain('3 minutes ago')
  })

  it.each([
    ['+49 30 123456', 'key-none'],
    ['(030)', undefined],
    ['alert', 'failed'],
    ['KEY-RETIRED', 'key-retired'],
  ])('finds by %s', async (search, id) => {
    const text = await page(`/admin?q=${encodeURIComponent(search)}`)
    const found = /All numbers(.*)/s.exec(text)?.[1] ?? ''
    if (id) expect(found).toContain(`/admin/channels/${id}"`)
    else expect(found).toContain('Nothing was found')
  })

  it('finds the case by the code that a customer quotes, however typed', async () => {
    for (const typed of [code, code.toLowerCase(), code.replace('-', ''), ` ${code.replace('-', ' ')} `])
      await browser
        .get(`/admin?q=${encodeURIComponent(typed)}`)
        .expect(303)
        .expect('location', `/admin/cases/${code}`)
    const text = await page(`/admin/cases/${code}`)
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
    expect(area.woken()).toBe(before + 5)
    expect((await press('key-needs_decision', 'mint')).headers.location).toContain('?tried=nothing')
    expect(area.woken()).toBe(before + 5)

    const mint = await db
      .selectFrom('mint')
      .selectAll()
      .where('channel_id', '=', 'key-waiting')
      .executeTakeFirst()
    expect(mint).toMatchObject({ due_at: area.clock.now().toISOString(), attempts: 0 })
    const [entry] = await area.audit.list({ channelId: 'key-waiting', limit: 1 })
    expect(entry).toMatchObject({ actor: 'admin:anna', action: 'channel.tried', tenantId: 't1' })
    expect(entry?.detail).toEqual({ what: 'mint', waited: 'yes' })
    expect(await words('/admin/channels/failed?tried=now')).toContain('Latchkey looks at it now.')
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
    await openRoom()
    await addTenant(db, 't1', 'Shop A')
    for (let index = 100; index < 220; index += 1)
      await addChannel(db, `ch${index}`, { phone_number: `+49${index}`, key_status: 'rejected' })
    for (let index = 0; index < 60; index += 1)
      await area.audit.record({ actor: 'cli', action: `act.${index}` })
    for (let index = 100; index < 160; index += 1) await addReview(db, `rev_${index}`, { reason: 'no_nonce' })
  })
  afterAll(closeRoom)

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
    expect((await countPages('/admin?q=%2B491', /channels\/ch\d+/g)).size).toBe(100)
  })

  it('shows the first 50 that need somebody, and that there are more', async () => {
    expect(await words('/admin')).toContain('There are more. The next ones show when these are done.')
  })

  it('leads through all reviews', async () => {
    expect((await countPages('/admin/reviews', /reviews\/rev_\d+/g)).size).toBe(60)
  })

  it('leads through the whole audit', async () => {
    expect((await countPages('/admin/audit', /act\.\d+/g)).size).toBe(60)
  })
})
