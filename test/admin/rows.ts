import type { Database } from '../../src/database/database.ts'
import type { ChannelRow, ChannelTaskRow, MintRow, ReturnRow, ReviewRow } from '../../src/database/schema.ts'
import type { Verdict } from '../../src/onboarding/belonging.ts'
import { HUB } from './admin-area.ts'

const at = '2026-03-02T08:57:00.000Z'

export async function addClient(db: Database, id: string, name: string): Promise<void> {
  const facts = { name, email: null, created_at: null, observed_at: at }
  await db
    .insertInto('client')
    .values({ hub_id: HUB, id, ...facts })
    .execute()
}

export async function addTenant(db: Database, id: string, name: string): Promise<void> {
  await db.insertInto('tenant').values({ hub_id: HUB, id, name, created_at: at }).execute()
}

export async function addChannel(db: Database, id: string, change: Partial<ChannelRow> = {}): Promise<void> {
  const row: ChannelRow = {
    hub_id: HUB,
    id,
    client_id: 'client',
    tenant_id: 't1',
    bound_at: at,
    phone_number: '+4930123456',
    display_name: 'Shop A',
    status: 'live',
    raw_status: 'account_mode=live',
    running: 1,
    created_at: at,
    observed_at: at,
    permission: 'shared',
    permission_source: 'return',
    permission_observed_at: at,
    key_status: 'none',
    key_version: 0,
    ...change,
  }
  await db.insertInto('channel').values(row).execute()
}

export async function addMint(db: Database, channelId: string, change: Partial<MintRow> = {}): Promise<void> {
  const row: MintRow = {
    hub_id: HUB,
    id: `min_${channelId}`,
    channel_id: channelId,
    version: 1,
    reason: 'return',
    asked_by: 'ret_1',
    launched_at: at,
    state: 'waiting',
    problem: null,
    upstream_status: null,
    records_before: null,
    records_after: null,
    sealed_answer: null,
    requested_at: at,
    sent_at: null,
    closed_at: null,
    due_at: null,
    lease_until: null,
    attempts: 3,
    ...change,
  }
  await db.insertInto('mint').values(row).execute()
}

export async function addTask(
  db: Database,
  channelId: string,
  name: ChannelTaskRow['name'],
  change: Partial<ChannelTaskRow> = {},
): Promise<void> {
  const row: ChannelTaskRow = {
    ...{ hub_id: HUB, id: `tsk_${name}_${channelId}`, channel_id: channelId, name, version: 1 },
    ...{ state: 'due', problem: null, done_at: null, due_at: at, lease_until: null, attempts: 1 },
    ...change,
  }
  await db.insertInto('channel_task').values(row).execute()
}

export async function addKey(
  db: Database,
  channelId: string,
  version: number,
  sealed: string,
): Promise<void> {
  const place = { hub_id: HUB, channel_id: channelId, version, kid: 'k' }
  const facts = { fingerprint: '0123456789abcdef', address: 'https://waba-v2.360dialog.io', app_id: null }
  await db
    .insertInto('api_key')
    .values({
      ...place,
      sealed,
      ...facts,
      record_id: null,
      status: 'stored',
      created_at: at,
      closed_at: null,
    })
    .execute()
}

export async function addReturn(
  db: Database,
  id: string,
  { verdict, ...change }: Partial<Omit<ReturnRow, 'verdict'>> & { verdict?: Verdict } = {},
): Promise<void> {
  const row: ReturnRow = {
    ...{ hub_id: HUB, id, launch_id: `lau_${id}`, session_id: 'ses_1', client_id: 'client' },
    ...{ channels: '[]', revoked: '[]', raw: '', digest: id, state: 'received' },
    verdict: verdict ? JSON.stringify(verdict) : null,
    ...{ received_at: at, closed_at: null, due_at: null, lease_until: null, attempts: 1 },
    ...{ came: 'launch', page_hash: null, browser_hash: null },
    ...change,
  }
  await db.insertInto('connect_return').values(row).execute()
}

export async function addReview(
  db: Database,
  id: string,
  change: Partial<ReviewRow> & Pick<ReviewRow, 'reason'>,
): Promise<void> {
  const row: ReviewRow = {
    ...{ hub_id: HUB, id, client_id: 'client', channel_id: id, return_id: null, session_id: null },
    ...{ tenant_id: null, came: 'launch', opened_at: at },
    ...{ decision: null, decided_by: null, decided_tenant_id: null, closed_at: null },
    ...change,
  }
  await db.insertInto('review').values(row).execute()
}
