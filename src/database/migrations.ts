import { type CreateTableBuilder, sql } from 'kysely'
import type { Database, Engine } from './database.ts'

export interface Migration {
  readonly name: string
  up(db: Database, engine: Engine): Promise<void>
}

/** In order; a landed migration is never edited, only followed by another. */
export const migrations: readonly Migration[] = [{ name: '001-onboarding', up: createOnboarding }]

type Columns = Readonly<Record<string, 'text' | 'integer' | 'text?' | 'integer?'>>

const due: Columns = { due_at: 'text?', lease_until: 'text?', attempts: 'integer' }

async function createOnboarding(db: Database, engine: Engine): Promise<void> {
  const table = (name: string, key: string[], columns: Columns) => createTable(db, name, key, columns)
  const hub: Columns = { hub_id: 'text' }

  await table('installation', ['hub_id'], { ...hub, created_at: 'text' })
  await table('vault_check', ['hub_id', 'kid'], { ...hub, kid: 'text', sealed: 'text', created_at: 'text' })
  await table('tenant', ['hub_id', 'id'], { ...hub, id: 'text', name: 'text', created_at: 'text' })
  await table('connect_session', ['id'], {
    ...hub,
    id: 'text',
    tenant_id: 'text',
    origin: 'text',
    link_hash: 'text?',
    email: 'text?',
    email_verified: 'integer',
    number: 'text?',
    code: 'text',
    created_at: 'text',
    expires_at: 'text',
  })
  await table('launch', ['id'], {
    ...hub,
    id: 'text',
    session_id: 'text',
    nonce_hash: 'text',
    status_hash: 'text',
    browser_hash: 'text',
    client_id: 'text?',
    created_at: 'text',
    expires_at: 'text',
  })
  await table('connect_return', ['id'], {
    ...hub,
    id: 'text',
    launch_id: 'text',
    session_id: 'text',
    client_id: 'text?',
    channels: 'text',
    revoked: 'text',
    raw: 'text',
    digest: 'text',
    state: 'text',
    verdict: 'text?',
    received_at: 'text',
    closed_at: 'text?',
    ...due,
  })
  await table('client', ['hub_id', 'id'], {
    ...hub,
    id: 'text',
    name: 'text?',
    email: 'text?',
    created_at: 'text?',
    observed_at: 'text',
  })
  await table('channel', ['hub_id', 'id'], {
    ...hub,
    id: 'text',
    client_id: 'text',
    tenant_id: 'text?',
    bound_at: 'text?',
    phone_number: 'text?',
    display_name: 'text?',
    status: 'text',
    raw_status: 'text',
    running: 'integer',
    created_at: 'text?',
    observed_at: 'text',
    permission: 'text',
    permission_source: 'text?',
    permission_observed_at: 'text?',
    key_status: 'text',
    key_version: 'integer',
  })
  await table('observation', ['id'], {
    ...hub,
    id: 'text',
    channel_id: 'text',
    source: 'text',
    says: 'text',
    observed_at: 'text',
  })
  await table('mint', ['id'], {
    ...hub,
    id: 'text',
    channel_id: 'text',
    version: 'integer',
    reason: 'text',
    asked_by: 'text',
    launched_at: 'text?',
    state: 'text',
    problem: 'text?',
    upstream_status: 'integer?',
    records_before: 'text?',
    records_after: 'text?',
    sealed_answer: 'text?',
    requested_at: 'text',
    sent_at: 'text?',
    closed_at: 'text?',
    ...due,
  })
  await table('api_key', ['hub_id', 'channel_id', 'version'], {
    ...hub,
    channel_id: 'text',
    version: 'integer',
    kid: 'text',
    sealed: 'text',
    fingerprint: 'text',
    address: 'text',
    app_id: 'text?',
    record_id: 'text?',
    status: 'text',
    created_at: 'text',
    closed_at: 'text?',
  })
  await table('channel_task', ['id'], {
    ...hub,
    id: 'text',
    channel_id: 'text',
    name: 'text',
    version: 'integer',
    state: 'text',
    problem: 'text?',
    done_at: 'text?',
    ...due,
  })
  await table('key_read', ['hub_id', 'token_id', 'channel_id', 'hour'], {
    ...hub,
    token_id: 'text',
    channel_id: 'text',
    hour: 'text',
    reads: 'integer',
    first_at: 'text',
    last_at: 'text',
  })
  await table('audit_entry', ['id'], {
    ...hub,
    id: 'text',
    at: 'text',
    actor: 'text',
    action: 'text',
    channel_id: 'text?',
    tenant_id: 'text?',
    detail: 'text',
  })
  await table('admin', ['id'], {
    ...hub,
    id: 'text',
    name: 'text',
    password_hash: 'text?',
    created_at: 'text',
    disabled_at: 'text?',
  })
  await table('admin_session', ['sid_hash'], {
    ...hub,
    sid_hash: 'text',
    admin_id: 'text?',
    content: 'text',
    expires_at: 'text',
  })
  await table('one_time_code', ['code_hash'], {
    ...hub,
    code_hash: 'text',
    admin_id: 'text',
    expires_at: 'text',
    used_at: 'text?',
  })
  await table('api_token', ['id'], {
    ...hub,
    id: 'text',
    name: 'text',
    token_hash: 'text',
    scopes: 'text',
    tenant_id: 'text?',
    created_at: 'text',
    expires_at: 'text?',
    revoked_at: 'text?',
  })
  await table('call_budget', ['hub_id'], {
    ...hub,
    slow_until: 'text?',
    blocked_until: 'text?',
    calls: 'text',
  })

  for (const [table, ...columns] of uniques)
    await db.schema
      .createIndex(`${table}_${columns.join('_')}`)
      .unique()
      .on(table as string)
      .columns(columns)
      .execute()
  for (const [table, ...columns] of indexes)
    await db.schema
      .createIndex(`${table}_${columns.join('_')}`)
      .on(table as string)
      .columns(columns)
      .execute()
  // The mint guard's last line of defence: one open mint for a channel, whoever asks, on any number of processes.
  await sql`create unique index mint_one_open on mint (hub_id, channel_id) where closed_at is null`.execute(
    db,
  )
  await forbidChanges(db, engine, 'audit_entry')
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

async function createTable(db: Database, name: string, key: string[], columns: Columns): Promise<void> {
  let builder: CreateTableBuilder<string, string> = db.schema.createTable(name)
  for (const [column, type] of Object.entries(columns)) {
    const optional = type.endsWith('?')
    builder = builder.addColumn(column, type.replace('?', '') as 'text' | 'integer', (definition) =>
      optional ? definition : definition.notNull(),
    )
  }
  await builder.addPrimaryKeyConstraint(`${name}_key`, key as never).execute()
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
