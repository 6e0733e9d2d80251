import type { Clock } from '../clock.ts'
import { hashOf } from '../identifiers.ts'
import { normaliseAdminName } from './admin-name.ts'

const MOST_FAILURES = 10
const WINDOW_MS = 15 * 60_000
const MOST_NAMES = 10_000

/**
 * Slows down guessing at one name from many addresses: ten failures in 15 minutes, then that name waits.
 * Names that nobody has wait the same, so waiting does not tell which exist. Kept in memory, by process.
 */
export class SignInAttempts {
  readonly #clock: Clock
  readonly #triedAt = new Map<string, number[]>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * Takes one try at a name: 0, or how many ms this name has to wait. A try counts as failed from the
   * beginning, so that many at once are not more than ten; `succeed` takes it back.
   */
  begin(name: string): number {
    const key = keyOf(name)
    const now = this.#clock.now().getTime()
    const recent = (this.#triedAt.get(key) ?? []).filter((at) => now - at < WINDOW_MS)
    const [oldest] = recent
    if (oldest !== undefined && recent.length >= MOST_FAILURES) return oldest + WINDOW_MS - now
    this.#triedAt.delete(key)
    this.#triedAt.set(key, [...recent, now])
    this.#forgetOldest()
    return 0
  }

  succeed(name: string): void {
    this.#triedAt.delete(keyOf(name))
  }

  #forgetOldest(): void {
    const [first] = this.#triedAt.keys()
    if (this.#triedAt.size > MOST_NAMES && first !== undefined) this.#triedAt.delete(first)
  }
}

// A name can be long, and can be a password by mistake: only its hash is held.
function keyOf(name: string): string {
  return hashOf(normaliseAdminName(name))
}
