import session, { type SessionData } from 'express-session'
import type { Clock } from '../clock.ts'
import type { Database } from '../database/database.ts'
import { hashOf } from '../identifiers.ts'
import { passwordMarkOf } from './admin-repository.ts'

declare module 'express-session' {
  interface SessionData {
    adminId?: string
    adminName?: string
    passwordMark?: string
    /** ISO 8601. */
    signedInAt?: string
  }
}

export const IDLE_MS = 30 * 60_000
const ABSOLUTE_MS = 12 * 60 * 60_000
const TOUCH_EVERY_MS = 60_000
const SWEEP_EVERY_MS = 60 * 60_000

type Done<T = void> = (error?: unknown, result?: T) => void

/**
 * express-session's store over our database. The session id is stored as SHA-256. A session ends after 30
 * idle minutes, 12 hours after sign-in, and when its admin is disabled or has another password. Without an
 * admin there is no session: a stranger leaves no row.
 */
export class AdminSessionStore extends session.Store {
  readonly #db: Database
  readonly #hubId: string
  readonly #clock: Clock
  #sweptAt = 0

  constructor({ db, hubId, clock }: { db: Database; hubId: string; clock: Clock }) {
    super()
    this.#db = db
    this.#hubId = hubId
    this.#clock = clock
  }

  override get(sid: string, done: (error: unknown, session?: SessionData | null) => void): void {
    settle(this.#find(sid), done)
  }

  override set(sid: string, content: SessionData, done: Done = () => {}): void {
    settle(this.#save(sid, content), done)
  }

  override touch(sid: string, content: SessionData, done: Done = () => {}): void {
    settle(this.#touch(sid, content), done)
  }

  override destroy(sid: string, done: Done = () => {}): void {
    const removed = this.#db.deleteFrom('admin_session').where('sid_hash', '=', hashOf(sid)).execute()
    settle(
      removed.then(() => undefined),
      done,
    )
  }

  async #find(sid: string): Promise<SessionData | null> {
    const row = await this.#db
      .selectFrom('admin_session')
      .innerJoin('admin', 'admin.id', 'admin_session.admin_id')
      .select(['admin_session.content', 'admin.name', 'admin.password_hash'])
      .where('admin_session.hub_id', '=', this.#hubId)
      .where('admin_session.sid_hash', '=', hashOf(sid))
      .where('admin_session.expires_at', '>', this.#clock.now().toISOString())
      .where('admin.disabled_at', 'is', null)
      .executeTakeFirst()
    if (!row) return null
    const content: SessionData = { ...JSON.parse(row.content), adminName: row.name }
    // A sign-in that was under way while the password changed must not outlive the change.
    return content.passwordMark === passwordMarkOf(row.password_hash) ? content : null
  }

  async #save(sid: string, content: SessionData): Promise<void> {
    if (content.adminId === undefined) return
    await this.#sweep()
    const changed = { content: JSON.stringify(content), expires_at: this.#expiryOf(content).toISOString() }
    await this.#db
      .insertInto('admin_session')
      .values({ hub_id: this.#hubId, sid_hash: hashOf(sid), admin_id: content.adminId, ...changed })
      .onConflict((conflict) => conflict.column('sid_hash').doUpdateSet(changed))
      .execute()
  }

  async #touch(sid: string, content: SessionData): Promise<void> {
    const expiry = this.#expiryOf(content)
    await this.#db
      .updateTable('admin_session')
      .set({ expires_at: expiry.toISOString() })
      .where('sid_hash', '=', hashOf(sid))
      .where('expires_at', '>', this.#clock.now().toISOString())
      .where('expires_at', '<=', new Date(expiry.getTime() - TOUCH_EVERY_MS).toISOString())
      .execute()
  }

  #expiryOf({ signedInAt }: SessionData): Date {
    const idle = this.#clock.now().getTime() + IDLE_MS
    const absolute = new Date(signedInAt ?? 0).getTime() + ABSOLUTE_MS
    return new Date(Math.min(idle, absolute))
  }

  async #sweep(): Promise<void> {
    const now = this.#clock.now()
    if (now.getTime() - this.#sweptAt < SWEEP_EVERY_MS) return
    this.#sweptAt = now.getTime()
    await this.#db.deleteFrom('admin_session').where('expires_at', '<=', now.toISOString()).execute()
  }
}

function settle<T>(work: Promise<T>, done: (error: unknown, result?: T) => void): void {
  work.then(
    (result) => done(null, result),
    (error: unknown) => done(error),
  )
}
