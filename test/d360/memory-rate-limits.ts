import type { RateLimitRepository, RateLimitState } from '../../src/d360/rate-limit-repository.ts'

/** What the processes of a hub share, without a database; several rate limiters may share one. */
export class MemoryRateLimits
  implements Pick<RateLimitRepository, 'read' | 'tryReserve' | 'tryTakeSpare' | 'postpone'>
{
  state: RateLimitState = { calls: [] }
  reads = 0
  #noSpareUntil = new Date(0)

  async read(): Promise<RateLimitState> {
    this.reads += 1
    return this.state
  }

  async tryReserve(before: readonly Date[], after: readonly Date[]): Promise<boolean> {
    if (before.join() !== this.state.calls.join()) return false
    this.state = { ...this.state, calls: after }
    return true
  }

  async tryTakeSpare(now: Date, next: Date): Promise<boolean> {
    if (this.#noSpareUntil > now) return false
    this.#noSpareUntil = next
    return true
  }

  async postpone({ slowUntil, blockedUntil }: Omit<RateLimitState, 'calls'>): Promise<void> {
    const { calls } = this.state
    this.state = {
      calls,
      slowUntil: later(slowUntil, this.state.slowUntil),
      blockedUntil: later(blockedUntil, this.state.blockedUntil),
    }
  }
}

function later(one: Date | undefined, other: Date | undefined): Date | undefined {
  return one && other ? new Date(Math.max(one.getTime(), other.getTime())) : (one ?? other)
}
