import { z } from 'zod'
import type { ChannelFacts } from '../database/schema.ts'
import { toPlainText } from '../plain-text.ts'
import {
  unreadDatesOf,
  type WireDate,
  wireDate,
  wireFlag,
  wireId,
  wireObject,
  wirePhoneNumber,
  wireText,
} from './wire-values.ts'

export type ChannelStatus = 'draft' | 'in_setup' | 'live' | 'pending_deletion' | 'terminated' | 'unknown'

/** One WhatsApp number under a client, as 360dialog lists it (docs/360dialog.md 6). */
export interface Channel {
  readonly id: string
  readonly clientId: string
  /** E.164 with `+`. */
  readonly phoneNumber: string | undefined
  readonly displayName: string | undefined
  readonly status: ChannelStatus
  /** What 360dialog said, for people: `account_mode=live status=ready`. */
  readonly rawStatus: string
  /** Whether the number runs at 360dialog, so that a key can be created. */
  readonly running: boolean
  readonly createdAt: Date | undefined
  readonly facts: ChannelFacts
}

const wabaFacts = [
  'id',
  'name',
  'namespace',
  'external_id',
  'fb_business_id',
  'fb_account_status',
  'type',
] as const

const numberPlaces = { phone_number: wirePhoneNumber, display_phone_number: wirePhoneNumber }

/** One row of the channel list, in 360dialog's names (docs/360dialog.md 6). */
const channelRow = z.object({
  id: wireId,
  client_id: wireId,
  client: wireObject({ id: wireId }),
  status: wireText,
  account_mode: wireText,
  hub_status: wireText,
  availability_status: wireText,
  app_id: wireId,
  integration: wireObject({ app_id: wireId, state: wireText, hosting_type: wireText }),
  setup_info: wireObject({ ...numberPlaces, phone_name: wireText }),
  ...numberPlaces,
  phone_name: wireText,
  waba_account: wireObject({
    ...{ id: wireText, name: wireText, namespace: wireText, external_id: wireText, fb_business_id: wireText },
    ...{ fb_account_status: wireText, type: wireText },
    on_behalf_of_business_info: wireObject({ type: wireText }),
  }),
  current_limit: wireText,
  current_quality_rating: wireText,
  hosting_type: wireText,
  is_on_biz_app: wireFlag,
  ownership: wireText,
  access: wireText,
  access_type: wireText,
  is_owned: wireFlag,
  billing_started_at: wireDate,
  created_at: wireDate,
  terminated_at: wireDate,
  cancelled_at: wireDate,
})

type ChannelRow = z.infer<typeof channelRow>

const CLOCKS_DIFFER_MS = 60 * 60_000

/** The statuses of the classic sign-up other than `ready` (docs/360dialog.md 7). */
const CLASSIC_IN_SETUP = new Set(
  `created unverified verified modified imported new_name_requested certificate_declined consents_signed
  error porting_ready ready_for_migration waiting_for_migration_code migration_code_requested`.split(/\s+/),
)

/**
 * Reads one row of the channel list.
 * `undefined` when it is no object, or has no id, or names no client.
 */
export function readChannel(row: unknown, now: Date): Channel | undefined {
  const read = channelRow.safeParse(row)
  if (!read.success) return undefined
  const said = { ...read.data, created_at: withoutFuture(read.data.created_at, now) }
  const clientId = said.client_id ?? said.client?.id
  if (!said.id || !clientId) return undefined
  return {
    id: said.id,
    clientId,
    phoneNumber: findNumber(said),
    displayName: said.setup_info?.phone_name || said.phone_name || undefined,
    ...deriveState(said, now),
    rawStatus: describeStatus(said),
    createdAt: said.created_at?.at,
    facts: readFacts(said, now),
  }
}

/** In the documented place, or in one where other rows of 360dialog and Meta have it. */
function findNumber({ setup_info: info, ...row }: ChannelRow): string | undefined {
  const said = [info?.phone_number, row.phone_number, row.display_phone_number, info?.display_phone_number]
  return said.find((number) => typeof number === 'string')
}

function readFacts(row: ChannelRow, now: Date): ChannelFacts {
  const { created_at, billing_started_at, terminated_at, cancelled_at } = row
  const unread = unreadDatesOf({ created_at, billing_started_at, terminated_at, cancelled_at })
  const end = terminated_at ? terminated_at.at : plannedEnd(row, now)
  const facts = {
    messagingLimit: row.current_limit,
    quality: row.current_quality_rating,
    hosting: row.hosting_type ?? row.integration?.hosting_type,
    isOnBusinessApp: row.is_on_biz_app,
    ownership: readOwnership(row),
    billingStartedAt: billing_started_at?.at?.toISOString(),
    endsAt: end?.toISOString(),
    waba: readWaba(row),
    unreadDates: unread.length > 0 ? unread : undefined,
  }
  return withoutEmpty(facts)
}

/** The field that tells has not been seen (docs/360dialog.md 6): any of these words is taken. */
function readOwnership(row: ChannelRow): 'owned' | 'shared' | undefined {
  const words = [row.ownership, row.access, row.access_type]
  if (row.is_owned === false || words.some((word) => says(word, 'shared', 'shared_access'))) return 'shared'
  return row.is_owned || words.some((word) => says(word, 'owned', 'owner')) ? 'owned' : undefined
}

function readWaba({ waba_account: account }: ChannelRow): ChannelFacts['waba'] | undefined {
  const type = account?.on_behalf_of_business_info?.type || account?.type
  const facts = withoutEmpty(Object.fromEntries(wabaFacts.map((name) => [name, account?.[name]])))
  return account ? ({ ...facts, ...(type && { type }) } as ChannelFacts['waba']) : undefined
}

/** Without what was not said. */
function withoutEmpty(facts: object): object {
  return Object.fromEntries(Object.entries(facts).filter(([, fact]) => (fact ?? '') !== ''))
}

/** Where a number stands: which one, and whether a key can be created already. They follow from each other. */
type ChannelState = Pick<Channel, 'status' | 'running'>

/** The first line that applies decides (docs/360dialog.md 7, decision 30). Creating the key shows whether it runs. */
function deriveState(row: ChannelRow, now: Date): ChannelState {
  const running = runs(row)
  if (isOver(row, now) && !running) return { status: 'terminated', running: false }
  if (endOf(row)) return { status: 'pending_deletion', running }
  if (running) return { status: 'live', running }
  if (isClassic(row) && row.status) return { status: deriveClassicStatus(row.status), running }
  return { status: findAppId(row) ? 'in_setup' : 'draft', running }
}

function runs(row: ChannelRow): boolean {
  const states = [row.hub_status, row.integration?.state, row.availability_status]
  return (
    says(row.account_mode, 'live') ||
    says(row.status, 'ready', 'running') ||
    states.some((state) => says(state, 'live', 'running'))
  )
}

// Nothing that is listed is still to be created; and a wrong date must not make a channel newer than its launch.
function withoutFuture(date: WireDate, now: Date): WireDate {
  return date?.at && date.at.getTime() > now.getTime() + CLOCKS_DIFFER_MS ? { ...date, at: undefined } : date
}

function endOf({ terminated_at, cancelled_at }: ChannelRow): WireDate {
  return terminated_at ?? cancelled_at
}

/** When it was cancelled may be when that was asked for: only a day to come is the end. */
function plannedEnd({ cancelled_at }: ChannelRow, now: Date): Date | undefined {
  return cancelled_at?.at && cancelled_at.at > now ? cancelled_at.at : undefined
}

// "app_id exists = not terminated" holds even when the date has passed. Whether one that is not read has, nobody knows.
function isOver(row: ChannelRow, now: Date): boolean {
  const end = endOf(row)?.at
  return Boolean(end && end <= now && !findAppId(row))
}

/** What 360dialog said about the state, for people: `account_mode=live status=ready hub_status=live`. */
function describeStatus(row: ChannelRow): string {
  const said = {
    account_mode: row.account_mode,
    status: row.status,
    hub_status: row.hub_status,
    availability_status: row.availability_status,
    integration: row.integration?.state,
    terminated_at: row.terminated_at?.said,
    cancelled_at: row.cancelled_at?.said,
  }
  const pairs = Object.entries(said).filter(([, value]) => value)
  return pairs.map(([name, value]) => `${name}=${toPlainText(value?.slice(0, 40) ?? '')}`).join(' ')
}

/** The id that the messaging stack gives a number; older and newer rows keep it in different places. */
function findAppId(row: ChannelRow): string | undefined {
  return row.integration?.app_id ?? row.app_id ?? undefined
}

// The two sign-ups cannot be told apart for sure; "on behalf of" is the mark of the classic one.
function isClassic({ waba_account: account }: ChannelRow): boolean {
  return says(account?.on_behalf_of_business_info?.type, 'obo') || says(account?.type, 'obo')
}

function deriveClassicStatus(status: string): ChannelStatus {
  return CLASSIC_IN_SETUP.has(status.toLowerCase()) ? 'in_setup' : 'unknown'
}

function says(value: string | null | undefined, ...words: string[]): boolean {
  return typeof value === 'string' && words.includes(value.toLowerCase())
}
