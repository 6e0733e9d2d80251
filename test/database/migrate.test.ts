import { afterEach, beforeEach, expect, it } from '@jest/globals'
import { inTransaction } from '../../src/database/database.ts'
import { isMigrated, migrate, NewerDatabaseError } from '../../src/database/migrate.ts'
import { eachDatabase, type OpenedDatabase } from '../databases.ts'

eachDatabase('the schema', (open) => {
  let opened: OpenedDatabase
  beforeEach(async () => {
    opened = await open()
  })
  afterEach(() => opened.close())

  it('is brought up to date once, and a second run finds nothing to do', async () => {
    expect(await migrate(opened.db, opened.engine)).toEqual([])
    expect(await isMigrated(opened.db)).toBe(true)
  })

  it('refuses a database that a newer version wrote', async () => {
    await opened.db
      .insertInto('migration')
      .values({ name: '999-later', applied_at: '2027-01-01T00:00:00.000Z' })
      .execute()
    await expect(migrate(opened.db, opened.engine)).rejects.toThrow(NewerDatabaseError)
  })

  it('keeps the audit append-only against whoever holds the database', async () => {
    const entry = {
      hub_id: 'h',
      id: 'a1',
      at: '2026-03-02T09:00:00.000Z',
      actor: 'admin',
      action: 'x',
      channel_id: null,
      tenant_id: null,
      detail: '{}',
    }
    await opened.db.insertInto('audit_entry').values(entry).execute()
    await expect(opened.db.updateTable('audit_entry').set({ actor: 'nobody' }).execute()).rejects.toThrow(
      'append-only',
    )
    await expect(opened.db.deleteFrom('audit_entry').execute()).rejects.toThrow('append-only')
    expect(await opened.db.selectFrom('audit_entry').select('actor').execute()).toEqual([{ actor: 'admin' }])
  })

  it('allows one open mint for a channel', async () => {
    const mint = (id: string, closed_at: string | null) => ({
      hub_id: 'h',
      id,
      channel_id: 'ch1',
      version: 1,
      reason: 'return' as const,
      asked_by: 'r1',
      launched_at: null,
      state: 'waiting' as const,
      problem: null,
      upstream_status: null,
      records_before: null,
      records_after: null,
      sealed_answer: null,
      requested_at: 'now',
      sent_at: null,
      closed_at,
      due_at: null,
      lease_until: null,
      attempts: 0,
    })
    await opened.db
      .insertInto('mint')
      .values([mint('m0', 'then'), mint('m1', null)])
      .execute()
    await expect(opened.db.insertInto('mint').values(mint('m2', null)).execute()).rejects.toThrow()
  })

  it('rolls a failed transaction back as a whole', async () => {
    const failing = inTransaction(opened.db, async (trx) => {
      await trx.insertInto('tenant').values({ hub_id: 'h', id: 't', name: 'n', created_at: 'x' }).execute()
      throw new Error('halfway')
    })
    await expect(failing).rejects.toThrow('halfway')
    expect(await opened.db.selectFrom('tenant').selectAll().execute()).toEqual([])
  })
})
