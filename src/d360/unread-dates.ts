import type { Clock } from '../clock.ts'

/** However many rows a hub has: a walk reads all of them every 15 minutes. */
const SAID_EVERY_MS = 60 * 60_000

interface Dependencies {
  readonly clock: Clock
  readonly onUnreadDate: (field: string) => void
}

/** Says which dates of 360dialog cannot be read: each field once an hour, and never of which row, or what it holds. */
export class UnreadDates {
  readonly #dependencies: Dependencies
  readonly #saidAt = new Map<string, number>()

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  note(list: string, fields: readonly string[] = []): void {
    const { clock, onUnreadDate } = this.#dependencies
    const now = clock.now().getTime()
    for (const field of fields.map((name) => `${list}.${name}`)) {
      const saidAt = this.#saidAt.get(field)
      if (saidAt !== undefined && now - saidAt < SAID_EVERY_MS) continue
      this.#saidAt.set(field, now)
      onUnreadDate(field)
    }
  }
}
