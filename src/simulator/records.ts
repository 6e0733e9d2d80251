import type { HealthState } from './health.ts'

/** How many numbers a client may have until the partner raises it. */
export const DEFAULT_MAX_CHANNELS = 2

/** A client's WhatsApp Business Account. Every client here has exactly one. */
export interface WabaAccount {
  id: string
  externalId: string
  businessId: string
}

export interface Client {
  id: string
  name: string
  email: string
  /** Of its `contact_user`, when that has another. */
  userEmail?: string
  partnerPayload: string | null
  createdAt: string
  waba: WabaAccount
  /** What the partner raised the limit to. */
  maxChannels?: number
  /** It signed up, and has not accepted the prices yet. */
  owesPayment?: boolean
}

export interface KeyRecord {
  id: string
  value: string
}

export interface ChannelWebhook {
  url: string
  headers: Record<string, string>
}

export interface Channel {
  id: string
  clientId: string
  phoneNumber: string
  displayName: string
  /** A key can only be created for a number that runs. */
  running: boolean
  /** The client lets the partner create this channel's key. */
  permitted: boolean
  createdAt: string
  runningSince: string | null
  /** When a cancellation that was requested takes effect. */
  endsAt?: string | null
  /** When 360dialog ended the number. */
  endedAt?: string
  /** Of the classic sign-up (V1): `status` is what counts, and the account is on behalf of the business. */
  isClassic?: boolean
  /** Another word for `status` than the one that follows from the rest. */
  status?: string
  /** Connected beside the WhatsApp Business app, where it goes on working. */
  isOnBizApp?: boolean
  /** The partner does not own the channel: the client shares access to it. */
  isSharedAccess?: boolean
  health?: HealthState
  appId: string
  /** Meta's own id of the phone number. */
  metaId: string
  /** The one live key; there is never a second. */
  key: KeyRecord | null
  webhook: ChannelWebhook | null
}

type Optional<T> = { [K in keyof T]?: T[K] | undefined }
type Created = { createdAt?: Date | undefined }

/** What it takes to make a client; the hub chooses the rest. */
export type NewClient = Pick<Client, 'email' | 'name'> &
  Optional<Pick<Client, 'id' | 'partnerPayload' | 'owesPayment'>> &
  Created

/** A channel to be, of a client that is known from elsewhere. */
export type NewNumber = Pick<Channel, 'phoneNumber' | 'displayName'> &
  Optional<Pick<Channel, 'id' | 'running' | 'permitted' | 'isClassic' | 'isOnBizApp'>> &
  Created

export type NewChannel = NewNumber & Pick<Channel, 'clientId'>

/** The digits of a phone number, for comparing: spelling and `+` vary. */
export function digitsOf(phoneNumber: string): string {
  return phoneNumber.replace(/\D/g, '')
}

/** A secret as 360dialog lists it: stars, and the last four characters. */
export function mask(secret: string): string {
  return `****${secret.slice(-4)}`
}

/** A mail that the partner's site sent to somebody; in a demo nobody else delivers it. */
export interface Mail {
  to: string
  subject: string
  text: string
  at: string
}
