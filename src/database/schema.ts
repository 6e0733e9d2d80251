/**
 * Every table, as rows are. Only text and integer: times are ISO 8601 text in UTC with milliseconds (so that
 * text order is time order), booleans are 0 and 1, lists are JSON. Every row names its partner hub.
 */
export interface Schema {
  migration: { name: string; applied_at: string }
  installation: { hub_id: string; created_at: string }
  vault_check: { hub_id: string; kid: string; sealed: string; created_at: string }
  tenant: { hub_id: string; id: string; name: string; created_at: string }
  connect_session: ConnectSessionRow
  launch: LaunchRow
  launch_signature: { hub_id: string; second: string }
  connect_return: ReturnRow
  unattached_return: UnattachedReturnRow
  review: ReviewRow
  client: ClientRow
  channel: ChannelRow
  observation: ObservationRow
  mint: MintRow
  api_key: ApiKeyRow
  channel_task: ChannelTaskRow
  key_read: KeyReadRow
  audit_entry: AuditRow
  admin: AdminRow
  admin_session: {
    hub_id: string
    sid_hash: string
    admin_id: string | null
    content: string
    expires_at: string
  }
  one_time_code: {
    hub_id: string
    code_hash: string
    admin_id: string
    expires_at: string
    used_at: string | null
  }
  api_token: ApiTokenRow
  call_budget: { hub_id: string; slow_until: string | null; blocked_until: string | null; calls: string }
}

/** Work that waits on a row: due from `due_at` on, taken by one worker until `lease_until`. */
interface Due {
  due_at: string | null
  lease_until: string | null
  attempts: number
}

export interface ConnectSessionRow {
  hub_id: string
  id: string
  tenant_id: string
  origin: 'link' | 'self_signup'
  link_hash: string | null
  email: string | null
  email_verified: number
  number: string | null
  code: string
  created_at: string
  expires_at: string
}

export interface LaunchRow {
  hub_id: string
  id: string
  session_id: string
  nonce_hash: string
  status_hash: string
  browser_hash: string
  client_id: string | null
  created_at: string
  expires_at: string
  /** 1: pressed "Continue here", so what waits for this session is taken up when it returns. */
  continues: number
}

/** How a return came to us (ARCHITECTURE, "Returns"): with which nonce, and in which browser. */
export type Came =
  /** With a live nonce, in the browser that launched. */
  | 'launch'
  /** With a live nonce, in another browser, or in one that lost its cookie. */
  | 'other_browser'
  /** With a nonce whose 24 hours are over. */
  | 'expired_launch'
  /** Without a nonce, in a browser with open launches of one session. */
  | 'open_launch'
  /** One of the three before, confirmed since by a return of "Continue here" with the same client. */
  | 'taken_up'
  | 'no_nonce'
  | 'unknown_nonce'
  | 'two_nonces'

export interface ReturnRow extends Due {
  hub_id: string
  id: string
  launch_id: string
  session_id: string
  client_id: string | null
  channels: string
  revoked: string
  raw: string
  digest: string
  /** `pending` waits for "Continue here"; `refused`: an admin decided that nothing of it is connected. */
  state: 'received' | 'pending' | 'bound' | 'needs_review' | 'refused' | 'declined'
  verdict: string | null
  received_at: string
  closed_at: string | null
  came: Came
  /** SHA-256 of the id of its "Continue here" page. */
  page_hash: string | null
  /** The browser in which it came, when that is not the launch's: only there it can be taken up. */
  browser_hash: string | null
}

/** A channel named by a return that belongs to no launch; kept only while 360dialog is asked about it. */
export interface UnattachedReturnRow extends Due {
  hub_id: string
  id: string
  client_id: string
  channel_id: string
  came: Came
  received_at: string
}

/** A channel that an admin decides about; one open row for a client and channel. */
export interface ReviewRow {
  hub_id: string
  id: string
  client_id: string
  channel_id: string
  /** The return, session and tenant that asked first; null when it belongs to no launch. */
  return_id: string | null
  session_id: string | null
  tenant_id: string | null
  came: Came
  reason: string
  opened_at: string
  /** `settled`: the channel was bound by a later return of the same tenant. */
  decision: 'accepted' | 'refused' | 'settled' | null
  decided_by: string | null
  decided_tenant_id: string | null
  closed_at: string | null
}

export interface ClientRow {
  hub_id: string
  id: string
  name: string | null
  email: string | null
  created_at: string | null
  observed_at: string
}

export interface ChannelRow {
  hub_id: string
  id: string
  client_id: string
  tenant_id: string | null
  bound_at: string | null
  phone_number: string | null
  display_name: string | null
  status: 'draft' | 'in_setup' | 'live' | 'pending_deletion' | 'terminated' | 'unknown'
  raw_status: string
  running: number
  created_at: string | null
  observed_at: string
  permission: 'shared' | 'missing' | 'unknown'
  permission_source: ObservationSource | null
  permission_observed_at: string | null
  key_status: KeyStatus
  key_version: number
}

export type KeyStatus =
  | 'none'
  | 'waiting'
  | 'minting'
  | 'stored'
  | 'needs_decision'
  | 'unknown'
  | 'rejected'
  | 'retired'

export type ObservationSource = 'return' | 'mint' | 'probe' | 'api' | 'notice'

export interface ObservationRow {
  hub_id: string
  id: string
  channel_id: string
  source: ObservationSource
  says: 'shared' | 'missing' | 'revocation_reported' | 'key_rejected'
  observed_at: string
}

export interface MintRow extends Due {
  hub_id: string
  id: string
  channel_id: string
  version: number
  reason: 'return' | 'lost_answer' | 'replace'
  asked_by: string
  launched_at: string | null
  state: 'waiting' | 'minting' | 'sealed' | 'stored' | 'unknown' | 'needs_decision' | 'refused' | 'not_needed'
  problem: string | null
  upstream_status: number | null
  records_before: string | null
  records_after: string | null
  sealed_answer: string | null
  requested_at: string
  sent_at: string | null
  closed_at: string | null
}

export interface ApiKeyRow {
  hub_id: string
  channel_id: string
  version: number
  kid: string
  sealed: string
  fingerprint: string
  address: string
  app_id: string | null
  record_id: string | null
  status: 'stored' | 'rejected' | 'retired'
  created_at: string
  closed_at: string | null
}

export interface ChannelTaskRow extends Due {
  hub_id: string
  id: string
  channel_id: string
  name: 'probe' | 'webhook'
  version: number
  state: 'due' | 'ok' | 'failed'
  problem: string | null
  done_at: string | null
}

export interface KeyReadRow {
  hub_id: string
  token_id: string
  channel_id: string
  hour: string
  reads: number
  first_at: string
  last_at: string
}

export interface AuditRow {
  hub_id: string
  id: string
  at: string
  actor: string
  action: string
  channel_id: string | null
  tenant_id: string | null
  detail: string
}

export interface AdminRow {
  hub_id: string
  id: string
  name: string
  password_hash: string | null
  created_at: string
  disabled_at: string | null
}

export interface ApiTokenRow {
  hub_id: string
  id: string
  name: string
  token_hash: string
  scopes: string
  tenant_id: string | null
  created_at: string
  expires_at: string | null
  revoked_at: string | null
}
