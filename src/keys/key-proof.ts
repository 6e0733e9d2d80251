import { readMessagingAddress } from '../d360/messaging-address.ts'
import type { MessagingAccess, MessagingApi } from '../d360/messaging-api.ts'
import { MessagingApiError, type MessagingFailure } from '../d360/messaging-api.ts'
import { InvalidInputError } from '../errors.ts'
import { isSameLine } from '../phone-number.ts'

/** A key that some system uses already, and where it belongs. */
export interface KnownKey {
  readonly channelId: string
  /** E.164, as 360dialog describes the channel. */
  readonly phoneNumber: string | undefined
  readonly apiKey: string
  /** Where the key works; the standard address when it was not said. */
  readonly address: string | undefined
}

interface Dependencies {
  readonly messagingApi: Pick<MessagingApi, 'readPhoneNumber'>
  readonly messagingHosts: readonly string[]
  /** Where a key works that came without an address. */
  readonly standardAddress: string
}

const refusals: Readonly<Record<MessagingFailure, string>> = {
  key_rejected: '360dialog rejects this key. Copy it again; it must be the key of the number (D360-API-KEY).',
  refused: '360dialog does not know this key at this address. Check both.',
  unreachable: '360dialog could not be reached, so the key is not proven. Try again in a minute.',
  unexpected_answer:
    '360dialog gave an answer that is not known here, so the key is not proven. Try again later.',
}

/** Proves that a key is the one of its channel: the Messaging API names the number that a key is for. */
export class KeyProof {
  readonly #dependencies: Dependencies

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  get standardAddress(): string {
    return this.#dependencies.standardAddress
  }

  /**
   * Answers the key with its address when it is proven.
   *
   * @throws InvalidInputError that says what to do, and nothing of the key
   */
  async prove(known: KnownKey): Promise<MessagingAccess> {
    const access = this.#readAccess(known)
    if (known.phoneNumber === undefined)
      throw new InvalidInputError(
        '360dialog does not say which number this channel has, so no key can be proven. Ask 360dialog support.',
      )
    const phoneNumber = await this.#readPhoneNumber(access)
    if (phoneNumber === undefined)
      throw new InvalidInputError(
        '360dialog does not say for which number this key is, so it is not proven. Check key and address.',
      )
    if (!isSameLine(phoneNumber, known.phoneNumber))
      throw new InvalidInputError('This key belongs to another number. Copy the key of this number.')
    return access
  }

  /** The key goes nowhere but to a host that may have it, and only as something that can stand in a header. */
  #readAccess({ apiKey, address }: KnownKey): MessagingAccess {
    const { messagingHosts, standardAddress } = this.#dependencies
    if (!isApiKey(apiKey))
      throw new InvalidInputError('That is not a key. Copy it again, complete and without spaces.')
    const reachable = readMessagingAddress(address ?? standardAddress, messagingHosts)
    if ('address' in reachable) return { apiKey, address: reachable.address }
    throw new InvalidInputError(
      reachable.fault === 'unreadable'
        ? 'That is not an address. Leave it empty, or write it like https://waba-v2.360dialog.io'
        : 'A key may not be sent to this address. If it is right, add its host to D360_MESSAGING_HOSTS and start again.',
    )
  }

  async #readPhoneNumber(access: MessagingAccess): Promise<string | undefined> {
    try {
      return (await this.#dependencies.messagingApi.readPhoneNumber(access))?.phoneNumber
    } catch (error) {
      if (!(error instanceof MessagingApiError)) throw error
      throw new InvalidInputError(refusals[error.failure])
    }
  }
}

/** Whether it can be a key at all: printable, without spaces, of a length that a header takes. */
export function isApiKey(text: string): boolean {
  return /^[\x21-\x7e]{1,512}$/.test(text)
}
