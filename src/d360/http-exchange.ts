import { type ClientRequest, Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'

/** One HTTP request, sent once. `url` carries no secret; `json`, when given, is the body. */
export interface Exchange {
  readonly method: 'GET' | 'POST'
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly json?: unknown
  /** From the first look-up to the last byte, in milliseconds. */
  readonly timeoutMs: number
  /** A connection of its own: a kept one that the server just closed would leave the outcome unknown. */
  readonly ownConnection?: boolean
}

export interface Answer {
  readonly status: number
  readonly body: string
  /** The raw `Retry-After` header. */
  readonly retryAfter: string | undefined
}

/** No answer: `never_sent` when no connection stood, so nothing can have happened; `unknown` otherwise. */
export interface Lost {
  readonly lost: 'never_sent' | 'unknown'
}

const LARGEST_BODY = 5 * 1024 * 1024
const ownAgents = { http: new HttpAgent({ keepAlive: false }), https: new HttpsAgent({ keepAlive: false }) }

/**
 * Sends one request, follows no redirect, repeats nothing and reads at most 5 MB.
 * It never throws for what the network or the server does: got's errors carry the request, and with it
 * our keys, so they end here. An answer that is not 2xx counts by its status even when its body breaks off.
 */
export async function exchange(request: Exchange): Promise<Answer | Lost> {
  // Loaded with the first call, not with the start: it is the largest of what we load.
  const { default: got } = await import('got')
  const stream = got.stream(request.url, toOptions(request))
  let connected = false
  let answer: Answer | undefined
  stream.on('error', () => {})
  stream.once('request', (sent: ClientRequest) => onceConnected(sent, () => (connected = true)))
  stream.once('response', ({ statusCode, headers }) => {
    answer = { status: statusCode, body: '', retryAfter: headers['retry-after'] }
  })
  const body = await readBody(stream)
  if (answer && body !== undefined) return { ...answer, body }
  if (answer && !isSuccess(answer)) return answer
  return { lost: connected ? 'unknown' : 'never_sent' }
}

/** Whether 360dialog did what was asked: 2xx. */
export function isSuccess({ status }: Answer): boolean {
  return status >= 200 && status < 300
}

function toOptions({ method, headers, json, timeoutMs, ownConnection = false }: Exchange) {
  return {
    method,
    headers: { accept: 'application/json', ...headers },
    ...(json === undefined ? {} : { json }),
    ...(ownConnection ? { agent: ownAgents } : {}),
    timeout: { request: timeoutMs },
    retry: { limit: 0 },
    followRedirect: false,
    throwHttpErrors: false,
  }
}

// Node holds every byte back until the connection stands, with TLS until the certificate was accepted.
function onceConnected(request: ClientRequest, note: () => void): void {
  request.once('socket', (socket) => {
    if (request.reusedSocket || !socket.connecting) return note()
    socket.once(request.protocol === 'https:' ? 'secureConnect' : 'connect', note)
  })
}

/** The whole body, or `undefined` when it breaks off, cannot be decompressed or is too large. */
async function readBody(stream: AsyncIterable<Uint8Array>): Promise<string | undefined> {
  const chunks: Uint8Array[] = []
  let size = 0
  try {
    for await (const chunk of stream) {
      size += chunk.length
      if (size > LARGEST_BODY) return undefined
      chunks.push(chunk)
    }
  } catch {
    return undefined
  }
  return Buffer.concat(chunks).toString('utf8')
}
