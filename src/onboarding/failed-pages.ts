import type { Clock } from '../clock.ts'
import type { Database } from '../database/database.ts'
import { isOutOfOrder } from '../database/database-failure.ts'
import type { Row } from '../database/schema.ts'
import type { Failure } from '../errors.ts'
import { newId } from '../identifiers.ts'

/** A failure that somebody was told of, with the code of its session when that is known. */
export type FailedPage = Row<'failedPage'> & { readonly sessionCode: string | undefined }

const MINUTE_MS = 60_000
const KEPT_MS = 30 * 24 * 60 * MINUTE_MS
/** Kept in a minute, of what is our fault and of what anybody can cause; and of the latter from one network. */
const A_MINUTE = 30
const A_MINUTE_OF_NETWORK = 10
/** Of addresses that this site does not have: whoever looks for holes asks for thousands. */
const A_MINUTE_OF_NOWHERE = 2
/** In all, whatever comes; and waiting while the database is out of order. */
const MAX_KEPT = 20_000
const MAX_WAITING = 200
const MAX_FOUND = 50

interface Dependencies {
  readonly db: Database
  readonly clock: Clock
}

/**
 * What the code on a failure page leads to: what happened, when, on which route, and whose session it was. A flood fills
 * neither memory nor table: what is too much is only in the log.
 */
export class FailedPages {
  readonly #dependencies: Dependencies
  #counts = { minute: 0, by: new Map<string, number>() }
  #waiting: Row<'failedPage'>[] = []
  #writing: Promise<void> = Promise.resolve()

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  /** Nobody waits for it: the page is on its way. While the database is out of order it is kept in memory. */
  record({ code, route, status, what, sessionId, network }: Failure): void {
    const happenedAt = this.#dependencies.clock.now()
    if (!this.#hasRoom({ route, status, network }, happenedAt)) return
    const id = newId('fai', happenedAt)
    this.#waiting.push({ id, code, route: route ?? '', status, what, sessionId, happenedAt })
    this.#waiting = this.#waiting.slice(-MAX_WAITING)
    void this.#flush()
  }

  /** What a code leads to, newest first: the failure that showed it, and those of the session that it is of. */
  async find(code: string): Promise<FailedPage[]> {
    await this.#flush()
    const { db } = this.#dependencies
    const ofSession = db.selectFrom('connectSession').select('id').where('code', '=', code)
    const ids = db
      .selectFrom('failedPage')
      .select('id')
      .where('code', '=', code)
      .union(db.selectFrom('failedPage').select('id').where('sessionId', 'in', ofSession))
    return (await db
      .selectFrom('failedPage')
      .leftJoin('connectSession', 'connectSession.id', 'failedPage.sessionId')
      .selectAll('failedPage')
      .select('connectSession.code as sessionCode')
      .where('failedPage.id', 'in', ids)
      .orderBy('failedPage.id', 'desc')
      .limit(MAX_FOUND)
      .execute()) as FailedPage[]
  }

  /** After 30 days, and of more than fit the oldest. */
  async forget(now: Date): Promise<number> {
    await this.#flush()
    const { db } = this.#dependencies
    const tooMany = db.selectFrom('failedPage').select('id').orderBy('id', 'desc').offset(MAX_KEPT).limit(1)
    const newestTooMany = (await tooMany.executeTakeFirst())?.id ?? ''
    const { numDeletedRows } = await db
      .deleteFrom('failedPage')
      .where((row) =>
        row.or([row('happenedAt', '<', new Date(now.getTime() - KEPT_MS)), row('id', '<=', newestTooMany)]),
      )
      .executeTakeFirst()
    return Number(numDeletedRows)
  }

  #hasRoom({ route, status, network }: Pick<Failure, 'route' | 'status' | 'network'>, now: Date): boolean {
    const minute = Math.floor(now.getTime() / MINUTE_MS)
    if (this.#counts.minute !== minute) this.#counts = { minute, by: new Map() }
    if (route === undefined) return this.#count('nowhere', A_MINUTE_OF_NOWHERE)
    if (status >= 500) return this.#count('ours', A_MINUTE)
    // Networks are counted while there is room, so there are no more of them than that.
    if (!this.#isBelow('theirs', A_MINUTE)) return false
    return this.#count(`of ${network}`, A_MINUTE_OF_NETWORK) && this.#count('theirs', A_MINUTE)
  }

  #isBelow(name: string, most: number): boolean {
    return (this.#counts.by.get(name) ?? 0) < most
  }

  #count(name: string, most: number): boolean {
    if (!this.#isBelow(name, most)) return false
    const { by } = this.#counts
    by.set(name, (by.get(name) ?? 0) + 1)
    return true
  }

  /** One after the other, so that nothing is written twice. */
  #flush(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#write())
    return this.#writing
  }

  async #write(): Promise<void> {
    for (let row = this.#waiting.shift(); row; row = this.#waiting.shift()) {
      try {
        await this.#dependencies.db.insertInto('failedPage').values(row).execute()
      } catch (error) {
        // What cannot be written at all, such as one of a session that is gone, is left to the log.
        if (!isOutOfOrder(error)) continue
        this.#waiting.unshift(row)
        return
      }
    }
  }
}
