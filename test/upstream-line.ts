import { once } from 'node:events'
import { createServer, request, type Server } from 'node:http'
import { freePort } from './free-port.ts'

/** How a 360dialog is dead: nobody listens, nobody answers, or only the gateway does. */
export const deaths = ['refused', 'hangs', '503'] as const
export type Death = (typeof deaths)[number]

/** The line between a site and its 360dialog, which a test cuts. */
export class UpstreamLine {
  readonly #port: number
  #target = ''
  #server: Server | undefined
  #death: Death | undefined

  /** What passed through it, in order: the method and the address. */
  readonly passed: string[] = []

  private constructor(port: number) {
    this.#port = port
  }

  static async open(): Promise<UpstreamLine> {
    const line = new UpstreamLine(await freePort())
    await line.#listen()
    return line
  }

  get url(): string {
    return `http://localhost:${this.#port}`
  }

  leadTo(target: string): void {
    this.#target = target
  }

  async cut(death: Death): Promise<void> {
    this.#death = death
    if (death === 'refused') await this.close()
  }

  async mend(): Promise<void> {
    this.#death = undefined
    this.#server?.closeAllConnections()
    if (!this.#server) await this.#listen()
  }

  async close(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    server?.closeAllConnections()
    await new Promise((closed) => (server ? server.close(closed) : closed(undefined)))
  }

  async #listen(): Promise<void> {
    this.#server = createServer((req, res) => {
      if (this.#death === 'hangs') return
      if (this.#death) return void res.writeHead(503).end()
      this.passed.push(`${req.method} ${req.url}`)
      const { method, headers } = req
      const sent = request(new URL(req.url ?? '', this.#target), { method, headers }, (answer) => {
        res.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(res)
      })
      sent.on('error', () => res.destroy())
      req.pipe(sent)
    }).listen(this.#port, 'localhost')
    await once(this.#server, 'listening')
  }
}
