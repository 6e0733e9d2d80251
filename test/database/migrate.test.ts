import { afterEach, beforeEach, expect, it } from '@jest/globals'
import type { Kysely } from 'kysely'
import { inTransaction, openDatabase } from '../../src/database/database.ts'
import { isMigrated, migrate, NewerDatabaseError } from '../../src/database/migrate.ts'
import { migrations } from '../../src/database/migrations.ts'
import { ReturnRepository } from '../../src/onboarding/return-repository.ts'
import { ReviewRepository } from '../../src/onboarding/review-repository.ts'
import { createEmptyDatabase, eachDatabase, engines, type OpenedDatabase } from '../databases.ts'

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

it.each(engines)(
  'a database of the version before is brought along, with what waited in it, on %s',
  async (engine) => {
    const empty = await createEmptyDatabase(engine)
    const db = openDatabase(empty.url)
    await migrate(db, engine, migrations.slice(0, 1))
    const at = '2026-03-02T09:00:00.000Z'
    const tenant = { hub_id: 'h', id: 't1', name: 'Shop', created_at: at }
    const times = { created_at: at, expires_at: '2026-03-09T09:00:00.000Z' }
    const session = { hub_id: 'h', id: 'ses_1', tenant_id: 't1', origin: 'link' as const, code: 'K7Q-2MD' }
    const personal = { link_hash: 'l', email: null, email_verified: 0, number: null }
    const secrets = { nonce_hash: 'n', status_hash: 's', browser_hash: 'b', client_id: null }
    const received = {
      hub_id: 'h',
      launch_id: 'lau_1',
      session_id: 'ses_1',
      client_id: 'cl1',
      revoked: '[]',
      raw: '',
    }
    const rest = { received_at: at, closed_at: at, due_at: null, lease_until: null, attempts: 1 }
    const verdict = JSON.stringify({ bound: [], review: ['ch1', 'ch2'], reason: 'nothing_matches' })
    const before = db as unknown as Kysely<Record<string, Record<string, unknown>>>
    await before.insertInto('tenant').values(tenant).execute()
    await before
      .insertInto('connect_session')
      .values({ ...session, ...personal, ...times })
      .execute()
    await before
      .insertInto('launch')
      .values({ hub_id: 'h', id: 'lau_1', session_id: 'ses_1', ...secrets, ...times })
      .execute()
    for (const [id, state] of [
      ['ret_1', 'needs_review'],
      ['ret_2', 'needs_review'],
      ['ret_3', 'bound'],
    ])
      await before
        .insertInto('connect_return')
        .values({ ...received, ...rest, id, state, verdict, digest: id, channels: '["ch1","ch2"]' })
        .execute()

    expect(await migrate(db, engine)).toEqual(migrations.slice(1).map(({ name }) => name))
    const reviews = await new ReviewRepository({ db, hubId: 'h' }).listOpen({ limit: 10 })
    expect(
      reviews.map(({ channelId, tenantName, returnId, reason }) => [channelId, tenantName, returnId, reason]),
    ).toEqual([
      ['ch1', 'Shop', 'ret_1', 'nothing_matches'],
      ['ch2', 'Shop', 'ret_1', 'nothing_matches'],
    ])
    const returns = await new ReturnRepository({ db, hubId: 'h' }).listOfSession('ses_1')
    expect(returns.map(({ came }) => came)).toEqual(['launch', 'launch', 'launch'])
    await db.destroy()
    await empty.drop()
  },
)
