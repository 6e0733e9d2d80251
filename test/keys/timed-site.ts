import type { Database, Engine } from '../../src/database/database.ts'
import type { Simulator } from '../../src/simulator/simulator.ts'
import { startSimulator } from '../../src/simulator/simulator.ts'
import type { Step } from '../../src/worker/step.ts'
import { createDatabase } from '../databases.ts'
import { eventually, PARTNER_API_KEY, PARTNER_ID, type Site, startSite } from '../site.ts'
import { TestClock } from '../test-clock.ts'

/** A site and its 360dialog in a time that only this test moves. */
export interface TimedSite extends Site {
  readonly clock: TestClock
  /** Resolves when nothing is due and nothing is under way; what waits for a moment inside gets it. */
  untilQuiet(): Promise<void>
  /** Lets time pass, and everything happen that comes due in it. */
  pass(ms: number): Promise<void>
  /** Stops, and starts again on the same database with these settings. */
  restart(settings: Readonly<Record<string, string>>): Promise<TimedSite>
}

export const HOUR_MS = 60 * 60_000
export const DAY_MS = 24 * HOUR_MS

interface TimedSiteOptions {
  readonly engine: Engine
  readonly reached?: (step: Step, simulator: Simulator) => void
  readonly settings?: Readonly<Record<string, string>>
}

export async function startTimedSite({
  engine,
  reached = () => {},
  settings = {},
}: TimedSiteOptions): Promise<TimedSite> {
  const clock = new TestClock()
  const simulator = await startSimulator({
    port: 0,
    partnerId: PARTNER_ID,
    partnerApiKey: PARTNER_API_KEY,
    redirectUrl: 'http://localhost:1/callback',
    now: () => clock.now(),
  })
  const database = await createDatabase(engine)

  const start = async (settings: Readonly<Record<string, string>>): Promise<TimedSite> => {
    const tell = (step: Step) => reached(step, simulator)
    const site = await startSite({ databaseUrl: database.url, clock, simulator, reached: tell, settings })
    const untilQuiet = () => waitUntilQuiet(site, clock)
    return {
      ...site,
      clock,
      untilQuiet,
      pass: async (ms) => {
        const hop = Math.min(ms, 6 * HOUR_MS)
        for (let passed = 0; passed < ms; passed += hop) {
          clock.advance(hop)
          await untilQuiet()
        }
      },
      restart: async (more) => {
        await site.stop()
        return start(more)
      },
      stop: async () => {
        await site.stop()
        await simulator.close()
        await database.drop()
      },
    }
  }
  return start(settings)
}

async function waitUntilQuiet({ context: { db, worker } }: Site, clock: TestClock): Promise<void> {
  await eventually(async () => {
    if (!(await isBusy(db, clock.now()))) return true
    worker.wake()
    clock.advance(500)
    return false
  })
}

async function isBusy(db: Database, now: Date): Promise<boolean> {
  const at = now.toISOString()
  for (const table of ['connect_return', 'unattached_return', 'mint', 'channel_task'] as const) {
    const busy = await db
      .selectFrom(table as 'mint')
      .select('id')
      .where('due_at', 'is not', null)
      .where((row) => row.or([row('due_at', '<=', at), row('lease_until', '>', at)]))
      .executeTakeFirst()
    if (busy) return true
  }
  return false
}
