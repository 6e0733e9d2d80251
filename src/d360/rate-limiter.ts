import type { Clock } from '../clock.ts'
import type { RateLimitRepository, RateLimitState } from './rate-limit-repository.ts'

/** Who goes first when calls are scarce: mints and verification, then known channels, then sync. */
export type Priority = 'mint' | 'known' | 'sync'

interface Rate {
  readonly calls: number
  readonly seconds: number
}

interface RateLimiterSettings {
  readonly rate: 'auto' | Rate
  readonly store: Pick<RateLimitRepository, 'read' | 'tryReserve' | 'postpone' | 'tryTakeSpare'>
  readonly clock: Clock
}

interface Waiting {
  readonly priority: Priority
  readonly go: () => void
  readonly fail: (error: unknown) => void
}

const PRIORITIES: readonly Priority[] = ['mint', 'known', 'sync']
const SLOW: Rate = { calls: 5, seconds: 30 }
const SLOW_MS = 10 * 60_000
const LONGEST_BLOCK_MS = 60 * 60_000
const TRUST_FREE_MS = 1_000
/** What a customer who comes meanwhile needs until it has its key, and the spare question itself. */
const KEPT_FREE = 6
const SPARE_EVERY_MS = 5_000

/** The Partner API calls that one hub may make, across its processes (docs/360dialog.md 10). */
export class RateLimiter {
  readonly #settings: RateLimiterSettings
  readonly #waiting: Waiting[] = []
  #serving = false
  #foundFreeAt: number | undefined

  constructor(settings: RateLimiterSettings) {
    this.#settings = settings
  }

  /** Resolves when one call may be made: by priority, and first come first served within one. */
  take(priority: Priority): Promise<void> {
    const turn = new Promise<void>((go, fail) => this.#waiting.push({ priority, go, fail }))
    if (!this.#serving) void this.#serve()
    return turn
  }

  /**
   * Tells that 360dialog answered 429. With `retryAfterMs` nothing is sent for that long (at most an hour is
   * believed); with `auto`, 5 calls in 30 s then hold for 10 minutes. A fixed rate stays as it is.
   */
  async slowDown(retryAfterMs = 0): Promise<void> {
    const { rate, store, clock } = this.#settings
    const now = clock.now().getTime()
    const blockMs = Math.min(retryAfterMs, LONGEST_BLOCK_MS)
    this.#foundFreeAt = undefined
    await store.postpone({
      slowUntil: rate === 'auto' ? new Date(now + blockMs + SLOW_MS) : undefined,
      blockedUntil: blockMs > 0 ? new Date(now + blockMs) : undefined,
    })
    this.#foundFreeAt = undefined
  }

  /**
   * Whether the hub has time for a question that nobody waits for: every 5 s at most, whatever the number of
   * processes, never while 360dialog slows us down, and only while a customer's calls still fit in.
   */
  async takeSpare(): Promise<boolean> {
    const { rate, store, clock } = this.#settings
    const now = clock.now()
    const { slowUntil, blockedUntil, calls } = await store.read()
    if ([slowUntil, blockedUntil].some((until) => until !== undefined && until > now)) return false
    if (rate !== 'auto') {
      const recent = calls.filter((call) => call.getTime() > now.getTime() - rate.seconds * 1000)
      if (recent.length > Math.max(rate.calls - KEPT_FREE, 0)) return false
    }
    return store.tryTakeSpare(now, new Date(now.getTime() + SPARE_EVERY_MS))
  }

  /** Until when 360dialog slows us down; undefined when it does not. */
  async findSlowedUntil(): Promise<Date | undefined> {
    const { store, clock } = this.#settings
    const { slowUntil, blockedUntil } = await store.read()
    const until = Math.max(slowUntil?.getTime() ?? 0, blockedUntil?.getTime() ?? 0)
    return until > clock.now().getTime() ? new Date(until) : undefined
  }

  async #serve(): Promise<void> {
    this.#serving = true
    while (this.#waiting.length > 0) {
      try {
        const waitMs = await this.#reserve()
        if (waitMs > 0) await this.#settings.clock.sleep(waitMs)
        else this.#next().go()
      } catch (error) {
        this.#next().fail(error)
      }
    }
    this.#serving = false
  }

  // Chosen only when the call is granted, so that a mint that came during the wait goes first.
  #next(): Waiting {
    const first = PRIORITIES.find((priority) => this.#waiting.some((one) => one.priority === priority))
    const at = this.#waiting.findIndex(({ priority }) => priority === first)
    const [next] = this.#waiting.splice(at, 1)
    if (!next) throw new Error('no call is waiting')
    return next
  }

  /** Reserves one call: 0 when it may be made now, else the milliseconds to wait. */
  async #reserve(): Promise<number> {
    const { store, clock } = this.#settings
    const now = clock.now().getTime()
    if (this.#isKnownFree(now)) return 0
    const state = await store.read()
    const blockedMs = (state.blockedUntil?.getTime() ?? 0) - now
    if (blockedMs > 0) return blockedMs
    const rate = this.#rateAt(now, state)
    if (rate) return this.#reserveWithin(rate, state.calls, now)
    this.#foundFreeAt = now
    return 0
  }

  async #reserveWithin(rate: Rate, calls: readonly Date[], now: number): Promise<number> {
    const windowMs = rate.seconds * 1000
    const recent = calls.filter((call) => call.getTime() > now - windowMs)
    const inTheWay = recent.at(-rate.calls)
    if (inTheWay && recent.length >= rate.calls) return inTheWay.getTime() + windowMs - now
    const reserved = await this.#settings.store.tryReserve(calls, [...recent, new Date(now)])
    return reserved ? 0 : this.#reserve()
  }

  #rateAt(now: number, { slowUntil }: RateLimitState): Rate | undefined {
    const { rate } = this.#settings
    if (rate !== 'auto') return rate
    return slowUntil && slowUntil.getTime() > now ? SLOW : undefined
  }

  #isKnownFree(now: number): boolean {
    const since = this.#foundFreeAt
    return since !== undefined && now >= since && now < since + TRUST_FREE_MS
  }
}
