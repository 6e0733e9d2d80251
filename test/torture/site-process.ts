import { flushCompileCache } from 'node:module'
import { createInterface } from 'node:readline'
import { pino } from 'pino'
import { systemClock } from '../../src/clock.ts'
import { loadConfig } from '../../src/config/config.ts'
import type { CrashPointName } from '../../src/jobs/crash-points.ts'
import { createLogger } from '../../src/logger.ts'
import { serve } from '../../src/serve.ts'

// A site as `npm start` runs it, that kills itself at TORTURE_STEP: from the line "arm" on its standard input
// on, so that it first recovers in peace from what was done to its predecessor.
const { TORTURE_STEP: deadly, TORTURE_CLOCK_OFFSET_MS: offset } = process.env
let armed = false

const clock = { now: () => new Date(Date.now() + Number(offset ?? 0)), sleep: systemClock.sleep }
const crashPoint = (step: CrashPointName) => {
  if (armed && step === deadly) process.kill(process.pid, 'SIGKILL')
}

await serve(loadConfig(process.env), {
  clock,
  crashPoint,
  logger: createLogger('debug', pino.destination(2)),
})
createInterface(process.stdin).on('line', (line) => {
  armed = line === 'arm'
  process.stdout.write('armed\n')
})
process.stdout.write('serving\n')
// Node keeps compiled code when a process ends, and this one never gets to that.
flushCompileCache()
