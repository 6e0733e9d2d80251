import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { connect, type Socket } from 'node:net'

/** One answer as it came over the wire. */
export interface RawAnswer {
  /** 0 when the connection ended without an answer. */
  readonly status: number
  readonly head: string
  readonly body: string
}

/** Sends exactly these characters, one byte each, and reads until the other side closes. */
export async function exchange(port: number, text: string): Promise<RawAnswer> {
  const socket = await dial(port)
  socket.write(Buffer.from(text, 'latin1'))
  return toAnswer(await readToEnd(socket))
}

/** A request whose answer ends the connection. */
export function rawRequest(
  method: string,
  target: string,
  headers: readonly string[] = [],
  body = '',
): string {
  const own = headers.some((header) => /^host:/i.test(header)) ? [] : ['Host: localhost']
  const length = body === '' ? [] : [`Content-Length: ${Buffer.byteLength(body, 'latin1')}`]
  return [`${method} ${target} HTTP/1.1`, ...own, 'Connection: close', ...length, ...headers, '', body].join(
    '\r\n',
  )
}

export async function dial(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  // Whoever is thrown out while it still sends is told so by an error.
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

export async function readToEnd(socket: Socket): Promise<string> {
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve))
  return Buffer.concat(chunks).toString('latin1')
}

export function toAnswer(text: string): RawAnswer {
  const end = text.indexOf('\r\n\r\n')
  const head = end < 0 ? text : text.slice(0, end)
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? 0)
  return { status, head, body: end < 0 ? '' : text.slice(end + 4) }
}

const keptOpen = new Agent({ keepAlive: true, maxSockets: 1 })

export interface Asked {
  readonly url: string
  readonly method: string
  readonly headers?: Readonly<Record<string, string>>
  /** A form. */
  readonly body?: string
}

/** The status alone, over a connection that stays open: for many requests. */
export async function statusOf({ url, method, headers = {}, body }: Asked): Promise<number> {
  const form = { 'content-type': 'application/x-www-form-urlencoded', 'content-length': body?.length ?? 0 }
  const sent = request(url, { method, agent: keptOpen, headers: { ...headers, ...(body && form) } })
  sent.end(body)
  const [answer] = await once(sent, 'response')
  answer.resume()
  await once(answer, 'end')
  return answer.statusCode
}
