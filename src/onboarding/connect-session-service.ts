import type { ChannelService } from '../channels/channel-service.ts'
import type { Clock } from '../clock.ts'
import { type IoSignature, launchLink } from '../d360/launch-link.ts'
import { compiledInsert, compiledQuery } from '../database/compiled-query.ts'
import { type Database, inTransaction } from '../database/database.ts'
import { groupCommit } from '../database/group-commit.ts'
import type { Language, NewRow, Row } from '../database/schema.ts'
import { BusyError } from '../errors.ts'
import { derivedSecret, hashOf, newCode, newId, newSecret } from '../identifiers.ts'
import { addTerms } from '../search/search-index.ts'
import { emailTerms, idTerm, numberTerms } from '../search/terms.ts'
import { NONCE_PARAMETER } from './callback-query.ts'
import type { LaunchSigner } from './launch-signer.ts'

/** One attempt to connect, from the link to the result. */
export type ConnectSession = Row<'connectSession'> & { readonly tenantName: string }
export type SessionEnd = 'expired' | 'used_up'
/** One departure to the permission screen. */
export type Launch = Row<'launch'>

const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * 60_000
const LINK_LIFE_MS = 7 * DAY_MS
const NONCE_LIFE_MS = DAY_MS
/** Returns of a session that are kept: far more than a customer causes. The schema knows the number, too. */
const MAX_RETURNS = 50
/** Signed launches of one session or browser in a minute: each takes a second that somebody else may need. */
const MAX_SIGNED = 3

export interface LaunchSettings {
  /** D360_LAUNCH_URL, with `{partner_id}` in it. */
  readonly template: string
  readonly partnerId: string
  /** Where 360dialog sends the browser back to: our `/callback`. */
  readonly callbackUrl: URL
  readonly stateIn: 'both' | 'state' | 'redirect_url'
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
  readonly channels: Pick<ChannelService, 'addTenant' | 'nameTenant'>
  readonly settings: LaunchSettings
  readonly signer: LaunchSigner
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
  async signUp({ company, email, number }: SignUp, browserHash: string, language: Language): Promise<URL> {
    const tenantId = newId('self', this.#dependencies.clock.now())
    // Before the transaction: a signature may have to be waited for.
    const signature = await this.#sign({ origin: 'self_signup' }, browserHash)
    return inTransaction(this.#db, async (trx) => {
      const session = await this.#begin({ tenantId, tenantName: company, email, number }, undefined, trx)
      return this.#launch(session, { browserHash, isContinuation: false, language }, signature, trx)
    })
  }

  /**
   * Creates a nonce for this browser now, and answers the address of the permission screen. A continuation goes on
   * with what came back elsewhere: that is resumed when this launch returns.
   */
  async launch(
    session: ConnectSession,
    browserHash: string,
    { isContinuation = false, language = 'en' }: { isContinuation?: boolean; language?: Language } = {},
  ): Promise<URL> {
    const signature = await this.#sign(session, browserHash)
    return this.#launch(session, { browserHash, isContinuation, language }, signature, this.#db)
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

  /** Sessions with these ids or of these tenants, the newest first. */
  listIds(
    { ids, tenantIds }: { readonly ids: readonly string[]; readonly tenantIds: readonly string[] },
    limit: number,
  ): Promise<Pick<ConnectSession, 'id' | 'tenantId'>[]> {
    const rows = this.#db.selectFrom('connectSession').select(['id', 'tenantId'])
    // Each by its index: for one query with "or" PostgreSQL would read the table before it has statistics.
    return rows
      .where('id', 'in', [...ids, ''])
      .union(rows.where('tenantId', 'in', [...tenantIds, '']))
      .orderBy('id', 'desc')
      .limit(limit)
      .execute()
  }

  /** These sessions, each with its last launch. */
  list(ids: readonly string[]): Promise<(ConnectSession & { readonly launchedAt: Date | undefined })[]> {
    return this.#db
      .selectFrom('connectSession')
      .innerJoin('tenant', 'tenant.id', 'connectSession.tenantId')
      .selectAll('connectSession')
      .select('tenant.name as tenantName')
      .select(({ selectFrom }) =>
        selectFrom('launch')
          .select(({ fn }) => fn.max('createdAt').as('at'))
          .whereRef('launch.sessionId', '=', 'connectSession.id')
          .as('launchedAt'),
      )
      .where('connectSession.id', 'in', [...ids, ''])
      .execute() as never
  }

  /** Somebody, or the scanner of a mail server, opened its link; it consumes nothing. */
  async noteOpened({ id, openedAt }: ConnectSession): Promise<void> {
    if (openedAt) return
    await groupCommit(this.#db, async (trx) => {
      const session = trx.updateTable('connectSession').set({ openedAt: this.#dependencies.clock.now() })
      await session.where('id', '=', id).where('openedAt', 'is', null).execute()
    })
  }

  /** Why a session leads nowhere any more: its time is over, or it has come back too often. */
  endOf({ expiresAt, returnCount }: ConnectSession): SessionEnd | undefined {
    if (expiresAt <= this.#dependencies.clock.now()) return 'expired'
    return returnCount >= MAX_RETURNS ? 'used_up' : undefined
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

  /**
   * Counts one more return that is kept. Answers how many there are now; undefined when there is no room for it. What
   * did not come by its launch takes no more than half of the room: anybody may have sent it.
   */
  async countReturn(
    { sessionId }: Pick<Launch, 'sessionId'>,
    { isOwn }: { readonly isOwn: boolean },
    trx: Database,
  ): Promise<number | undefined> {
    const most = isOwn ? MAX_RETURNS : MAX_RETURNS / 2
    return (await first(countReturn(trx, { sessionId, most })))?.returnCount
  }

  async #begin(order: LinkOrder, linkHash: string | undefined, trx: Database): Promise<ConnectSession> {
    const { channels, clock } = this.#dependencies
    const { tenantId, tenantName, email, emailVerified = false, number } = order
    const now = clock.now()
    const origin = linkHash === undefined ? 'self_signup' : 'link'
    const tenant = { id: tenantId, name: tenantName }
    if (origin === 'link') await channels.nameTenant(tenant, now, trx)
    else await channels.addTenant(tenant, now, trx)
    const session: Row<'connectSession'> = {
      id: newId('ses', now),
      tenantId,
      origin,
      linkHash,
      email,
      isEmailVerified: emailVerified,
      number,
      code: await this.#unusedCode(trx),
      returnCount: 0,
      createdAt: now,
      openedAt: undefined,
      expiresAt: new Date(now.getTime() + LINK_LIFE_MS),
    }
    await trx.insertInto('connectSession').values(session).execute()
    await addTerms('session', new Map([[session.id, sessionTerms(session)]]), trx)
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
    how: Pick<Launch, 'browserHash' | 'isContinuation' | 'language'>,
    signature: IoSignature | undefined,
    db: Database,
  ): Promise<URL> {
    const now = this.#dependencies.clock.now()
    const nonce = newSecret()
    const launch = {
      id: newId('lau', now),
      sessionId: session.id,
      nonceHash: hashOf(nonce),
      statusHash: hashOf(statusIdOf(nonce)),
      ...how,
      createdAt: now,
      expiresAt: new Date(now.getTime() + NONCE_LIFE_MS),
    }
    await groupCommit(db, (trx) => insertLaunch(trx, launch))
    return this.#screen(session, nonce, signature)
  }

  /** @throws BusyError when this session, this browser or all together launch too often for each to be signed */
  async #sign(
    { id, origin }: Partial<ConnectSession> & Pick<ConnectSession, 'origin'>,
    browserHash: string,
  ): Promise<IoSignature | undefined> {
    const { signer, clock } = this.#dependencies
    if (!signer.isOn) return undefined
    const recent = await this.#db
      .selectFrom('launch')
      .select(['sessionId', 'browserHash'])
      .where((row) => row.or([row('sessionId', '=', id ?? ''), row('browserHash', '=', browserHash)]))
      .where('expiresAt', '>', new Date(clock.now().getTime() + NONCE_LIFE_MS - MINUTE_MS))
      .execute()
    const isOver = (same: readonly unknown[]) => same.length >= MAX_SIGNED
    if (isOver(recent.filter((launch) => launch.sessionId === id))) throw new BusyError()
    if (isOver(recent.filter((launch) => launch.browserHash === browserHash))) throw new BusyError()
    return signer.sign(origin)
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

function sessionTerms({ id, code, email, number }: Row<'connectSession'>): string[] {
  return [idTerm(id), idTerm(code), ...(email === undefined ? [] : emailTerms(email)), ...numberTerms(number)]
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

const countReturn = compiledQuery<{ sessionId: string; most: number }, { returnCount: number }>((db, value) =>
  db
    .updateTable('connectSession')
    .set((set) => ({ returnCount: set('returnCount', '+', 1) }))
    .where('id', '=', value('sessionId'))
    .where('returnCount', '<', value('most'))
    .returning('returnCount'),
)

const insertLaunch = compiledInsert<NewRow<'launch'>>(
  [
    'id',
    'sessionId',
    'nonceHash',
    'statusHash',
    'browserHash',
    'isContinuation',
    'language',
    'createdAt',
    'expiresAt',
  ],
  (db, launch) => db.insertInto('launch').values(launch),
)
