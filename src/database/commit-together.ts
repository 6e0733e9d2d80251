import { SqliteAdapter } from 'kysely'
import { type Database, inTransaction } from './database.ts'

interface Write {
  run(trx: Database): Promise<void>
  committed(): void
  failed(error: unknown): void
}

/** The writes that wait for the next commit, of each database that is committing. */
const queues = new WeakMap<Database, Write[]>()

/**
 * Runs one statement durably; resolves when it is on the disk. SQLite waits for the disk at every commit, so
 * statements that arrive together, or while a commit is under way, share the next one. Only ever one statement:
 * one that fails is undone by itself, and the others are not touched. Runs at once inside a transaction, and on
 * PostgreSQL, which groups the commits of its connections itself.
 */
export function commitTogether<T>(db: Database, statement: (trx: Database) => Promise<T>): Promise<T> {
  if (db.isTransaction || !(db.getExecutor().adapter instanceof SqliteAdapter)) return statement(db)
  return new Promise<T>((resolve, reject) => {
    let result: T
    const write: Write = {
      run: async (trx) => {
        result = await statement(trx)
      },
      committed: () => resolve(result),
      failed: reject,
    }
    const queue = queues.get(db)
    if (queue) queue.push(write)
    else {
      const first = [write]
      queues.set(db, first)
      void commitAll(db, first)
    }
  })
}

async function commitAll(db: Database, queue: Write[]): Promise<void> {
  while (queue.length > 0) {
    // Requests that arrived with this one are read from their sockets first.
    await new Promise((resolve) => setImmediate(resolve))
    const writes = queue.splice(0)
    let ran: Write[] = []
    try {
      await inTransaction(db, async (trx) => {
        ran = await runAll(writes, trx)
      })
      for (const write of ran) write.committed()
    } catch (error) {
      for (const write of writes) write.failed(error)
    }
  }
  queues.delete(db)
}

/** Those that ran; a write that failed has been told. */
async function runAll(writes: readonly Write[], trx: Database): Promise<Write[]> {
  const ran: Write[] = []
  for (const write of writes)
    await write.run(trx).then(
      () => ran.push(write),
      (error) => write.failed(error),
    )
  return ran
}
