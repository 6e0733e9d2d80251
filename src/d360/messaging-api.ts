import { z } from 'zod'
import { LatchkeyError } from '../errors.ts'
import { type Health, readHealth } from './health.ts'
import { readMessagingAddress } from './messaging-address.ts'
import { type Answer, isSuccess, type OnCall, sendOnce } from './send.ts'
import { wirePhoneNumber, wireText } from './wire-values.ts'

export type MessagingFailure =
  /** 401 or 403: the key was replaced, or the permission removed. */
  | 'key_rejected'
  /** Another 3xx or 4xx, or an address that may not get the key. */
  | 'refused'
  /** No answer, or one that says "later": 429, 5xx. */
  | 'unreachable'
  /** 2xx, with a body that is not what was asked for. */
  | 'unexpected_answer'

/** A call with a channel's key failed. Never carries the request, its headers or a body. */
export class MessagingApiError extends LatchkeyError {
  readonly status = 502
  readonly failure: MessagingFailure
  readonly upstreamStatus: number | undefined

  constructor(failure: MessagingFailure, upstreamStatus?: number) {
    super(
      'upstream_unavailable',
      `360dialog messaging: ${failure}${upstreamStatus ? ` (${upstreamStatus})` : ''}`,
    )
    this.failure = failure
    this.upstreamStatus = upstreamStatus
  }
}

export interface MessagingApiSettings {
  /** Host names and `*.` patterns that may get a key. */
  readonly allowedHosts: readonly string[]
  readonly timeoutMs?: number
  readonly onCall: OnCall
}

/** Where a channel's Messaging API is, and its key. */
export interface MessagingAccess {
  readonly address: string
  readonly apiKey: string
}

/** The key works; E.164, or `undefined` when 360dialog does not say which number it is for. */
export interface PhoneNumberAnswer {
  readonly phoneNumber: string | undefined
}

export interface ChannelWebhook {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}

interface MessagingCall {
  readonly endpoint: string
  readonly path: string
  readonly json?: unknown
}

const phoneNumberAnswer = z.object({ phone_number: wirePhoneNumber })
const webhookAnswer = z.object({ url: wireText })

/** The calls made with a channel's own key (docs/360dialog.md 9). Each is sent once and throws MessagingApiError. */
export class MessagingApi {
  readonly #settings: MessagingApiSettings

  constructor(settings: MessagingApiSettings) {
    this.#settings = settings
  }

  /** Asks which number a key is for, which proves the key; undefined where there is no such call (404). */
  async readPhoneNumber(access: MessagingAccess): Promise<PhoneNumberAnswer | undefined> {
    const answer = await this.#send(access, { endpoint: 'phone_number', path: '/v1/configs/phone_number' })
    if (answer.status === 404) return undefined
    return { phoneNumber: readJson(answer, phoneNumberAnswer).phone_number ?? undefined }
  }

  /**
   * Asks for a number's health, in the cloud or on a gateway: one call, since one is allowed in 300 seconds for each
   * channel. `HealthService` keeps to that.
   * @throws MessagingApiError `refused` with 404 where the other address may be the right one
   */
  async readHealth(access: MessagingAccess, { isOnGateway }: { isOnGateway: boolean }): Promise<Health> {
    const path = isOnGateway ? '/v1/health' : '/health_status'
    const answer = await this.#send(access, { endpoint: 'health', path })
    return readHealth(readJson(answer, z.looseObject({})), access.apiKey)
  }

  /**
   * Sets where the channel's messages go.
   * @throws MessagingApiError `unexpected_answer` when another URL is echoed
   */
  async setWebhook(access: MessagingAccess, { url, headers }: ChannelWebhook): Promise<void> {
    const call = { endpoint: 'set_webhook', json: { url, headers } }
    const first = await this.#send(access, { ...call, path: '/v1/configs/webhook' })
    const answer =
      first.status === 404 ? await this.#send(access, { ...call, path: '/configs/webhook' }) : first
    const echoed = readEchoedUrl(expectSuccess(answer))
    if (echoed && echoed !== url) throw new MessagingApiError('unexpected_answer')
  }

  async #send(
    { address, apiKey }: MessagingAccess,
    { endpoint, path, json }: MessagingCall,
  ): Promise<Answer> {
    const { allowedHosts, timeoutMs, onCall } = this.#settings
    const reachable = readMessagingAddress(address, allowedHosts)
    if ('fault' in reachable) throw new MessagingApiError('refused')
    const outcome = await sendOnce({
      ...{ endpoint, onCall, json, timeoutMs },
      method: json === undefined ? 'GET' : 'POST',
      url: new URL(`${reachable.address}${path}`),
      headers: { 'd360-api-key': apiKey },
    })
    if ('failure' in outcome) throw new MessagingApiError('unreachable')
    return outcome
  }
}

/** @throws MessagingApiError for any status but 2xx */
function expectSuccess(answer: Answer): Answer {
  if (isSuccess(answer)) return answer
  const { status } = answer
  if (status === 401 || status === 403) throw new MessagingApiError('key_rejected', status)
  throw new MessagingApiError(status === 429 || status >= 500 ? 'unreachable' : 'refused', status)
}

function readJson<T>(answer: Answer, shape: z.ZodType<T>): T {
  const { status, body } = expectSuccess(answer)
  try {
    return shape.parse(JSON.parse(body))
  } catch {
    throw new MessagingApiError('unexpected_answer', status)
  }
}

// Some stacks echo what was set, some answer with nothing or with other words.
function readEchoedUrl({ body }: Answer): string | undefined {
  try {
    return webhookAnswer.parse(JSON.parse(body)).url || undefined
  } catch {
    return undefined
  }
}
