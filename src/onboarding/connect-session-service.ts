import type { ChannelService } from '../channels/channel-service.ts'
import type { Clock } from '../clock.ts'
import { type IoSignature, launchLink } from '../d360/launch-link.ts'
import { type Database, inTransaction } from '../database/database.ts'
import { groupCommit } from '../database/group-commit.ts'
import type { Language, Row } from '../database/schema.ts'
import { emailForm, isSameEmail } from '../email-address.ts'
import { BusyError } from '../errors.ts'
import { derivedSecret, hashOf, type KnownBrowser, newCode, newId, newSecret } from '../identifiers.ts'
import { addTerms } from '../search/search-index.ts'
import { emailTerms, idTerm, numberTerms } from '../search/terms.ts'
import { NONCE_PARAMETER } from './callback-query.ts'
import type { LaunchSigner } from './launch-signer.ts'
import {
  type ConnectSession,
  countReturn,
  insertLaunch,
  type Launch,
  launchBy,
  listUsedLaunches,
  sessionBy,
} from './session-queries.ts'

export type { ConnectSession, Launch } from './session-queries.ts'

export type SessionEnd = 'expired' | 'used_up'

/** Who presses twice means once. */
const DOUBLE_PRESS_MS = 10_000
const MINUTE_MS = 60_000
/** Who sends the same form again means the same. */
const SAME_FORM_MS = 10 * MINUTE_MS
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
  /** A secret of the form that was sent, so that one is known again that comes without a cookie. */
  readonly form: string | undefined
  readonly company: string
  readonly email: string
  /** E.164 */
  readonly number: string | undefined
}

/** How somebody wants to leave for the permission screen. */
export interface LaunchWish {
  /** Goes on with what came back elsewhere. */
  readonly isContinuation?: boolean
  /** With an account that is there already: 360dialog asks to log in, not to sign up. */
  readonly login?: boolean
  readonly language?: Language
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
    await inTransaction(this.#db, (trx) => this.#begin(order, { linkHash: hashOf(token) }, trx))
    return token
  }

  /**
   * Registers a new tenant of its own for a visitor, and answers the address of the permission screen. The same sent
   * again, from one browser or with one form, within ten minutes is the same sign-up.
   */
  async signUp(order: SignUp, browser: KnownBrowser, wish: LaunchWish): Promise<URL> {
    const { company: tenantName, email, number } = order
    const earlier = await this.#findSignUp(order, browser)
    if (earlier) return this.launch(earlier, browser, wish)
    const now = this.#dependencies.clock.now()
    const tenantId = newId('self', now)
    const [formHash] = formHashesOf(order, browser, now)
    // Before the transaction: a signature may have to be waited for.
    const ioSignature = await this.#sign({ origin: 'self_signup' }, browser.hash)
    try {
      return await inTransaction(this.#db, async (trx) => {
        const session = await this.#begin({ tenantId, tenantName, email, number }, { formHash }, trx)
        const nonce = ioSignature ? newSecret() : nonceOf(browser, pressOf(session, wish), now)
        await this.#store(session, nonce, browser, wish, trx)
        return this.#screen(session, { ...wish, nonce, ioSignature })
      })
    } catch (error) {
      const first = error instanceof SentTwice && (await this.#findSignUp(order, browser))
      if (!first) throw error
      return this.launch(first, browser, wish)
    }
  }

  /**
   * Creates a nonce for this browser now, and answers the address of the permission screen. A continuation goes on
   * with what came back elsewhere: that is resumed when this launch returns.
   */
  async launch(session: ConnectSession, browser: KnownBrowser, wish: LaunchWish = {}): Promise<URL> {
    // Where launches are signed, each press is a launch of its own: 360dialog lets a signature in once.
    if (this.#dependencies.signer.isOn) return this.#launchAnew(session, browser, wish)
    const { nonce, earlier } = await this.#press(browser, pressOf(session, wish))
    if (!earlier) await this.#store(session, nonce, browser, wish, this.#db)
    return this.#screen(session, { ...wish, nonce })
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

  /** Of all these the launches that are ours: a nonce is told from what others write into its place by that alone. */
  async findLaunchesByNonce(nonces: readonly string[]): Promise<Launch[]> {
    const [only, another] = nonces
    if (another !== undefined) {
      const launches = this.#db.selectFrom('launch').selectAll()
      return launches.where('nonceHash', 'in', nonces.map(hashOf)).limit(2).execute()
    }
    const found = only === undefined ? undefined : await this.findLaunchByNonce(only)
    return found ? [found] : []
  }

  findLaunchByStatusId(statusId: string): Promise<Launch | undefined> {
    return first(launchBy.statusHash(this.#db, { value: hashOf(statusId) }))
  }

  /**
   * The status page of the browser that used this link: where it came back with something, the newest. The id follows from
   * the browser's own secret.
   */
  async findStatusPage(
    session: ConnectSession,
    browser: KnownBrowser,
  ): Promise<{ readonly id: string; readonly isConnected: boolean } | undefined> {
    const rows = await listUsedLaunches(this.#db, { sessionId: session.id, browserHash: browser.hash })
    const newest = rows.at(0)
    const isConnected = rows.some(({ state }) => state === 'bound')
    return newest && { id: statusIdOf(newest.id, browser), isConnected }
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

  /** @throws SentTwice when another request has begun the session of this form at the same moment */
  async #begin(
    order: LinkOrder,
    { linkHash, formHash }: Pick<Partial<ConnectSession>, 'linkHash' | 'formHash'>,
    trx: Database,
  ): Promise<ConnectSession> {
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
      formHash,
      email,
      isEmailVerified: emailVerified,
      number,
      code: await this.#unusedCode(trx),
      returnCount: 0,
      createdAt: now,
      openedAt: undefined,
      expiresAt: new Date(now.getTime() + LINK_LIFE_MS),
    }
    const begun = await trx
      .insertInto('connectSession')
      .values(session)
      .onConflict((conflict) => conflict.column('formHash').doNothing())
      .executeTakeFirst()
    if (begun.numInsertedOrUpdatedRows !== 1n) throw new SentTwice()
    await addTerms('session', new Map([[session.id, sessionTerms(session)]]), trx)
    return { ...session, tenantName }
  }

  async #unusedCode(trx: Database): Promise<string> {
    for (;;) {
      const code = newCode()
      if (!(await this.findByCode(code, trx))) return code
    }
  }

  /**
   * The nonce of a press, and the launch of the same browser about the same that was pressed a moment before and has not
   * come back. A nonce is a secret of browser, subject and time, so that the second press finds the first one's although
   * it is not stored, and the database lets one of two in.
   */
  async #press(
    browser: KnownBrowser,
    subject: string,
  ): Promise<{ readonly nonce: string; readonly earlier?: Launch }> {
    const now = this.#dependencies.clock.now()
    const before = new Date(now.getTime() - DOUBLE_PRESS_MS)
    for (const nonce of [nonceOf(browser, subject, now), nonceOf(browser, subject, before)]) {
      const earlier = await this.findLaunchByNonce(nonce)
      if (!earlier || earlier.createdAt <= before) continue
      return (await this.#hasComeBack(earlier)) ? { nonce: newSecret() } : { nonce, earlier }
    }
    return { nonce: nonceOf(browser, subject, now) }
  }

  async #hasComeBack({ id }: Launch): Promise<boolean> {
    const returns = this.#db.selectFrom('connectReturn').select('id').where('launchId', '=', id).limit(1)
    return (await returns.execute()).length > 0
  }

  /** What was entered has to be the same, too: who corrects it signs up anew. */
  async #findSignUp(order: SignUp, browser: KnownBrowser): Promise<ConnectSession | undefined> {
    const { company, email, number } = order
    const now = this.#dependencies.clock.now()
    const ofBrowser = this.#db
      .selectFrom('launch')
      .select('sessionId')
      .where('browserHash', '=', browser.hash)
    const recent = this.#db
      .selectFrom('connectSession')
      .innerJoin('tenant', 'tenant.id', 'connectSession.tenantId')
      .selectAll('connectSession')
      .select('tenant.name as tenantName')
      .where('connectSession.origin', '=', 'self_signup')
      .where('connectSession.createdAt', '>', new Date(now.getTime() - SAME_FORM_MS))
    // Each by its index: for one query with "or" PostgreSQL would read the table before it has statistics.
    const found = await recent
      .where('connectSession.formHash', 'in', formHashesOf(order, browser, now))
      .union(recent.where('connectSession.id', 'in', ofBrowser.where('expiresAt', '>', now)))
      .execute()
    return found.find(
      (one) => one.tenantName === company && isSameEmail(one.email, email) && one.number === number,
    )
  }

  async #launchAnew(session: ConnectSession, browser: KnownBrowser, wish: LaunchWish): Promise<URL> {
    const ioSignature = await this.#sign(session, browser.hash)
    const nonce = newSecret()
    await this.#store(session, nonce, browser, wish, this.#db)
    return this.#screen(session, { ...wish, nonce, ioSignature })
  }

  /** False when the same press is stored already. */
  async #store(
    session: ConnectSession,
    nonce: string,
    browser: KnownBrowser,
    { isContinuation = false, language = 'en' }: LaunchWish,
    db: Database,
  ): Promise<boolean> {
    const now = this.#dependencies.clock.now()
    const id = newId('lau', now)
    const launch = {
      ...{ id, sessionId: session.id, browserHash: browser.hash, isContinuation, language },
      nonceHash: hashOf(nonce),
      statusHash: hashOf(statusIdOf(id, browser)),
      createdAt: now,
      expiresAt: new Date(now.getTime() + NONCE_LIFE_MS),
    }
    return (await groupCommit(db, (trx) => insertLaunch(trx, launch))).length > 0
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

  #screen(session: ConnectSession, { nonce, login, ioSignature }: Departure): URL {
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
      ...{ login, ioSignature },
    })
  }
}

/** The other of two requests at one moment has begun the session. */
class SentTwice extends Error {}

/** A secret of browser, subject and the ten seconds of the press. */
function nonceOf(browser: KnownBrowser, subject: string, at: Date): string {
  return browser.secretFor(`nonce ${Math.floor(at.getTime() / DOUBLE_PRESS_MS)} ${subject}`)
}

function pressOf({ id }: ConnectSession, { isContinuation = false }: LaunchWish): string {
  return `${id} ${isContinuation}`
}

/** By what a form is known again that is sent now, and by what it was in the ten minutes before. */
function formHashesOf({ form, ...entered }: SignUp, browser: KnownBrowser, now: Date): [string, string] {
  const subject = JSON.stringify([entered.company, emailForm(entered.email), entered.number])
  const secret = form ?? browser.secretFor('sign-up')
  const hashAt = (time: number) =>
    hashOf(derivedSecret(secret, `${Math.floor(time / SAME_FORM_MS)} ${subject}`))
  return [hashAt(now.getTime()), hashAt(now.getTime() - SAME_FORM_MS)]
}

interface Departure extends Pick<LaunchWish, 'login'> {
  readonly nonce: string
  readonly ioSignature?: IoSignature | undefined
}

/**
 * The id of a launch's status page. It follows from the browser's own secret, so that every return and every later visit
 * finds the page although its id is not stored, and nobody else does (decision 1).
 */
export function statusIdOf(launchId: string, browser: KnownBrowser): string {
  return browser.secretFor(`status page ${launchId}`)
}

function sessionTerms({ id, code, email, number }: Row<'connectSession'>): string[] {
  return [idTerm(id), idTerm(code), ...(email === undefined ? [] : emailTerms(email)), ...numberTerms(number)]
}

async function first<T>(rows: Promise<readonly T[]>): Promise<T | undefined> {
  return (await rows)[0]
}
