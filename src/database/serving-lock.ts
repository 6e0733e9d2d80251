import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { StartError } from '../errors.ts'
import { engineOf, sqliteFile } from './database.ts'

/** Another process already serves this SQLite file. */
export class AlreadyServingError extends StartError {
  constructor(file: string) {
    super(
      `Another Latchkey is already serving ${file}. Stop it first, or use PostgreSQL to run more than one.`,
    )
  }
}

const SQLITE_BUSY = 5

/**
 * Makes this process the one that serves a SQLite file, until it ends in any way: the lock is the
 * operating system's, held on a file beside it. On PostgreSQL many processes serve, and nothing is locked.
 *
 * @throws AlreadyServingError when another process holds it
 */
export function lockForServing(databaseUrl: string): () => void {
  if (engineOf(databaseUrl) === 'postgres') return () => {}
  const file = sqliteFile(databaseUrl)
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  const lock = new DatabaseSync(`${file}-serving`)
  try {
    lock.exec('pragma journal_mode = off; begin exclusive')
  } catch (error) {
    lock.close()
    throw (error as { errcode?: unknown }).errcode === SQLITE_BUSY ? new AlreadyServingError(file) : error
  }
  return () => lock.close()
}
