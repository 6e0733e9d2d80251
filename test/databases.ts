import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe } from '@jest/globals'
import pg from 'pg'
import { type Database, type Engine, openDatabase } from '../src/database/database.ts'
import { migrate } from '../src/database/migrate.ts'

export interface EmptyDatabase {
  readonly engine: Engine
  readonly url: string
  drop(): Promise<void>
}

/**
 * Waiting for a disk is most of what SQLite does in these tests, and what a killed process has written is kept in
 * memory just as well: only a machine that loses its power would tell them apart.
 */
const MEMORY = '/dev/shm'
const scratch = hasRoom(MEMORY) ? MEMORY : tmpdir()

function hasRoom(folder: string): boolean {
  if (!existsSync(folder)) return false
  const { bavail, bsize } = statfsSync(folder)
  return bavail * bsize > 1e9
}

export const engines: readonly Engine[] = ['sqlite', 'postgres']

/** Makes a database of its own on the engine: a SQLite file in a new folder, or a new PostgreSQL database. */
export async function createEmptyDatabase(engine: Engine): Promise<EmptyDatabase> {
  if (engine === 'sqlite') {
    const folder = mkdtempSync(join(scratch, 'latchkey-'))
    const drop = async () => rmSync(folder, { recursive: true, force: true })
    return { engine, url: `sqlite:${join(folder, 'latchkey.db')}`, drop }
  }
  const server = process.env.TEST_POSTGRES_URL
  const name = `test_${randomBytes(6).toString('hex')}`
  await onServer(`create database ${name}`)
  return { engine, url: `${server}/${name}`, drop: () => onServer(`drop database ${name} with (force)`) }
}

async function onServer(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: `${process.env.TEST_POSTGRES_URL}/postgres` })
  await client.connect()
  await client.query(statement)
  await client.end()
}

/** Runs the same tests on SQLite and on PostgreSQL, each on a migrated database of its own. */
export function eachDatabase(name: string, tests: (open: () => Promise<OpenedDatabase>) => void): void {
  describe.each(engines)(`${name} on %s`, (engine) => {
    tests(async () => {
      const empty = await createEmptyDatabase(engine)
      const db = openDatabase(empty.url)
      await migrate(db, engine)
      const close = async () => {
        await db.destroy()
        await empty.drop()
      }
      return { db, engine, url: empty.url, close }
    })
  })
}

export interface OpenedDatabase {
  readonly db: Database
  readonly engine: Engine
  readonly url: string
  close(): Promise<void>
}
