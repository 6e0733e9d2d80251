import type { ColumnType, Insertable, Selectable } from 'kysely'

/**
 * A column that may be empty: left out or null when it is written, undefined when it is read. An update takes null,
 * since Kysely leaves out what is undefined.
 */
type Optional<T> = ColumnType<T | undefined, T | null | undefined, T | null>
/** A column that the database fills when a row is inserted without it. */
type Defaulted<T> = ColumnType<T, T | undefined, T>

/**
 * Every table, in the domain's words and types; `migrations/*.sql` says what the columns hold. `column-values.ts`
 * converts at the connection: `…At`, `…Until` and `at` are dates, `is…` booleans, and the JSON columns lists.
 */
export interface Schema {
  migration: { name: string; appliedAt: Date }
  installation: { id: number; hubId: string; createdAt: Date }
  vaultCheck: { kid: string; sealed: string; createdAt: Date }
  tenant: { id: string; name: string; createdAt: Date }
  client: ClientTable
  channel: ChannelTable
  observation: ObservationTable
  connectSession: ConnectSessionTable
  launch: LaunchTable
  launchSignature: { second: string }
  connectReturn: ConnectReturnTable
  returnedChannel: ReturnedChannelTable
  review: ReviewTable
  mint: MintTable
  apiKey: ApiKeyTable
  channelTask: ChannelTaskTable
  keyRead: KeyReadTable
  job: JobTable
  callBudget: CallBudgetTable
  admin: AdminTable
  adminSession: { sidHash: string; adminId: string; content: string; expiresAt: Date }
  adminBrowser: { browserHash: string; adminId: string; expiresAt: Date }
  signInCount: { keyHash: string; tries: number; waitsUntil: Optional<Date>; expiresAt: Date }
  oneTimeCode: { codeHash: string; adminId: string; expiresAt: Date; usedAt: Optional<Date> }
  apiToken: ApiTokenTable
  auditEntry: AuditEntryTable
}

export type Row<T extends keyof Schema> = Readonly<Selectable<Schema[T]>>
/** A joined row as it is read: what a left join leaves empty is undefined, not null. */
export type Joined<T> = {
  readonly [K in keyof T]: null extends T[K] ? Exclude<T[K], null> | undefined : T[K]
}
export type NewRow<T extends keyof Schema> = Readonly<Insertable<Schema[T]>>

interface ClientTable {
  id: string
  name: Optional<string>
  /** Lower-cased. */
  email: Optional<string>
  createdAt: Optional<Date>
  observedAt: Date
}

export type PermissionStatus = 'shared' | 'missing' | 'unknown'
export type ObservationSource = 'return' | 'mint' | 'probe' | 'api' | 'notice'

export type KeyStatus =
  | 'none'
  | 'waiting'
  | 'minting'
  | 'stored'
  | 'needs_decision'
  | 'unknown'
  | 'rejected'
  | 'retired'

interface ChannelTable {
  id: string
  clientId: string
  tenantId: Optional<string>
  boundAt: Optional<Date>
  /** E.164 */
  phoneNumber: Optional<string>
  displayName: Optional<string>
  status: 'draft' | 'in_setup' | 'live' | 'pending_deletion' | 'terminated' | 'unknown'
  rawStatus: string
  isRunning: boolean
  createdAt: Optional<Date>
  observedAt: Date
  permission: Defaulted<PermissionStatus>
  permissionSource: Optional<ObservationSource>
  permissionObservedAt: Optional<Date>
  keyStatus: Defaulted<KeyStatus>
  keyVersion: Defaulted<number>
}

interface ObservationTable {
  id: string
  channelId: string
  source: ObservationSource
  says: 'shared' | 'missing' | 'revocation_reported' | 'key_rejected'
  observedAt: Date
}

interface ConnectSessionTable {
  id: string
  tenantId: string
  origin: 'link' | 'self_signup'
  linkHash: Optional<string>
  email: Optional<string>
  /** The product vouched for the e-mail when it created the link. */
  isEmailVerified: boolean
  /** E.164; the session is about this number alone. */
  number: Optional<string>
  /** What a customer quotes to support: `K7Q-2MD`. */
  code: string
  createdAt: Date
  expiresAt: Date
}

interface LaunchTable {
  id: string
  sessionId: string
  nonceHash: string
  statusHash: string
  browserHash: string
  /** The client that the first verified return of this launch named. */
  clientId: Optional<string>
  /** Began with "Continue here": what waits for this session is resumed when it returns. */
  isContinuation: boolean
  createdAt: Date
  expiresAt: Date
}

/** How a return arrived (ARCHITECTURE, "Returns"): with which nonce, and in which browser. */
export type Arrival =
  /** With a live nonce, in the browser that launched. */
  | 'launch'
  /** With a live nonce, in another browser, or in one that lost its cookie. */
  | 'other_browser'
  /** With a nonce whose 24 hours are over. */
  | 'expired_launch'
  /** Without a nonce, in a browser with open launches of one session. */
  | 'open_launch'
  /** One of the three before, confirmed since by a return of "Continue here" with the same client. */
  | 'resumed'
  | 'no_nonce'
  | 'unknown_nonce'
  | 'two_nonces'

interface ConnectReturnTable {
  id: string
  launchId: Optional<string>
  sessionId: Optional<string>
  clientId: Optional<string>
  /** The query as it came, without nonces; removed after 90 days. */
  raw: Optional<string>
  digest: string
  /** `pending` waits for "Continue here"; `refused`: an admin decided that nothing of it is connected. */
  state: 'received' | 'pending' | 'bound' | 'needs_review' | 'refused' | 'declined'
  arrival: Arrival
  /** SHA-256 of the id of its "Continue here" page. */
  pageHash: Optional<string>
  /** The browser in which it came, when that is not the launch's: only there it can be resumed. */
  browserHash: Optional<string>
  receivedAt: Date
  closedAt: Optional<Date>
}

export type BelongingRule = 'bound_already' | 'verified_email' | 'new_client' | 'known_client'

export type ReviewReason =
  | 'client_not_listed'
  | 'another_client'
  | 'channel_not_listed'
  | 'bound_elsewhere'
  | 'launch_expired'
  | 'no_nonce'
  | 'another_sign_up'
  | 'nothing_matches'
  | 'another_number'
  | 'no_session'

interface ReturnedChannelTable {
  returnId: string
  channelId: string
  isRevoked: boolean
  /** Undefined until it was judged, and for a revoked channel or one that is shown beside others only. */
  outcome: Optional<'bound' | 'review' | 'refused'>
  /** Why it is bound; `decision`: an admin said so. */
  rule: Optional<BelongingRule | 'decision'>
  /** Why it is, or was, in review. */
  reason: Optional<ReviewReason>
}

interface ReviewTable {
  id: string
  clientId: string
  channelId: string
  /** The return, session and tenant that asked first; a return of no launch has neither session nor tenant. */
  returnId: Optional<string>
  sessionId: Optional<string>
  tenantId: Optional<string>
  arrival: Arrival
  reason: ReviewReason
  openedAt: Date
  /** `settled`: the channel was bound by a later return of the same tenant. */
  decision: Optional<'accepted' | 'refused' | 'settled'>
  /** `admin:NAME`, `cli` or `latchkey`. */
  decidedBy: Optional<string>
  decidedTenantId: Optional<string>
  closedAt: Optional<Date>
}

interface MintTable {
  id: string
  channelId: string
  /** The version that the key will have. */
  version: number
  reason: 'return' | 'lost_answer' | 'replace'
  askedBy: string
  launchedAt: Optional<Date>
  state: 'waiting' | 'minting' | 'sealed' | 'stored' | 'unknown' | 'needs_decision' | 'refused' | 'not_needed'
  problem: Optional<string>
  upstreamStatus: Optional<number>
  /** Ids of the channel's key records at 360dialog before and after it; undefined: not read, or not readable. */
  recordsBefore: Optional<string[]>
  recordsAfter: Optional<string[]>
  sealedAnswer: Optional<string>
  requestedAt: Date
  sentAt: Optional<Date>
  closedAt: Optional<Date>
}

interface ApiKeyTable {
  channelId: string
  version: number
  kid: string
  sealed: string
  fingerprint: string
  /** Origin and path of the Messaging API for this channel. */
  address: string
  appId: Optional<string>
  recordId: Optional<string>
  status: 'stored' | 'rejected' | 'retired'
  createdAt: Date
  closedAt: Optional<Date>
}

interface ChannelTaskTable {
  channelId: string
  name: 'probe' | 'webhook'
  /** The version of the key that it follows. */
  version: number
  state: 'due' | 'ok' | 'failed'
  problem: Optional<string>
  doneAt: Optional<Date>
}

interface KeyReadTable {
  tokenId: string
  channelId: string
  /** `2026-03-02T09 v1` */
  hour: string
  reads: number
  firstAt: Date
  lastAt: Date
}

interface JobTable {
  id: string
  kind: string
  subject: string
  /** 0 goes first. */
  priority: number
  dueAt: Date
  leasedUntil: Optional<Date>
  attempts: number
  isWantedAgain: boolean
}

interface CallBudgetTable {
  id: number
  slowUntil: Optional<Date>
  blockedUntil: Optional<Date>
  /** ISO 8601, oldest first. */
  calls: ColumnType<string[], readonly string[], readonly string[]>
}

interface AdminTable {
  id: string
  name: string
  /** PHC string; undefined: this admin comes by a one-time link only. */
  passwordHash: Optional<string>
  createdAt: Date
  disabledAt: Optional<Date>
}

interface ApiTokenTable {
  id: string
  name: string
  tokenHash: string
  scopes: ColumnType<string[], readonly string[], readonly string[]>
  /** The one tenant that it may see; undefined: all. */
  tenantId: Optional<string>
  createdAt: Date
  expiresAt: Optional<Date>
  revokedAt: Optional<Date>
}

interface AuditEntryTable {
  id: string
  at: Date
  actor: string
  action: string
  channelId: Optional<string>
  tenantId: Optional<string>
  detail: ColumnType<AuditDetail, AuditDetail, never>
}

export type AuditDetail = Readonly<Record<string, string | number>>
