import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http'
import { createServer as createTcpServer, type Socket, type Server as TcpServer } from 'node:net'
import { inspect } from 'node:util'

export interface Received {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

type Handler = (request: Received, response: ServerResponse, nth: number) => void

/** A real HTTP server that plays 360dialog's part and remembers what it was asked. */
export interface Upstream {
  readonly url: string
  readonly received: Received[]
  close(): Promise<void>
}

export async function startUpstream(handler: Handler): Promise<Upstream> {
  const received: Received[] = []
  const server = createServer(async (req, res) => {
    const chunks: Buffer[] = []
    for await (const chunk of req) chunks.push(chunk)
    const { pathname, searchParams } = new URL(req.url ?? '/', 'http://upstream')
    const request = { method: req.method ?? '', path: pathname, query: searchParams, headers: req.headers }
    received.push({ ...request, body: Buffer.concat(chunks).toString() })
    handler(received.at(-1) as Received, res, received.length)
  })
  const close = async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  return { url: await listen(server), received, close }
}

/** A bare socket server: `onData` gets each connection once its first bytes have come. */
export async function startSocketServer(
  onData: (socket: Socket) => void,
): Promise<Omit<Upstream, 'received'>> {
  const sockets = new Set<Socket>()
  const server = createTcpServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('data', () => onData(socket))
  })
  const close = async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  }
  return { url: await listen(server), close }
}

/** An address of this machine where nobody listens. */
export async function findDeadAddress(): Promise<string> {
  const server = createTcpServer()
  const url = await listen(server)
  await new Promise((resolve) => server.close(resolve))
  return url
}

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

/** What a call was rejected with. */
export async function failureOf(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => undefined,
    (error: unknown) => error,
  )
}

/** Everything that a log, a page or a debugger may print of an error. */
export function everythingIn(error: unknown): string {
  const stack = error instanceof Error ? error.stack : ''
  return [inspect(error, { depth: 10, showHidden: true }), JSON.stringify(error), String(error), stack].join(
    '\n',
  )
}

async function listen(server: Server | TcpServer): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : address}`
}
