import { type InferResult, sql } from 'kysely'
import { compiledInsert, compiledQuery } from '../database/compiled-query.ts'
import type { Database } from '../database/database.ts'
import type { Joined, NewRow, Row } from '../database/schema.ts'
import type { UpstreamProblem } from '../errors.ts'
import { stateOfReturn } from './belonging.ts'

/** A return with the channels that it named, without what came raw. `browserHash` is where it came, in every case. */
export type ReturnDetails = Omit<Row<'connectReturn'>, 'raw'> & {
  readonly channels: readonly Row<'returnedChannel'>[]
}

/** A return of which 360dialog has not said whether it is true. */
export interface UnansweredReturn {
  /** Its session's. */
  readonly code: string
  readonly tenantName: string
  readonly receivedAt: Date
  readonly problem: UpstreamProblem | undefined
}

/** A return with which its customer cannot go on by itself. */
export interface StuckReturn extends Pick<UnansweredReturn, 'code' | 'tenantName' | 'receivedAt'> {
  readonly why: 'unreadable' | 'no_cookie'
}

/** What became of a channel that a return named. */
export type JudgedChannel = Pick<Row<'returnedChannel'>, 'channelId' | 'outcome'> &
  Partial<Pick<Row<'returnedChannel'>, 'rule' | 'reason'>>

/**
 * Keeps the returns and the channels that they named, each once: the same client and channels that came the same
 * way on the same nonce are the same return.
 */
export class ReturnRepository {
  readonly #db: Database

  constructor({ db }: { db: Database }) {
    this.#db = db
  }

  /** False when it was here already. */
  async add(
    received: NewRow<'connectReturn'>,
    named: readonly { readonly channelId: string; readonly isRevoked: boolean }[],
    trx: Database,
  ): Promise<boolean> {
    const added = await insertReturn(trx, received)
    if (added.length === 0) return false
    for (const channel of named) await insertChannel(trx, { returnId: received.id, ...channel })
    return true
  }

  /** Judges a return, for the first time or anew. */
  async judge(id: string, judged: readonly JudgedChannel[], now: Date, trx: Database): Promise<void> {
    const unjudged = { outcome: null, rule: null, reason: null }
    await trx.updateTable('returnedChannel').set(unjudged).where('returnId', '=', id).execute()
    await this.#setProblem(id, null, trx)
    await this.settle(id, judged, now, trx)
  }

  /** Why a return could not be judged yet. */
  async explain(id: string, reason: JudgedChannel['reason'], trx: Database): Promise<void> {
    const channels = trx
      .updateTable('returnedChannel')
      .set({ reason: reason ?? null })
      .where('returnId', '=', id)
    await channels.where('isRevoked', '=', false).execute()
    await this.#setProblem(id, null, trx)
  }

  /** Why 360dialog could not be asked about a return. */
  async noteProblem(id: string, problem: UpstreamProblem): Promise<void> {
    await this.#setProblem(id, problem, this.#db)
  }

  /** Writes down what became of some of a return's channels; its state follows from all of them. */
  async settle(id: string, judged: readonly JudgedChannel[], now: Date, trx: Database): Promise<void> {
    // The return's row first: who settles another of its channels waits here, and sees what was written.
    await trx.updateTable('connectReturn').set({ closedAt: now }).where('id', '=', id).execute()
    for (const { channelId, ...change } of judged)
      await trx
        .updateTable('returnedChannel')
        .set(change)
        .where('returnId', '=', id)
        .where('channelId', '=', channelId)
        .execute()
    const channels = await trx
      .selectFrom('returnedChannel')
      .select('outcome')
      .where('returnId', '=', id)
      .execute()
    const state = stateOfReturn(channels.map(({ outcome }) => outcome))
    await trx.updateTable('connectReturn').set({ state }).where('id', '=', id).execute()
  }

  async #setProblem(id: string, problem: UpstreamProblem | null, db: Database): Promise<void> {
    await db.updateTable('connectReturn').set({ problem }).where('id', '=', id).execute()
  }

  async remove(id: string, trx: Database): Promise<void> {
    await trx.deleteFrom('connectReturn').where('id', '=', id).execute()
  }

  async find(id: string): Promise<ReturnDetails | undefined> {
    return toDetails(await returnRows(this.#db).where('received.id', '=', id).execute())[0]
  }

  /** The first return that led to this "Continue here" page; one that can be read, if there is one. */
  async findByPage(pageHash: string): Promise<ReturnDetails | undefined> {
    const all = toDetails(await returnRows(this.#db).where('received.pageHash', '=', pageHash).execute())
    return all.find(({ state }) => state !== 'unreadable') ?? all[0]
  }

  /** Oldest first. */
  async listOfSession(sessionId: string): Promise<ReturnDetails[]> {
    return toDetails(await listOfSession(this.#db, { sessionId }))
  }

  /** Oldest first. One that 360dialog does not list yet has a day before it counts. */
  listUnanswered(before: Date, limit: number): Promise<UnansweredReturn[]> {
    const open = this.#db
      .selectFrom('connectReturn')
      .select('connectReturn.id')
      .where('connectReturn.state', '=', sql.lit('received'))
    // What 360dialog refuses, or what is not understood, is seldom over in minutes. Each part has an index of its own.
    const lasting = ['refused', 'unexpected_answer', 'credentials_refused'] as const
    const unanswered = open
      .where('connectReturn.receivedAt', '<', before)
      .unionAll(open.where('connectReturn.problem', 'in', lasting))
    return this.#db
      .selectFrom('connectReturn as received')
      .innerJoin('connectSession', 'connectSession.id', 'received.sessionId')
      .innerJoin('tenant', 'tenant.id', 'connectSession.tenantId')
      .select(['connectSession.code', 'tenant.name as tenantName'])
      .select(['received.receivedAt', 'received.problem'])
      .where('received.id', 'in', unanswered)
      .where(({ not, exists, selectFrom }) =>
        not(
          exists(
            selectFrom('returnedChannel')
              .select('returnId')
              .whereRef('returnId', '=', 'received.id')
              .where('reason', 'is not', null),
          ),
        ),
      )
      .orderBy('received.receivedAt')
      .limit(limit)
      .execute()
  }

  /** Newest first, one of a session that has not ended: with nothing since that says more. */
  async listStuck(now: Date, limit: number): Promise<StuckReturn[]> {
    const rows = await this.#db
      .selectFrom('connectReturn as received')
      .innerJoin('connectSession', 'connectSession.id', 'received.sessionId')
      .innerJoin('tenant', 'tenant.id', 'connectSession.tenantId')
      .select(['connectSession.code', 'tenant.name as tenantName'])
      .select(['received.receivedAt', 'received.state'])
      .where(isStuck)
      .where('connectSession.expiresAt', '>', now)
      .where(saysTheLast)
      .orderBy('received.receivedAt', 'desc')
      .limit(limit)
      .execute()
    return rows.map(({ state, ...row }) => ({ ...row, why: state === 'unreadable' ? state : 'no_cookie' }))
  }

  /** What came raw in the returns of a session that cannot be read, by their ids. */
  async findUnread(sessionId: string): Promise<ReadonlyMap<string, string>> {
    const rows = await this.#db
      .selectFrom('connectReturn')
      .select(['id', 'raw'])
      .where('sessionId', '=', sessionId)
      .where('state', '=', 'unreadable')
      .execute()
    return new Map(rows.map(({ id, raw = '' }) => [id, raw]))
  }

  /** Whether something of this session has come back elsewhere, by another launch than this. */
  async hasComeElsewhere({ id, sessionId }: Pick<Row<'launch'>, 'id' | 'sessionId'>): Promise<boolean> {
    const elsewhere = this.#db
      .selectFrom('connectReturn')
      .select('id')
      .where('sessionId', '=', sessionId)
      .where('launchId', '!=', id)
      .where('arrival', 'in', ['other_browser', 'no_cookie'])
    return (await elsewhere.limit(1).execute()).length > 0
  }

  /**
   * What waits in a session for "Continue here" waits in vain where no cookie is kept: it is judged now, and binds nothing.
   * Answers the ids of what is to be judged.
   */
  async takeUp(sessionId: string, trx: Database): Promise<string[]> {
    const taken = await trx
      .updateTable('connectReturn')
      .set({ arrival: 'no_cookie', state: 'received' })
      .where('sessionId', '=', sessionId)
      .where('arrival', '=', 'other_browser')
      .where('state', '=', 'pending')
      .returning('id')
      .execute()
    return taken.map(({ id }) => id)
  }

  /** Oldest first: the returns of several sessions. */
  async listOfSessions(sessionIds: readonly string[]): Promise<ReturnDetails[]> {
    const rows = returnRows(this.#db).where('received.sessionId', 'in', [...sessionIds, ''])
    return toDetails(await rows.execute())
  }

  /** Newest first: the returns that named a channel. */
  async listOfChannel(channelId: string, limit: number): Promise<ReturnDetails[]> {
    const newest = this.#db
      .selectFrom('returnedChannel')
      .select('returnId')
      .where('channelId', '=', channelId)
      .orderBy('returnId', 'desc')
      .limit(limit)
    return toDetails(await returnRows(this.#db).where('received.id', 'in', newest).execute()).toReversed()
  }

  /** Oldest first: the returns of a client that wait for the decision about this channel. */
  async listWaitingFor(
    clientId: string,
    channelId: string,
    db: Database = this.#db,
  ): Promise<ReturnDetails[]> {
    const waiting = db
      .selectFrom('returnedChannel')
      .select('returnId')
      .where('channelId', '=', channelId)
      .where('outcome', '=', 'review')
    const rows = await returnRows(db)
      .where('received.id', 'in', waiting)
      .where('received.clientId', '=', clientId)
      .where('received.state', '=', 'needs_review')
      .execute()
    return toDetails(rows)
  }

  /**
   * Who waits for the decision about this channel: of each session the first return that named it. Of more sessions
   * than `limit` the newest, and how many more there are; oldest first.
   */
  async listClaims(
    clientId: string,
    channelId: string,
    limit: number,
    db: Database = this.#db,
  ): Promise<{ claims: ReturnDetails[]; more: number }> {
    const firsts = db
      .selectFrom('connectReturn as received')
      .innerJoin('returnedChannel as named', 'named.returnId', 'received.id')
      .select((row) => row.fn.min('received.id').as('firstId'))
      .where('named.channelId', '=', channelId)
      .where('named.outcome', '=', 'review')
      .where('received.clientId', '=', clientId)
      .where('received.state', '=', 'needs_review')
      .where('received.sessionId', 'is not', null)
      .groupBy('received.sessionId')
    const newest = await firsts.orderBy('firstId', 'desc').limit(limit).execute()
    const { count } = await db
      .selectFrom(firsts.as('first'))
      .select((row) => row.fn.countAll().as('count'))
      .executeTakeFirstOrThrow()
    const ids = newest.map(({ firstId }) => firstId)
    const rows = await returnRows(db)
      .where('received.id', 'in', [...ids, ''])
      .execute()
    return { claims: toDetails(rows), more: Number(count) - ids.length }
  }

  /** The returns of no launch that wait for what 360dialog says of their client. */
  async listUnattached(clientId: string): Promise<ReturnDetails[]> {
    const unattached = this.#db
      .selectFrom('connectReturn')
      .select('id')
      .where(isOpenAndUnattached)
      .where('clientId', '=', clientId)
      .where('state', '=', 'received')
    return toDetails(await returnRows(this.#db).where('received.id', 'in', unattached).execute())
  }

  /** How many returns of no launch are open, of one client or of all. */
  async countUnattached(clientId?: string): Promise<number> {
    const open = this.#db
      .selectFrom('connectReturn')
      .select((row) => row.fn.countAll().as('count'))
      .where(isOpenAndUnattached)
    const { count } = await (clientId
      ? open.where('clientId', '=', clientId)
      : open
    ).executeTakeFirstOrThrow()
    return Number(count)
  }

  /** The returns of a session and client in which a channel waits for its owner or for an admin. Oldest first. */
  async listUndecided(
    { sessionId, clientId }: { readonly sessionId: string; readonly clientId: string },
    trx: Database,
  ): Promise<ReturnDetails[]> {
    const rows = await returnRows(trx)
      .where('received.sessionId', '=', sessionId)
      .where('received.clientId', '=', clientId)
      .where('received.state', 'in', ['awaiting_owner', 'needs_review'])
      .execute()
    return toDetails(rows)
  }

  /**
   * What came for a session in another browser, too late or without its nonce, is judged like any other once
   * the same client has come back by "Continue here" in that same browser: whoever launched holds the nonce and
   * so the address of the page, but not the browser in which the client said yes. Answers the ids of what is to be
   * judged.
   */
  async resume(
    { sessionId, browserHash }: Pick<Row<'launch'>, 'sessionId' | 'browserHash'>,
    clientId: string,
    trx: Database,
  ): Promise<string[]> {
    const resumed = await trx
      .updateTable('connectReturn')
      .set({ arrival: 'resumed', state: 'received', closedAt: null })
      .where('sessionId', '=', sessionId)
      .where('clientId', '=', clientId)
      .where('browserHash', '=', browserHash)
      .where('arrival', 'in', ['other_browser', 'no_cookie', 'expired_launch', 'open_launch'])
      .where('state', 'in', ['pending', 'needs_review'])
      .returning('id')
      .execute()
    return resumed.map(({ id }) => id)
  }
}

/** Waits for its owner or for an admin. */
export function isUndecided(outcome: Row<'returnedChannel'>['outcome']): boolean {
  return outcome === 'owner' || outcome === 'review'
}

/** Belongs to no launch, and is not decided yet. */
export const isOpenAndUnattached = sql<boolean>`launch_id is null and state in ('received', 'needs_review')`

/** Spelled as in the index `connect_return_stuck`, which bound values would not match. */
const isStuck = sql<boolean>`(received.state = 'unreadable'
  or (received.arrival = 'no_cookie' and received.state = 'declined'))`

/** Nothing that came for the session later says more; and with nothing in it, nothing that came before. */
const saysTheLast = sql<boolean>`not exists (select 1 from connect_return as other
  where other.session_id = received.session_id and other.id <> received.id
    and (other.id > received.id and (other.state not in ('pending', 'declined') or other.arrival = 'no_cookie')
      or received.state = 'declined' and other.state in ('received', 'bound', 'awaiting_owner', 'needs_review')))`

/** Oldest first, a row for each channel that a return named. */
const returnRows = (db: Database) =>
  db
    .selectFrom('connectReturn as received')
    .leftJoin('launch', 'launch.id', 'received.launchId')
    .leftJoin('returnedChannel as named', 'named.returnId', 'received.id')
    .select([
      'received.id',
      'received.launchId',
      'received.sessionId',
      'received.clientId',
      'received.digest',
    ])
    .select(['received.state', 'received.arrival', 'received.pageHash', 'received.problem'])
    .select(['received.receivedAt', 'received.closedAt'])
    .select((row) => row.fn.coalesce('received.browserHash', 'launch.browserHash').as('browserHash'))
    .select(['named.channelId', 'named.isRevoked', 'named.outcome', 'named.rule', 'named.reason'])
    .orderBy('received.id')
    .orderBy('named.channelId')

type ReturnRow = InferResult<ReturnType<typeof returnRows>>[number]

function toDetails(rows: readonly unknown[]): ReturnDetails[] {
  const returns = new Map<string, ReturnDetails & { readonly channels: Row<'returnedChannel'>[] }>()
  for (const row of rows as Joined<ReturnRow>[]) {
    const { channelId, isRevoked = false, outcome, rule, reason, ...received } = row
    const found = returns.get(row.id) ?? { ...received, channels: [] }
    returns.set(row.id, found)
    if (channelId) found.channels.push({ returnId: row.id, channelId, isRevoked, outcome, rule, reason })
  }
  return [...returns.values()]
}

const listOfSession = compiledQuery<{ sessionId: string }, ReturnRow>((db, value) =>
  returnRows(db).where('received.sessionId', '=', value('sessionId')),
)

const returnColumns = [
  ...(['id', 'launchId', 'sessionId', 'clientId', 'raw', 'digest', 'state', 'arrival'] as const),
  ...(['pageHash', 'browserHash', 'receivedAt', 'closedAt'] as const),
]

/** Answers the new row's id, and nothing when the return was here already. */
const insertReturn = compiledInsert<NewRow<'connectReturn'>>(returnColumns, (db, received) =>
  db
    .insertInto('connectReturn')
    .values(received)
    .onConflict((conflict) => conflict.doNothing())
    .returning('id'),
)

const insertChannel = compiledInsert<NewRow<'returnedChannel'>>(
  ['returnId', 'channelId', 'isRevoked'],
  (db, channel) => db.insertInto('returnedChannel').values(channel),
)
