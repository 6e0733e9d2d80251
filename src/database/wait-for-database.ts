import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import type { Database } from './database.ts'
import { type DatabaseFailure, findDatabaseFailure } from './database-failure.ts'

interface Waiting {
  /** Called once, when it does not answer at first, with a sentence that says why. */
  readonly onWaiting: (says: string) => void
  readonly withinMs?: number
  readonly pauseMs?: number
}

/** After a restart of the machine, the database may come up later than this process. */
export const WAIT_SECONDS = 30
/** A person who watches the start is told before the first try has had its whole 10 s. */
const SILENT_MS = 2_000

/**
 * Resolves when the database answers. What may pass is waited for.
 *
 * @throws the last failure of the driver
 */
export async function waitForDatabase(
  db: Database,
  { onWaiting, withinMs = WAIT_SECONDS * 1000, pauseMs = 1_000 }: Waiting,
): Promise<void> {
  const end = performance.now() + withinMs
  let isSaid = false
  const say = (says: string) => {
    if (!isSaid) onWaiting(says)
    isSaid = true
  }
  const silence = setTimeout(() => say('The database does not answer yet'), SILENT_MS)
  try {
    for (;;) {
      const next = Math.min(performance.now() + pauseMs, end)
      const failure = await tryOnce(db, end)
      if (!failure) return
      say(failure.says)
      await sleep(Math.max(0, next - performance.now()))
    }
  } finally {
    clearTimeout(silence)
  }
}

/** Undefined when it answered; the failure, when it may be over at the next try. */
async function tryOnce(db: Database, end: number): Promise<DatabaseFailure | undefined> {
  try {
    await sql`select 1`.execute(db)
    return undefined
  } catch (error) {
    const failure = findDatabaseFailure(error)
    if (failure?.passes && performance.now() < end) return failure
    throw error
  }
}
