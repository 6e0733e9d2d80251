import type { Database } from '../database/database.ts'
import type { Came, ReviewRow } from '../database/schema.ts'
import { newId } from '../identifiers.ts'
import type { ReviewReason } from './belonging.ts'

/** A channel that an admin decides about: may this tenant have it? */
export interface Review {
  readonly id: string
  readonly clientId: string
  readonly channelId: string
  readonly returnId: string | undefined
  readonly sessionId: string | undefined
  /** The tenant that asked first; undefined when the return belongs to no launch. */
  readonly tenantId: string | undefined
  readonly tenantName: string | undefined
  readonly came: Came
  readonly reason: ReviewReason
  readonly openedAt: Date
  readonly decision: ReviewRow['decision']
  readonly decidedBy: string | undefined
  readonly decidedTenantId: string | undefined
  readonly closedAt: Date | undefined
}

export type NewReview = Pick<
  Review,
  'clientId' | 'channelId' | 'returnId' | 'sessionId' | 'tenantId' | 'came' | 'reason'
>

export interface Decision {
  readonly decision: NonNullable<ReviewRow['decision']>
  /** `admin:NAME`, `cli` or `latchkey`. */
  readonly by: string
  readonly tenantId: string | undefined
}

/** However many ids one session makes up, it does not fill the admin's list. */
const MOST_MADE_UP = 20

/** Keeps what waits for an admin's decision, and what was decided. One open row for a client and channel. */
export class ReviewRepository {
  readonly #db: Database
  readonly #hubId: string

  constructor({ db, hubId }: { db: Database; hubId: string }) {
    this.#db = db
    this.#hubId = hubId
  }

  /**
   * Opens a review, unless one is open for this client and channel: if that is of the same session, it tells the
   * newer reason. An id that 360dialog does not list is not taken up without end.
   */
  async open(review: NewReview, now: Date, db: Database, { isListed = true } = {}): Promise<void> {
    const { sessionId, reason, came } = review
    if (!isListed && sessionId && (await this.#countOpen(sessionId, db)) >= MOST_MADE_UP) return
    const inserted = await db
      .insertInto('review')
      .values({
        hub_id: this.#hubId,
        id: newId('rev', now),
        client_id: review.clientId,
        channel_id: review.channelId,
        return_id: review.returnId ?? null,
        session_id: review.sessionId ?? null,
        tenant_id: review.tenantId ?? null,
        came: review.came,
        reason: review.reason,
        opened_at: now.toISOString(),
        decision: null,
        decided_by: null,
        decided_tenant_id: null,
        closed_at: null,
      })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst()
    if (inserted.numInsertedOrUpdatedRows === 1n || sessionId === undefined) return
    await db
      .updateTable('review')
      .set({ reason, came })
      .where('hub_id', '=', this.#hubId)
      .where('client_id', '=', review.clientId)
      .where('channel_id', '=', review.channelId)
      .where('session_id', '=', sessionId)
      .where('closed_at', 'is', null)
      .execute()
  }

  /** Oldest first; `after` is the id of the last review of the page before. */
  async listOpen({ after, limit }: { after?: string | undefined; limit: number }): Promise<Review[]> {
    let query = this.#reviews(this.#db).where('review.closed_at', 'is', null)
    if (after) query = query.where('review.id', '>', after)
    return (await query.orderBy('review.id').limit(limit).execute()).map(toReview)
  }

  async find(id: string, db: Database = this.#db): Promise<Review | undefined> {
    const row = await this.#reviews(db).where('review.id', '=', id).executeTakeFirst()
    return row && toReview(row)
  }

  /** Newest first, open and decided. */
  async listOfChannel(channelId: string): Promise<Review[]> {
    const rows = await this.#reviews(this.#db)
      .where('review.channel_id', '=', channelId)
      .orderBy('review.id', 'desc')
      .execute()
    return rows.map(toReview)
  }

  /** The open reviews of a channel; of more than one client only when 360dialog moved the channel. */
  async listOpenOfChannel(channelId: string, db: Database): Promise<Review[]> {
    const query = this.#reviews(db).where('review.channel_id', '=', channelId)
    return (await query.where('review.closed_at', 'is', null).execute()).map(toReview)
  }

  /** Writes the decision down; false when somebody else was faster. */
  async close(id: string, { decision, by, tenantId }: Decision, now: Date, trx: Database): Promise<boolean> {
    const closed = await trx
      .updateTable('review')
      .set({
        decision,
        decided_by: by,
        decided_tenant_id: tenantId ?? null,
        closed_at: now.toISOString(),
      })
      .where('hub_id', '=', this.#hubId)
      .where('id', '=', id)
      .where('closed_at', 'is', null)
      .executeTakeFirst()
    return closed.numUpdatedRows === 1n
  }

  /** How many open reviews belong to no launch. */
  async countUnattached(): Promise<number> {
    const { count } = await this.#db
      .selectFrom('review')
      .select((row) => row.fn.countAll().as('count'))
      .where('hub_id', '=', this.#hubId)
      .where('session_id', 'is', null)
      .where('closed_at', 'is', null)
      .executeTakeFirstOrThrow()
    return Number(count)
  }

  async #countOpen(sessionId: string, db: Database): Promise<number> {
    const { count } = await db
      .selectFrom('review')
      .select((row) => row.fn.countAll().as('count'))
      .where('session_id', '=', sessionId)
      .where('closed_at', 'is', null)
      .executeTakeFirstOrThrow()
    return Number(count)
  }

  #reviews(db: Database) {
    return db
      .selectFrom('review')
      .leftJoin('tenant', (join) =>
        join.onRef('tenant.hub_id', '=', 'review.hub_id').onRef('tenant.id', '=', 'review.tenant_id'),
      )
      .selectAll('review')
      .select('tenant.name as tenant_name')
      .where('review.hub_id', '=', this.#hubId)
  }
}

function toReview(row: ReviewRow & { tenant_name: string | null }): Review {
  return {
    id: row.id,
    clientId: row.client_id,
    channelId: row.channel_id,
    returnId: row.return_id ?? undefined,
    sessionId: row.session_id ?? undefined,
    tenantId: row.tenant_id ?? undefined,
    tenantName: row.tenant_name ?? undefined,
    came: row.came,
    reason: row.reason as ReviewReason,
    openedAt: new Date(row.opened_at),
    decision: row.decision,
    decidedBy: row.decided_by ?? undefined,
    decidedTenantId: row.decided_tenant_id ?? undefined,
    closedAt: row.closed_at === null ? undefined : new Date(row.closed_at),
  }
}
