import type { Clock } from '../clock.ts'
import { PartnerApiError } from '../errors.ts'
import type { CallBudget, Lane } from './call-budget.ts'
import { ApiKeyCredentials, BearerCredentials, type Credentials, type Headers } from './credentials.ts'
import { type Answer, type Exchange, exchange, isSuccess, type Lost } from './http-exchange.ts'
import { type OnCall, timed } from './on-call.ts'
import { readRetryAfter } from './retry-after.ts'

/** One call of the Partner API; `endpoint` is its name in the metrics. */
export interface PartnerCall {
  readonly endpoint: string
  readonly lane: Lane
  readonly path: readonly string[]
  readonly query?: Readonly<Record<string, string>>
}

export interface PartnerHttpSettings {
  readonly baseUrl: URL
  readonly credentials: { readonly apiKey: string } | { readonly username: string; readonly password: string }
  readonly budget: CallBudget
  readonly clock: Clock
  readonly userAgent: string
  readonly timeoutMs: number
  readonly onCall: OnCall
}

const REPEATS = 2
const LONGEST_PAUSE_MS = 10_000

/** How this site calls the Partner API: within the budget, logged in, measured, with every failure named. */
export class PartnerHttp {
  readonly #settings: PartnerHttpSettings
  readonly #credentials: Credentials

  constructor(settings: PartnerHttpSettings) {
    this.#settings = settings
    const { credentials, clock } = settings
    this.#credentials =
      'apiKey' in credentials
        ? new ApiKeyCredentials(credentials.apiKey)
        : new BearerCredentials((lane) => this.#login(credentials, lane), clock)
  }

  /** The body of the 2xx answer; tried again, twice, on 429, 5xx and loss. @throws PartnerApiError */
  async get(call: PartnerCall): Promise<string> {
    return readBody(await this.#repeat(() => this.#callAs('GET', call)))
  }

  /**
   * The body of the 2xx answer, unread. Sent once, over a connection of its own; only after a 401, which
   * says that nothing happened, it is sent once more with a new login. `beforeSending` ends before the
   * request leaves, and after every wait for a login or the budget. @throws PartnerApiError
   */
  async post(call: PartnerCall, json: unknown, beforeSending: () => Promise<void>): Promise<string> {
    return readBody(await this.#callAs('POST', call, { json, ownConnection: true }, beforeSending))
  }

  async #login(json: object, lane: Lane): Promise<string> {
    const call = { endpoint: 'token', lane, path: ['token'] }
    return readBody(await this.#repeat(() => this.#send('POST', call, {}, { json })))
  }

  async #callAs(
    method: Exchange['method'],
    call: PartnerCall,
    body: SentBody = {},
    beforeSending?: () => Promise<void>,
  ): Promise<Answer | Lost> {
    const headers = await this.#credentials.headers(call.lane)
    const outcome = await this.#send(method, call, headers, body, beforeSending)
    const isRejected = 'status' in outcome && outcome.status === 401
    if (!isRejected || !this.#credentials.renew(headers)) return outcome
    return this.#send(method, call, await this.#credentials.headers(call.lane), body, beforeSending)
  }

  async #send(
    method: Exchange['method'],
    call: PartnerCall,
    headers: Headers,
    body: SentBody,
    beforeSending?: () => Promise<void>,
  ): Promise<Answer | Lost> {
    const { budget, userAgent, timeoutMs, onCall } = this.#settings
    const url = this.#toUrl(call)
    await budget.take(call.lane)
    await beforeSending?.()
    const outcome = await timed(onCall, call.endpoint, () =>
      exchange({ method, url, headers: { ...headers, 'user-agent': userAgent }, timeoutMs, ...body }),
    )
    if ('status' in outcome && outcome.status === 429) await budget.slowDown(this.#retryAfter(outcome))
    return outcome
  }

  // Each attempt takes its own place in the budget, which is why this loop is not left to the HTTP client.
  async #repeat(attempt: () => Promise<Answer | Lost>): Promise<Answer | Lost> {
    for (let repeats = 0; ; repeats += 1) {
      const outcome = await attempt()
      const pauseMs = this.#pauseAfter(outcome, repeats)
      if (repeats === REPEATS || !isPassing(outcome) || pauseMs > LONGEST_PAUSE_MS) return outcome
      await this.#settings.clock.sleep(pauseMs)
    }
  }

  #pauseAfter(outcome: Answer | Lost, repeats: number): number {
    const asked = this.#retryAfter(outcome)
    return asked === undefined ? 1000 * 2 ** repeats : asked * 1000
  }

  #retryAfter(outcome: Answer | Lost): number | undefined {
    return 'status' in outcome ? readRetryAfter(outcome.retryAfter, this.#settings.clock.now()) : undefined
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

type SentBody = Pick<Exchange, 'json' | 'ownConnection'>

function isPassing(outcome: Answer | Lost): boolean {
  return 'lost' in outcome || outcome.status === 429 || outcome.status >= 500
}

/** @throws PartnerApiError: 3xx and 4xx `refused`, 5xx `unknown`, no answer as the exchange says */
function readBody(outcome: Answer | Lost): string {
  if ('lost' in outcome) throw new PartnerApiError(outcome.lost)
  if (isSuccess(outcome)) return outcome.body
  throw new PartnerApiError(outcome.status >= 500 ? 'unknown' : 'refused', outcome.status)
}
