import type { Clock } from '../../src/clock.ts'

/** A clock on which every sleep is over at once, and counts. */
export class InstantClock implements Clock {
  readonly slept: number[] = []
  #now = Date.parse('2026-03-02T09:00:00.000Z')

  now(): Date {
    return new Date(this.#now)
  }

  async sleep(ms: number): Promise<void> {
    this.slept.push(ms)
    this.#now += ms
  }
}
