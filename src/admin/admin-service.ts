import type { AuditLog } from '../audit/audit-log.ts'
import type { Clock } from '../clock.ts'
import { type Database, inTransaction } from '../database/database.ts'
import { InvalidInputError } from '../errors.ts'
import { hashOf, newSecret } from '../identifiers.ts'
import { isAdminName, normaliseAdminName, readAdminName } from './admin-name.ts'
import type { Admin, AdminRepository } from './admin-repository.ts'
import { HASH_OF_NOTHING, hashPassword, verifyPassword } from './password.ts'

const CODE_LIFE_MS = 15 * 60_000
const DEMO_ADMIN = 'demo'

interface Given {
  readonly db: Database
  readonly admins: AdminRepository
  readonly audit: AuditLog
  readonly clock: Clock
}

/** Who may enter the admin area. Names are compared without case and without blanks around them. */
export class AdminService {
  readonly #given: Given

  constructor(given: Given) {
    this.#given = given
  }

  /** @throws InvalidInputError when the name is taken, or name or password cannot be used */
  async create(name: string, password: string, actor = 'cli'): Promise<Admin> {
    const { db, admins, audit, clock } = this.#given
    const wanted = readAdminName(name)
    const passwordHash = await hashPassword(password)
    return inTransaction(db, async (trx) => {
      const admin = await admins.add(wanted, passwordHash, clock.now(), trx)
      if (!admin) throw new InvalidInputError('There is already an admin with this name.')
      await audit.record({ actor, action: 'admin.created', detail: { name: wanted } }, trx)
      return admin
    })
  }

  /** By name, disabled ones too. */
  list(): Promise<Admin[]> {
    return this.#given.admins.list()
  }

  /** Ends an admin's sessions and lets no new one begin; false when nobody has this name. */
  disable(name: string, actor = 'cli'): Promise<boolean> {
    const disabled_at = this.#given.clock.now().toISOString()
    return this.#change(name, 'admin.disabled', actor, { disabled_at })
  }

  /**
   * Sets an admin's password and ends the sessions that began with the old one. Who is disabled stays so.
   * False when nobody has this name.
   *
   * @throws InvalidInputError when the password cannot be used
   */
  async setPassword(name: string, password: string, actor = 'cli'): Promise<boolean> {
    const password_hash = await hashPassword(password)
    return this.#change(name, 'admin.password_changed', actor, { password_hash })
  }

  /** The admin, or undefined; an unknown name, a wrong password and a disabled admin take the same time. */
  async signIn(name: string, password: string): Promise<Admin | undefined> {
    const { admins, audit } = this.#given
    const wanted = normaliseAdminName(name)
    const known = isAdminName(wanted) ? await admins.findByName(wanted) : undefined
    const matches = await verifyPassword(password, known?.passwordHash ?? HASH_OF_NOTHING)
    if (known && matches && !known.admin.disabledAt) {
      await audit.record({ actor: `admin:${wanted}`, action: 'admin.signed_in', detail: { by: 'password' } })
      return known.admin
    }
    // An unknown name may be a password typed into the wrong field: it is not written down.
    const detail = known
      ? { name: wanted, reason: matches ? 'disabled' : 'wrong_password' }
      : { reason: 'unknown_name' }
    await audit.record({ actor: 'visitor', action: 'admin.sign_in_failed', detail })
    return undefined
  }

  /** A code that lets the demo's admin in once, within 15 minutes; makes that admin when missing. */
  async createFirstCode(): Promise<string> {
    const { db, admins, audit, clock } = this.#given
    const now = clock.now()
    const code = newSecret()
    await inTransaction(db, async (trx) => {
      const added = await admins.add(DEMO_ADMIN, null, now, trx)
      const detail = { name: DEMO_ADMIN }
      if (added) await audit.record({ actor: 'latchkey', action: 'admin.created', detail }, trx)
      const admin = added ?? (await admins.findByName(DEMO_ADMIN, trx))?.admin
      if (!admin) throw new Error('the demo admin is gone')
      await admins.saveCode(hashOf(code), admin.id, now, new Date(now.getTime() + CODE_LIFE_MS), trx)
    })
    return code
  }

  /** The admin whom a one-time code lets in; undefined when it is unknown, used or expired. */
  async redeemCode(code: string): Promise<Admin | undefined> {
    const { db, admins, audit, clock } = this.#given
    return inTransaction(db, async (trx) => {
      const adminId = await admins.useCode(hashOf(code), clock.now(), trx)
      const admin = adminId === undefined ? undefined : await admins.find(adminId, trx)
      if (!admin || admin.disabledAt) return undefined
      const detail = { by: 'one_time_link' }
      await audit.record({ actor: `admin:${admin.name}`, action: 'admin.signed_in', detail }, trx)
      return admin
    })
  }

  async #change(
    name: string,
    action: 'admin.disabled' | 'admin.password_changed',
    actor: string,
    change: Parameters<AdminRepository['change']>[1],
  ): Promise<boolean> {
    const { db, admins, audit } = this.#given
    const wanted = normaliseAdminName(name)
    if (!isAdminName(wanted)) return false
    return inTransaction(db, async (trx) => {
      const known = await admins.findByName(wanted, trx)
      if (!known) return false
      await admins.change(known.admin.id, change, trx)
      await admins.endSessions(known.admin.id, trx)
      await audit.record({ actor, action, detail: { name: wanted } }, trx)
      return true
    })
  }
}
