import { expect, it } from '@jest/globals'
import { pino } from 'pino'
import { systemClock } from '../../src/clock.ts'
import { Worker } from '../../src/worker/worker.ts'

const logger = pino({ enabled: false })

/** A worker with this many due rows, and the moments (in rows left) at which it took one. */
function startWorker(due: number, isAwaited: () => boolean) {
  let left = due
  let allDone = () => {}
  const done = new Promise<void>((resolve) => {
    allDone = resolve
  })
  const source = {
    name: 'returns' as const,
    workOnce: async () => {
      if (left === 0) return false
      left -= 1
      if (left === 0) allDone()
      return true
    },
  }
  const worker = new Worker({ sources: [source], clock: systemClock, logger, isAwaited })
  worker.start()
  return { worker, done, left: () => left }
}

it('lets those who wait for an answer go first', async () => {
  let awaited = true
  const { worker, done, left } = startWorker(1, () => awaited)
  await new Promise((resolve) => setImmediate(resolve))
  expect(left()).toBe(1)
  awaited = false
  await done
  await worker.stop()
})

it('goes on working however many wait', async () => {
  const { worker, done } = startWorker(3, () => true)
  await done
  await worker.stop()
})
