import type { Clock } from '../src/clock.ts'

const TIMES_AS_FAST = 20

/** A clock on which time goes by twenty times as fast, and jumps when a test says so. */
export class FastClock implements Clock {
  readonly #start = Date.now()
  #jumped = 0

  now(): Date {
    return new Date(this.#start + (Date.now() - this.#start) * TIMES_AS_FAST + this.#jumped)
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve()
      const done = () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', done)
        resolve()
      }
      const timer = setTimeout(done, ms / TIMES_AS_FAST)
      signal?.addEventListener('abort', done)
    })
  }

  jump(ms: number): void {
    this.#jumped += ms
  }
}
