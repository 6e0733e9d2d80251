import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import type { CrashPointName } from '../../src/jobs/crash-points.ts'
import { type Child, startChild } from '../child-process.ts'
import { freePort } from '../free-port.ts'
import { eventually } from '../site.ts'

type Settings = Readonly<Record<string, string>>

interface Place {
  readonly port: number
  child: Child
}

/** Processes of one site behind one address. Who dies is started again, as a supervisor does it. */
export class Fleet {
  /** What all of them logged. */
  readonly log: string[] = []
  #pushedMs = 0
  #turn = 0
  #isOver = false
  #failure: Error | undefined
  readonly #places: Place[] = []
  readonly #settings: Settings
  readonly #balancer: Server

  private constructor(settings: Settings) {
    this.#settings = settings
    this.#balancer = createServer((client) => this.#passOn(client, this.#ports()))
  }

  /** `settings` name the address that all of them share. */
  static async open(settings: Settings, processes: number): Promise<Fleet> {
    const fleet = new Fleet(settings)
    fleet.#balancer.listen(Number(settings.PORT), '127.0.0.1')
    // One after the other: the first brings the database up to date.
    for (let place = 0; place < processes; place += 1) {
      const port = await freePort()
      fleet.#places.push({ port, child: await fleet.#start(port) })
    }
    return fleet
  }

  /** From here on the process kills itself when it reaches `step`. */
  async arm(nth: number, step: CrashPointName): Promise<Child> {
    const child = this.#places[nth % this.#places.length]?.child
    if (!child) throw new Error('no process')
    child.tell(`arm ${step}`)
    await child.said('arm done')
    return child
  }

  /** Lets time pass for all of them, and for those that start later. */
  async push(ms: number): Promise<void> {
    this.#pushedMs += ms
    await this.whole()
  }

  /** Resolves when all of them live, and in the same time. */
  async whole(): Promise<void> {
    await eventually(() => this.#failure ?? this.#places.every(({ child }) => isAlive(child)))
    if (this.#failure) throw this.#failure
    await Promise.all(this.#places.map(({ child }) => this.#tellTime(child)))
  }

  async close(): Promise<void> {
    this.#isOver = true
    for (const { child } of this.#places) {
      child.process.kill('SIGKILL')
      await child.ended
    }
    this.#balancer.close()
    await once(this.#balancer, 'close')
  }

  async #start(port: number): Promise<Child> {
    const settings = { ...this.#settings, PORT: String(port), TORTURE_PUSHED_MS: String(this.#pushedMs) }
    const child = startChild('torture/site-process.ts', settings)
    void child.ended.then(() => this.#replace(child, port))
    await child.said('serving')
    return child
  }

  async #replace(dead: Child, port: number): Promise<void> {
    this.log.push(...dead.errors)
    const place = this.#places.find(({ child }) => child === dead)
    if (this.#isOver || !place) return
    try {
      place.child = await this.#start(port)
    } catch (error) {
      this.#failure = error as Error
    }
  }

  /** Resolves as well when it dies meanwhile. */
  async #tellTime(child: Child): Promise<void> {
    child.tell(`push ${this.#pushedMs}`)
    await child.said('push done').catch(() => undefined)
  }

  /** Each connection begins with another one. */
  #ports(): number[] {
    this.#turn += 1
    const ports = this.#places.map(({ port }) => port)
    const first = this.#turn % ports.length
    return [...ports.slice(first), ...ports.slice(0, first)]
  }

  #passOn(client: Socket, [port, ...others]: readonly number[]): void {
    if (port === undefined) return void client.destroy()
    const site = connect(port, '127.0.0.1')
    let isConnected = false
    site.once('connect', () => {
      isConnected = true
      client.pipe(site).pipe(client)
    })
    site.on('error', () => {})
    site.once('close', () => (isConnected ? client.destroy() : this.#passOn(client, others)))
    client.on('error', () => {})
    client.once('close', () => site.destroy())
  }
}

const isAlive = ({ process }: Child) => process.exitCode === null && process.signalCode === null
