import { type CreateTableBuilder, sql } from 'kysely'
import type { Database, Engine } from './database.ts'

export interface Migration {
  readonly name: string
  up(db: Database, engine: Engine): Promise<void>
}

/** In order; a landed migration is never edited, only followed by another. */
export const migrations: readonly Migration[] = [
  { name: '001-onboarding', up: createOnboarding },
  { name: '002-reviews', up: addReviews },
]

const DUE = 'due_at? lease_until? attempts#'

/**
 * Each table with its primary key in front and its columns behind, in words: `name` is text, `name#` integer,
 * and `?` behind either says that it may be empty. Every table begins with `hub_id`.
 */
const tables: Readonly<Record<string, readonly [key: string, columns: string]>> = {
  installation: ['hub_id', 'created_at'],
  vault_check: ['hub_id kid', 'kid sealed created_at'],
  tenant: ['hub_id id', 'id name created_at'],
  connect_session: [
    'id',
    'id tenant_id origin link_hash? email? email_verified# number? code created_at expires_at',
  ],
  launch: ['id', 'id session_id nonce_hash status_hash browser_hash client_id? created_at expires_at'],
  launch_signature: ['hub_id second', 'second'],
  connect_return: [
    'id',
    `id launch_id session_id client_id? channels revoked raw digest state verdict? received_at closed_at? ${DUE}`,
  ],
  client: ['hub_id id', 'id name? email? created_at? observed_at'],
  channel: [
    'hub_id id',
    'id client_id tenant_id? bound_at? phone_number? display_name? status raw_status running# created_at? ' +
      'observed_at permission permission_source? permission_observed_at? key_status key_version#',
  ],
  observation: ['id', 'id channel_id source says observed_at'],
  mint: [
    'id',
    'id channel_id version# reason asked_by launched_at? state problem? upstream_status#? records_before? ' +
      `records_after? sealed_answer? requested_at sent_at? closed_at? ${DUE}`,
  ],
  api_key: [
    'hub_id channel_id version',
    'channel_id version# kid sealed fingerprint address app_id? record_id? status created_at closed_at?',
  ],
  channel_task: ['id', `id channel_id name version# state problem? done_at? ${DUE}`],
  key_read: ['hub_id token_id channel_id hour', 'token_id channel_id hour reads# first_at last_at'],
  audit_entry: ['id', 'id at actor action channel_id? tenant_id? detail'],
  admin: ['id', 'id name password_hash? created_at disabled_at?'],
  admin_session: ['sid_hash', 'sid_hash admin_id? content expires_at'],
  one_time_code: ['code_hash', 'code_hash admin_id expires_at used_at?'],
  api_token: ['id', 'id name token_hash scopes tenant_id? created_at expires_at? revoked_at?'],
  call_budget: ['hub_id', 'slow_until? blocked_until? calls'],
}

const uniques = [
  ['connect_session', 'link_hash'],
  ['connect_session', 'hub_id', 'code'],
  ['launch', 'nonce_hash'],
  ['launch', 'status_hash'],
  ['connect_return', 'launch_id', 'digest'],
  ['admin', 'hub_id', 'name'],
  ['api_token', 'token_hash'],
  ['channel_task', 'hub_id', 'channel_id', 'name'],
]

const indexes = [
  ['launch', 'session_id'],
  ['connect_return', 'session_id'],
  ['connect_return', 'due_at'],
  ['channel', 'hub_id', 'tenant_id'],
  ['channel', 'hub_id', 'client_id'],
  ['observation', 'hub_id', 'channel_id'],
  ['mint', 'hub_id', 'channel_id'],
  ['mint', 'due_at'],
  ['channel_task', 'due_at'],
  ['audit_entry', 'hub_id', 'channel_id'],
  ['admin_session', 'expires_at'],
]

async function createOnboarding(db: Database, engine: Engine): Promise<void> {
  for (const [name, [key, columns]] of Object.entries(tables)) await createTable(db, name, key, columns)
  await createIndexes(db, uniques, { unique: true })
  await createIndexes(db, indexes)
  // The mint guard's last line of defence: one open mint for a channel, whoever asks, on any number of processes.
  await sql`create unique index mint_one_open on mint (hub_id, channel_id) where closed_at is null`.execute(
    db,
  )
  await forbidChanges(db, engine, 'audit_entry')
}

async function addReviews(db: Database): Promise<void> {
  const { schema } = db
  await schema
    .alterTable('launch')
    .addColumn('continues', 'integer', (column) => column.notNull().defaultTo(0))
    .execute()
  await schema
    .alterTable('connect_return')
    .addColumn('came', 'text', (column) => column.notNull().defaultTo('launch'))
    .execute()
  for (const column of ['page_hash', 'browser_hash'])
    await schema.alterTable('connect_return').addColumn(column, 'text').execute()
  await createTable(db, 'unattached_return', 'id', `id client_id channel_id came received_at ${DUE}`)
  await createTable(
    db,
    'review',
    'id',
    'id client_id channel_id return_id? session_id? tenant_id? came reason opened_at decision? decided_by? ' +
      'decided_tenant_id? closed_at?',
  )
  await createIndexes(db, [
    ['launch', 'browser_hash'],
    ['connect_return', 'page_hash'],
    ['connect_return', 'hub_id', 'client_id'],
    ['unattached_return', 'due_at'],
    ['review', 'hub_id', 'channel_id'],
  ])
  await createIndexes(db, [['unattached_return', 'hub_id', 'client_id', 'channel_id']], { unique: true })
  await sql`create index connect_session_email on connect_session (hub_id, lower(email))`.execute(db)
  await sql`create unique index review_one_open on review (hub_id, client_id, channel_id) where closed_at is null`.execute(
    db,
  )
  await openReviewsOfReturns(db)
}

/** Returns that an admin could see but not decide about until now. */
async function openReviewsOfReturns(db: Database): Promise<void> {
  const waiting = await db
    .selectFrom('connect_return as received')
    .innerJoin('connect_session as session', 'session.id', 'received.session_id')
    .select(['received.hub_id', 'received.id', 'received.session_id', 'received.client_id'])
    .select(['received.verdict', 'received.received_at', 'session.tenant_id'])
    .where('received.state', '=', 'needs_review')
    .orderBy('received.id')
    .execute()
  for (const { verdict, received_at, id, client_id, ...row } of waiting) {
    const { review, reason } = JSON.parse(verdict ?? '{"review":[]}')
    for (const [nth, channel_id] of review.entries())
      await db
        .insertInto('review')
        .values({
          ...row,
          id: `rev_${id.slice(4)}${nth}`,
          ...{ client_id: client_id ?? '', channel_id, return_id: id, came: 'launch', reason },
          opened_at: received_at,
          ...{ decision: null, decided_by: null, decided_tenant_id: null, closed_at: null },
        })
        .onConflict((conflict) => conflict.doNothing())
        .execute()
  }
}

async function createIndexes(
  db: Database,
  indexes: readonly (readonly string[])[],
  { unique = false } = {},
): Promise<void> {
  for (const [table = '', ...columns] of indexes) {
    const index = db.schema
      .createIndex(`${table}_${columns.join('_')}`)
      .on(table)
      .columns(columns)
    await (unique ? index.unique() : index).execute()
  }
}

async function createTable(db: Database, name: string, key: string, columns: string): Promise<void> {
  let builder: CreateTableBuilder<string, string> = db.schema.createTable(name)
  for (const word of `hub_id ${columns}`.split(' ')) {
    const type = word.includes('#') ? 'integer' : 'text'
    builder = builder.addColumn(word.replace(/[#?]+$/, ''), type, (column) =>
      word.endsWith('?') ? column : column.notNull(),
    )
  }
  await builder.addPrimaryKeyConstraint(`${name}_key`, key.split(' ') as never).execute()
}

/** Makes a table append-only in the database itself, whoever writes to it. */
async function forbidChanges(db: Database, engine: Engine, table: string): Promise<void> {
  const message = `${table} is append-only`
  if (engine === 'sqlite') {
    for (const change of ['update', 'delete'])
      await sql
        .raw(
          `create trigger ${table}_no_${change} before ${change} on ${table} begin select raise(abort, '${message}'); end`,
        )
        .execute(db)
    return
  }
  await sql
    .raw(
      `create function ${table}_append_only() returns trigger language plpgsql as $$ begin raise exception '${message}'; end $$`,
    )
    .execute(db)
  await sql
    .raw(
      `create trigger ${table}_append_only before update or delete or truncate on ${table} for each statement execute function ${table}_append_only()`,
    )
    .execute(db)
}
