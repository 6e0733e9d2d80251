import session, { type SessionData } from 'express-session'
import type { Clock } from '../clock.ts'
import type { Database } from '../database/database.ts'
import { hashOf } from '../identifiers.ts'
import { passwordMarkOf } from './admin-service.ts'

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

type Done<T = void> = (error?: unknown, result?: T) => void

/**
 * express-session's store over our database. The session id is stored as SHA-256. A session ends after 30
 * idle minutes, 12 hours after sign-in, and when its admin is disabled or has another password. Without an
 * admin there is no session: a stranger leaves no row.
 */
export class AdminSessionStore extends session.Store {
  readonly #db: Database
  readonly #clock: Clock

  constructor({ db, clock }: { db: Database; clock: Clock }) {
    super()
    this.#db = db
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
    settle(this.#remove(sid), done)
  }

  async #find(sid: string): Promise<SessionData | null> {
    const row = await this.#db
      .selectFrom('adminSession')
      .innerJoin('admin', 'admin.id', 'adminSession.adminId')
      .select(['adminSession.content', 'admin.name', 'admin.passwordHash'])
      .where('adminSession.sidHash', '=', hashOf(sid))
      .where('adminSession.expiresAt', '>', this.#clock.now())
      .where('admin.disabledAt', 'is', null)
      .executeTakeFirst()
    if (!row) return null
    const content: SessionData = { ...JSON.parse(row.content), adminName: row.name }
    // A sign-in that was under way while the password changed must not outlive the change.
    return content.passwordMark === passwordMarkOf(row) ? content : null
  }

  async #save(sid: string, content: SessionData): Promise<void> {
    if (content.adminId === undefined) return
    const changed = { content: JSON.stringify(content), expiresAt: this.#expiryOf(content) }
    await this.#db
      .insertInto('adminSession')
      .values({ sidHash: hashOf(sid), adminId: content.adminId, ...changed })
      .onConflict((conflict) => conflict.column('sidHash').doUpdateSet(changed))
      .execute()
  }

  async #touch(sid: string, content: SessionData): Promise<void> {
    const expiresAt = this.#expiryOf(content)
    await this.#db
      .updateTable('adminSession')
      .set({ expiresAt })
      .where('sidHash', '=', hashOf(sid))
      .where('expiresAt', '>', this.#clock.now())
      .where('expiresAt', '<=', new Date(expiresAt.getTime() - TOUCH_EVERY_MS))
      .execute()
  }

  async #remove(sid: string): Promise<void> {
    await this.#db.deleteFrom('adminSession').where('sidHash', '=', hashOf(sid)).execute()
  }

  #expiryOf({ signedInAt }: SessionData): Date {
    const idle = this.#clock.now().getTime() + IDLE_MS
    const absolute = new Date(signedInAt ?? 0).getTime() + ABSOLUTE_MS
    return new Date(Math.min(idle, absolute))
  }
}

function settle<T>(work: Promise<T>, done: (error: unknown, result?: T) => void): void {
  work.then(
    (result) => done(null, result),
    (error: unknown) => done(error),
  )
}
