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
  partnerPayload: string | null
  createdAt: string
  waba: WabaAccount
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
  /** When 360dialog ended the number. */
  endedAt?: string
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
  Optional<Pick<Client, 'id' | 'partnerPayload'>> &
  Created

/** A channel to be, of a client that is known from elsewhere. */
export type NewNumber = Pick<Channel, 'phoneNumber' | 'displayName'> &
  Optional<Pick<Channel, 'id' | 'running' | 'permitted'>> &
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
