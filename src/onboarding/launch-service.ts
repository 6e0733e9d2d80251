import type { Clock } from '../clock.ts'
import { type IoSignature, launchLink, signLaunch } from '../d360/launch-link.ts'
import { type Database, inTransaction } from '../database/database.ts'
import { derivedSecret, hashOf, newId, newSecret } from '../identifiers.ts'
import { NONCE_PARAMETER } from './callback-query.ts'
import type { ConnectSession, ConnectSessionRepository } from './connect-session-repository.ts'
import type { SignatureSeconds } from './signature-seconds.ts'

const DAY_MS = 24 * 60 * 60_000
export const LINK_LIFE_MS = 7 * DAY_MS
const NONCE_LIFE_MS = DAY_MS

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

/** Begins connect sessions and sends browsers to the permission screen. */
export class LaunchService {
  readonly #db: Database
  readonly #sessions: ConnectSessionRepository
  readonly #settings: LaunchSettings
  readonly #clock: Clock
  readonly #signatureSeconds: SignatureSeconds

  constructor(given: {
    db: Database
    sessions: ConnectSessionRepository
    signatureSeconds: SignatureSeconds
    settings: LaunchSettings
    clock: Clock
  }) {
    this.#db = given.db
    this.#sessions = given.sessions
    this.#settings = given.settings
    this.#clock = given.clock
    this.#signatureSeconds = given.signatureSeconds
  }

  /** Makes a connect link's token for a tenant of the product; only its SHA-256 is kept. */
  async createLink(order: LinkOrder): Promise<string> {
    const token = newSecret()
    await inTransaction(this.#db, (trx) => this.#begin(order, 'link', hashOf(token), trx))
    return token
  }

  /** The session that a connect link opens, expired ones included. Consumes nothing. */
  findByLink(token: string): Promise<ConnectSession | undefined> {
    return this.#sessions.findByLink(hashOf(token))
  }

  isExpired(session: ConnectSession): boolean {
    return session.expiresAt <= this.#clock.now()
  }

  /** Registers a new tenant of its own for a visitor, and answers the address of the permission screen. */
  async signUp({ company, email, number }: SignUp, browserHash: string): Promise<URL> {
    const now = this.#clock.now()
    return inTransaction(this.#db, async (trx) => {
      const order = { tenantId: newId('self', now), tenantName: company, email, number }
      const id = await this.#begin(order, 'self_signup', undefined, trx)
      return this.#launch({ id, tenantName: company, email, number }, browserHash, trx)
    })
  }

  /**
   * Makes a nonce for this browser now, and answers the address of the permission screen. `continues` what
   * came back elsewhere: it is taken up when this launch returns.
   */
  launch(session: ConnectSession, browserHash: string, { continues = false } = {}): Promise<URL> {
    return this.#launch(session, browserHash, this.#db, continues)
  }

  async #begin(
    order: LinkOrder,
    origin: ConnectSession['origin'],
    linkHash: string | undefined,
    trx: Database,
  ): Promise<string> {
    const now = this.#clock.now()
    const id = newId('ses', now)
    const session = {
      id,
      tenantId: order.tenantId,
      tenantName: order.tenantName,
      origin,
      linkHash,
      email: order.email,
      emailVerified: order.emailVerified ?? false,
      number: order.number,
      createdAt: now,
      expiresAt: new Date(now.getTime() + LINK_LIFE_MS),
    }
    await this.#sessions.save(session, trx)
    return id
  }

  async #launch(
    session: Pick<ConnectSession, 'id' | 'tenantName' | 'email' | 'number'>,
    browserHash: string,
    db: Database,
    continues = false,
  ): Promise<URL> {
    const now = this.#clock.now()
    const nonce = newSecret()
    const launch = {
      id: newId('lau', now),
      sessionId: session.id,
      nonceHash: hashOf(nonce),
      statusHash: hashOf(statusIdOf(nonce)),
      browserHash,
      continues,
      createdAt: now,
      expiresAt: new Date(now.getTime() + NONCE_LIFE_MS),
    }
    await this.#sessions.saveLaunch(launch, db)
    return this.#screen(session, nonce, await this.#sign(now, db))
  }

  async #sign(now: Date, db: Database): Promise<IoSignature | undefined> {
    const { partnerId, ioSignatureSecret } = this.#settings
    if (ioSignatureSecret === undefined) return undefined
    const second = await this.#signatureSeconds.take(now, db)
    return signLaunch({ platformSecret: ioSignatureSecret, partnerId, now: second })
  }

  #screen(
    session: Pick<ConnectSession, 'tenantName' | 'email' | 'number'>,
    nonce: string,
    ioSignature: IoSignature | undefined,
  ): URL {
    const { template, partnerId, callbackUrl, stateIn } = this.#settings
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
