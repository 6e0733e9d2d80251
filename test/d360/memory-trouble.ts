import type { Clock } from '../../src/clock.ts'
import { type Finding, HubTrouble, type Trouble, type TroubleStore } from '../../src/d360/hub-trouble.ts'

/** What the processes of a hub share of its trouble, without a database. */
export class MemoryTroubles implements TroubleStore {
  row: (Trouble & { askedAt: number }) | undefined

  async find(): Promise<Trouble | undefined> {
    return this.row
  }

  async begin(finding: Finding, now: Date): Promise<Trouble> {
    if (this.row?.kind !== finding.kind) this.row = { ...finding, sinceAt: now, askedAt: now.getTime() }
    return this.row as Trouble
  }

  async end(): Promise<void> {
    this.row = undefined
  }

  async tryTakeQuestion(now: number, pauseMs: number): Promise<boolean> {
    if (!this.row || Math.abs(now - this.row.askedAt) < pauseMs) return false
    this.row.askedAt = now
    return true
  }
}

/** One process that nobody else tells of trouble. */
export function newTrouble(clock: Clock): HubTrouble {
  return new HubTrouble({ store: new MemoryTroubles(), clock, onChange: () => {} })
}
