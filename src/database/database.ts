import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { CamelCasePlugin, Kysely, type KyselyConfig, PostgresDialect, SqliteDialect } from 'kysely'
import type { Pool } from 'pg'
import { ColumnValues } from './column-values.ts'
import { openNodeSqlite } from './node-sqlite.ts'
import type { Schema } from './schema.ts'

export type Database = Kysely<Schema>
export type Engine = 'sqlite' | 'postgres'

const SQLITE = 'sqlite:'

/** The engine that a `DATABASE_URL` names. */
export function engineOf(url: string): Engine {
  return url.startsWith(SQLITE) ? 'sqlite' : 'postgres'
}

/** The file of a `sqlite:` URL. */
export function sqliteFile(url: string): string {
  return url.slice(SQLITE.length)
}

/** Opens the database behind a `DATABASE_URL`; a SQLite file and its folder (0700) are created when missing. */
export function openDatabase(url: string): Database {
  const plugins = [new CamelCasePlugin(), new ColumnValues()]
  return new Kysely<Schema>({ dialect: dialectOf(url), plugins })
}

function dialectOf(url: string): KyselyConfig['dialect'] {
  if (engineOf(url) === 'postgres') return new PostgresDialect({ pool: () => openPool(url) })
  const file = sqliteFile(url)
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  return new SqliteDialect({ database: openNodeSqlite(file) })
}

/** The connections of a process to one database. */
export async function openPool(connectionString: string): Promise<Pool> {
  const { default: pg } = await import('pg')
  const pool = new pg.Pool({ connectionString, max: 10, connectionTimeoutMillis: 10_000 })
  // An idle connection that breaks must not end the process: the pool replaces it at the next query.
  pool.on('error', () => {})
  // Nor must one that breaks inside a transaction, between two queries: the next query is told.
  pool.on('connect', (client) => client.on('error', () => {}))
  return pool
}

const MAX_DEADLOCKS = 3

/**
 * Runs `work` in one transaction, or inside the one that `db` already is. Inside, use only the database
 * that is handed in: SQLite has one connection, and waiting for the outer one would never end.
 * PostgreSQL undoes one of two transactions that wait for each other: that one runs again, so `work` does
 * nothing but read and write here (`afterCommit` for the rest).
 */
export async function inTransaction<T>(db: Database, work: (trx: Database) => Promise<T>): Promise<T> {
  if (db.isTransaction) return work(db)
  for (let deadlocks = 0; ; deadlocks += 1) {
    try {
      return await runTransaction(db, work)
    } catch (error) {
      if (!isDeadlock(error) || deadlocks >= MAX_DEADLOCKS) throw error
    }
  }
}

async function runTransaction<T>(db: Database, work: (trx: Database) => Promise<T>): Promise<T> {
  const acts: (() => void)[] = []
  const result = await db.transaction().execute((trx) => {
    commitActs.set(trx, acts)
    return work(trx)
  })
  for (const act of acts) act()
  return result
}

const commitActs = new WeakMap<Database, (() => void)[]>()

/** Does `act` once the transaction has been committed, and never if it is rolled back; outside of one, now. */
export function afterCommit(trx: Database, act: () => void): void {
  const acts = commitActs.get(trx)
  if (acts) acts.push(act)
  else act()
}

function isDeadlock(error: unknown): boolean {
  return error instanceof Error && (error as { code?: unknown }).code === '40P01'
}

/** True when a unique constraint refused the row, on either engine. */
export function isUniqueViolation(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { code, errcode } = error as { code?: unknown; errcode?: unknown }
  return code === '23505' || errcode === 2067 || errcode === 1555
}
