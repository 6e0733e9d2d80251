/**
 * The longest that this process worked without a pause in which it could answer. Time that the machine gave to
 * others does not count: of each gap, only the CPU time that was used in it.
 */
export class EventLoopLag {
  readonly #timer: NodeJS.Timeout
  #at = performance.now()
  #cpu = process.cpuUsage()
  #longest = 0

  constructor() {
    this.#timer = setInterval(() => this.mark(), 20).unref()
  }

  /** Now it goes on. */
  mark(): void {
    const now = performance.now()
    const { user, system } = process.cpuUsage(this.#cpu)
    this.#longest = Math.max(this.#longest, Math.min(now - this.#at, (user + system) / 1_000))
    this.#at = now
    this.#cpu = process.cpuUsage()
  }

  /** What is done here does not count. */
  except(work: () => void): void {
    this.mark()
    work()
    this.#at = performance.now()
    this.#cpu = process.cpuUsage()
  }

  /** Milliseconds. */
  end(): number {
    clearInterval(this.#timer)
    this.mark()
    return this.#longest
  }
}
