import type { ColumnType, Insertable, Selectable } from 'kysely'
import type { FailureKind, UpstreamProblem } from '../errors.ts'

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
  partnerHub: { id: number; isBlocked: boolean; isAddingRefused: boolean; observedAt: Date }
  channel: ChannelTable
  observation: ObservationTable
  channelChange: ChannelChangeTable
  sync: SyncTable
  searchTerm: { term: string; kind: 'tenant' | 'client' | 'channel' | 'session'; subject: string }
  connectSession: ConnectSessionTable
  launch: LaunchTable
  launchSignature: { second: string }
  connectReturn: ConnectReturnTable
  returnedChannel: ReturnedChannelTable
  review: ReviewTable
  ownerConfirmation: OwnerConfirmationTable
  ownerConfirmationChannel: { confirmationId: string; channelId: string }
  ownerMailStop: { tenantId: string; stoppedAt: Date }
  failedPage: FailedPageTable
  mint: MintTable
  apiKey: ApiKeyTable
  notice: NoticeTable
  channelTask: ChannelTaskTable
  channelHealth: ChannelHealthTable
  keyRead: KeyReadTable
  job: JobTable
  callBudget: CallBudgetTable
  hubTrouble: HubTroubleTable
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
  /** Lower-cased; the first is the one to write to. */
  emails: ColumnType<string[], readonly string[] | undefined, readonly string[]>
  maxChannels: Optional<number>
  createdAt: Optional<Date>
  observedAt: Date
  /** When 360dialog was last asked which of its numbers it shares. */
  sharesReadAt: Optional<Date>
}

export type PermissionStatus = 'shared' | 'missing' | 'unknown'
export type ObservationSource = 'return' | 'mint' | 'probe' | 'api' | 'notice' | 'admin'

export type KeyStatus =
  | 'none'
  | 'waiting'
  | 'minting'
  | 'stored'
  | 'needs_decision'
  | 'unknown'
  | 'rejected'
  | 'retired'

/** What else a row tells, for people; what 360dialog did not say is left out. */
export interface ChannelFacts {
  /** Free text: `TIER_1K`. */
  readonly messagingLimit?: string
  /** Free text: `GREEN`, `High`. */
  readonly quality?: string
  /** Free text: where the number is hosted, or how it is set up. */
  readonly hosting?: string
  readonly isOnBusinessApp?: boolean
  /** `shared`: another partner's channel to which this one has access. */
  readonly ownership?: 'owned' | 'shared'
  readonly billingStartedAt?: string
  /** When a number that is to be deleted ends. */
  readonly endsAt?: string
  /** What 360dialog calls the dates that it says in a form that cannot be read. */
  readonly unreadDates?: readonly string[]
  readonly waba?: Readonly<Record<string, string>>
}

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
  /** When 360dialog told by a notice that it runs: no field may say so (docs/360dialog.md 7). */
  runningReportedAt: Optional<Date>
  createdAt: Optional<Date>
  observedAt: Date
  /** Since when 360dialog lists it no more. */
  unlistedAt: Optional<Date>
  facts: ColumnType<ChannelFacts, ChannelFacts | undefined, ChannelFacts>
  permission: Defaulted<PermissionStatus>
  permissionSource: Optional<ObservationSource>
  permissionObservedAt: Optional<Date>
  /** Since when the permission is what it is, however often it was observed again. */
  permissionSinceAt: Optional<Date>
  /** Two sources say different things of it. */
  isPermissionDisputed: Defaulted<boolean>
  keyStatus: Defaulted<KeyStatus>
  keyVersion: Defaulted<number>
}

interface ObservationTable {
  id: string
  channelId: string
  source: ObservationSource
  says: 'shared' | 'missing' | 'grant_reported' | 'revocation_reported' | 'key_works' | 'key_rejected'
  observedAt: Date
}

interface ChannelChangeTable {
  id: string
  channelId: string
  fact: 'status' | 'messagingLimit' | 'quality'
  was: string
  became: string
  changedAt: Date
}

interface SyncTable {
  id: number
  /** What is walked through next, and how many of its rows were read. */
  list: 'clients' | 'channels' | 'permissions'
  place: number
  /** When the walk that is under way began. */
  startedAt: Optional<Date>
  /** When its last page was read. */
  readAt: Optional<Date>
  clients: number
  channels: number
  /** In a row. */
  failures: number
  failedAt: Optional<Date>
  /** When the last whole walk began, and when it ended. */
  completeFromAt: Optional<Date>
  completedAt: Optional<Date>
}

interface ConnectSessionTable {
  id: string
  tenantId: string
  origin: 'link' | 'self_signup'
  linkHash: Optional<string>
  /** Of a sign-up: its form, what was entered, and the ten minutes in which it was sent. */
  formHash: Optional<string>
  email: Optional<string>
  /** The product vouched for the e-mail when it created the link. */
  isEmailVerified: boolean
  /** E.164; the session is about this number alone. */
  number: Optional<string>
  /** What a customer quotes to support: `K7Q-2MD`. */
  code: string
  /** Returns that were kept. What comes after the last is not. */
  returnCount: number
  createdAt: Date
  /** When its link was first opened, by whomever: mail scanners do, too. */
  openedAt: Optional<Date>
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
  /** In which the browser was answered. */
  language: Language
  createdAt: Date
  expiresAt: Date
}

/** The languages of the client's pages and mails. */
export type Language = 'en' | 'de'

/** How a return arrived (ARCHITECTURE, "Returns"): with which nonce, and in which browser. */
export type Arrival =
  /** With a live nonce, in the browser that launched. */
  | 'launch'
  /** With a live nonce, in another browser, or in one that lost its cookie. */
  | 'other_browser'
  /** The same, and it came back without any cookie for the second time: "Continue here" leads it round in circles. */
  | 'no_cookie'
  /** With a nonce whose 24 hours are over. */
  | 'expired_launch'
  /** Without a nonce, in a browser with open launches of one session. */
  | 'open_launch'
  /** One of the four before, confirmed since by a return of "Continue here" with the same client. */
  | 'resumed'
  | 'no_nonce'
  | 'unknown_nonce'
  | 'two_nonces'

type Judged = 'bound' | 'awaiting_owner' | 'needs_review' | 'refused'
export type ReturnState = 'received' | 'pending' | 'declined' | 'unreadable' | Judged

interface ConnectReturnTable {
  id: string
  launchId: Optional<string>
  sessionId: Optional<string>
  clientId: Optional<string>
  /** The query as it came, without nonces; removed after 90 days. */
  raw: Optional<string>
  digest: string
  /**
   * `pending` waits for "Continue here"; `refused`: an admin or the owner decided that nothing of it is connected;
   * `unreadable`: only `raw` says what came.
   */
  state: ReturnState
  arrival: Arrival
  /** SHA-256 of the id of its "Continue here" page. */
  pageHash: Optional<string>
  /** The browser in which it came, when that is not the launch's: only there it can be resumed. */
  browserHash: Optional<string>
  /** Why 360dialog has not said yet whether it is true. */
  problem: Optional<UpstreamProblem>
  receivedAt: Date
  closedAt: Optional<Date>
}

export type BelongingRule = 'bound_already' | 'verified_email' | 'owner_confirmed' | 'known_client'

/** Why a return did not bind a channel by itself. */
export type ReviewReason =
  | 'another_client'
  | 'channel_not_listed'
  | 'bound_elsewhere'
  | 'launch_expired'
  | 'no_cookie'
  | 'no_nonce'
  /** The owner said no, or wants no more mails about this tenant. */
  | 'owner_refused'
  /** The mail could not be delivered, or was not answered in its time. */
  | 'owner_silent'
  | 'nothing_matches'
  | 'another_number'
  | 'no_session'

interface ReturnedChannelTable {
  returnId: string
  channelId: string
  isRevoked: boolean
  /** Undefined until it was judged, and for a revoked channel or one that is shown beside others only. */
  outcome: Optional<'bound' | 'owner' | 'review' | 'refused'>
  /** Why it is bound; `decision`: an admin said so. */
  rule: Optional<BelongingRule | 'decision'>
  /** Why it is, or was, in review. `client_not_listed` opens none: it is looked at again for a day, then refused. */
  reason: Optional<ReviewReason | 'client_not_listed'>
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
  /** `moved`: from the tenant that had it; `settled`: the channel was bound by a later return of the same tenant. */
  decision: Optional<'accepted' | 'moved' | 'refused' | 'settled'>
  /** `admin:NAME`, `cli` or `latchkey`. */
  decidedBy: Optional<string>
  decidedTenantId: Optional<string>
  /** What was decided about. */
  shown: Optional<ReviewFacts>
  closedAt: Optional<Date>
}

/** What an admin sees of a review, as JSON: the same rows give the same facts. */
export interface ReviewFacts {
  readonly client: {
    readonly id: string
    readonly name: string | undefined
    readonly emails: readonly string[]
  }
  readonly number: {
    readonly id: string
    /** The rest as 360dialog described it last. */
    readonly clientId: string | undefined
    readonly phoneNumber: string | undefined
    readonly displayName: string | undefined
    readonly status: string | undefined
  }
  /** Who has the number. */
  readonly holder: { readonly id: string; readonly name: string } | null
  readonly key: { readonly status: KeyStatus; readonly version: number } | null
  readonly reason: ReviewReason
  readonly claims: readonly ClaimFacts[]
  readonly moreClaims: number
}

export interface ClaimFacts {
  readonly session: string
  readonly code: string
  readonly tenant: { readonly id: string; readonly name: string }
  readonly email: string | undefined
  readonly isEmailVerified: boolean
  readonly number: string | undefined
  readonly arrival: Arrival
  readonly reason: ReviewReason
  /** Where the owner was asked about it, and the answer. */
  readonly owner: { readonly email: string; readonly answer: string } | null
}

interface OwnerConfirmationTable {
  id: string
  sessionId: string
  clientId: string
  /** Where the mail goes: the address that 360dialog holds for the client. */
  email: string
  language: Language
  /** `latchkey` or `admin:NAME`. */
  askedBy: string
  linkHash: string
  /** The id in the link, sealed, until the mail has left. */
  sealedLink: Optional<string>
  createdAt: Date
  sentAt: Optional<Date>
  expiresAt: Date
  /** `none`: not answered in its time, not deliverable, or not needed any more. */
  answer: Optional<'yes' | 'no' | 'none'>
  closedAt: Optional<Date>
}

interface FailedPageTable {
  id: string
  /** What the page told to quote: its own, or that of its session. */
  code: string
  /** The pattern; empty: an address that this site does not have. */
  route: string
  status: number
  what: FailureKind
  sessionId: Optional<string>
  happenedAt: Date
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
  /** Asked for a tenant that has the channel no longer: its key is held back, too. */
  isHeldBack: Defaulted<boolean>
  requestedAt: Date
  /** Since when it waits for what it waits for now. */
  sinceAt: Date
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
  /** A former tenant had it when the channel moved: served to nobody before an admin has confirmed or replaced it. */
  isHeldBack: Defaulted<boolean>
  /** How often in a row 360dialog refused it; a stored key with any is doubted. */
  refusals: Defaulted<number>
  refusedAt: Optional<Date>
  createdAt: Date
  closedAt: Optional<Date>
}

interface NoticeTable {
  id: string
  /** With `_` for each dot; empty: it had no name that could be read. */
  event: string
  envelopeId: Optional<string>
  /** `data.id`, whatever it names. */
  dataId: Optional<string>
  /** The channel to ask about; it need not be known here. */
  channelId: Optional<string>
  clientId: Optional<string>
  /** Bytes of all that came with it. */
  size: number
  /** SHA-256 of all that came with it. */
  digest: string
  /** Which one it is of those that came together. */
  place: number
  signature: 'valid' | 'invalid' | 'missing' | 'unchecked'
  /** As it came, of account events only. */
  body: Optional<string>
  /** How often it came, byte for byte. */
  copies: number
  receivedAt: Date
  lastReceivedAt: Date
  /** `kept`: it names nothing that could be asked about. */
  outcome: Optional<'read' | 'not_listed' | 'kept'>
}

interface ChannelTaskTable {
  channelId: string
  name: 'probe' | 'webhook'
  /** The version of the key that it follows. */
  version: number
  state: 'due' | 'ok' | 'failed'
  problem: Optional<string>
  /** Since when its state and problem are what they are. */
  sinceAt: Date
  doneAt: Optional<Date>
}

interface ChannelHealthTable {
  channelId: string
  /** Of the key with which it was asked for. */
  version: number
  /** It is asked for at the address of a gateway, since the cloud's knew none (404), or was none to begin with. */
  isOnGateway: Defaulted<boolean>
  askedAt: Date
  state: 'available' | 'unknown' | 'limited' | 'blocked'
  findings: ColumnType<HealthFinding[], readonly HealthFinding[], readonly HealthFinding[]>
  /** Since when it is in this state. */
  sinceAt: Optional<Date>
  answeredAt: Optional<Date>
  /** Why it could not be asked for, and since when. */
  failure: Optional<'key_rejected' | 'refused' | 'unreachable' | 'unexpected_answer'>
  failedAt: Optional<Date>
}

/** What stands in the way of a number, in 360dialog's words: plain text, short, and never to be trusted. */
export interface HealthFinding {
  /** `WABA`, `PHONE_NUMBER`, a machine's name. */
  readonly about: string
  readonly state: ChannelHealthTable['state']
  readonly code?: string
  readonly text?: string
  readonly solution?: string
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

interface HubTroubleTable {
  id: number
  kind: 'away' | 'credentials_refused' | 'not_understood'
  upstreamStatus: Optional<number>
  sinceAt: Date
  /** When one of the processes asked last whether it is over. */
  askedAt: Date
}

interface CallBudgetTable {
  id: number
  slowUntil: Optional<Date>
  blockedUntil: Optional<Date>
  /** When the next call may be made that nobody waits for. */
  noSpareUntil: Optional<Date>
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
