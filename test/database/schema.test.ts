import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { CompiledQuery, type Kysely } from 'kysely'
import { eachDatabase, type OpenedDatabase } from '../databases.ts'

/** Rows as the columns hold them, without the plugins of the connection. */
type Cells = Readonly<Record<string, string | number | null>>
type Raw = Kysely<Record<string, Record<string, unknown>>>
type Kind = 'not null' | 'foreign key' | 'unique' | 'check' | 'trigger'

const at = '2026-03-02T09:00:00.000Z'
const later = '2026-03-09T09:00:00.000Z'
const hash = (letter: string) => letter.repeat(64)

/** One row of each table that every constraint accepts, in the order of their references. */
const rows: Readonly<Record<string, Cells>> = {
  installation: { id: 1, hub_id: 'hub1', created_at: at },
  vault_check: { kid: 'k1', sealed: 'jwe', created_at: at },
  tenant: { id: 't1', name: 'Shop', created_at: at },
  client: { id: 'cl1', emails: '[]', observed_at: at },
  partner_hub: { id: 1, is_blocked: 0, is_adding_refused: 0, observed_at: at },
  channel: { id: 'ch1', client_id: 'cl1', status: 'live', raw_status: 'x', is_running: 1, observed_at: at },
  channel_change: {
    ...{ id: 'g1', channel_id: 'ch1', fact: 'status', was: 'live', became: 'terminated', changed_at: at },
  },
  search_term: { term: 'shop', kind: 'tenant', subject: 't1' },
  sync: { id: 1, list: 'clients', place: 0, clients: 0, channels: 0, failures: 0 },
  observation: { id: 'o1', channel_id: 'ch1', source: 'mint', says: 'shared', observed_at: at },
  connect_session: {
    ...{ id: 's1', tenant_id: 't1', origin: 'link', link_hash: hash('a'), is_email_verified: 0 },
    ...{ code: 'K7Q-2MD', return_count: 0, created_at: at, expires_at: later },
  },
  launch: {
    ...{ id: 'l1', session_id: 's1', nonce_hash: hash('b'), status_hash: hash('c'), browser_hash: hash('d') },
    ...{ client_id: 'cl1', is_continuation: 0, language: 'en', created_at: at, expires_at: later },
  },
  launch_signature: { second: at },
  connect_return: {
    ...{ id: 'r1', launch_id: 'l1', session_id: 's1', digest: 'd1', state: 'received', arrival: 'launch' },
    ...{ page_hash: hash('e'), received_at: at },
  },
  returned_channel: { return_id: 'r1', channel_id: 'ch1', is_revoked: 0 },
  review: {
    ...{ id: 'v1', client_id: 'cl1', channel_id: 'ch1', return_id: 'r1', session_id: 's1', tenant_id: 't1' },
    ...{ arrival: 'launch', reason: 'nothing_matches', opened_at: at },
  },
  owner_confirmation: {
    ...{ id: 'o1', session_id: 's1', client_id: 'cl1', email: 'a@shop.example', language: 'en' },
    ...{ asked_by: 'latchkey', link_hash: hash('9'), sealed_link: 'jwe', created_at: at, expires_at: later },
  },
  owner_confirmation_channel: { confirmation_id: 'o1', channel_id: 'ch1' },
  owner_mail_stop: { tenant_id: 't1', stopped_at: at },
  failed_page: {
    ...{ id: 'f1', code: 'K7Q-2MD', route: '/connect/:token', status: 404, what: 'link_unknown' },
    ...{ session_id: 's1', happened_at: at },
  },
  mint: {
    ...{ id: 'm1', channel_id: 'ch1', version: 1, reason: 'return', asked_by: 'r1', state: 'waiting' },
    requested_at: at,
    since_at: at,
  },
  api_key: {
    ...{ channel_id: 'ch1', version: 1, kid: 'k1', sealed: 'jwe', fingerprint: '0123456789abcdef' },
    ...{ address: 'https://waba.example', status: 'stored', created_at: at },
  },
  channel_task: { channel_id: 'ch1', name: 'probe', version: 1, state: 'due', since_at: at },
  channel_health: { channel_id: 'ch1', version: 1, asked_at: at, state: 'unknown', findings: '[]' },
  notice: {
    ...{ id: 'n1', event: 'channel_live', channel_id: 'ch1', size: 9, digest: hash('4'), place: 0 },
    ...{ signature: 'valid', body: '{}', copies: 1, received_at: at, last_received_at: at },
  },
  job: {
    ...{ id: 'j1', kind: 'mint', subject: 'm1', priority: 1, due_at: at, attempts: 0, is_wanted_again: 0 },
  },
  call_budget: { id: 1, calls: '[]' },
  hub_trouble: { id: 1, kind: 'away', since_at: at, asked_at: at },
  admin: { id: 'a1', name: 'anna', created_at: at },
  admin_session: { sid_hash: hash('f'), admin_id: 'a1', content: '{}', expires_at: later },
  admin_browser: { browser_hash: hash('2'), admin_id: 'a1', expires_at: later },
  sign_in_count: { key_hash: hash('3'), tries: 1, expires_at: later },
  one_time_code: { code_hash: hash('0'), admin_id: 'a1', expires_at: later },
  api_token: { id: 'tok1', name: 'product', token_hash: hash('1'), scopes: '[]', created_at: at },
  key_read: {
    ...{ token_id: 'tok1', channel_id: 'ch1', hour: '2026-03-02T09 v1', reads: 1, first_at: at, last_at: at },
  },
  audit_entry: { id: 'e1', at, actor: 'cli', action: 'x', detail: '{}' },
}

/** What a row cannot be without. (A number for a key is never empty: SQLite counts it.) */
const required: Readonly<Record<string, string>> = {
  installation: 'hub_id created_at',
  vault_check: 'kid sealed created_at',
  tenant: 'id name created_at',
  client: 'id emails observed_at',
  partner_hub: 'is_blocked is_adding_refused observed_at',
  channel:
    'id client_id status raw_status is_running observed_at facts permission is_permission_disputed key_status key_version',
  channel_change: 'id channel_id fact was became changed_at',
  search_term: 'term kind subject',
  sync: 'list place clients channels failures',
  observation: 'id channel_id source says observed_at',
  connect_session: 'id tenant_id origin is_email_verified code return_count created_at expires_at',
  launch: 'id session_id nonce_hash status_hash browser_hash is_continuation language created_at expires_at',
  launch_signature: 'second',
  connect_return: 'id digest state arrival received_at',
  returned_channel: 'return_id channel_id is_revoked',
  review: 'id client_id channel_id arrival reason opened_at',
  owner_confirmation: 'id session_id client_id email language asked_by link_hash created_at expires_at',
  owner_confirmation_channel: 'confirmation_id channel_id',
  owner_mail_stop: 'tenant_id stopped_at',
  failed_page: 'id code route status what happened_at',
  mint: 'id channel_id version reason asked_by state is_held_back requested_at since_at',
  api_key: 'channel_id version kid sealed fingerprint address status is_held_back refusals created_at',
  channel_task: 'channel_id name version state since_at',
  channel_health: 'channel_id version is_on_gateway asked_at state findings',
  key_read: 'token_id channel_id hour reads first_at last_at',
  notice: 'id event size digest place signature copies received_at last_received_at',
  job: 'id kind subject priority due_at attempts is_wanted_again',
  call_budget: 'calls',
  hub_trouble: 'kind since_at asked_at',
  admin: 'id name created_at',
  admin_session: 'sid_hash admin_id content expires_at',
  admin_browser: 'browser_hash admin_id expires_at',
  sign_in_count: 'key_hash tries expires_at',
  one_time_code: 'code_hash admin_id expires_at',
  api_token: 'id name token_hash scopes created_at',
  audit_entry: 'id at actor action detail',
}

const references: Readonly<Record<string, string>> = {
  channel: 'client_id tenant_id',
  observation: 'channel_id',
  channel_change: 'channel_id',
  connect_session: 'tenant_id',
  launch: 'session_id client_id',
  connect_return: 'launch_id session_id',
  returned_channel: 'return_id',
  review: 'return_id session_id tenant_id decided_tenant_id',
  owner_confirmation: 'session_id client_id',
  owner_confirmation_channel: 'confirmation_id channel_id',
  owner_mail_stop: 'tenant_id',
  failed_page: 'session_id',
  mint: 'channel_id',
  api_key: 'channel_id',
  channel_task: 'channel_id',
  channel_health: 'channel_id',
  key_read: 'token_id channel_id',
  admin_session: 'admin_id',
  admin_browser: 'admin_id',
  one_time_code: 'admin_id',
}
/** What else a row needs before a foreign key alone is wrong with it. */
const beside: Readonly<Record<string, Cells>> = {
  'channel.tenant_id': { bound_at: at },
}

const closedLists: Readonly<Record<string, string>> = {
  partner_hub: 'is_blocked is_adding_refused',
  channel: 'status is_running permission permission_source is_permission_disputed key_status',
  channel_change: 'fact',
  search_term: 'kind',
  sync: 'list',
  observation: 'source says',
  connect_session: 'origin is_email_verified',
  launch: 'is_continuation language',
  connect_return: 'state arrival problem',
  returned_channel: 'is_revoked outcome rule reason',
  review: 'arrival reason decision',
  owner_confirmation: 'language answer',
  failed_page: 'what',
  mint: 'reason state is_held_back',
  api_key: 'status is_held_back',
  channel_task: 'name state',
  channel_health: 'is_on_gateway state failure',
  notice: 'signature outcome',
  job: 'is_wanted_again',
  hub_trouble: 'kind',
}

/** What no row may be, beside what one column says. */
const rules: readonly (readonly [what: string, table: string, change: Cells])[] = [
  ['a second hub', 'installation', { id: 2 }],
  ['a tenant without an id', 'tenant', { id: '' }],
  ['a negative version', 'channel', { key_version: -1 }],
  ['a negative channel limit', 'client', { max_channels: -1 }],
  ['a second hub of which it says something', 'partner_hub', { id: 2 }],
  ['a term of nothing', 'search_term', { term: '' }],
  ['a failure that is no answer', 'failed_page', { status: 600 }],
  ['a second walk', 'sync', { id: 2 }],
  ...['place', 'clients', 'channels', 'failures'].map(
    (count) => [`a negative count of ${count}`, 'sync', { [count]: -1 }] as const,
  ),
  ['a bound channel without the time', 'channel', { tenant_id: 't1' }],
  ['an unbound channel with the time', 'channel', { bound_at: at }],
  ['a stored key without a version', 'channel', { key_status: 'stored' }],
  ['a link that is not hashed', 'connect_session', { link_hash: 'secret' }],
  ['a session that ends before it begins', 'connect_session', { expires_at: at }],
  ['more returns of a session than are kept', 'connect_session', { return_count: 51 }],
  ['a link session without a link', 'connect_session', { link_hash: null }],
  ['a sign-up with a link', 'connect_session', { origin: 'self_signup' }],
  ['a nonce that is not hashed', 'launch', { nonce_hash: 'secret' }],
  ['a status id that is not hashed', 'launch', { status_hash: 'secret' }],
  ['a launch that ends before it begins', 'launch', { expires_at: at }],
  ['a page that is not hashed', 'connect_return', { page_hash: 'secret' }],
  ['a return of a launch without a session', 'connect_return', { session_id: null }],
  ['a return of a launch that came without one', 'connect_return', { arrival: 'no_nonce' }],
  ['an unattached return that came by a launch', 'connect_return', { launch_id: null, session_id: null }],
  ['a revoked channel with an outcome', 'returned_channel', { is_revoked: 1, outcome: 'bound' }],
  [
    'a decision that is still open',
    'review',
    { decision: 'accepted', decided_by: 'admin:anna', shown: '{}' },
  ],
  ['a decision of nobody', 'review', { decision: 'accepted', shown: '{}', closed_at: at }],
  ...['accepted', 'moved', 'refused'].map(
    (decision) =>
      [
        `${decision} without what was shown`,
        'review',
        { decision, decided_by: 'cli', closed_at: at },
      ] as const,
  ),
  ['what was shown before a decision', 'review', { shown: '{}' }],
  [
    'what nobody looked at',
    'review',
    { decision: 'settled', decided_by: 'latchkey', shown: '{}', closed_at: at },
  ],
  ['a closed review without a decision', 'review', { closed_at: at }],
  ['a mail link that is not hashed', 'owner_confirmation', { link_hash: 'secret' }],
  ['a question that ends before it begins', 'owner_confirmation', { expires_at: at }],
  ['an answer that is still open', 'owner_confirmation', { answer: 'yes', sealed_link: null }],
  ['a closed question without an answer', 'owner_confirmation', { closed_at: at, sealed_link: null }],
  ['a mail that has left and keeps its link', 'owner_confirmation', { sent_at: at }],
  ['a closed question that keeps its link', 'owner_confirmation', { answer: 'no', closed_at: at }],
  ['a mint of no version', 'mint', { version: 0 }],
  ...['stored', 'refused', 'not_needed'].map(
    (state) => [`an open mint that is ${state}`, 'mint', { state, sent_at: at }] as const,
  ),
  ...['waiting', 'minting', 'sealed', 'needs_decision'].map(
    (state) =>
      [
        `a closed mint that is ${state}`,
        'mint',
        { state, closed_at: at, sent_at: at, sealed_answer: 'jwe' },
      ] as const,
  ),
  ...['minting', 'unknown'].map((state) => [`a ${state} mint that was not sent`, 'mint', { state }] as const),
  ['a sealed mint that was not sent', 'mint', { state: 'sealed', sealed_answer: 'jwe' }],
  ['a stored mint that was not sent', 'mint', { state: 'stored', closed_at: at }],
  ['a sealed mint without an answer', 'mint', { state: 'sealed', sent_at: at }],
  [
    'a stored mint that keeps its answer',
    'mint',
    { state: 'stored', sent_at: at, closed_at: at, sealed_answer: 'jwe' },
  ],
  ['a key of no version', 'api_key', { version: 0 }],
  ['a fingerprint that is a key', 'api_key', { fingerprint: 'a-key-that-is-much-longer' }],
  ['a stored key that is closed', 'api_key', { closed_at: at }],
  ['a rejected key that is open', 'api_key', { status: 'rejected' }],
  ['a task of no version', 'channel_task', { version: 0 }],
  ['the health of a key of no version', 'channel_health', { version: 0 }],
  ['health that lasts and was never answered', 'channel_health', { since_at: at }],
  ['a failure without a time', 'channel_health', { failure: 'refused' }],
  ['the time of no failure', 'channel_health', { failed_at: at }],
  ['a notice of nothing', 'notice', { size: 0 }],
  ['a notice whose digest is none', 'notice', { digest: 'chat' }],
  ['a notice before the first of its delivery', 'notice', { place: -1 }],
  ['a notice that never came', 'notice', { copies: 0 }],
  ['a notice that came last before it came', 'notice', { received_at: later }],
  ...['history', 'smb_app_state_sync', 'messages', 'channel_paused', ''].map(
    (event) => [`the body of a notice of "${event}"`, 'notice', { event }] as const,
  ),
  ['a counter of nothing', 'key_read', { reads: 0 }],
  ['a priority before the first', 'job', { priority: -1 }],
  ['a priority after the last', 'job', { priority: 10 }],
  ['a negative number of attempts', 'job', { attempts: -1 }],
  ['a job that is due while it is held', 'job', { leased_until: later }],
  ['a job that is wanted again and not held', 'job', { is_wanted_again: 1 }],
  ['a second budget', 'call_budget', { id: 2 }],
  ['a second trouble', 'hub_trouble', { id: 2 }],
  ['an admin without a name', 'admin', { name: '' }],
  ['a session id that is not hashed', 'admin_session', { sid_hash: 'secret' }],
  ['a code that is not hashed', 'one_time_code', { code_hash: 'secret' }],
  ['a token that is not hashed', 'api_token', { token_hash: 'secret' }],
]

const link2 = { link_hash: hash('2'), code: 'OTHER' }
const nonce2 = { nonce_hash: hash('2'), status_hash: hash('3') }
const unattached = { launch_id: null, session_id: null, arrival: 'no_nonce', digest: 'd9' }
const closedReview = { decision: 'accepted', decided_by: 'cli', shown: '{}', closed_at: at }
const closedMint = { state: 'not_needed', closed_at: at }

type Pair = readonly [what: string, table: string, second: Cells, first?: Cells]

/** Two rows that cannot both be: the table's own, changed so, and beside it one with another key, changed so. */
const uniques: readonly Pair[] = [
  ['the same link', 'connect_session', { id: 's2', code: 'OTHER' }],
  ['the same code', 'connect_session', { id: 's2', link_hash: hash('2') }],
  ['the same nonce', 'launch', { id: 'l2', status_hash: hash('2') }],
  ['the same status page', 'launch', { id: 'l2', nonce_hash: hash('2') }],
  ['the same return of a launch', 'connect_return', { id: 'r2', state: 'bound' }],
  ...['received', 'needs_review'].map(
    (state) =>
      [
        `the same unattached return, once it is ${state}`,
        'connect_return',
        { ...unattached, id: 'r2' },
        { ...unattached, state },
      ] as const,
  ),
  ['another open review of the channel', 'review', { id: 'v2', reason: 'bound_elsewhere' }],
  [
    'another question of the session about the client',
    'owner_confirmation',
    { id: 'o2', link_hash: hash('8') },
  ],
  ['another open mint of the channel', 'mint', { id: 'm2', version: 2 }],
  ['another open mint, whatever the state', 'mint', { id: 'm2', version: 2, state: 'unknown', sent_at: at }],
  ['another stored key of the channel', 'api_key', { version: 2 }],
  ['the same notice', 'notice', { id: 'n2', event: 'channel_ready', size: 8 }],
  ['another job about the same', 'job', { id: 'j2', priority: 0 }],
  ['another admin of that name', 'admin', { id: 'a2' }],
  ['the same token', 'api_token', { id: 'tok2' }],
]

/** What looks the same to a unique index, and may be. */
const allowed: readonly Pair[] = [
  ['a second link of one tenant', 'connect_session', { ...link2, id: 's2' }],
  ['a second launch of one session', 'launch', { ...nonce2, id: 'l2' }],
  [
    'an unattached return after one that was decided',
    'connect_return',
    { ...unattached, id: 'r2' },
    { ...unattached, state: 'refused' },
  ],
  ['a review after one that was closed', 'review', { id: 'v2' }, closedReview],
  ['a mint after one that was closed', 'mint', { id: 'm2', version: 2 }, closedMint],
  ['a key after one that was retired', 'api_key', { version: 2 }, { status: 'retired', closed_at: at }],
  ['a second notice of one delivery', 'notice', { id: 'n2', place: 1 }],
  ['a notice that came with another signature', 'notice', { id: 'n2', signature: 'missing' }],
  ['a job of another kind', 'job', { id: 'j2', kind: 'probe' }],
]

/** A row that is deleted although others are about it. */
const stillNeeded = ['tenant', 'client', 'channel', 'connect_session', 'launch', 'admin', 'api_token']

const names = (table: Readonly<Record<string, string>>) =>
  Object.entries(table).flatMap(([name, columns]) =>
    columns.split(' ').map((column) => [name, column] as const),
  )

eachDatabase('the schema', (open) => {
  let opened: OpenedDatabase
  let raw: Raw

  beforeAll(async () => {
    opened = await open()
    raw = opened.db.withoutPlugins() as unknown as Raw
    for (const [table, row] of Object.entries(rows)) await raw.insertInto(table).values(row).execute()
  })
  afterAll(() => opened.close())

  /** How the database refuses `act`, whose changes are undone in any case; undefined when it does not. */
  async function refusal(act: (trx: Raw) => Promise<unknown>): Promise<Kind | undefined> {
    let refused: Kind | undefined
    await raw
      .transaction()
      .execute(async (trx) => {
        await act(trx).catch((error) => {
          refused = kindOf(error)
        })
        throw new Error('undone')
      })
      .catch((error: Error) => {
        if (error.message !== 'undone') throw error
      })
    return refused
  }

  const change = (table: string, cells: Cells) =>
    refusal((trx) =>
      trx
        .updateTable(table)
        .set({ ...cells })
        .execute(),
    )
  const add = (table: string, cells: Cells, first?: Cells) =>
    refusal(async (trx) => {
      if (first)
        await trx
          .updateTable(table)
          .set({ ...first })
          .execute()
      await trx
        .insertInto(table)
        .values({ ...rows[table], ...cells })
        .execute()
    })

  it.each(Object.keys(rows))('accepts a row of %s', async (table) => {
    expect(await raw.selectFrom(table).selectAll().execute()).toMatchObject([{ ...rows[table] }])
  })

  it.each(names(required))('needs %s.%s', async (table, column) => {
    // The audit refuses an id that is there before anything else.
    const another = table === 'audit_entry' && column !== 'id' ? { id: 'another' } : {}
    expect(await add(table, { ...another, [column]: null })).toBe('not null')
  })

  it.each(names(references))('knows whom %s.%s names', async (table, column) => {
    expect(await change(table, { ...beside[`${table}.${column}`], [column]: 'nobody' })).toBe('foreign key')
  })

  it.each(stillNeeded)('keeps a row of %s that others are about', async (table) => {
    expect(await refusal((trx) => trx.deleteFrom(table).execute())).toBe('foreign key')
  })

  it.each(names(closedLists))('has a closed list for %s.%s', async (table, column) => {
    expect(await change(table, { [column]: /^is_/.test(column) ? 2 : 'anything' })).toBe('check')
  })

  it.each(rules)('refuses %s', async (_, table, cells) => {
    expect(await change(table, cells)).toBe('check')
  })

  it.each(Object.keys(rows).filter((table) => table !== 'audit_entry'))(
    'has one row of %s for a key',
    async (table) => {
      expect(await add(table, {})).toBe('unique')
    },
  )

  it.each(uniques)('refuses %s', async (...[, table, second, first]) => {
    expect(await add(table, second, first)).toBe('unique')
  })

  it.each(allowed)('allows %s', async (...[, table, second, first]) => {
    expect(await add(table, second, first)).toBeUndefined()
  })

  it('lets what a return named go with it, and keeps the review of it', async () => {
    await refusal(async (trx) => {
      await trx.deleteFrom('connect_return').execute()
      expect(await trx.selectFrom('returned_channel').selectAll().execute()).toEqual([])
      expect(await trx.selectFrom('review').select('return_id').execute()).toEqual([{ return_id: null }])
    })
  })

  it('only ever adds to the audit', async () => {
    expect(await change('audit_entry', { actor: 'nobody' })).toBe('trigger')
    expect(await refusal((trx) => trx.deleteFrom('audit_entry').execute())).toBe('trigger')
    if (opened.engine === 'postgres')
      expect(await refusal((trx) => trx.executeQuery(CompiledQuery.raw('truncate audit_entry')))).toBe(
        'trigger',
      )
    expect(await add('audit_entry', { id: 'e2' })).toBeUndefined()
  })
})

/** What a constraint is, by the code of its refusal. */
function kindOf(error: unknown): Kind {
  const { code, errcode } = error as { code?: string; errcode?: number }
  const kind = kinds[String(errcode ?? code)]
  if (!kind) throw error
  return kind
}

const kinds: Readonly<Record<string, Kind>> = {
  ...{ 23502: 'not null', 23503: 'foreign key', 23505: 'unique', 23514: 'check', P0001: 'trigger' },
  ...{ 1299: 'not null', 787: 'foreign key', 1811: 'trigger', 2067: 'unique', 1555: 'unique', 275: 'check' },
}

describe('the tables above', () => {
  const text = readFileSync('src/database/migrations/001-first.sql', 'utf8')
    // What both engines have in their own words counts once.
    .replaceAll(/^-- only postgres$.*?^-- both$/gms, '')
    .replaceAll(/^ *--.*$/gm, '')
  const count = (pattern: RegExp) => text.match(pattern)?.length ?? 0

  it('have a line for each constraint of the migration', () => {
    expect(names(required)).toHaveLength(count(/(text|integer(?! not null primary)) not null/g))
    expect(names(references)).toHaveLength(count(/ references /g))
    expect(names(closedLists)).toHaveLength(count(/check \(\w+ in\s+\(/g))
    expect(Object.keys(rows)).toHaveLength(count(/^create table /gm))
  })
})
