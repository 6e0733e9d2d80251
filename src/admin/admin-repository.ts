import type { Database } from '../database/database.ts'
import type { AdminRow } from '../database/schema.ts'
import { hashOf, newId } from '../identifiers.ts'

export interface Admin {
  readonly id: string
  readonly name: string
  readonly createdAt: Date
  readonly disabledAt: Date | undefined
  /** Another one after every change of the password, and says nothing of it: sessions are held to it. */
  readonly passwordMark: string
}

export interface Credential {
  readonly admin: Admin
  /** PHC string; undefined: this admin has no password and comes by a one-time link only. */
  readonly passwordHash: string | undefined
}

export function passwordMarkOf(passwordHash: string | null): string {
  return hashOf(passwordHash ?? '').slice(0, 16)
}

/** Keeps the admins and the one-time codes that let one of them in; codes are stored as SHA-256 only. */
export class AdminRepository {
  readonly #db: Database
  readonly #hubId: string

  constructor({ db, hubId }: { db: Database; hubId: string }) {
    this.#db = db
    this.#hubId = hubId
  }

  /** Adds an admin, or answers undefined when the name is taken. */
  async add(name: string, passwordHash: string | null, now: Date, trx: Database): Promise<Admin | undefined> {
    const row = await trx
      .insertInto('admin')
      .values({
        hub_id: this.#hubId,
        id: newId('adm', now),
        name,
        password_hash: passwordHash,
        created_at: now.toISOString(),
        disabled_at: null,
      })
      .onConflict((conflict) => conflict.columns(['hub_id', 'name']).doNothing())
      .returningAll()
      .executeTakeFirst()
    return row && toAdmin(row)
  }

  /** By name. */
  async list(): Promise<Admin[]> {
    const rows = await this.#admins(this.#db).orderBy('name').execute()
    return rows.map(toAdmin)
  }

  async findByName(name: string, db: Database = this.#db): Promise<Credential | undefined> {
    const row = await this.#admins(db).where('name', '=', name).executeTakeFirst()
    return row && { admin: toAdmin(row), passwordHash: row.password_hash ?? undefined }
  }

  async find(id: string, db: Database = this.#db): Promise<Admin | undefined> {
    const row = await this.#admins(db).where('id', '=', id).executeTakeFirst()
    return row && toAdmin(row)
  }

  async change(id: string, change: Partial<Pick<AdminRow, 'password_hash' | 'disabled_at'>>, trx: Database) {
    await trx
      .updateTable('admin')
      .set(change)
      .where('hub_id', '=', this.#hubId)
      .where('id', '=', id)
      .execute()
  }

  async endSessions(adminId: string, trx: Database): Promise<void> {
    await trx
      .deleteFrom('admin_session')
      .where('hub_id', '=', this.#hubId)
      .where('admin_id', '=', adminId)
      .execute()
  }

  /** Stores a code, and forgets those whose time is over. */
  async saveCode(
    codeHash: string,
    adminId: string,
    now: Date,
    expiresAt: Date,
    trx: Database,
  ): Promise<void> {
    await trx
      .deleteFrom('one_time_code')
      .where('hub_id', '=', this.#hubId)
      .where('expires_at', '<=', now.toISOString())
      .execute()
    await trx
      .insertInto('one_time_code')
      .values({
        hub_id: this.#hubId,
        code_hash: codeHash,
        admin_id: adminId,
        expires_at: expiresAt.toISOString(),
        used_at: null,
      })
      .execute()
  }

  /** Uses a code up in one conditional update: of any number who bring it at once, one gets the admin's id. */
  async useCode(codeHash: string, now: Date, trx: Database): Promise<string | undefined> {
    const used = await trx
      .updateTable('one_time_code')
      .set({ used_at: now.toISOString() })
      .where('hub_id', '=', this.#hubId)
      .where('code_hash', '=', codeHash)
      .where('used_at', 'is', null)
      .where('expires_at', '>', now.toISOString())
      .returning('admin_id')
      .executeTakeFirst()
    return used?.admin_id
  }

  #admins(db: Database) {
    return db.selectFrom('admin').selectAll().where('hub_id', '=', this.#hubId)
  }
}

function toAdmin(row: AdminRow): Admin {
  return {
    id: row.id,
    name: row.name,
    createdAt: new Date(row.created_at),
    disabledAt: row.disabled_at === null ? undefined : new Date(row.disabled_at),
    passwordMark: passwordMarkOf(row.password_hash),
  }
}
