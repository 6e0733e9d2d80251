import { createHash, timingSafeEqual } from 'node:crypto'
import { randomKey } from './random-id.ts'

/** Compares secrets without telling by its duration where they differ. */
export function isSameSecret(given: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(expected))
}

/** The bearer tokens that `POST /token` gave out. */
export class Tokens {
  readonly #now: () => Date
  readonly #expiries = new Map<string, number>()

  constructor(now: () => Date) {
    this.#now = now
  }

  issue(seconds: number): string {
    const token = randomKey()
    this.#expiries.set(token, this.#now().getTime() + seconds * 1000)
    return token
  }

  isLive(token: string): boolean {
    return (this.#expiries.get(token) ?? 0) > this.#now().getTime()
  }
}
