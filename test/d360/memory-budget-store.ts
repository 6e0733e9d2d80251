import type { BudgetState, BudgetStore } from '../../src/d360/call-budget.ts'

/** The shared state of a call budget without a database; several budgets may share one. */
export class MemoryBudgetStore implements BudgetStore {
  state: BudgetState = { calls: [] }
  reads = 0

  async read(): Promise<BudgetState> {
    this.reads += 1
    return this.state
  }

  async claim(before: readonly Date[], after: readonly Date[]): Promise<boolean> {
    if (before.join() !== this.state.calls.join()) return false
    this.state = { ...this.state, calls: after }
    return true
  }

  async postpone({ slowUntil, blockedUntil }: Omit<BudgetState, 'calls'>): Promise<void> {
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
