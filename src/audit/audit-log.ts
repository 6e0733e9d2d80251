import type { Logger } from 'pino'
import type { Clock } from '../clock.ts'
import { commitTogether } from '../database/commit-together.ts'
import { afterCommit, type Database } from '../database/database.ts'
import { prepared } from '../database/prepared.ts'
import type { AuditRow } from '../database/schema.ts'
import { newId } from '../identifiers.ts'

export interface AuditEntry {
  readonly id: string
  readonly at: Date
  readonly actor: string
  readonly action: string
  readonly channelId: string | undefined
  readonly tenantId: string | undefined
  readonly detail: Readonly<Record<string, string | number>>
}

export type NewAuditEntry = Pick<AuditEntry, 'actor' | 'action'> &
  Partial<Pick<AuditEntry, 'channelId' | 'tenantId' | 'detail'>>

export interface AuditFilter {
  readonly channelId?: string
  readonly before?: string
  readonly limit: number
}

/** What was done, by whom: append-only in the database, and the same line on standard output. */
export class AuditLog {
  readonly #db: Database
  readonly #hubId: string
  readonly #clock: Clock
  readonly #logger: Logger

  constructor({ db, hubId, clock, logger }: { db: Database; hubId: string; clock: Clock; logger: Logger }) {
    this.#db = db
    this.#hubId = hubId
    this.#clock = clock
    // Whatever LOG_LEVEL says: an audit line is not a matter of taste.
    this.#logger = logger.child({}, { level: 'info' })
  }

  /** Adds an entry within the change that it tells of. */
  async record(
    { actor, action, channelId, tenantId, detail = {} }: NewAuditEntry,
    db = this.#db,
  ): Promise<void> {
    const now = this.#clock.now()
    const row = {
      id: newId('aud', now),
      at: now.toISOString(),
      actor,
      action,
      channel_id: channelId ?? null,
      tenant_id: tenantId ?? null,
    }
    const values = { hub_id: this.#hubId, ...row, detail: JSON.stringify(detail) }
    await commitTogether(db, (trx) => insertEntry(trx, values))
    afterCommit(db, () => this.#logger.info({ audit: { ...row, detail } }, 'audit'))
  }

  /** Newest first; `before` is the id of the last entry of the page before. */
  async list({ channelId, before, limit }: AuditFilter): Promise<AuditEntry[]> {
    let query = this.#db
      .selectFrom('audit_entry')
      .selectAll()
      .where('hub_id', '=', this.#hubId)
      .orderBy('id', 'desc')
      .limit(limit)
    if (channelId) query = query.where('channel_id', '=', channelId)
    if (before) query = query.where('id', '<', before)
    const rows = await query.execute()
    return rows.map((row) => ({
      id: row.id,
      at: new Date(row.at),
      actor: row.actor,
      action: row.action,
      channelId: row.channel_id ?? undefined,
      tenantId: row.tenant_id ?? undefined,
      detail: JSON.parse(row.detail),
    }))
  }
}

const insertEntry = prepared<{ [column in keyof AuditRow]: string | null }, unknown>((db, value) =>
  db.insertInto('audit_entry').values({
    hub_id: value('hub_id'),
    id: value('id'),
    at: value('at'),
    actor: value('actor'),
    action: value('action'),
    channel_id: value('channel_id'),
    tenant_id: value('tenant_id'),
    detail: value('detail'),
  }),
)
