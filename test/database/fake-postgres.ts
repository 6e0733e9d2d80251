import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** How a server ends badly what begins as a connection. */
export type Behaviour =
  /** Takes the connection and says nothing. */
  | 'silent'
  | 'reset'
  /** Closes it as soon as something was sent. */
  | 'close'
  /** Another protocol. */
  | 'web'
  /** The error that it answers: its code and its words. */
  | { readonly code: string; readonly message: string }
  /** The address of a real one, to which it leads from then on. */
  | URL

/** A server at which DATABASE_URL may point, for failures that a real PostgreSQL does not show when it is asked to. */
export async function startFakePostgres(first: Behaviour) {
  let behaviour = first
  const open = new Set<Socket>()
  const server: Server = createServer((socket) => {
    open.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => open.delete(socket))
    if (behaviour === 'reset') socket.resetAndDestroy()
    else if (behaviour instanceof URL)
      socket.pipe(connect(Number(behaviour.port), behaviour.hostname)).pipe(socket)
    else socket.once('data', () => answer(socket, behaviour))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const stop = async () => {
    for (const socket of open) socket.destroy()
    server.close()
    await once(server, 'close')
  }
  const { port } = server.address() as AddressInfo
  const become = (next: Behaviour) => {
    behaviour = next
  }
  return { port, url: `postgres://u:canary-pw@127.0.0.1:${port}/x`, become, stop }
}

function answer(socket: Socket, behaviour: Behaviour): void {
  if (behaviour === 'close') socket.end()
  else if (behaviour === 'web') socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n')
  else if (typeof behaviour === 'object' && 'code' in behaviour) socket.end(errorResponse(behaviour))
}

function errorResponse({ code, message }: { code: string; message: string }): Buffer {
  const fields = Buffer.from(`SFATAL\0VFATAL\0C${code}\0M${message}\0\0`)
  const head = Buffer.alloc(5)
  head.write('E')
  head.writeInt32BE(fields.length + 4, 1)
  return Buffer.concat([head, fields])
}
