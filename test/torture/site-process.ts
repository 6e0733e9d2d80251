import { flushCompileCache } from 'node:module'
import { createInterface } from 'node:readline'
import { pino } from 'pino'
import { loadConfig } from '../../src/config/config.ts'
import type { CrashPointName } from '../../src/jobs/crash-points.ts'
import { createLogger } from '../../src/logger.ts'
import { serve } from '../../src/serve.ts'
import { PushedClock } from './pushed-clock.ts'

// A site as `npm start` runs it, that kills itself at a step: from the line "arm STEP" on its standard input on, so
// that it first recovers in peace from what was done to its predecessor. "push MS" says how far its time is ahead.
let deadly: string | undefined
let hasItsKey = false

const clock = new PushedClock(Number(process.env.TORTURE_PUSHED_MS ?? 0))
const isOfWalk = () => deadly?.startsWith('sync.')
const crashPoint = (step: CrashPointName) => {
  if (step === deadly && (!isOfWalk() || hasItsKey)) process.kill(process.pid, 'SIGKILL')
  if (!deadly || step !== 'probe.stored') return
  hasItsKey = true
  // The walk comes by itself a minute after the start; here it comes when no mint is under way.
  if (isOfWalk()) void context.jobs.plan({ kind: 'sync', subject: 'hub' }, context.db)
}

const { context } = await serve(loadConfig(process.env), {
  clock,
  crashPoint,
  logger: createLogger('debug', pino.destination(2)),
})
createInterface(process.stdin)
  .on('line', (line) => {
    const [order, given] = line.split(' ')
    if (order === 'push') clock.push(Number(given))
    else deadly = given
    process.stdout.write(`${order} done\n`)
  })
  // Who started it is gone.
  .on('close', () => process.exit())
process.stdout.write('serving\n')
// Node keeps compiled code when a process ends, and this one never gets to that.
flushCompileCache()
