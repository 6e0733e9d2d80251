import { commitTogether } from '../database/commit-together.ts'
import type { Database } from '../database/database.ts'
import { prepared } from '../database/prepared.ts'
import type { ConnectSessionRow, LaunchRow } from '../database/schema.ts'
import { newCode } from '../identifiers.ts'

/** One attempt to connect, from the link to the result. */
export interface ConnectSession {
  readonly id: string
  readonly tenantId: string
  readonly tenantName: string
  readonly origin: 'link' | 'self_signup'
  readonly email: string | undefined
  readonly emailVerified: boolean
  readonly number: string | undefined
  /** What the client quotes to support: `K7Q-2MD`. */
  readonly code: string
  readonly createdAt: Date
  readonly expiresAt: Date
}

export type NewConnectSession = Omit<ConnectSession, 'code'> & { readonly linkHash: string | undefined }

/** One departure to the permission screen. */
export interface Launch {
  readonly id: string
  readonly sessionId: string
  readonly browserHash: string
  readonly clientId: string | undefined
  /** Made by "Continue here": what waits for the session is taken up when it returns. */
  readonly continues: boolean
  readonly createdAt: Date
  readonly expiresAt: Date
}

export type NewLaunch = Omit<Launch, 'clientId'> & { readonly nonceHash: string; readonly statusHash: string }

/** Keeps connect sessions and their launches. Links, nonces and status ids are stored as SHA-256 only. */
export class ConnectSessionRepository {
  readonly #db: Database
  readonly #hubId: string

  constructor({ db, hubId }: { db: Database; hubId: string }) {
    this.#db = db
    this.#hubId = hubId
  }

  /** Stores the session and its tenant, whose name follows the newest session; answers the code to quote. */
  async save(session: NewConnectSession, db: Database): Promise<string> {
    const created_at = session.createdAt.toISOString()
    await db
      .insertInto('tenant')
      .values({ hub_id: this.#hubId, id: session.tenantId, name: session.tenantName, created_at })
      .onConflict((conflict) => conflict.columns(['hub_id', 'id']).doUpdateSet({ name: session.tenantName }))
      .execute()
    const code = await this.#unusedCode(db)
    await db
      .insertInto('connect_session')
      .values({
        hub_id: this.#hubId,
        id: session.id,
        tenant_id: session.tenantId,
        origin: session.origin,
        link_hash: session.linkHash ?? null,
        email: session.email ?? null,
        email_verified: session.emailVerified ? 1 : 0,
        number: session.number ?? null,
        code,
        created_at,
        expires_at: session.expiresAt.toISOString(),
      })
      .execute()
    return code
  }

  findByLink(linkHash: string): Promise<ConnectSession | undefined> {
    return this.#findSession('link_hash', linkHash)
  }

  /** The session whose code a client quotes. */
  findByCode(code: string): Promise<ConnectSession | undefined> {
    return this.#findSession('code', code)
  }

  find(id: string, db: Database = this.#db): Promise<ConnectSession | undefined> {
    return this.#findSession('id', id, db)
  }

  async hasTenant(tenantId: string): Promise<boolean> {
    const tenant = await this.#db
      .selectFrom('tenant')
      .select('id')
      .where('hub_id', '=', this.#hubId)
      .where('id', '=', tenantId)
      .executeTakeFirst()
    return tenant !== undefined
  }

  async saveLaunch(launch: NewLaunch, db: Database = this.#db): Promise<void> {
    const row = {
      hub_id: this.#hubId,
      id: launch.id,
      session_id: launch.sessionId,
      nonce_hash: launch.nonceHash,
      status_hash: launch.statusHash,
      browser_hash: launch.browserHash,
      client_id: null,
      continues: launch.continues ? 1 : 0,
      created_at: launch.createdAt.toISOString(),
      expires_at: launch.expiresAt.toISOString(),
    }
    await commitTogether(db, (trx) => insertLaunch(trx, row))
  }

  async findLaunchByNonce(nonceHash: string): Promise<Launch | undefined> {
    return this.#findLaunch('nonce_hash', nonceHash)
  }

  /** The live launches of a browser whose nonce has not come back, newest first. */
  async listOpenLaunches(browserHash: string, now: Date): Promise<Launch[]> {
    const rows = await this.#db
      .selectFrom('launch')
      .selectAll()
      .where('hub_id', '=', this.#hubId)
      .where('browser_hash', '=', browserHash)
      .where('expires_at', '>', now.toISOString())
      .where(({ not, exists, selectFrom }) =>
        not(
          exists(
            selectFrom('connect_return')
              .select('id')
              .whereRef('connect_return.launch_id', '=', 'launch.id')
              .where('connect_return.came', '!=', 'open_launch'),
          ),
        ),
      )
      .orderBy('id', 'desc')
      .execute()
    return rows.map(toLaunch)
  }

  /**
   * True when another tenant's session with the same e-mail had left for 360dialog, in another browser, while
   * this launch was away: either of them may have made a new client there.
   */
  async hasRival(
    { email, tenantId }: Pick<ConnectSession, 'email' | 'tenantId'>,
    { browserHash, createdAt }: Pick<Launch, 'browserHash' | 'createdAt'>,
    returnedAt: Date,
    db: Database,
  ): Promise<boolean> {
    if (email === undefined) return false
    const rival = await db
      .selectFrom('launch')
      .innerJoin('connect_session', 'connect_session.id', 'launch.session_id')
      .select('launch.id')
      .where('launch.hub_id', '=', this.#hubId)
      .where((row) => row(row.fn('lower', ['connect_session.email']), '=', email.toLowerCase()))
      .where('connect_session.tenant_id', '!=', tenantId)
      .where('launch.browser_hash', '!=', browserHash)
      .where('launch.created_at', '<=', returnedAt.toISOString())
      .where('launch.expires_at', '>', createdAt.toISOString())
      .limit(1)
      .executeTakeFirst()
    return rival !== undefined
  }

  /** The session behind a status page, with the times of the page's launch. */
  async findByStatusId(
    statusHash: string,
  ): Promise<
    { session: ConnectSession; launchedAt: Date; launchExpiresAt: Date; browserHash: string } | undefined
  > {
    const [row] = await findByStatus(this.#db, { hub_id: this.#hubId, value: statusHash })
    return (
      row && {
        session: toSession(row),
        launchedAt: new Date(row.launched_at),
        launchExpiresAt: new Date(row.launch_expires_at),
        browserHash: row.browser_hash,
      }
    )
  }

  async findLaunch(id: string, db: Database = this.#db): Promise<Launch | undefined> {
    return this.#findLaunch('id', id, db)
  }

  /** The first client that a verified return of this launch names is the launch's client from then on. */
  async fixClient(launchId: string, clientId: string, db: Database): Promise<void> {
    await db
      .updateTable('launch')
      .set({ client_id: clientId })
      .where('id', '=', launchId)
      .where('client_id', 'is', null)
      .execute()
  }

  async #findLaunch(by: LaunchKey, value: string, db: Database = this.#db): Promise<Launch | undefined> {
    const [row] = await launchBy[by](db, { hub_id: this.#hubId, value })
    return row && toLaunch(row)
  }

  async #findSession(
    by: SessionKey,
    value: string,
    db: Database = this.#db,
  ): Promise<ConnectSession | undefined> {
    const [row] = await sessionBy[by](db, { hub_id: this.#hubId, value })
    return row && toSession(row)
  }

  async #unusedCode(db: Database): Promise<string> {
    for (;;) {
      const code = newCode()
      const taken = await this.#findSession('code', code, db)
      if (!taken) return code
    }
  }
}

type SessionKey = 'id' | 'link_hash' | 'code'
type LaunchKey = 'id' | 'nonce_hash'
type ByValue = { hub_id: string; value: string }

type SessionRow = ConnectSessionRow & { tenant_name: string }

const sessions = (db: Database) =>
  db
    .selectFrom('connect_session')
    .innerJoin('tenant', (join) =>
      join
        .onRef('tenant.hub_id', '=', 'connect_session.hub_id')
        .onRef('tenant.id', '=', 'connect_session.tenant_id'),
    )
    .selectAll('connect_session')
    .select('tenant.name as tenant_name')

const findSessionBy = (column: SessionKey) =>
  prepared<ByValue, SessionRow>((db, value) =>
    sessions(db)
      .where('connect_session.hub_id', '=', value('hub_id'))
      .where(`connect_session.${column}`, '=', value('value')),
  )

type StatusRow = SessionRow & { launched_at: string; launch_expires_at: string; browser_hash: string }

const findByStatus = prepared<ByValue, StatusRow>((db, value) =>
  sessions(db)
    .innerJoin('launch', 'launch.session_id', 'connect_session.id')
    .select(['launch.created_at as launched_at', 'launch.expires_at as launch_expires_at'])
    .select('launch.browser_hash')
    .where('launch.hub_id', '=', value('hub_id'))
    .where('launch.status_hash', '=', value('value')),
)

const findLaunchBy = (column: LaunchKey) =>
  prepared<ByValue, LaunchRow>((db, value) =>
    db
      .selectFrom('launch')
      .selectAll()
      .where('hub_id', '=', value('hub_id'))
      .where(column, '=', value('value')),
  )

const sessionBy: Record<SessionKey, ReturnType<typeof findSessionBy>> = {
  id: findSessionBy('id'),
  link_hash: findSessionBy('link_hash'),
  code: findSessionBy('code'),
}

const launchBy: Record<LaunchKey, ReturnType<typeof findLaunchBy>> = {
  id: findLaunchBy('id'),
  nonce_hash: findLaunchBy('nonce_hash'),
}

const insertLaunch = prepared<{ [column in keyof LaunchRow]: LaunchRow[column] }, unknown>((db, value) =>
  db.insertInto('launch').values({
    hub_id: value('hub_id'),
    id: value('id'),
    session_id: value('session_id'),
    nonce_hash: value('nonce_hash'),
    status_hash: value('status_hash'),
    browser_hash: value('browser_hash'),
    client_id: value('client_id'),
    continues: value('continues'),
    created_at: value('created_at'),
    expires_at: value('expires_at'),
  }),
)

function toSession(row: ConnectSessionRow & { tenant_name: string }): ConnectSession {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    tenantName: row.tenant_name,
    origin: row.origin,
    email: row.email ?? undefined,
    emailVerified: row.email_verified === 1,
    number: row.number ?? undefined,
    code: row.code,
    createdAt: new Date(row.created_at),
    expiresAt: new Date(row.expires_at),
  }
}

function toLaunch(row: LaunchRow): Launch {
  return {
    id: row.id,
    sessionId: row.session_id,
    browserHash: row.browser_hash,
    clientId: row.client_id ?? undefined,
    continues: row.continues === 1,
    createdAt: new Date(row.created_at),
    expiresAt: new Date(row.expires_at),
  }
}
