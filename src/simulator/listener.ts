import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

const attempts = 5

/** One port on both loopback addresses, so that `localhost` and `127.0.0.1` reach the same thing. */
export class Listener {
  #servers: Server[] = []
  #port = 0
  #answer: RequestListener = (_req, res) => res.writeHead(503).end()
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  /** Answers the port. With port 0 it takes one that is free on both addresses. */
  async open(port: number): Promise<number> {
    for (let attempt = 1; ; attempt += 1) {
      const server = await this.#listen('127.0.0.1', port)
      this.#servers = [server]
      this.#port = portOf(server)
      try {
        this.#servers.push(await this.#listen('::1', this.#port))
        return this.#port
      } catch (error) {
        // Without IPv6 one address is enough. A taken port is not: `localhost` could lead to a stranger.
        if (!isTaken(error)) return this.#port
        await this.pause()
        if (port !== 0 || attempt === attempts) throw error
      }
    }
  }

  serve(answer: RequestListener): void {
    this.#answer = answer
  }

  /** Stops listening and cuts every connection. */
  async pause(): Promise<void> {
    clearTimeout(this.#timer)
    const closing = this.#servers.filter((server) => server.listening)
    const closed = closing.map((server) => once(server, 'close'))
    for (const server of closing) {
      server.close()
      server.closeAllConnections()
    }
    await Promise.all(closed)
  }

  async resume(): Promise<void> {
    if (!this.#isClosed && !this.#servers.some((server) => server.listening)) await this.open(this.#port)
  }

  /** Refuses connections for a while, and listens again by itself, unless the port was taken meanwhile. */
  pauseFor(seconds: number): void {
    const resume = () => void this.resume().catch(() => undefined)
    void this.pause()
    this.#timer = setTimeout(resume, seconds * 1000)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.pause()
  }

  async #listen(host: string, port: number): Promise<Server> {
    const server = createServer((req, res) => this.#answer(req, res))
    server.listen(port, host)
    await once(server, 'listening')
    return server
  }
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}

function isTaken(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EADDRINUSE'
}
