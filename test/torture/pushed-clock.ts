import { type Clock, systemClock } from '../../src/clock.ts'

/** The machine's time, pushed on when a test says so; who sleeps wakes when its moment has come. */
export class PushedClock implements Clock {
  #pushedMs: number
  #push = new AbortController()

  constructor(pushedMs: number) {
    this.#pushedMs = pushedMs
  }

  now(): Date {
    return new Date(Date.now() + this.#pushedMs)
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    const until = this.now().getTime() + ms
    for (let left = ms; left > 0 && !signal?.aborted; left = until - this.now().getTime())
      await systemClock.sleep(left, AbortSignal.any([this.#push.signal, ...(signal ? [signal] : [])]))
  }

  /** How far ahead of the machine's time it is from here on. */
  push(ms: number): void {
    this.#pushedMs = ms
    this.#push.abort()
    this.#push = new AbortController()
  }
}
