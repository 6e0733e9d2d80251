import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import request from 'supertest'
import { type Database, openDatabase } from '../../src/database/database.ts'
import { migrate } from '../../src/database/migrate.ts'
import { createEmptyDatabase, type EmptyDatabase } from '../databases.ts'
import { type AdminArea, openAdminArea, PASSWORD } from './admin-area.ts'
import { addChannel, addTenant } from './rows.ts'

const MINUTE = 60_000
const PAGE = '/admin/channels/c1'
const AGAIN = '/admin/sign-in?again=1&next=%2Fadmin%2Fchannels%2Fc1'

let empty: EmptyDatabase
let db: Database
let area: AdminArea
let browser: request.Agent

beforeEach(async () => {
  empty = await createEmptyDatabase('sqlite')
  db = openDatabase(empty.url)
  await migrate(db, 'sqlite')
  area = await openAdminArea(db)
  await area.admins.create('anna', PASSWORD)
  await addTenant(db, 't1', 'Shop A')
  await addChannel(db, 'c1')
  browser = request.agent(area.app)
  await signIn({ next: PAGE }).expect('location', PAGE)
})
afterEach(async () => {
  await db.destroy()
  await empty.drop()
})

const signIn = (more: object = {}) =>
  browser
    .post('/admin/sign-in')
    .type('form')
    .send({ name: 'anna', password: PASSWORD, ...more })
/** A step that cannot be taken back; without a confirmation it is refused by its own page, with 422. */
const step = () => browser.post(`${PAGE}/replace`).type('form').send({ confirm: 'no' })
const idOf = (response: request.Response) => /\badmin=[^;]*/.exec(String(response.headers['set-cookie']))?.[0]

describe('a step that needs a fresh sign-in', () => {
  it('is carried out within ten minutes of it', async () => {
    area.clock.advance(10 * MINUTE - 1)
    await step().expect(422)
  })

  it('is not carried out later: who signs in again is back on the page, and sends it again', async () => {
    area.clock.advance(10 * MINUTE)
    await step().expect(303).expect('location', AGAIN)
    const { text } = await browser.get(AGAIN).expect(200)
    expect(text).toContain('For this step, sign in again.')
    expect(text).toContain(`name="next" value="${PAGE}"`)
    expect(text).toContain('name="name" value="anna"')

    await signIn({ next: PAGE, again: '1' }).expect(303).expect('location', PAGE)
    await step().expect(422)
  })

  it('is asked for once in ten minutes, and the rest of the area stays open', async () => {
    area.clock.advance(25 * MINUTE)
    await browser.get(PAGE).expect(200)
    await step().expect('location', AGAIN)
    await step().expect('location', AGAIN)
    await signIn({ next: PAGE, again: '1' })
    area.clock.advance(9 * MINUTE)
    await step().expect(422)
    area.clock.advance(MINUTE)
    await step().expect('location', AGAIN)
  })

  it('gets another session id with that sign-in, and the old one ends', async () => {
    area.clock.advance(10 * MINUTE)
    const old = idOf(await browser.get(PAGE))
    const fresh = idOf(await signIn({ next: PAGE, again: '1' }))
    expect(fresh).not.toBe(old)
    await request(area.app).get('/admin').set('Cookie', String(old)).expect(303)
    await request(area.app).get('/admin').set('Cookie', String(fresh)).expect(200)
  })

  it('stays closed after a wrong password, and the page says again what it is for', async () => {
    area.clock.advance(10 * MINUTE)
    const { text } = await signIn({ password: 'wrong', next: PAGE, again: '1' }).expect(422)
    expect(text).toContain('Wrong name or password.')
    expect(text).toContain('For this step, sign in again.')
    await step().expect('location', AGAIN)
    await browser.get(PAGE).expect(200)
  })

  it('is not opened by a session that does not say when it began', async () => {
    const [row] = await db.selectFrom('adminSession').selectAll().execute()
    const { signedInAt: _, ...content } = JSON.parse(row?.content ?? '{}')
    const expiresAt = new Date(area.clock.now().getTime() + MINUTE)
    await db
      .updateTable('adminSession')
      .set({ content: JSON.stringify(content), expiresAt })
      .execute()
    await step().expect(303).expect('location', AGAIN)
  })

  it('is the only reason to ask who is signed in, and leads nowhere else', async () => {
    await browser.get('/admin/sign-in').expect(303).expect('location', '/admin')
    expect((await browser.get('/admin/sign-in?again=1&next=//evil.example').expect(200)).text).toContain(
      'name="next" value="/admin"',
    )
  })
})
