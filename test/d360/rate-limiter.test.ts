import { setImmediate as turn } from 'node:timers/promises'
import { beforeEach, describe, expect, it } from '@jest/globals'
import { type Priority, RateLimiter } from '../../src/d360/rate-limiter.ts'
import { TestClock } from '../test-clock.ts'
import { MemoryRateLimits } from './memory-rate-limits.ts'

let clock: TestClock
let store: MemoryRateLimits
let taken: string[]

beforeEach(() => {
  clock = new TestClock()
  store = new MemoryRateLimits()
  taken = []
})

function openLimiter(rate: 'auto' | { calls: number; seconds: number }): RateLimiter {
  return new RateLimiter({ rate, store, clock })
}

function take(limiter: RateLimiter, priority: Priority, name: string = priority): void {
  void limiter.take(priority).then(() => taken.push(name))
}

function takeMany(limiter: RateLimiter, count: number): void {
  for (let nth = 1; nth <= count; nth += 1) take(limiter, 'known', String(nth))
}

async function advance(seconds: number): Promise<void> {
  await turn()
  clock.advance(seconds * 1000)
  await turn()
}

describe('a fixed rate', () => {
  it('lets so many calls through in the window and no more', async () => {
    takeMany(openLimiter({ calls: 2, seconds: 10 }), 5)
    await turn()
    expect(taken).toEqual(['1', '2'])
    await advance(9.999)
    expect(taken).toHaveLength(2)
    await advance(0.001)
    expect(taken).toHaveLength(4)
  })

  it('slides: each call frees its place when it is one window old', async () => {
    const limiter = openLimiter({ calls: 2, seconds: 10 })
    takeMany(limiter, 1)
    await advance(6)
    takeMany(limiter, 3)
    await turn()
    expect(taken).toHaveLength(2)
    await advance(4)
    expect(taken).toHaveLength(3)
    await advance(6)
    expect(taken).toHaveLength(4)
  })

  it('serves mints first, then known channels, then sync, each in the order they came', async () => {
    const limiter = openLimiter({ calls: 1, seconds: 10 })
    take(limiter, 'sync', 'running')
    await turn()
    for (const name of ['sync 1', 'known 1', 'sync 2', 'mint 1', 'known 2', 'mint 2'])
      take(limiter, name.split(' ')[0] as Priority, name)
    for (let nth = 0; nth < 6; nth += 1) await advance(10)
    expect(taken).toEqual(['running', 'mint 1', 'mint 2', 'known 1', 'known 2', 'sync 1', 'sync 2'])
  })

  it('is one for all processes of a hub', async () => {
    takeMany(openLimiter({ calls: 3, seconds: 10 }), 3)
    takeMany(openLimiter({ calls: 3, seconds: 10 }), 3)
    await turn()
    expect(taken).toHaveLength(3)
    await advance(10)
    expect(taken).toHaveLength(6)
  })

  it('is not changed by a 429, except that Retry-After is waited out', async () => {
    const limiter = openLimiter({ calls: 2, seconds: 10 })
    await limiter.slowDown()
    takeMany(limiter, 2)
    await turn()
    expect(taken).toHaveLength(2)
    await limiter.slowDown(60_000)
    await advance(59)
    takeMany(limiter, 1)
    await turn()
    expect(taken).toHaveLength(2)
    await advance(1)
    expect(taken).toHaveLength(3)
  })
})

describe('the automatic rate', () => {
  it('lets every call through and reads the store at most once a second', async () => {
    const limiter = openLimiter('auto')
    takeMany(limiter, 100)
    await turn()
    expect(taken).toHaveLength(100)
    expect(store.reads).toBe(1)
    await advance(1)
    takeMany(limiter, 1)
    await turn()
    expect(store.reads).toBe(2)
  })

  it('keeps to 5 calls in 30 seconds for 10 minutes after a 429', async () => {
    const limiter = openLimiter('auto')
    takeMany(limiter, 1)
    await turn()
    await limiter.slowDown()
    takeMany(limiter, 12)
    await turn()
    expect(taken).toHaveLength(1 + 5)
    await advance(29.999)
    expect(taken).toHaveLength(1 + 5)
    await advance(0.001)
    expect(taken).toHaveLength(1 + 10)
    await advance(10 * 60)
    takeMany(limiter, 50)
    await turn()
    expect(taken).toHaveLength(1 + 12 + 50)
  })

  it('sends nothing for as long as Retry-After says, then slowly', async () => {
    const limiter = openLimiter('auto')
    await limiter.slowDown(120_000)
    takeMany(limiter, 7)
    await advance(119)
    expect(taken).toEqual([])
    await advance(1)
    expect(taken).toHaveLength(5)
    await advance(30)
    expect(taken).toHaveLength(7)
  })

  it('does not believe a Retry-After of more than an hour', async () => {
    const limiter = openLimiter('auto')
    await limiter.slowDown(10 * 365 * 24 * 3_600_000)
    takeMany(limiter, 1)
    await advance(3600)
    expect(taken).toHaveLength(1)
  })

  it('learns of another process being refused within a second', async () => {
    const limiter = openLimiter('auto')
    takeMany(limiter, 1)
    await turn()
    await openLimiter('auto').slowDown()
    await advance(1)
    takeMany(limiter, 6)
    await turn()
    expect(taken).toHaveLength(1 + 5)
  })
})

describe('a store that fails', () => {
  it('fails the call that waited, and serves the next', async () => {
    const limiter = openLimiter({ calls: 1, seconds: 10 })
    const read = store.read.bind(store)
    store.read = () => Promise.reject(new Error('database is gone'))
    await expect(limiter.take('mint')).rejects.toThrow('database is gone')
    store.read = read
    await limiter.take('mint')
  })
})
