import { afterEach, beforeEach, expect, it } from '@jest/globals'
import { inTransaction } from '../../src/database/database.ts'
import { FAILING, nextTry } from '../../src/jobs/backoff.ts'
import { Jobs, LEASE_MS, type LeasedJob, LeaseLostError, priorities } from '../../src/jobs/jobs.ts'
import { eachDatabase, type OpenedDatabase } from '../databases.ts'
import { TestClock } from '../test-clock.ts'

eachDatabase('the job queue', (open) => {
  let opened: OpenedDatabase
  let clock: TestClock
  let jobs: Jobs

  beforeEach(async () => {
    opened = await open()
    clock = new TestClock()
    jobs = new Jobs({ db: opened.db, clock })
  })
  afterEach(() => opened.close())

  const plan = (subject: string, more: { priority?: 0 | 1 | 2; dueAt?: Date } = {}) =>
    jobs.plan({ kind: 'mint', subject, ...more }, opened.db)
  const inMs = (ms: number) => new Date(clock.now().getTime() + ms)
  const rows = () => opened.db.selectFrom('job').selectAll().orderBy('subject').execute()
  const lease = async (): Promise<LeasedJob> => {
    const job = await jobs.leaseNext('mint')
    if (!job) throw new Error('nothing is due')
    return job
  }

  it('hands out what is due, once, and ends it', async () => {
    await plan('m1')
    const job = await lease()
    expect([job.subject, job.attempts, job.isSettled]).toEqual(['m1', 1, false])
    expect(await jobs.leaseNext('mint')).toBeUndefined()
    expect(await jobs.leaseNext('probe')).toBeUndefined()
    await job.finish(opened.db)
    expect([job.isSettled, await rows()]).toEqual([true, []])
  })

  it('gives each job to one of many workers, of any number of processes', async () => {
    for (let nth = 0; nth < 20; nth += 1) await plan(`m${nth}`)
    const others = [jobs, new Jobs({ db: opened.db, clock })]
    const taken: string[] = []
    const work = async (queue: Jobs) => {
      for (let job = await queue.leaseNext('mint'); job; job = await queue.leaseNext('mint'))
        taken.push(job.subject)
    }
    await Promise.all(Array.from({ length: 16 }, (_, nth) => work(others[nth % 2] ?? jobs)))
    expect(taken.toSorted()).toEqual((await rows()).map(({ subject }) => subject))
  })

  it('keeps what is not due yet', async () => {
    await plan('m1', { dueAt: inMs(1000) })
    expect(await jobs.leaseNext('mint')).toBeUndefined()
    clock.advance(1000)
    expect((await lease()).subject).toBe('m1')
  })

  it('hands out by priority, and by time within one', async () => {
    await plan('last', { priority: priorities.last, dueAt: inMs(-9000) })
    await plan('newer', { dueAt: inMs(-1000) })
    await plan('older', { dueAt: inMs(-2000) })
    await plan('first', { priority: priorities.first })
    const order = [await lease(), await lease(), await lease(), await lease()]
    expect(order.map(({ subject }) => subject)).toEqual(['first', 'older', 'newer', 'last'])
    expect(order.map(({ priority }) => priority)).toEqual([0, 1, 1, 2])
  })

  it('finds a job again when its worker is silent for the whole lease', async () => {
    await plan('m1')
    const lost = await lease()
    clock.advance(LEASE_MS - 1)
    expect(await jobs.leaseNext('mint')).toBeUndefined()
    clock.advance(1)
    const next = await lease()
    expect(next.attempts).toBe(2)
    await expect(lost.finish(opened.db)).rejects.toThrow(LeaseLostError)
    await expect(lost.again(clock.now(), opened.db)).rejects.toThrow(LeaseLostError)
    await expect(lost.extend(opened.db)).rejects.toThrow(LeaseLostError)
    expect(lost.isSettled).toBe(false)
    await next.finish(opened.db)
  })

  it.each<[string, (job: LeasedJob, trx: OpenedDatabase['db']) => Promise<void>]>([
    ['finish', (job, trx) => job.finish(trx)],
    ['again', (job, trx) => job.again(clock.now(), trx)],
    ['extend', (job, trx) => job.extend(trx)],
  ])('lets who lost the lease change nothing: %s undoes the transaction', async (_, settle) => {
    await plan('m1')
    const lost = await lease()
    clock.advance(LEASE_MS)
    await lease()
    const late = inTransaction(opened.db, async (trx) => {
      await trx.insertInto('tenant').values({ id: 't1', name: 'x', createdAt: clock.now() }).execute()
      await settle(lost, trx)
    })
    await expect(late).rejects.toThrow(LeaseLostError)
    expect(await opened.db.selectFrom('tenant').selectAll().execute()).toEqual([])
    expect(await rows()).toMatchObject([{ leasedUntil: inMs(LEASE_MS) }])
  })

  it('settles with the commit alone: what was undone is still held', async () => {
    await plan('m1')
    const job = await lease()
    clock.advance(1000)
    const undone = inTransaction(opened.db, async (trx) => {
      await job.extend(trx)
      throw new Error('undone')
    })
    await expect(undone).rejects.toThrow('undone')
    const undoneToo = inTransaction(opened.db, async (trx) => {
      await job.finish(trx)
      throw new Error('undone')
    })
    await expect(undoneToo).rejects.toThrow('undone')
    expect(job.isSettled).toBe(false)
    await job.again(inMs(5000), opened.db)
    expect(job.isSettled).toBe(true)
    expect(await rows()).toMatchObject([{ dueAt: inMs(5000), leasedUntil: undefined }])
  })

  it('holds a job longer when it is extended', async () => {
    await plan('m1')
    const job = await lease()
    clock.advance(LEASE_MS - 1)
    await job.extend(opened.db)
    clock.advance(LEASE_MS - 1)
    expect(await jobs.leaseNext('mint')).toBeUndefined()
    await job.finish(opened.db)
  })

  it('runs a job once more that was planned again while it was held', async () => {
    await plan('m1')
    const job = await lease()
    await plan('m1')
    expect(await jobs.leaseNext('mint')).toBeUndefined()
    await job.finish(opened.db)
    const again = await lease()
    expect(again.attempts).toBe(1)
    await again.finish(opened.db)
    expect(await rows()).toEqual([])
  })

  it('runs it at once, whenever the worker wanted to try again', async () => {
    await plan('m1')
    const job = await lease()
    expect(await jobs.retryNow('mint', 'm1', opened.db)).toBe(true)
    await job.again(inMs(60_000), opened.db)
    await (await lease()).finish(opened.db)
    expect(await rows()).toEqual([])
  })

  it('runs once for a wish that came before it was taken from a silent worker', async () => {
    await plan('m1')
    await lease()
    await plan('m1')
    clock.advance(LEASE_MS)
    await (await lease()).finish(opened.db)
    expect(await rows()).toEqual([])
  })

  it('has one job for a kind and subject, which is planned anew', async () => {
    await plan('m1', { dueAt: inMs(5000) })
    await plan('m1', { dueAt: inMs(9000), priority: priorities.first })
    await jobs.plan({ kind: 'probe', subject: 'm1' }, opened.db)
    expect(await rows()).toHaveLength(2)
    expect((await rows()).find(({ kind }) => kind === 'mint')).toMatchObject({
      dueAt: inMs(9000),
      priority: 0,
    })
  })

  it('plans what must be there once, and leaves it as it is', async () => {
    await jobs.ensure({ kind: 'retention', subject: 'all', dueAt: inMs(5000) }, opened.db)
    await jobs.ensure({ kind: 'retention', subject: 'all' }, opened.db)
    expect(await rows()).toMatchObject([{ dueAt: inMs(5000) }])
  })

  it('retries now what waits, and says when there is nothing to retry', async () => {
    await plan('m1', { dueAt: inMs(60_000) })
    expect(await jobs.retryNow('mint', 'm2', opened.db)).toBe(false)
    expect(await jobs.retryNow('probe', 'm1', opened.db)).toBe(false)
    expect(await jobs.leaseNext('mint')).toBeUndefined()
    expect(await jobs.retryNow('mint', 'm1', opened.db)).toBe(true)
    expect((await lease()).attempts).toBe(1)
  })

  it('takes a cancelled job from the worker that holds it', async () => {
    await plan('m1')
    const job = await lease()
    await jobs.cancel('mint', 'm1', opened.db)
    await expect(job.finish(opened.db)).rejects.toThrow(LeaseLostError)
    await plan('m1')
    await expect(job.again(clock.now(), opened.db)).rejects.toThrow(LeaseLostError)
    expect((await lease()).attempts).toBe(1)
  })

  it('frees at a start what a dead process held, and leaves the rest', async () => {
    await plan('held')
    await plan('waits', { dueAt: inMs(60_000) })
    await lease()
    await plan('held')
    await jobs.releaseLeases()
    expect(await rows()).toMatchObject([
      { subject: 'held', dueAt: clock.now(), leasedUntil: undefined },
      { subject: 'waits', dueAt: inMs(60_000) },
    ])
    expect((await lease()).subject).toBe('held')
  })

  it('wakes after the commit only, and not for what was undone', async () => {
    const woken: string[] = []
    jobs.onDue((kind) => woken.push(kind))
    await inTransaction(opened.db, async (trx) => {
      await jobs.plan({ kind: 'mint', subject: 'm1' }, trx)
      await jobs.retryNow('probe', 'ch1', trx)
      expect(woken).toEqual([])
    })
    expect(woken).toEqual(['mint', 'probe'])
    const undone = inTransaction(opened.db, async (trx) => {
      await jobs.plan({ kind: 'webhook', subject: 'ch1' }, trx)
      throw new Error('undone')
    })
    await expect(undone).rejects.toThrow('undone')
    expect(woken).toEqual(['mint', 'probe'])
    expect(await rows()).toHaveLength(1)
  })
})

it.each([
  [1, 5],
  [2, 10],
  [3, 20],
  [8, 640],
  [9, 900],
  [1_000_000, 900],
])('waits after attempt %i for %i seconds', (attempts, seconds) => {
  const now = new Date('2026-03-02T09:00:00.000Z')
  expect(nextTry(now, attempts, FAILING).getTime() - now.getTime()).toBe(seconds * 1000)
})
