import { commitTogether } from '../database/commit-together.ts'
import type { Database } from '../database/database.ts'
import { prepared } from '../database/prepared.ts'
import type { Came, ReturnRow } from '../database/schema.ts'
import { hashOf } from '../identifiers.ts'
import type { Verdict } from './belonging.ts'
import type { Launch } from './connect-session-repository.ts'

/** One redirect received from a launching browser. */
export interface Return {
  readonly id: string
  readonly launchId: string
  readonly sessionId: string
  readonly clientId: string | undefined
  readonly channelIds: readonly string[]
  readonly revokedIds: readonly string[]
  readonly state: ReturnRow['state']
  readonly came: Came
  /** The browser in which it came, when that need not be the launch's. */
  readonly browserHash: string | undefined
  readonly verdict: Verdict | undefined
  readonly receivedAt: Date
  readonly closedAt: Date | undefined
  readonly attempts: number
}

export type NewReturn = Pick<
  Return,
  | 'id'
  | 'launchId'
  | 'sessionId'
  | 'clientId'
  | 'channelIds'
  | 'revokedIds'
  | 'came'
  | 'browserHash'
  | 'receivedAt'
> & {
  readonly state: 'received' | 'pending' | 'declined'
  readonly raw: string
  /** SHA-256 of the id of its "Continue here" page. */
  readonly pageHash: string | undefined
}

/**
 * Keeps the returns, each once: the same client and channels that came the same way on the same nonce are the
 * same return.
 */
export class ReturnRepository {
  readonly #db: Database
  readonly #hubId: string

  constructor({ db, hubId }: { db: Database; hubId: string }) {
    this.#db = db
    this.#hubId = hubId
  }

  /** Stores a return durably; answers false when it was here already. */
  async save(given: NewReturn): Promise<boolean> {
    const receivedAt = given.receivedAt.toISOString()
    const row = {
      hub_id: this.#hubId,
      id: given.id,
      launch_id: given.launchId,
      session_id: given.sessionId,
      client_id: given.clientId ?? null,
      channels: JSON.stringify(given.channelIds),
      revoked: JSON.stringify(given.revokedIds),
      raw: given.raw,
      digest: digestOf(given),
      state: given.state,
      received_at: receivedAt,
      closed_at: given.state === 'declined' ? receivedAt : null,
      due_at: given.state === 'received' ? receivedAt : null,
      came: given.came,
      page_hash: given.pageHash ?? null,
      browser_hash: given.browserHash ?? null,
    }
    const [inserted] = await commitTogether(this.#db, (trx) => insertReturn(trx, row))
    return inserted !== undefined
  }

  async close(
    id: string,
    state: 'bound' | 'needs_review' | 'refused',
    verdict: Verdict,
    now: Date,
    db: Database,
  ): Promise<void> {
    await db
      .updateTable('connect_return')
      .set({
        state,
        verdict: JSON.stringify(verdict),
        closed_at: now.toISOString(),
        due_at: null,
        lease_until: null,
      })
      .where('id', '=', id)
      .execute()
  }

  /** Oldest first, each with the browser in which it came. */
  async listOfSession(sessionId: string): Promise<Return[]> {
    const rows = await listOfSession(this.#db, { session_id: sessionId })
    return rows.map(toReturn)
  }

  /** True when a session has sent more returns than this. Looks at no more of them than that. */
  async hasMoreOfSession(sessionId: string, most: number): Promise<boolean> {
    const rows = await this.#db
      .selectFrom('connect_return')
      .select('id')
      .where('session_id', '=', sessionId)
      .limit(most + 1)
      .execute()
    return rows.length > most
  }

  /** Any return that led to this "Continue here" page. */
  async findByPage(pageHash: string): Promise<Return | undefined> {
    const row = await this.#db
      .selectFrom('connect_return')
      .select(shownColumns)
      .where('hub_id', '=', this.#hubId)
      .where('page_hash', '=', pageHash)
      .orderBy('id')
      .limit(1)
      .executeTakeFirst()
    return row && toReturn(row)
  }

  /**
   * What came for a session in another browser, too late or without its nonce, is judged like any other once
   * the same client has come back by "Continue here" in that same browser: whoever launched holds the nonce and
   * so the address of the page, but not the browser in which the client said yes.
   */
  async takeUp(
    { sessionId, browserHash }: Pick<Launch, 'sessionId' | 'browserHash'>,
    clientId: string,
    now: Date,
  ): Promise<void> {
    await this.#db
      .updateTable('connect_return')
      .set({ came: 'taken_up', state: 'received', due_at: now.toISOString(), closed_at: null, attempts: 0 })
      .where('session_id', '=', sessionId)
      .where('client_id', '=', clientId)
      .where('browser_hash', '=', browserHash)
      .where('came', 'in', ['other_browser', 'expired_launch', 'open_launch'])
      .where('state', 'in', ['pending', 'needs_review'])
      .execute()
  }

  /** True when the same client came back for the same session in another browser, too. */
  async isContested(
    { sessionId, clientId }: Pick<Return, 'sessionId' | 'clientId'>,
    browserHash: string,
    db: Database,
  ): Promise<boolean> {
    const elsewhere = await db
      .selectFrom('connect_return as received')
      .innerJoin('launch', 'launch.id', 'received.launch_id')
      .select('received.id')
      .where('received.session_id', '=', sessionId)
      .where('received.client_id', '=', clientId ?? '')
      .where((row) => row(row.fn.coalesce('received.browser_hash', 'launch.browser_hash'), '!=', browserHash))
      .limit(1)
      .executeTakeFirst()
    return elsewhere !== undefined
  }

  /** Oldest first: the returns of a client that wait for an admin's word about this channel. */
  async listClaims(clientId: string, channelId: string, db: Database = this.#db): Promise<Return[]> {
    const rows = await db
      .selectFrom('connect_return')
      .select(shownColumns)
      .where('hub_id', '=', this.#hubId)
      .where('client_id', '=', clientId)
      .where('state', '=', 'needs_review')
      .orderBy('id')
      .execute()
    return rows.map(toReturn).filter(({ verdict }) => verdict?.review.includes(channelId))
  }

  /** Newest first: the returns that named a channel. */
  async listOfChannel(channelId: string, limit: number): Promise<Return[]> {
    const named = `%"${channelId.replaceAll(/[^A-Za-z0-9-]/g, '_')}"%`
    const rows = await this.#db
      .selectFrom('connect_return')
      .selectAll()
      .where('hub_id', '=', this.#hubId)
      .where((row) => row.or([row('channels', 'like', named), row('revoked', 'like', named)]))
      .orderBy('id', 'desc')
      .limit(limit)
      .execute()
    // `_` in a pattern is any character, so the ids are compared again.
    return rows
      .map(toReturn)
      .filter(({ channelIds, revokedIds }) => [...channelIds, ...revokedIds].includes(channelId))
  }
}

/** What a return is read for: without what came raw, which may be 8 kB. */
const shownColumns = [
  'id',
  'launch_id',
  'session_id',
  'client_id',
  'channels',
  'revoked',
  'state',
  'came',
  'browser_hash',
  'verdict',
  'received_at',
  'closed_at',
  'attempts',
] as const
type ShownRow = Pick<ReturnRow, (typeof shownColumns)[number]>

/** With the browser in which each came, whichever way. */
const listOfSession = prepared<{ session_id: string }, ShownRow>((db, value) =>
  db
    .selectFrom('connect_return as received')
    .leftJoin('launch', 'launch.id', 'received.launch_id')
    .select(shownColumns.map((column) => `received.${column}` as const))
    .select((row) => row.fn.coalesce('received.browser_hash', 'launch.browser_hash').as('browser_hash'))
    .where('received.session_id', '=', value('session_id'))
    .orderBy('received.id'),
)

type StoredColumn = Exclude<keyof ReturnRow, 'verdict' | 'lease_until' | 'attempts'>

/** Answers the new row's id, and nothing when the return was here already. */
const insertReturn = prepared<{ [column in StoredColumn]: string | null }, { id: string }>((db, value) =>
  db
    .insertInto('connect_return')
    .values({
      hub_id: value('hub_id'),
      id: value('id'),
      launch_id: value('launch_id'),
      session_id: value('session_id'),
      client_id: value('client_id'),
      channels: value('channels'),
      revoked: value('revoked'),
      raw: value('raw'),
      digest: value('digest'),
      state: value('state'),
      verdict: null,
      received_at: value('received_at'),
      closed_at: value('closed_at'),
      due_at: value('due_at'),
      came: value('came'),
      page_hash: value('page_hash'),
      browser_hash: value('browser_hash'),
      lease_until: null,
      attempts: 0,
    })
    .onConflict((conflict) => conflict.columns(['launch_id', 'digest']).doNothing())
    .returning('id'),
)

export function toReturn(row: ShownRow): Return {
  return {
    id: row.id,
    launchId: row.launch_id,
    sessionId: row.session_id,
    clientId: row.client_id ?? undefined,
    channelIds: JSON.parse(row.channels),
    revokedIds: JSON.parse(row.revoked),
    state: row.state,
    came: row.came,
    browserHash: row.browser_hash ?? undefined,
    verdict: row.verdict === null ? undefined : JSON.parse(row.verdict),
    receivedAt: new Date(row.received_at),
    closedAt: row.closed_at === null ? undefined : new Date(row.closed_at),
    attempts: row.attempts,
  }
}

/** What came another way is another return: it must not stand in the way of the one that may bind. */
function digestOf({ clientId, channelIds, revokedIds, came }: NewReturn): string {
  const way = came === 'launch' ? [] : [came]
  return hashOf(JSON.stringify([clientId ?? null, channelIds.toSorted(), revokedIds.toSorted(), ...way]))
}
