import type { ChannelService } from '../channels/channel-service.ts'
import type { Clock } from '../clock.ts'
import { type IoSignature, launchLink, signLaunch } from '../d360/launch-link.ts'
import { compiledInsert, compiledQuery } from '../database/compiled-query.ts'
import { type Database, inTransaction } from '../database/database.ts'
import { groupCommit } from '../database/group-commit.ts'
import type { NewRow, Row } from '../database/schema.ts'
import { RateLimitedError } from '../errors.ts'
import { derivedSecret, hashOf, newCode, newId, newSecret } from '../identifiers.ts'
import { NONCE_PARAMETER } from './callback-query.ts'

/** One attempt to connect, from the link to the result. */
export type ConnectSession = Row<'connectSession'> & { readonly tenantName: string }
/** One departure to the permission screen. */
export type Launch = Row<'launch'>

const DAY_MS = 24 * 60 * 60_000
const LINK_LIFE_MS = 7 * DAY_MS
const NONCE_LIFE_MS = DAY_MS
/** How far back the second of a signature may lie: well within any life that a signature can have. */
const MAX_SECONDS_BACK = 30

export interface LaunchSettings {
  /** D360_LAUNCH_URL, with `{partner_id}` in it. */
  readonly template: string
  readonly partnerId: string
  /** Where 360dialog sends the browser back to: our `/callback`. */
  readonly callbackUrl: URL
  readonly stateIn: 'both' | 'state' | 'redirect_url'
  readonly ioSignatureSecret: string | undefined
}

export interface LinkOrder {
  readonly tenantId: string
  readonly tenantName: string
  readonly email?: string | undefined
  /** The product vouches for the e-mail. */
  readonly emailVerified?: boolean
  /** E.164 */
  readonly number?: string | undefined
}

export interface SignUp {
  readonly company: string
  readonly email: string
  /** E.164 */
  readonly number: string | undefined
}

interface Dependencies {
  readonly db: Database
  readonly channels: Pick<ChannelService, 'addTenant'>
  readonly settings: LaunchSettings
  readonly clock: Clock
}

/**
 * Begins connect sessions and sends browsers to the permission screen. Links, nonces and status ids are stored as
 * SHA-256 only.
 */
export class ConnectSessionService {
  readonly #dependencies: Dependencies
  readonly #db: Database

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
    this.#db = dependencies.db
  }

  /** Creates a connect link's token for a tenant of the product, whose name follows its newest session. */
  async createLink(order: LinkOrder): Promise<string> {
    const token = newSecret()
    await inTransaction(this.#db, (trx) => this.#begin(order, hashOf(token), trx))
    return token
  }

  /** Registers a new tenant of its own for a visitor, and answers the address of the permission screen. */
  signUp({ company, email, number }: SignUp, browserHash: string): Promise<URL> {
    const tenantId = newId('self', this.#dependencies.clock.now())
    return inTransaction(this.#db, async (trx) => {
      const session = await this.#begin({ tenantId, tenantName: company, email, number }, undefined, trx)
      return this.#launch(session, browserHash, false, trx)
    })
  }

  /**
   * Creates a nonce for this browser now, and answers the address of the permission screen. A continuation goes on
   * with what came back elsewhere: that is resumed when this launch returns.
   */
  launch(session: ConnectSession, browserHash: string, { isContinuation = false } = {}): Promise<URL> {
    return this.#launch(session, browserHash, isContinuation, this.#db)
  }

  /** The session that a connect link opens, expired ones included. Consumes nothing. */
  findByLink(token: string): Promise<ConnectSession | undefined> {
    return first(sessionBy.linkHash(this.#db, { value: hashOf(token) }))
  }

  /** The session whose code a client quotes. */
  findByCode(code: string, db = this.#db): Promise<ConnectSession | undefined> {
    return first(sessionBy.code(db, { value: code }))
  }

  find(id: string, db = this.#db): Promise<ConnectSession | undefined> {
    return first(sessionBy.id(db, { value: id }))
  }

  isExpired(session: ConnectSession): boolean {
    return session.expiresAt <= this.#dependencies.clock.now()
  }

  findLaunch(id: string, db = this.#db): Promise<Launch | undefined> {
    return first(launchBy.id(db, { value: id }))
  }

  findLaunchByNonce(nonce: string): Promise<Launch | undefined> {
    return first(launchBy.nonceHash(this.#db, { value: hashOf(nonce) }))
  }

  findLaunchByStatusId(statusId: string): Promise<Launch | undefined> {
    return first(launchBy.statusHash(this.#db, { value: hashOf(statusId) }))
  }

  /** The live launches of a browser whose nonce has not come back, newest first. */
  listOpenLaunches(browserHash: string): Promise<Launch[]> {
    return this.#db
      .selectFrom('launch')
      .selectAll()
      .where('browserHash', '=', browserHash)
      .where('expiresAt', '>', this.#dependencies.clock.now())
      .where(({ not, exists, selectFrom }) =>
        not(
          exists(
            selectFrom('connectReturn')
              .select('id')
              .whereRef('connectReturn.launchId', '=', 'launch.id')
              .where('connectReturn.arrival', '!=', 'open_launch'),
          ),
        ),
      )
      .orderBy('id', 'desc')
      .execute()
  }

  /**
   * True when another tenant's session with the same e-mail had left for 360dialog, in another browser, while
   * this launch was away: either of them may have created a new client there.
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
      .innerJoin('connectSession', 'connectSession.id', 'launch.sessionId')
      .select('launch.id')
      .where((row) => row(row.fn('lower', ['connectSession.email']), '=', email.toLowerCase()))
      .where('connectSession.tenantId', '!=', tenantId)
      .where('launch.browserHash', '!=', browserHash)
      .where('launch.createdAt', '<=', returnedAt)
      .where('launch.expiresAt', '>', createdAt)
      .limit(1)
      .executeTakeFirst()
    return rival !== undefined
  }

  /**
   * The first client that a verified return of this launch names is the launch's client from then on. Answers which
   * that is: of two that come at once, the second waits for the row and finds the first one's.
   */
  async fixClient(launchId: string, clientId: string, trx: Database): Promise<string | undefined> {
    await trx
      .updateTable('launch')
      .set({ clientId })
      .where('id', '=', launchId)
      .where('clientId', 'is', null)
      .execute()
    return (await this.findLaunch(launchId, trx))?.clientId
  }

  async #begin(order: LinkOrder, linkHash: string | undefined, trx: Database): Promise<ConnectSession> {
    const { channels, clock } = this.#dependencies
    const { tenantId, tenantName, email, emailVerified = false, number } = order
    const now = clock.now()
    await channels.addTenant({ id: tenantId, name: tenantName }, now, trx, true)
    const session: Row<'connectSession'> = {
      id: newId('ses', now),
      tenantId,
      origin: linkHash === undefined ? 'self_signup' : 'link',
      linkHash,
      email,
      isEmailVerified: emailVerified,
      number,
      code: await this.#unusedCode(trx),
      createdAt: now,
      expiresAt: new Date(now.getTime() + LINK_LIFE_MS),
    }
    await trx.insertInto('connectSession').values(session).execute()
    return { ...session, tenantName }
  }

  async #unusedCode(trx: Database): Promise<string> {
    for (;;) {
      const code = newCode()
      if (!(await this.findByCode(code, trx))) return code
    }
  }

  async #launch(
    session: ConnectSession,
    browserHash: string,
    isContinuation: boolean,
    db: Database,
  ): Promise<URL> {
    const now = this.#dependencies.clock.now()
    const nonce = newSecret()
    const launch = {
      id: newId('lau', now),
      sessionId: session.id,
      nonceHash: hashOf(nonce),
      statusHash: hashOf(statusIdOf(nonce)),
      ...{ browserHash, isContinuation, createdAt: now },
      expiresAt: new Date(now.getTime() + NONCE_LIFE_MS),
    }
    await groupCommit(db, (trx) => insertLaunch(trx, launch))
    return this.#screen(session, nonce, await this.#sign(now, db))
  }

  async #sign(now: Date, db: Database): Promise<IoSignature | undefined> {
    const { partnerId, ioSignatureSecret } = this.#dependencies.settings
    if (ioSignatureSecret === undefined) return undefined
    return signLaunch({ platformSecret: ioSignatureSecret, partnerId, now: await takeSecond(now, db) })
  }

  #screen(session: ConnectSession, nonce: string, ioSignature: IoSignature | undefined): URL {
    const { template, partnerId, callbackUrl, stateIn } = this.#dependencies.settings
    const redirectUrl = new URL(callbackUrl)
    if (stateIn !== 'state') redirectUrl.searchParams.set(NONCE_PARAMETER, nonce)
    return launchLink({
      template,
      partnerId,
      name: session.tenantName,
      ...(session.email !== undefined && { email: session.email }),
      ...(session.number !== undefined && { number: session.number }),
      ...(stateIn !== 'redirect_url' && { state: nonce }),
      ...(stateIn !== 'state' && { redirectUrl: redirectUrl.href }),
      ioSignature,
    })
  }
}

/**
 * The id of a launch's status page. It follows from the nonce, so that every return finds its page although
 * neither is stored, and it does not lead back to the nonce.
 */
export function statusIdOf(nonce: string): string {
  return derivedSecret(nonce, 'status page')
}

/**
 * The newest second that no launch has taken yet, and never one that is still to come: a signature consists of
 * nothing but the hub and the second, and serves one attempt only (docs/360dialog.md 3).
 *
 * @throws RateLimitedError when the last half minute is full
 */
async function takeSecond(now: Date, db: Database): Promise<Date> {
  const newest = Math.floor(now.getTime() / 1000)
  for (let second = newest; second > newest - MAX_SECONDS_BACK; second -= 1) {
    const at = new Date(second * 1000)
    const taken = await db
      .insertInto('launchSignature')
      .values({ second: at.toISOString() })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst()
    if (taken.numInsertedOrUpdatedRows === 1n) return at
  }
  throw new RateLimitedError()
}

async function first<T>(rows: Promise<readonly T[]>): Promise<T | undefined> {
  return (await rows)[0]
}

const findSessionBy = (column: 'id' | 'linkHash' | 'code') =>
  compiledQuery<{ value: string }, ConnectSession>((db, value) =>
    db
      .selectFrom('connectSession')
      .innerJoin('tenant', 'tenant.id', 'connectSession.tenantId')
      .selectAll('connectSession')
      .select('tenant.name as tenantName')
      .where(`connectSession.${column}`, '=', value('value')),
  )
const sessionBy = {
  id: findSessionBy('id'),
  linkHash: findSessionBy('linkHash'),
  code: findSessionBy('code'),
}

const findLaunchBy = (column: 'id' | 'nonceHash' | 'statusHash') =>
  compiledQuery<{ value: string }, Launch>((db, value) =>
    db.selectFrom('launch').selectAll().where(column, '=', value('value')),
  )
const launchBy = {
  id: findLaunchBy('id'),
  nonceHash: findLaunchBy('nonceHash'),
  statusHash: findLaunchBy('statusHash'),
}

const insertLaunch = compiledInsert<NewRow<'launch'>>(
  ['id', 'sessionId', 'nonceHash', 'statusHash', 'browserHash', 'isContinuation', 'createdAt', 'expiresAt'],
  (db, launch) => db.insertInto('launch').values(launch),
)
