import type { Database, Engine } from '../../src/database/database.ts'
import type { CrashPointName } from '../../src/jobs/crash-points.ts'
import type { Simulator } from '../../src/simulator/simulator.ts'
import { startSimulator } from '../../src/simulator/simulator.ts'
import { createDatabase } from '../databases.ts'
import { eventually, PARTNER_API_KEY, PARTNER_ID, PLATFORM_SECRET, type Site, startSite } from '../site.ts'
import { TestClock } from '../test-clock.ts'

/** A site and its 360dialog in a time that only this test moves. */
export interface TimedSite extends Site {
  readonly clock: TestClock
  /** Resolves when nothing is due and nothing is under way; what waits for a moment inside gets it. */
  untilQuiet(): Promise<void>
  /** Lets time pass, and everything happen that comes due in it. */
  pass(ms: number): Promise<void>
  /** 360dialog is asked about the channel's key now, and again as long as it is doubted. */
  settleKey(channelId: string): Promise<void>
  /** Stops, and starts again on the same database with these settings. */
  restart(settings: Readonly<Record<string, string>>): Promise<TimedSite>
}

export const MINUTE_MS = 60_000
export const HOUR_MS = 60 * MINUTE_MS
export const DAY_MS = 24 * HOUR_MS

export interface TimedSiteOptions {
  readonly engine: Engine
  readonly crashPoint?: (step: CrashPointName, simulator: Simulator) => void
  readonly settings?: Readonly<Record<string, string>>
  readonly timeoutMs?: number
}

export async function startTimedSite({
  engine,
  crashPoint = () => {},
  settings = {},
  timeoutMs = 10_000,
}: TimedSiteOptions): Promise<TimedSite> {
  const clock = new TestClock()
  const simulator = await startSimulator({
    port: 0,
    partnerId: PARTNER_ID,
    partnerApiKey: PARTNER_API_KEY,
    platformSecret: PLATFORM_SECRET,
    redirectUrl: 'http://localhost:1/callback',
    now: () => clock.now(),
  })
  const database = await createDatabase(engine)

  const start = async (settings: Readonly<Record<string, string>>): Promise<TimedSite> => {
    const tell = (step: CrashPointName) => crashPoint(step, simulator)
    const databaseUrl = database.url
    const site = await startSite({ databaseUrl, clock, simulator, crashPoint: tell, settings, timeoutMs })
    const untilQuiet = () => waitUntilQuiet(site, clock)
    return {
      ...site,
      clock,
      untilQuiet,
      pass: async (ms) => {
        const hop = Math.min(ms, Math.max(6 * HOUR_MS, ms / 12))
        for (let passed = 0; passed < ms; passed += hop) {
          clock.advance(hop)
          await untilQuiet()
        }
      },
      settleKey: async (channelId) => {
        await site.context.probes.askWhetherAlive(channelId)
        for (const minutes of [1, 5]) {
          clock.advance(minutes * MINUTE_MS)
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

async function waitUntilQuiet({ context: { db } }: Site, clock: TestClock): Promise<void> {
  let looks = 0
  await eventually(async () => {
    if (!(await isBusy(db, clock.now()))) return true
    looks += 1
    // Seldom: a moment wakes every worker that rests.
    if (looks % 20 === 0) clock.advance(500)
    return false
  })
}

async function isBusy(db: Database, now: Date): Promise<boolean> {
  const busy = await db
    .selectFrom('job')
    .select('id')
    .where((job) => job.or([job('dueAt', '<=', now), job('leasedUntil', '>', now)]))
    .executeTakeFirst()
  return busy !== undefined
}
