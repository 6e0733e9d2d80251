import { afterEach, beforeEach, expect, it } from '@jest/globals'
import type { SessionData } from 'express-session'
import { pino } from 'pino'
import { type Admin, AdminService, passwordMarkOf } from '../../src/admin/admin-service.ts'
import { AdminSessionStore } from '../../src/admin/admin-session-store.ts'
import { AuditLog } from '../../src/audit/audit-log.ts'
import { eachDatabase, type OpenedDatabase } from '../databases.ts'
import { TestClock } from '../test-clock.ts'

const MINUTE = 60_000
const SID = 'the-session-id-in-the-cookie'

eachDatabase('admin sessions', (open) => {
  let opened: OpenedDatabase
  let clock: TestClock
  let service: AdminService
  let store: AdminSessionStore
  let admin: Admin

  beforeEach(async () => {
    opened = await open()
    clock = new TestClock()
    const { db } = opened
    const audit = new AuditLog({ db, clock, logger: pino({}, { write() {} }) })
    service = new AdminService({ db, audit, clock })
    store = new AdminSessionStore({ db, clock })
    admin = await service.create('anna', 'correct horse battery')
  })
  afterEach(() => opened.close())

  const promised = <T>(act: (done: (error: unknown, result?: T) => void) => void) =>
    new Promise<T | undefined>((resolve, reject) =>
      act((error, result) => (error ? reject(error) : resolve(result))),
    )
  const read = (sid = SID) => promised<SessionData | null>((done) => store.get(sid, done))
  const touch = (content: SessionData) => promised((done) => store.touch(SID, content, done))
  const rows = () => opened.db.selectFrom('adminSession').selectAll().execute()

  async function begin(sid = SID): Promise<SessionData> {
    const passwordMark = passwordMarkOf(admin)
    const signedInAt = clock.now().toISOString()
    const about = { adminId: admin.id, passwordMark, signedInAt }
    const content = { cookie: { path: '/' }, ...about } as unknown as SessionData
    await promised((done) => store.set(sid, content, done))
    return content
  }

  it('are found again, with the name of the admin', async () => {
    await begin()
    expect(await read()).toMatchObject({ adminId: admin.id, adminName: 'anna' })
    expect(await read('another')).toBeNull()
  })

  it('are stored under a hash, and hold no secret', async () => {
    await begin()
    const [row] = await rows()
    expect(row).toMatchObject({ adminId: admin.id })
    expect(JSON.stringify(row)).not.toContain(SID)
    expect(JSON.stringify(row)).not.toContain('argon2')
  })

  it('end after 30 idle minutes', async () => {
    const content = await begin()
    clock.advance(30 * MINUTE - 1)
    expect(await read()).not.toBeNull()
    await touch(content)
    clock.advance(30 * MINUTE - 1)
    expect(await read()).not.toBeNull()
    clock.advance(1)
    expect(await read()).toBeNull()
    await touch(content)
    expect(await read()).toBeNull()
  })

  it('end 12 hours after sign-in, however busy', async () => {
    const content = await begin()
    for (let minutes = 0; minutes < 12 * 60 - 10; minutes += 10) {
      clock.advance(10 * MINUTE)
      await touch(content)
      expect(await read()).not.toBeNull()
    }
    clock.advance(10 * MINUTE)
    expect(await read()).toBeNull()
  })

  it('are written to at most once a minute', async () => {
    const content = await begin()
    const [before] = await rows()
    clock.advance(MINUTE - 1)
    await touch(content)
    expect((await rows())[0]).toEqual(before)
    clock.advance(1)
    await touch(content)
    expect((await rows())[0]).not.toEqual(before)
  })

  it.each([
    ['their admin is disabled', () => service.disable('anna')],
    ['the password changes', () => service.setPassword('anna', 'another horse battery')],
  ])('end when %s, one that begins at the same moment too', async (_what, act) => {
    await begin()
    await act()
    expect(await rows()).toEqual([])
    await begin()
    expect(await read()).toBeNull()
  })

  it('are destroyed at sign-out', async () => {
    const content = await begin()
    await promised((done) => store.destroy(SID, done))
    await touch(content)
    expect(await rows()).toEqual([])
  })

  it('leave no row before anybody signed in', async () => {
    await promised((done) => store.set(SID, { cookie: {} } as SessionData, done))
    expect(await rows()).toEqual([])
  })

  it('are forgotten when expired, and only then', async () => {
    await begin('first')
    clock.advance(29 * MINUTE)
    await begin('second')
    await service.forget(clock.now())
    expect(await rows()).toHaveLength(2)
    clock.advance(MINUTE)
    await service.forget(clock.now())
    expect(await rows()).toHaveLength(1)
  })
})
