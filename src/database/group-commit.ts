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
 * Runs a short write durably; resolves when it is on the disk. SQLite waits for the disk at every commit, so writes
 * that arrive together, or while a commit is under way, share the next one; when one of them fails, each runs again
 * in a transaction of its own, so `write` does nothing but read and write here (`afterCommit` for the rest). Runs at
 * once inside a transaction, and as one of its own on PostgreSQL, which groups the commits of its connections itself.
 */
export function groupCommit<T>(db: Database, write: (trx: Database) => Promise<T>): Promise<T> {
  if (!(db.getExecutor().adapter instanceof SqliteAdapter)) return inTransaction(db, write)
  if (db.isTransaction) return write(db)
  return new Promise<T>((resolve, reject) => {
    let result: T
    const queued: Write = {
      run: async (trx) => {
        result = await write(trx)
      },
      committed: () => resolve(result),
      failed: reject,
    }
    const queue = queues.get(db)
    if (queue) queue.push(queued)
    else {
      const first = [queued]
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
    await commit(db, writes).catch(async (error) => {
      if (writes.length === 1) writes[0]?.failed(error)
      else for (const write of writes) await commit(db, [write]).catch(write.failed)
    })
  }
  queues.delete(db)
}

async function commit(db: Database, writes: readonly Write[]): Promise<void> {
  await inTransaction(db, async (trx) => {
    for (const write of writes) await write.run(trx)
  })
  for (const write of writes) write.committed()
}
