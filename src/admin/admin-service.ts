import type { AuditLog } from '../audit/audit-log.ts'
import type { Clock } from '../clock.ts'
import { type Database, inTransaction } from '../database/database.ts'
import type { NewRow, Row } from '../database/schema.ts'
import { InvalidInputError } from '../errors.ts'
import { hashOf, newId, newSecret } from '../identifiers.ts'
import { isPlainText } from '../plain-text.ts'
import { HASH_OF_NOTHING, hashPassword, verifyPassword } from './password.ts'

const CODE_LIFE_MS = 15 * 60_000
/** How long a browser is known after its last sign-in. */
export const BROWSER_LIFE_MS = 180 * 24 * 60 * 60_000
const DEMO_ADMIN = 'demo'
const MAX_NAME_LENGTH = 100

export type Admin = Row<'admin'>

interface Dependencies {
  readonly db: Database
  readonly audit: AuditLog
  readonly clock: Clock
}

/** Who may enter the admin area. Names are compared without case and without spaces around them. */
export class AdminService {
  readonly #dependencies: Dependencies

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  /** @throws InvalidInputError when the name is taken, or name or password cannot be used */
  async create(name: string, password: string, actor = 'cli'): Promise<Admin> {
    const { db, audit } = this.#dependencies
    const wanted = normaliseAdminName(name)
    if (!isAdminName(wanted))
      throw new InvalidInputError(`An admin's name has 1 to ${MAX_NAME_LENGTH} characters.`)
    const passwordHash = await hashPassword(password)
    return inTransaction(db, async (trx) => {
      const admin = await this.#add({ name: wanted, passwordHash }, trx)
      if (!admin) throw new InvalidInputError('There is already an admin with this name.')
      await audit.record({ actor, action: 'admin.created', detail: { name: wanted } }, trx)
      return admin
    })
  }

  /** By name, disabled ones too. */
  list(): Promise<Admin[]> {
    return this.#dependencies.db.selectFrom('admin').selectAll().orderBy('name').execute()
  }

  /** Ends an admin's sessions and lets no new one begin; false when there is no such admin. */
  disable(name: string, actor = 'cli'): Promise<boolean> {
    return this.#change(name, { disabledAt: this.#dependencies.clock.now() }, 'admin.disabled', actor)
  }

  /**
   * Sets an admin's password and ends the sessions that began with the old one. Who is disabled stays so.
   * False when there is no such admin.
   *
   * @throws InvalidInputError when the password cannot be used
   */
  async setPassword(name: string, password: string, actor = 'cli'): Promise<boolean> {
    const passwordHash = await hashPassword(password)
    return this.#change(name, { passwordHash }, 'admin.password_changed', actor)
  }

  /** The admin, or undefined; an unknown name, a wrong password and a disabled admin take the same time. */
  async signIn(name: string, password: string): Promise<Admin | undefined> {
    const { db, audit } = this.#dependencies
    const wanted = normaliseAdminName(name)
    const admin = await this.#findByName(wanted, db)
    const matches = await verifyPassword(password, admin?.passwordHash ?? HASH_OF_NOTHING)
    if (admin && matches && !admin.disabledAt) {
      await audit.record({ actor: `admin:${wanted}`, action: 'admin.signed_in', detail: { by: 'password' } })
      return admin
    }
    // An unknown name may be a password typed into the wrong field: it is not written down.
    const detail = admin
      ? { name: wanted, reason: matches ? 'disabled' : 'wrong_password' }
      : { reason: 'unknown_name' }
    await audit.record({ actor: 'visitor', action: 'admin.sign_in_failed', detail })
    return undefined
  }

  /** A code that lets the demo's admin in once, within 15 minutes; creates that admin when missing. */
  async createFirstCode(): Promise<string> {
    const { db, audit, clock } = this.#dependencies
    const code = newSecret()
    await inTransaction(db, async (trx) => {
      const added = await this.#add({ name: DEMO_ADMIN }, trx)
      const detail = { name: DEMO_ADMIN }
      if (added) await audit.record({ actor: 'latchkey', action: 'admin.created', detail }, trx)
      const admin = added ?? (await this.#findByName(DEMO_ADMIN, trx))
      if (!admin) throw new Error('the demo admin is gone')
      const expiresAt = new Date(clock.now().getTime() + CODE_LIFE_MS)
      await trx
        .insertInto('oneTimeCode')
        .values({ codeHash: hashOf(code), adminId: admin.id, expiresAt })
        .execute()
    })
    return code
  }

  /** The admin whom a one-time code lets in; undefined when it is unknown, used or expired. */
  async redeemCode(code: string): Promise<Admin | undefined> {
    const { db, audit } = this.#dependencies
    return inTransaction(db, async (trx) => {
      const adminId = await this.#useCode(code, trx)
      if (adminId === undefined) return undefined
      const admin = await trx.selectFrom('admin').selectAll().where('id', '=', adminId).executeTakeFirst()
      if (!admin || admin.disabledAt) return undefined
      const detail = { by: 'one_time_link' }
      await audit.record({ actor: `admin:${admin.name}`, action: 'admin.signed_in', detail }, trx)
      return admin
    })
  }

  /** Whether the admin of this name has signed in with this browser, and with the password of today. */
  async knowsBrowser(name: string, browserHash: string): Promise<boolean> {
    const { db, clock } = this.#dependencies
    const known = await db
      .selectFrom('adminBrowser')
      .innerJoin('admin', 'admin.id', 'adminBrowser.adminId')
      .select('admin.id')
      .where('adminBrowser.browserHash', '=', browserHash)
      .where('admin.name', '=', normaliseAdminName(name))
      .where('admin.disabledAt', 'is', null)
      .where('adminBrowser.expiresAt', '>', clock.now())
      .executeTakeFirst()
    return known !== undefined
  }

  /** Notes that an admin has signed in with this browser; not if the password has changed meanwhile. */
  async rememberBrowser(admin: Admin, browserHash: string): Promise<void> {
    const { db, clock } = this.#dependencies
    const expiresAt = new Date(clock.now().getTime() + BROWSER_LIFE_MS)
    await inTransaction(db, async (trx) => {
      await trx
        .insertInto('adminBrowser')
        .values({ browserHash, adminId: admin.id, expiresAt })
        .onConflict((conflict) => conflict.columns(['browserHash', 'adminId']).doUpdateSet({ expiresAt }))
        .execute()
      // After the insert, which waits for a change of the admin: that has deleted its browsers, but not this one.
      const today = await this.#findByName(admin.name, trx)
      if (!today || today.disabledAt || today.passwordHash !== admin.passwordHash)
        await trx.deleteFrom('adminBrowser').where('adminId', '=', admin.id).execute()
    })
  }

  /** Deletes what has had its time: sessions, one-time codes, known browsers, counted tries. Answers how many. */
  async forget(now: Date): Promise<number> {
    const { db } = this.#dependencies
    const sessions = await db.deleteFrom('adminSession').where('expiresAt', '<=', now).executeTakeFirst()
    const codes = await db.deleteFrom('oneTimeCode').where('expiresAt', '<=', now).executeTakeFirst()
    const browsers = await db.deleteFrom('adminBrowser').where('expiresAt', '<=', now).executeTakeFirst()
    const counts = await db.deleteFrom('signInCount').where('expiresAt', '<=', now).executeTakeFirst()
    return [sessions, codes, browsers, counts].reduce((sum, one) => sum + Number(one.numDeletedRows), 0)
  }

  async #change(
    name: string,
    change: { readonly passwordHash: string } | { readonly disabledAt: Date },
    action: 'admin.disabled' | 'admin.password_changed',
    actor: string,
  ): Promise<boolean> {
    const { db, audit } = this.#dependencies
    return inTransaction(db, async (trx) => {
      const admin = await this.#findByName(normaliseAdminName(name), trx)
      if (!admin) return false
      await trx.updateTable('admin').set(change).where('id', '=', admin.id).execute()
      await trx.deleteFrom('adminSession').where('adminId', '=', admin.id).execute()
      await trx.deleteFrom('adminBrowser').where('adminId', '=', admin.id).execute()
      await audit.record({ actor, action, detail: { name: admin.name } }, trx)
      return true
    })
  }

  /** Undefined when the name is taken. */
  #add(admin: Pick<NewRow<'admin'>, 'name' | 'passwordHash'>, trx: Database): Promise<Admin | undefined> {
    const now = this.#dependencies.clock.now()
    return trx
      .insertInto('admin')
      .values({ id: newId('adm', now), createdAt: now, ...admin })
      .onConflict((conflict) => conflict.column('name').doNothing())
      .returningAll()
      .executeTakeFirst()
  }

  async #findByName(name: string, db: Database): Promise<Admin | undefined> {
    if (!isAdminName(name)) return undefined
    return db.selectFrom('admin').selectAll().where('name', '=', name).executeTakeFirst()
  }

  /** Uses a code up in one conditional update: of any number of visitors who bring it at once, one gets the admin's id. */
  async #useCode(code: string, trx: Database): Promise<string | undefined> {
    const now = this.#dependencies.clock.now()
    const used = await trx
      .updateTable('oneTimeCode')
      .set({ usedAt: now })
      .where('codeHash', '=', hashOf(code))
      .where('usedAt', 'is', null)
      .where('expiresAt', '>', now)
      .returning('adminId')
      .executeTakeFirst()
    return used?.adminId
  }
}

/** Another one after every change of the password, and says nothing of it: sessions are held to it. */
export function passwordMarkOf({ passwordHash }: Pick<Admin, 'passwordHash'>): string {
  return hashOf(passwordHash ?? '').slice(0, 16)
}

/** How a name is stored and compared: trimmed and in lower case. */
export function normaliseAdminName(name: string): string {
  return name.normalize('NFKC').trim().toLowerCase()
}

function isAdminName(name: string): boolean {
  return name !== '' && name.length <= MAX_NAME_LENGTH && isPlainText(name)
}
