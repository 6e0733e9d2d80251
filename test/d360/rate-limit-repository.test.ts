import { afterEach, beforeEach, expect, it } from '@jest/globals'
import { RateLimitRepository } from '../../src/d360/rate-limit-repository.ts'
import { RateLimiter } from '../../src/d360/rate-limiter.ts'
import { eachDatabase, type OpenedDatabase } from '../databases.ts'

const early = new Date('2026-03-02T09:00:00.000Z')
const late = new Date('2026-03-02T09:10:00.000Z')

eachDatabase('the rate limit of a hub', (open) => {
  let opened: OpenedDatabase
  let store: RateLimitRepository

  beforeEach(async () => {
    opened = await open()
    store = new RateLimitRepository(opened)
  })
  afterEach(() => opened.close())

  it('is empty until something is known', async () => {
    expect(await store.read()).toEqual({ calls: [] })
  })

  it('lets one of two processes reserve what both have read', async () => {
    expect(await Promise.all([store.tryReserve([], [early]), store.tryReserve([], [early])])).toContain(false)
    expect((await store.read()).calls).toEqual([early])
    expect(await store.tryReserve([early], [early, late])).toBe(true)
    expect(await store.tryReserve([early], [late])).toBe(false)
    expect((await store.read()).calls).toEqual([early, late])
  })

  it('moves its times later and never earlier', async () => {
    await store.postpone({ slowUntil: late })
    await store.postpone({ slowUntil: early, blockedUntil: early })
    expect(await store.read()).toEqual({ slowUntil: late, blockedUntil: early, calls: [] })
  })

  it('keeps one row, however often it is written', async () => {
    await store.postpone({ blockedUntil: early })
    expect(await store.tryReserve([], [early])).toBe(true)
    expect(await store.tryReserve([], [late])).toBe(false)
    expect(await opened.db.selectFrom('callBudget').select(['id', 'calls']).execute()).toEqual([
      { id: 1, calls: [early.toISOString()] },
    ])
  })

  it('grants exactly the rate to callers in a hurry', async () => {
    let granted = 0
    let sleeping = 0
    const sleep = () => new Promise<void>(() => (sleeping += 1))
    const clock = { now: () => early, sleep }
    const rateLimiters = Array.from({ length: 4 }, () => {
      return new RateLimiter({ rate: { calls: 10, seconds: 30 }, store, clock })
    })
    for (const rateLimiter of rateLimiters) {
      for (let nth = 0; nth < 15; nth += 1) void rateLimiter.take('sync').then(() => (granted += 1))
    }
    while (sleeping < rateLimiters.length) await store.read()
    expect(granted).toBe(10)
  })
})
