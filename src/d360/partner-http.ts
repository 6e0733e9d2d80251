import type { Clock } from '../clock.ts'
import { PartnerApiError } from '../errors.ts'
import { BearerCredentials, type Credentials, type Headers } from './credentials.ts'
import type { HubTrouble } from './hub-trouble.ts'
import type { Priority, RateLimiter } from './rate-limiter.ts'
import { readDate } from './wire-date.ts'
import {
  type Answer,
  isSuccess,
  type NoResponse,
  type OnCall,
  type OutgoingRequest,
  sendOnce,
  sendWithRetries,
  statusOf,
} from './send.ts'

/** One call of the Partner API; `endpoint` is its name in the metrics. */
export interface PartnerCall {
  readonly endpoint: string
  readonly priority: Priority
  readonly path: readonly string[]
  readonly query?: Readonly<Record<string, string>>
}

export interface PartnerHttpSettings {
  readonly baseUrl: URL
  readonly credentials: { readonly apiKey: string } | { readonly username: string; readonly password: string }
  readonly rateLimiter: RateLimiter
  readonly clock: Clock
  readonly timeoutMs?: number
  readonly onCall: OnCall
  /** Told how each call ended. */
  readonly trouble: HubTrouble
}

/** What 360dialog answered last. */
export interface LastAnswer {
  readonly status: number
  /** By our clock. */
  readonly at: Date
  /** By 360dialog's clock, in whole seconds; undefined when it did not say. */
  readonly theirTime: Date | undefined
}

/** How this site calls the Partner API: within the rate limit, signed in, measured, with every failure named. */
export class PartnerHttp {
  readonly #settings: PartnerHttpSettings
  readonly #credentials: Credentials
  #lastAnswer: LastAnswer | undefined

  constructor(settings: PartnerHttpSettings) {
    this.#settings = settings
    const { credentials, clock } = settings
    this.#credentials =
      'apiKey' in credentials
        ? { headers: async () => ({ 'x-api-key': credentials.apiKey }), renew: () => false }
        : new BearerCredentials((priority) => this.#login(credentials, priority), clock)
  }

  /** Undefined until this process had one. */
  get lastAnswer(): LastAnswer | undefined {
    return this.#lastAnswer
  }

  /** The body of the 2xx answer; retried on 429, 5xx and errors of the network. @throws PartnerApiError */
  get(call: PartnerCall): Promise<string> {
    return this.#signedIn(call, (headers) => this.#sendWithRetries(call, { method: 'GET', headers }))
  }

  /**
   * The body of the 2xx answer, unread. Sent once, over a connection of its own; only after a 401, which
   * says that nothing happened, it is sent once more with a new login. `beforeSending` ends before the
   * request leaves, and after every wait for a login or the rate limit. @throws PartnerApiError
   */
  post(call: PartnerCall, json: unknown, beforeSending?: () => Promise<void>): Promise<string> {
    return this.#change('POST', call, json, beforeSending)
  }

  /** As `post`, of what is there already. */
  patch(call: PartnerCall, json: unknown): Promise<string> {
    return this.#change('PATCH', call, json)
  }

  #change(
    method: 'POST' | 'PATCH',
    call: PartnerCall,
    json: unknown,
    beforeSending?: () => Promise<void>,
  ): Promise<string> {
    return this.#signedIn(call, async (headers) => {
      const request = this.#toRequest(call, { method, headers, json, ownConnection: true })
      await this.#settings.rateLimiter.take(call.priority)
      await beforeSending?.()
      return sendOnce(request)
    })
  }

  async #login(json: object, priority: Priority): Promise<string> {
    const call = { endpoint: 'token', priority, path: ['token'] }
    return readBody(this.#note(await this.#sendWithRetries(call, { method: 'POST', headers: {}, json })))
  }

  async #signedIn(
    { priority }: PartnerCall,
    send: (headers: Headers) => Promise<Answer | NoResponse>,
  ): Promise<string> {
    const headers = await this.#credentials.headers(priority)
    const outcome = this.#note(await send(headers))
    if (statusOf(outcome) !== 401 || !this.#credentials.renew(headers)) return readBody(outcome)
    return readBody(this.#note(await send(await this.#credentials.headers(priority))))
  }

  #note(outcome: Answer | NoResponse): Answer | NoResponse {
    if ('failure' in outcome) return outcome
    const { status, date = '' } = outcome
    this.#lastAnswer = { status, at: this.#settings.clock.now(), theirTime: readDate(date) }
    return outcome
  }

  async #sendWithRetries(call: PartnerCall, sent: Sent): Promise<Answer | NoResponse> {
    const { rateLimiter, clock, trouble } = this.#settings
    const request = this.#toRequest(call, sent)
    await rateLimiter.take(call.priority)
    return sendWithRetries(request, async (ms) => {
      if (trouble.isOn) return false
      await clock.sleep(ms)
      await rateLimiter.take(call.priority)
      return true
    })
  }

  #toRequest(call: PartnerCall, sent: Sent): OutgoingRequest {
    const { rateLimiter, timeoutMs, trouble } = this.#settings
    const { endpoint } = call
    const onCall: OnCall = (endpoint, status, seconds) => {
      trouble.note(endpoint, status)
      this.#settings.onCall(endpoint, status, seconds)
    }
    const onTooManyRequests = (retryAfterMs?: number) => rateLimiter.slowDown(retryAfterMs)
    return { ...sent, url: this.#toUrl(call), endpoint, timeoutMs, onCall, onTooManyRequests }
  }

  #toUrl({ path, query = {} }: PartnerCall): URL {
    // `encodeURIComponent` leaves dots alone and a URL resolves them: `channels/../api_keys` is another call.
    if (path.some((segment) => /^\.{0,2}$/.test(segment))) throw new PartnerApiError('never_sent')
    const base = this.#settings.baseUrl.href.replace(/\/*$/, '')
    const url = new URL([base, ...path.map(encodeURIComponent)].join('/'))
    url.search = new URLSearchParams(query).toString()
    return url
  }
}

type Sent = Pick<OutgoingRequest, 'method' | 'headers' | 'json' | 'ownConnection'>

/** @throws PartnerApiError: 3xx and 4xx `refused`, 5xx `unknown`, no answer as `sendOnce` says */
function readBody(outcome: Answer | NoResponse): string {
  if ('failure' in outcome) throw new PartnerApiError(outcome.failure)
  if (isSuccess(outcome)) return outcome.body
  throw new PartnerApiError(outcome.status >= 500 ? 'unknown' : 'refused', outcome.status)
}
