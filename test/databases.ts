import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe } from '@jest/globals'
import { CompiledQuery, SqliteAdapter, sql } from 'kysely'
import pg from 'pg'
import { type Database, type Engine, openDatabase } from '../src/database/database.ts'
import { migrate } from '../src/database/migrate.ts'
import { scratch } from './scratch.ts'

export interface EmptyDatabase {
  readonly engine: Engine
  readonly url: string
  drop(): Promise<void>
}

export const engines: readonly Engine[] = ['sqlite', 'postgres']

/** Makes a database of its own on the engine: a SQLite file in a new folder, or a new PostgreSQL database. */
export async function createEmptyDatabase(engine: Engine): Promise<EmptyDatabase> {
  if (engine === 'sqlite') {
    const folder = mkdtempSync(join(scratch, 'latchkey-'))
    const drop = async () => rmSync(folder, { recursive: true, force: true })
    return { engine, url: `sqlite:${join(folder, 'latchkey.db')}`, drop }
  }
  return createPostgres('')
}

/** The same, but on PostgreSQL a copy of a migrated one, which takes a third of the time of migrating it. */
export async function createDatabase(engine: Engine): Promise<EmptyDatabase> {
  if (engine === 'sqlite') return createEmptyDatabase(engine)
  const template = `template_${process.env.JEST_WORKER_ID}`
  try {
    return await createPostgres(`template ${template}`)
  } catch (error) {
    if ((error as { code?: unknown }).code !== UNKNOWN_DATABASE) throw error
  }
  await onServer(`create database ${template}`)
  const db = openDatabase(`${process.env.TEST_POSTGRES_URL}/${template}`)
  await migrate(db, engine)
  await db.destroy()
  return createPostgres(`template ${template}`)
}

const UNKNOWN_DATABASE = '3D000'

async function createPostgres(options: string): Promise<EmptyDatabase> {
  const name = `test_${randomBytes(6).toString('hex')}`
  await onServer(`create database ${name} ${options}`)
  const drop = () => onServer(`drop database ${name} with (force)`)
  return { engine: 'postgres', url: `${process.env.TEST_POSTGRES_URL}/${name}`, drop }
}

async function onServer(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: `${process.env.TEST_POSTGRES_URL}/postgres` })
  await client.connect()
  await client.query(statement).finally(() => client.end())
}

/** Runs the same tests on SQLite and on PostgreSQL, each on a migrated database of its own, closed at the latest after all. */
export function eachDatabase(name: string, tests: (open: () => Promise<OpenedDatabase>) => void): void {
  describe.each(engines)(`${name} on %s`, (engine) => {
    const closes: (() => Promise<void>)[] = []
    tests(async () => {
      const empty = await createDatabase(engine)
      const db = openDatabase(empty.url)
      let closing: Promise<void> | undefined
      const close = () => {
        closing ??= db.destroy().then(empty.drop)
        return closing
      }
      closes.push(close)
      await migrate(db, engine)
      return { db, engine, url: empty.url, close }
    })
    afterAll(() => Promise.all(closes.map((close) => close())))
  })
}

export interface OpenedDatabase {
  readonly db: Database
  readonly engine: Engine
  readonly url: string
  close(): Promise<void>
}

/** How the engine would carry the query out, one step a line. Whole tables are read only where no index helps. */
export async function explain(db: Database, query: CompiledQuery): Promise<string> {
  const isSqlite = db.getExecutor().adapter instanceof SqliteAdapter
  const ask = CompiledQuery.raw(`explain ${isSqlite ? 'query plan ' : ''}${query.sql}`, [...query.parameters])
  const rows = await db
    .withoutPlugins()
    .transaction()
    .execute(async (trx) => {
      // PostgreSQL reads a small table whole, whatever its indexes.
      if (!isSqlite) await sql`set local enable_seqscan = off`.execute(trx)
      return (await trx.executeQuery<Record<string, string>>(ask)).rows
    })
  return rows.map((row) => row.detail ?? row['QUERY PLAN']).join('\n')
}
