import type { Logger } from 'pino'
import type { Clock } from '../clock.ts'
import { compiledInsert } from '../database/compiled-query.ts'
import { afterCommit, type Database } from '../database/database.ts'
import { groupCommit } from '../database/group-commit.ts'
import type { AuditDetail, NewRow, Row } from '../database/schema.ts'
import { newId } from '../identifiers.ts'

export type AuditEntry = Row<'auditEntry'>

export type NewAuditEntry = Omit<NewRow<'auditEntry'>, 'id' | 'at' | 'detail'> & {
  readonly detail?: AuditDetail
}

export interface AuditFilter {
  readonly channelId?: string | undefined
  /** The id of the last entry of the page before. */
  readonly before?: string | undefined
  readonly limit: number
}

interface Dependencies {
  readonly db: Database
  readonly clock: Clock
  readonly logger: Logger
}

/** What was done, by whom: only ever added to (the migration says against whom that holds), and a line on standard output. */
export class AuditLog {
  readonly #db: Database
  readonly #clock: Clock
  readonly #logger: Logger

  constructor({ db, clock, logger }: Dependencies) {
    this.#db = db
    this.#clock = clock
    // Audit lines are written at every LOG_LEVEL.
    this.#logger = logger.child({}, { level: 'info' })
  }

  /** Adds an entry within the change that it tells of. */
  async record({ detail = {}, ...entry }: NewAuditEntry, db: Database = this.#db): Promise<void> {
    const at = this.#clock.now()
    const id = newId('aud', at)
    await groupCommit(db, (trx) => insertEntry(trx, { ...entry, id, at, detail }))
    const { actor, action, channelId: channel_id = null, tenantId: tenant_id = null } = entry
    const line = { id, at, actor, action, channel_id, tenant_id, detail }
    afterCommit(db, () => this.#logger.info({ audit: line }, 'audit'))
  }

  /** Newest first. */
  list({ channelId, before, limit }: AuditFilter): Promise<AuditEntry[]> {
    let query = this.#db.selectFrom('auditEntry').selectAll().orderBy('id', 'desc').limit(limit)
    if (channelId) query = query.where('channelId', '=', channelId)
    if (before) query = query.where('id', '<', before)
    return query.execute()
  }
}

const insertEntry = compiledInsert<NewRow<'auditEntry'>>(
  ['id', 'at', 'actor', 'action', 'channelId', 'tenantId', 'detail'],
  (db, entry) => db.insertInto('auditEntry').values(entry),
)
