import type { Clock } from '../clock.ts'

/** Who goes first when calls are scarce: mints and verification, then known channels, then sync. */
export type Lane = 'mint' | 'known' | 'sync'

export type CallRate = 'auto' | { readonly calls: number; readonly seconds: number }

/** What the processes of one hub share. `calls` are the times of the last calls, oldest first. */
export interface BudgetState {
  readonly slowUntil?: Date | undefined
  readonly blockedUntil?: Date | undefined
  readonly calls: readonly Date[]
}

export interface BudgetStore {
  read(): Promise<BudgetState>
  /** Replaces the calls; false, and nothing happens, when they are no longer `before`. */
  claim(before: readonly Date[], after: readonly Date[]): Promise<boolean>
  /** Moves either time later, never earlier. */
  postpone(until: { slowUntil?: Date | undefined; blockedUntil?: Date | undefined }): Promise<void>
}

interface CallBudgetSettings {
  readonly rate: CallRate
  readonly store: BudgetStore
  readonly clock: Clock
}

interface Waiting {
  readonly lane: Lane
  readonly go: () => void
  readonly fail: (error: unknown) => void
}

const LANES: readonly Lane[] = ['mint', 'known', 'sync']
const SLOW = { calls: 5, seconds: 30 }
const SLOW_MS = 10 * 60_000
const LONGEST_BLOCK_MS = 60 * 60_000
const TRUST_FREE_MS = 1_000

/** The Partner API calls that one hub may make, across its processes (contract 4.1, rate limit). */
export class CallBudget {
  readonly #rate: CallRate
  readonly #store: BudgetStore
  readonly #clock: Clock
  readonly #waiting: Waiting[] = []
  #serving = false
  #foundFreeAt: number | undefined

  constructor({ rate, store, clock }: CallBudgetSettings) {
    this.#rate = rate
    this.#store = store
    this.#clock = clock
  }

  /** Resolves when one call may be made: lanes in their order, first come first served inside a lane. */
  take(lane: Lane): Promise<void> {
    const turn = new Promise<void>((go, fail) => this.#waiting.push({ lane, go, fail }))
    if (!this.#serving) void this.#serve()
    return turn
  }

  /**
   * Tells that 360dialog answered 429. With `retryAfterSeconds` nothing is sent for that long (at most an
   * hour is believed); with `auto`, 5 calls in 30 s then hold for 10 minutes. A fixed rate stays as it is.
   */
  async slowDown(retryAfterSeconds = 0): Promise<void> {
    const now = this.#clock.now().getTime()
    const blockMs = Math.min(Math.max(retryAfterSeconds, 0) * 1000, LONGEST_BLOCK_MS)
    this.#foundFreeAt = undefined
    await this.#store.postpone({
      slowUntil: this.#rate === 'auto' ? new Date(now + blockMs + SLOW_MS) : undefined,
      blockedUntil: blockMs > 0 ? new Date(now + blockMs) : undefined,
    })
    this.#foundFreeAt = undefined
  }

  async #serve(): Promise<void> {
    this.#serving = true
    while (this.#waiting.length > 0) {
      try {
        const waitMs = await this.#claim()
        if (waitMs > 0) await this.#clock.sleep(waitMs)
        else this.#next().go()
      } catch (error) {
        this.#next().fail(error)
      }
    }
    this.#serving = false
  }

  // Chosen only when the call is granted, so that a mint that came during the wait goes first.
  #next(): Waiting {
    const lane = LANES.find((name) => this.#waiting.some((waiting) => waiting.lane === name))
    const at = this.#waiting.findIndex((waiting) => waiting.lane === lane)
    const [next] = this.#waiting.splice(at, 1)
    if (!next) throw new Error('nobody waits for a call')
    return next
  }

  /** Takes one call out of the budget: 0 when it may be made now, else the milliseconds to wait. */
  async #claim(): Promise<number> {
    const now = this.#clock.now().getTime()
    if (this.#isKnownFree(now)) return 0
    const state = await this.#store.read()
    const blockedMs = (state.blockedUntil?.getTime() ?? 0) - now
    if (blockedMs > 0) return blockedMs
    const rate = this.#rateAt(now, state)
    if (rate) return this.#claimWithin(rate, state.calls, now)
    this.#foundFreeAt = now
    return 0
  }

  async #claimWithin(rate: typeof SLOW, calls: readonly Date[], now: number): Promise<number> {
    const windowMs = rate.seconds * 1000
    const recent = calls.filter((call) => call.getTime() > now - windowMs)
    const inTheWay = recent.at(-rate.calls)
    if (inTheWay && recent.length >= rate.calls) return inTheWay.getTime() + windowMs - now
    const claimed = await this.#store.claim(calls, [...recent, new Date(now)])
    return claimed ? 0 : this.#claim()
  }

  #rateAt(now: number, { slowUntil }: BudgetState): typeof SLOW | undefined {
    if (this.#rate !== 'auto') return this.#rate
    return slowUntil && slowUntil.getTime() > now ? SLOW : undefined
  }

  #isKnownFree(now: number): boolean {
    const since = this.#foundFreeAt
    return since !== undefined && now >= since && now < since + TRUST_FREE_MS
  }
}
