import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { pino } from 'pino'
import { loadConfig } from '../../src/config/config.ts'
import type { CrashPointName } from '../../src/jobs/crash-points.ts'
import { createLogger } from '../../src/logger.ts'
import { serve } from '../../src/serve.ts'
import { EventLoopLag } from '../event-loop-lag.ts'
import { PushedClock } from '../torture/pushed-clock.ts'

// A site as `npm start` runs it. On each line of its standard input the next walk through the hub is due, and it says
// what that took: the most that it held (MB, after what nobody needs was thrown away), and how long it did not answer.
const MOST_MEASURED = 10
setFlagsFromString('--expose-gc')
const throwAway: () => void = runInNewContext('gc')

let pages = 0
let every = 1
let held = 0
let lag: EventLoopLag | undefined
const measure = (step?: CrashPointName) => {
  if (step !== 'sync.page_read') return
  pages += 1
  if (pages % every !== 0) return
  if (lag) lag.except(throwAway)
  held = Math.max(held, process.memoryUsage().heapUsed / 1024 / 1024)
}

const clock = new PushedClock(0)
let pushedMs = 0
const logger = createLogger('warn', pino.destination(2))
const { context } = await serve(loadConfig(process.env), { clock, logger, crashPoint: measure })

async function walk(expectedPages: number): Promise<object> {
  every = Math.ceil(expectedPages / MOST_MEASURED)
  pages = 0
  held = 0
  const before = clock.now()
  const began = performance.now()
  const looking = new EventLoopLag()
  lag = looking
  pushedMs += 16 * 60_000
  clock.push(pushedMs)
  for (;;) {
    await pause(20)
    const { completedAt, clients, channels } = (await context.sync.read()) ?? {}
    if (completedAt && completedAt > before)
      return { clients, channels, pages, held, lag: looking.end(), ms: performance.now() - began }
  }
}

createInterface(process.stdin)
  .on('line', async (line) => process.stdout.write(`walked ${JSON.stringify(await walk(Number(line)))}\n`))
  // Who started it is gone.
  .on('close', () => process.exit())
process.stdout.write('serving\n')
