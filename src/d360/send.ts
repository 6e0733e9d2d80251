import { type ClientRequest, Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { performance } from 'node:perf_hooks'

/** Told of each attempt when it ended: the endpoint's name, the status or `error`, and how long it took. */
export type OnCall = (endpoint: string, status: number | 'error', seconds: number) => void

/** One request to 360dialog. `url` carries no secret; `json`, when given, is the body. */
export interface OutgoingRequest {
  readonly method: 'GET' | 'POST' | 'PATCH'
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly json?: unknown
  /** Of one attempt, from the first look-up to the last byte; 10 seconds unless said. */
  readonly timeoutMs?: number | undefined
  /** A connection of its own: a kept one that the server just closed would leave the outcome unknown. */
  readonly ownConnection?: boolean
  /** Its name in the metrics. */
  readonly endpoint: string
  readonly onCall: OnCall
  /** Ends after each 429 and before the next attempt. What it throws is thrown on. */
  readonly onTooManyRequests?: (retryAfterMs: number | undefined) => Promise<void>
}

export interface Answer {
  readonly status: number
  readonly body: string
  /** The `Date` header: the server's own clock. */
  readonly date?: string | undefined
}

/** `never_sent` when no connection was made, so nothing can have happened; `unknown` otherwise. */
export interface NoResponse {
  readonly failure: 'never_sent' | 'unknown'
}

const RETRIES = 2
const LONGEST_RETRY_AFTER_MS = 10_000
const LARGEST_BODY = 5 * 1024 * 1024
const ownAgents = { http: new HttpAgent({ keepAlive: false }), https: new HttpsAgent({ keepAlive: false }) }

/** Whether 360dialog did what was asked: 2xx. */
export function isSuccess({ status }: Answer): boolean {
  return status >= 200 && status < 300
}

/** `undefined` when there was no answer. */
export function statusOf(outcome: Answer | NoResponse): number | undefined {
  return 'status' in outcome ? outcome.status : undefined
}

/**
 * Sends one request once, follows no redirect and reads at most 5 MB.
 * It never throws for what the network or the server does: got's errors carry the request, and with it
 * our keys, so they end here. An answer that is not 2xx counts by its status even when its body breaks off.
 */
export function sendOnce(request: OutgoingRequest): Promise<Answer | NoResponse> {
  return send(request)
}

/**
 * As `sendOnce`, but got retries it twice by its own rules: on 429, 5xx and network errors, after 1 and 2 seconds,
 * or as `Retry-After` says if that is at most 10. `pause` waits that long, and until it may be sent again; or answers
 * false: then it is not.
 */
export function sendWithRetries(
  request: OutgoingRequest,
  pause: (ms: number) => Promise<boolean>,
): Promise<Answer | NoResponse> {
  return send(request, pause)
}

async function send(
  request: OutgoingRequest,
  pause?: (ms: number) => Promise<boolean>,
): Promise<Answer | NoResponse> {
  // Loaded with the first call, not with the start: it is the largest of what we load.
  const { default: got, RequestError } = await import('got')
  const tooLarge = new AbortController()
  let attempt: Attempt = { start: performance.now(), connected: false }
  let ownFailure: { readonly cause: unknown } | undefined
  const sending = got(request.url, {
    ...toOptions(request),
    signal: tooLarge.signal,
    retry: {
      ...{ limit: pause ? RETRIES : 0, methods: [request.method] },
      ...{ maxRetryAfter: LONGEST_RETRY_AFTER_MS, noise: 0 },
      // So that got asks after every attempt that failed. `computedValue` is its own delay, 0 after the last attempt.
      enforceRetryRules: false,
      calculateDelay: async ({ error, retryAfter, computedValue }) => {
        const outcome = outcomeOf(attempt, error.response)
        report(request, attempt, outcome)
        try {
          if (statusOf(outcome) === 429) await request.onTooManyRequests?.(retryAfter)
          if (!pause || computedValue === 0 || !(await pause(computedValue))) return 0
        } catch (cause) {
          ownFailure = { cause }
          return 0
        }
        attempt = { start: performance.now(), connected: false }
        return 1 // The time to wait is over: got shall go on at once.
      },
    },
  })
  sending.on('request', (sent) => noteConnection(sent, attempt))
  sending.on('downloadProgress', ({ transferred }) => transferred > LARGEST_BODY && tooLarge.abort())
  try {
    const { statusCode: status, body, headers } = await sending
    const answer = { status, body, date: headers.date }
    report(request, attempt, answer)
    return answer
  } catch (error) {
    if (ownFailure) throw ownFailure.cause
    const outcome = outcomeOf(attempt, error instanceof RequestError ? error.response : undefined)
    report(request, attempt, outcome)
    return outcome
  }
}

interface Attempt {
  readonly start: number
  connected: boolean
  reported?: true
}

interface FailedResponse {
  readonly statusCode: number
  readonly headers: { readonly date?: string | undefined }
}

/** Of an attempt that failed. A 2xx whose body cannot be read is no answer. */
function outcomeOf({ connected }: Attempt, response?: FailedResponse): Answer | NoResponse {
  const answer = response && { status: response.statusCode, body: '', date: response.headers.date }
  return answer && !isSuccess(answer) ? answer : { failure: connected ? 'unknown' : 'never_sent' }
}

/** Once for each attempt: got asks for no delay after an answer that we cut off. */
function report(request: OutgoingRequest, attempt: Attempt, outcome: Answer | NoResponse): void {
  if (attempt.reported) return
  attempt.reported = true
  const seconds = (performance.now() - attempt.start) / 1000
  try {
    request.onCall(request.endpoint, statusOf(outcome) ?? 'error', seconds)
  } catch {
    // A metric that fails must not lose the only copy of a key.
  }
}

function toOptions({ method, headers, json, timeoutMs = 10_000, ownConnection = false }: OutgoingRequest) {
  return {
    method,
    headers: { accept: 'application/json', 'user-agent': 'latchkey', ...headers },
    ...(json === undefined ? {} : { json }),
    ...(ownConnection ? { agent: ownAgents } : {}),
    timeout: { request: timeoutMs },
    followRedirect: false,
  }
}

// Node holds every byte back until the connection stands, with TLS until the certificate was accepted.
function noteConnection(request: ClientRequest, attempt: Attempt): void {
  const note = () => {
    attempt.connected = true
  }
  request.once('socket', (socket) => {
    if (request.reusedSocket || !socket.connecting) return note()
    socket.once(request.protocol === 'https:' ? 'secureConnect' : 'connect', note)
  })
}
