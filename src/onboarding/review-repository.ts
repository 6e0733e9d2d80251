import { sql } from 'kysely'
import type { Database } from '../database/database.ts'
import type { ReviewFacts, Row } from '../database/schema.ts'
import { NotFoundError } from '../errors.ts'
import { newId } from '../identifiers.ts'
import type { Review } from './review-facts.ts'

export type NewReview = Pick<Review, 'clientId' | 'channelId' | 'arrival' | 'reason'> &
  Partial<Pick<Review, 'returnId' | 'sessionId' | 'tenantId'>>

/** How a review ends. */
export interface Decision {
  readonly decision: NonNullable<Review['decision']>
  /** `admin:NAME`, `cli` or `latchkey`. */
  readonly by: string
  readonly tenantId?: string | undefined
  /** What was decided about; undefined when `latchkey` settles it. */
  readonly facts?: ReviewFacts
}

/** Keeps the reviews. A decided one is never deleted. */
export class ReviewRepository {
  readonly #db: Database

  constructor({ db }: { db: Database }) {
    this.#db = db
  }

  /** Adds a review, unless one is open for this client and channel: if that is of the same session, it tells the newer reason. */
  async open(review: NewReview, now: Date, trx: Database): Promise<void> {
    const { clientId, channelId, sessionId, reason, arrival } = review
    const newer = <T>(column: string, value: T) =>
      sql<T>`case when session_id = ${sessionId ?? ''} then ${value} else ${sql.ref(column)} end`
    for (let isThere = false; !isThere; ) {
      const opened = await trx
        .insertInto('review')
        .values({ id: newId('rev', now), ...review, openedAt: now })
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst()
      if (opened.numInsertedOrUpdatedRows === 1n) return
      // Waits for a decision that is being written: what comes after it needs a review of its own.
      const kept = await trx
        .updateTable('review')
        .set({ reason: newer('reason', reason), arrival: newer('arrival', arrival) })
        .where('clientId', '=', clientId)
        .where('channelId', '=', channelId)
        .where('closedAt', 'is', null)
        .executeTakeFirst()
      isThere = kept.numUpdatedRows > 0n
    }
  }

  /** Until the transaction ends nobody else decides, and a return that opens this review waits. */
  async lock(id: string, trx: Database): Promise<void> {
    await trx.updateTable('review').set({ id }).where('id', '=', id).execute()
  }

  /** False when another decision was faster. */
  async close(
    id: string,
    { decision, by, tenantId, facts }: Decision,
    now: Date,
    trx: Database,
  ): Promise<boolean> {
    const decided = { decision, decidedBy: by, decidedTenantId: tenantId ?? null, shown: facts ?? null }
    const closed = await trx
      .updateTable('review')
      .set({ ...decided, closedAt: now })
      .where('id', '=', id)
      .where('closedAt', 'is', null)
      .executeTakeFirst()
    return closed.numUpdatedRows === 1n
  }

  /** @throws NotFoundError when there is no such review */
  async read(id: string, db = this.#db): Promise<Review> {
    const query = reviews(db).where('review.id', '=', id)
    const review = /^\w{1,100}$/.test(id) ? await query.executeTakeFirst() : undefined
    if (!review) throw new NotFoundError('not_found', 'There is no review with this id.')
    return review as Review
  }

  /** Oldest first; `after` is the id of the last review of the page before. */
  listOpen({ after = '', limit }: { after?: string | undefined; limit: number }): Promise<Review[]> {
    return reviews(this.#db)
      .where('review.closedAt', 'is', null)
      .where('review.id', '>', after)
      .orderBy('review.id')
      .limit(limit)
      .execute() as Promise<Review[]>
  }

  /** Newest first, open and decided. */
  listOfChannel(channelId: string, db = this.#db): Promise<Review[]> {
    const query = reviews(db).where('review.channelId', '=', channelId).orderBy('review.id', 'desc')
    return query.execute() as Promise<Review[]>
  }

  /** What the owner of a client was asked for these sessions. */
  listQuestions(
    clientId: string,
    sessionIds: readonly string[],
    db = this.#db,
  ): Promise<Row<'ownerConfirmation'>[]> {
    const questions = db.selectFrom('ownerConfirmation').selectAll().where('clientId', '=', clientId)
    return questions.where('sessionId', 'in', [...sessionIds, '']).execute()
  }
}

const reviews = (db: Database) =>
  db
    .selectFrom('review')
    .leftJoin('tenant', 'tenant.id', 'review.tenantId')
    .selectAll('review')
    .select('tenant.name as tenantName')
