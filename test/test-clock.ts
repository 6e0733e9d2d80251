import type { Clock } from '../src/clock.ts'

/** A clock that stands still until a test moves it; sleepers wake when their time has come. */
export class TestClock implements Clock {
  #now: number
  #sleepers: { at: number; wake: () => void }[] = []

  constructor(now = new Date('2026-03-02T09:00:00.000Z')) {
    this.#now = now.getTime()
  }

  now(): Date {
    return new Date(this.#now)
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted || ms <= 0) return resolve()
      const wake = () => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper)
        signal?.removeEventListener('abort', wake)
        resolve()
      }
      const sleeper = { at: this.#now + ms, wake }
      this.#sleepers.push(sleeper)
      signal?.addEventListener('abort', wake)
    })
  }

  advance(ms: number): void {
    this.#now += ms
    for (const sleeper of this.#sleepers.filter(({ at }) => at <= this.#now)) sleeper.wake()
  }
}
