const MOST_CALLS = 5
const WINDOW_MS = 30_000

/** Five calls in thirty seconds (docs/360dialog.md 10). */
export class RateLimit {
  #admitted: number[] = []

  /** Seconds to wait; 0 for a call that is let in, and counted. */
  waitFor(now: Date): number {
    const time = now.getTime()
    this.#admitted = this.#admitted.filter((earlier) => earlier > time - WINDOW_MS)
    const [oldest] = this.#admitted
    if (oldest !== undefined && this.#admitted.length >= MOST_CALLS)
      return Math.ceil((oldest + WINDOW_MS - time) / 1000)
    this.#admitted.push(time)
    return 0
  }
}
