import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect, it } from '@jest/globals'
import { sql } from 'kysely'
import { inTransaction, sqliteFile } from '../../src/database/database.ts'
import { isMigrated, migrate, NewerDatabaseError, readMigrations } from '../../src/database/migrate.ts'
import { eachDatabase, type OpenedDatabase } from '../databases.ts'

const at = new Date('2026-03-02T09:00:00.000Z')

eachDatabase('the migrations', (open) => {
  let opened: OpenedDatabase
  beforeEach(async () => {
    opened = await open()
  })
  afterEach(() => opened.close())

  it('are applied once, and a second run finds nothing to do', async () => {
    expect(await migrate(opened.db, opened.engine)).toEqual([])
    expect(await isMigrated(opened.db)).toBe(true)
  })

  it('refuse a database that a newer version wrote', async () => {
    await opened.db.insertInto('migration').values({ name: '999-later', appliedAt: at }).execute()
    await expect(migrate(opened.db, opened.engine)).rejects.toThrow(NewerDatabaseError)
  })

  it('keeps the audit append-only against our own code and against mistakes', async () => {
    const { db } = opened
    const entry = { id: 'a1', at, actor: 'admin', action: 'x', detail: {} }
    await db.insertInto('auditEntry').values(entry).execute()
    await expect(db.updateTable('auditEntry').set({ actor: 'nobody' }).execute()).rejects.toThrow(
      'append-only',
    )
    await expect(db.deleteFrom('auditEntry').execute()).rejects.toThrow('append-only')
    expect(await db.selectFrom('auditEntry').select('actor').execute()).toEqual([{ actor: 'admin' }])
  })

  it('lets no audit entry be replaced, by our connections or by others', async () => {
    const { db, engine, url } = opened
    const insert = (id: string, actor: string, how = 'insert') =>
      `${how} into audit_entry (id, at, actor, action, detail) values ('${id}', '2026', '${actor}', 'x', '{}')`
    await sql.raw(insert('a1', 'admin')).execute(db)
    const upsert = `${insert('a1', 'nobody')} on conflict (id) do update set actor = excluded.actor`
    const byRowid = insert('a2', 'nobody', 'insert or replace')
      .replace('(id', '(rowid, id')
      .replace("('a2'", "(1, 'a2'")
    const onSqlite = [
      insert('a1', 'nobody', 'insert or replace'),
      insert('a1', 'nobody', 'replace'),
      byRowid,
      "update or replace audit_entry set actor = 'nobody'",
      'update audit_entry set rowid = 7',
      'delete from audit_entry where rowid = 1',
    ]
    const onPostgres = [
      'truncate audit_entry',
      "merge into audit_entry using (select 1) s on true when matched then update set actor = 'nobody'",
    ]
    const attacks = [upsert, ...(engine === 'sqlite' ? onSqlite : onPostgres)]
    for (const attack of attacks) await expect(sql.raw(attack).execute(db)).rejects.toThrow('append-only')
    if (engine === 'sqlite') {
      const other = new DatabaseSync(sqliteFile(url))
      other.exec('pragma recursive_triggers = off')
      for (const attack of attacks) expect(() => other.exec(attack)).toThrow('append-only')
      other.close()
    }
    expect(await db.selectFrom('auditEntry').select(['id', 'actor']).execute()).toEqual([
      { id: 'a1', actor: 'admin' },
    ])
  })

  it('apply what follows, in its order and for this engine alone, and keep what is there', async () => {
    const { db, engine } = opened
    await db.insertInto('tenant').values({ id: 't1', name: 'Shop', createdAt: at }).execute()
    const later = [
      ...readMigrations(),
      { name: '002-second', sql: second },
      { name: '003-third', sql: 'alter table extra add column note text;\n' },
    ]
    expect(await migrate(db, engine, later)).toEqual(['002-second', '003-third'])
    expect(await migrate(db, engine, later)).toEqual([])
    await sql`insert into extra (id, note) values (1, 'n')`.execute(db)
    const { rows } = await sql`select id, of_engine, shouted, note from extra`.execute(db.withoutPlugins())
    expect(rows).toEqual([{ id: 1, of_engine: engine, shouted: 'a;b', note: 'n' }])
    expect(await db.selectFrom('tenant').select('name').execute()).toEqual([{ name: 'Shop' }])
  })

  it('that fail leave the schema as it was', async () => {
    const { db, engine } = opened
    const broken = { name: '002-broken', sql: 'create table extra (id integer);\n\ncreate nonsense;\n' }
    await expect(migrate(db, engine, [...readMigrations(), broken])).rejects.toThrow()
    await expect(sql`select * from extra`.execute(db)).rejects.toThrow()
    expect(await isMigrated(db)).toBe(true)
    expect(await db.selectFrom('migration').select('name').execute()).toEqual([{ name: '001-first' }])
  })

  it('let two processes start at once', async () => {
    const later = [...readMigrations(), { name: '002-second', sql: second }]
    const applied = await Promise.all([1, 2].map(() => migrate(opened.db, opened.engine, later)))
    expect(applied.flat()).toEqual(['002-second'])
  })

  it('rolls a failed transaction back as a whole', async () => {
    const failing = inTransaction(opened.db, async (trx) => {
      await trx.insertInto('tenant').values({ id: 't', name: 'n', createdAt: at }).execute()
      throw new Error('halfway')
    })
    await expect(failing).rejects.toThrow('halfway')
    expect(await opened.db.selectFrom('tenant').selectAll().execute()).toEqual([])
  })
})

/** With a semicolon at the end of a line within a body, on both engines. */
const second = `-- A comment; with a semicolon.
create table extra (
  id integer not null primary key,
  of_engine text,
  shouted text default 'a;b'
);

-- only sqlite
create trigger extra_engine after insert on extra
begin
  update extra set of_engine = 'nobody';
  update extra set of_engine = 'sqlite';
end;

-- only postgres
create function extra_engine() returns trigger language plpgsql as $$
begin
  new.of_engine := 'nobody';
  new.of_engine := 'postgres';
  return new;
end $$;

create trigger extra_engine before insert on extra for each row execute function extra_engine();

-- both
create index extra_shouted on extra (shouted);
`
