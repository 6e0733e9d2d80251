import { afterEach, beforeEach, expect, it } from '@jest/globals'
import { pino } from 'pino'
import { AdminService } from '../../src/admin/admin-service.ts'
import { AuditLog } from '../../src/audit/audit-log.ts'
import { InvalidInputError } from '../../src/errors.ts'
import { eachDatabase, type OpenedDatabase } from '../databases.ts'
import { TestClock } from '../test-clock.ts'

const PASSWORD = 'correct horse battery'
const MINUTE = 60_000

eachDatabase('admins', (open) => {
  let opened: OpenedDatabase
  let clock: TestClock
  let audit: AuditLog
  let service: AdminService

  beforeEach(async () => {
    opened = await open()
    clock = new TestClock()
    const { db } = opened
    audit = new AuditLog({ db, clock, logger: pino({}, { write() {} }) })
    service = new AdminService({ db, audit, clock })
  })
  afterEach(() => opened.close())

  const actions = async () => (await audit.list({ limit: 50 })).map((entry) => entry.action).toReversed()

  it('sign in by name, without case and spaces, and password', async () => {
    const created = await service.create('Anna', PASSWORD)
    clock.advance(1)
    expect((await service.signIn(' ANNA ', PASSWORD))?.id).toBe(created.id)
    expect((await audit.list({ limit: 1 }))[0]).toMatchObject({
      actor: 'admin:anna',
      action: 'admin.signed_in',
    })
  })

  it.each([
    ['anna', 'wrong password', { name: 'anna', reason: 'wrong_password' }],
    ['gone', PASSWORD, { name: 'gone', reason: 'disabled' }],
    ['correct horse battery', PASSWORD, { reason: 'unknown_name' }],
    ['', '', { reason: 'unknown_name' }],
    ['an\0na', PASSWORD, { reason: 'unknown_name' }],
    ['x'.repeat(101), 'x'.repeat(5000), { reason: 'unknown_name' }],
  ])('are refused: %j', async (name, password, detail) => {
    await service.create('anna', PASSWORD)
    await service.create('gone', PASSWORD)
    await service.disable('gone')
    clock.advance(1)
    expect(await service.signIn(name, password)).toBeUndefined()
    const [entry] = await audit.list({ limit: 1 })
    expect(entry).toMatchObject({ actor: 'visitor', action: 'admin.sign_in_failed', detail })
  })

  it('have one name each, whatever its case', async () => {
    await service.create('anna', PASSWORD)
    await expect(service.create(' Anna', PASSWORD)).rejects.toThrow(InvalidInputError)
    await expect(service.create('  ', PASSWORD)).rejects.toThrow(InvalidInputError)
    await expect(service.create('bert', 'short')).rejects.toThrow(InvalidInputError)
    expect((await service.list()).map((admin) => admin.name)).toEqual(['anna'])
  })

  it('sign in with the new password only', async () => {
    await service.create('anna', PASSWORD)
    expect(await service.setPassword('Anna', 'another horse battery')).toBe(true)
    expect(await service.signIn('anna', PASSWORD)).toBeUndefined()
    expect(await service.signIn('anna', 'another horse battery')).toBeDefined()
  })

  it('are unknown to disable and setPassword when they are not there', async () => {
    expect(await service.disable('nobody')).toBe(false)
    expect(await service.setPassword('nobody', PASSWORD)).toBe(false)
    expect(await actions()).toEqual([])
  })

  it('are written down in the audit', async () => {
    await service.create('anna', PASSWORD)
    clock.advance(1)
    await service.setPassword('anna', PASSWORD)
    clock.advance(1)
    await service.disable('anna')
    expect(await actions()).toEqual(['admin.created', 'admin.password_changed', 'admin.disabled'])
    expect(JSON.stringify(await audit.list({ limit: 9 }))).not.toContain(PASSWORD)
  })

  it('come in by a one-time code once, however many bring it at the same time', async () => {
    const code = await service.createFirstCode()
    clock.advance(1)
    const redeemed = await Promise.all(Array.from({ length: 50 }, () => service.redeemCode(code)))
    expect(redeemed.filter(Boolean).map((admin) => admin?.name)).toEqual(['demo'])
    expect(await actions()).toEqual(['admin.created', 'admin.signed_in'])
  })

  it('come in by a code within 15 minutes', async () => {
    const early = await service.createFirstCode()
    const late = await service.createFirstCode()
    clock.advance(15 * MINUTE - 1)
    expect(await service.redeemCode(early)).toBeDefined()
    clock.advance(1)
    expect(await service.redeemCode(late)).toBeUndefined()
    expect(await service.redeemCode('unknown')).toBeUndefined()
    expect(await service.list()).toHaveLength(1)
  })

  it('do not come in by a code when they are disabled', async () => {
    const code = await service.createFirstCode()
    await service.disable('demo')
    expect(await service.redeemCode(code)).toBeUndefined()
  })

  it('without a password have none that works', async () => {
    await service.createFirstCode()
    expect(await service.signIn('demo', '')).toBeUndefined()
    await service.setPassword('demo', PASSWORD)
    expect(await service.signIn('demo', PASSWORD)).toBeDefined()
  })

  it('are kept, when sessions and codes whose time is over are forgotten', async () => {
    const admin = await service.create('anna', PASSWORD)
    const now = clock.now()
    const sessions = [now, new Date(now.getTime() + 1)].map((expiresAt, n) => {
      return { sidHash: String(n).repeat(64), adminId: admin.id, content: '{}', expiresAt }
    })
    await opened.db.insertInto('adminSession').values(sessions).execute()
    await service.createFirstCode()
    expect(await service.forget(now)).toBe(1)
    const left = () =>
      Promise.all([
        opened.db.selectFrom('adminSession').select('sidHash').execute(),
        opened.db.selectFrom('oneTimeCode').select('codeHash').execute(),
      ])
    expect((await left()).map((rows) => rows.length)).toEqual([1, 1])
    await service.forget(new Date(now.getTime() + 15 * MINUTE))
    expect(await left()).toEqual([[], []])
    expect(await service.list()).toHaveLength(2)
  })

  it('keep codes and passwords hashed', async () => {
    const code = await service.createFirstCode()
    await service.create('anna', PASSWORD)
    const rows = [
      await opened.db.selectFrom('oneTimeCode').selectAll().execute(),
      await opened.db.selectFrom('admin').selectAll().execute(),
    ]
    expect(JSON.stringify(rows)).not.toContain(code)
    expect(JSON.stringify(rows)).not.toContain(PASSWORD)
  })
})
