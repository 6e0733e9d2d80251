import { Writable } from 'node:stream'
import { afterEach, beforeEach, expect, it } from '@jest/globals'
import { PartnerApiError } from '../../src/errors.ts'
import { Jobs, LEASE_MS, type LeasedJob } from '../../src/jobs/jobs.ts'
import { Retention } from '../../src/jobs/retention.ts'
import { Runner, type Work } from '../../src/jobs/runner.ts'
import { createLogger } from '../../src/logger.ts'
import { eachDatabase, type OpenedDatabase } from '../databases.ts'
import { TestClock } from '../test-clock.ts'

const HOUR_MS = 60 * 60_000

async function eventually(look: () => boolean): Promise<void> {
  while (!look()) await new Promise((resolve) => setTimeout(resolve, 5))
}

eachDatabase('the runner', (open) => {
  let opened: OpenedDatabase
  let clock: TestClock
  let jobs: Jobs
  let log: string[]
  let runner: Runner | undefined

  beforeEach(async () => {
    opened = await open()
    clock = new TestClock()
    jobs = new Jobs({ db: opened.db, clock })
    log = []
  })
  afterEach(async () => {
    await runner?.stop()
    runner = undefined
    await opened.close()
  })

  const logger = () =>
    createLogger(
      'info',
      new Writable({
        write(chunk, _encoding, done) {
          log.push(String(chunk))
          done()
        },
      }),
    )
  const plan = (kind: 'mint' | 'probe', subject: string, dueAt?: Date) =>
    jobs.plan({ kind, subject, ...(dueAt && { dueAt }) }, opened.db)
  const waiting = () => opened.db.selectFrom('job').select(['subject', 'dueAt', 'attempts']).execute()
  const build = (works: readonly Work[], { hasRequestsInFlight = (): boolean => false } = {}) => {
    runner = new Runner({ db: opened.db, jobs, works, clock, logger: logger(), hasRequestsInFlight })
    return runner
  }
  /** Work that notes its subjects. */
  const noting = (kind: 'mint' | 'probe', act: (job: LeasedJob) => Promise<void> | void = () => {}) => {
    const seen: string[] = []
    const run = async (job: LeasedJob) => {
      seen.push(job.subject)
      await act(job)
    }
    return { kind, run, seen }
  }

  it('works on each kind until nothing is due, and ends what is done', async () => {
    const [mints, probes] = [noting('mint'), noting('probe')]
    for (const subject of ['a', 'b']) await plan('mint', subject)
    await plan('probe', 'c')
    await plan('probe', 'later', new Date(clock.now().getTime() + 1))
    await build([mints, probes]).workUntilIdle()
    expect([mints.seen, probes.seen]).toEqual([['a', 'b'], ['c']])
    expect((await waiting()).map(({ subject }) => subject)).toEqual(['later'])
  })

  it('leaves a job as the work has settled it', async () => {
    const dueAt = new Date(clock.now().getTime() + 7000)
    await plan('mint', 'a')
    await build([noting('mint', (job) => job.again(dueAt, opened.db))]).workUntilIdle()
    expect(await waiting()).toEqual([{ subject: 'a', dueAt, attempts: 1 }])
  })

  it('tries again what fails, later each time, and says so without what 360dialog answered', async () => {
    const failures = [new Error('a bug'), new PartnerApiError('refused', 403)]
    await plan('mint', 'a')
    const works = build([
      noting('mint', () => {
        throw failures.shift() ?? new Error('again')
      }),
    ])
    for (const seconds of [5, 10, 20]) {
      await works.workUntilIdle()
      expect(await waiting()).toMatchObject([{ dueAt: new Date(clock.now().getTime() + seconds * 1000) }])
      clock.advance(seconds * 1000)
    }
    expect(log.map((line) => JSON.parse(line))).toMatchObject([
      { level: 'error', work: 'mint', subject: 'a', err: { message: 'a bug' } },
      { level: 'warn', work: 'mint', subject: 'a', failure: 'refused', status: 403 },
      { level: 'error' },
    ])
  })

  it('leaves a job alone that another worker took over, whether the work ends or fails', async () => {
    let runs = 0
    await plan('mint', 'a')
    const work = noting('mint', async () => {
      runs += 1
      if (runs > 2) return
      clock.advance(LEASE_MS)
      await jobs.leaseNext('mint')
      if (runs === 2) throw new Error('too late')
    })
    await build([work]).workUntilIdle()
    expect(await waiting()).toMatchObject([{ attempts: 2 }])
    clock.advance(LEASE_MS)
    await runner?.workUntilIdle()
    expect(await waiting()).toMatchObject([{ attempts: 4 }])
    expect(log.filter((line) => line.includes('taken over by another worker'))).toHaveLength(2)
  })

  it('looks as soon as something becomes due, and works on several at once', async () => {
    let open = () => {}
    const gate = new Promise<void>((resolve) => {
      open = resolve
    })
    const work = noting('mint', () => gate)
    build([work]).start()
    // The test clock stands still: nobody looks by itself.
    for (const subject of ['a', 'b', 'c', 'd', 'e']) await plan('mint', subject)
    await eventually(() => work.seen.length === 4)
    open()
    await eventually(() => work.seen.length === 5)
    await runner?.stop()
    expect(await waiting()).toEqual([])
  })

  it('finds by itself what nobody told it of, within a second', async () => {
    const work = noting('mint')
    build([work]).start()
    const elsewhere = new Jobs({ db: opened.db, clock })
    await elsewhere.plan({ kind: 'mint', subject: 'a' }, opened.db)
    await eventually(() => {
      clock.advance(1000)
      return work.seen.length === 1
    })
  })

  it('goes on when the database was away', async () => {
    const work = noting('mint')
    await opened.db.schema.alterTable('job').renameTo('elsewhere').execute()
    build([work]).start()
    await eventually(() => log.some((line) => line.includes('background work failed')))
    await opened.db.schema.alterTable('elsewhere').renameTo('job').execute()
    await plan('mint', 'a')
    await eventually(() => {
      clock.advance(1000)
      return work.seen.length === 1
    })
  })

  it('ends what is under way before it stops, and takes nothing new', async () => {
    let open = () => {}
    const gate = new Promise<void>((resolve) => {
      open = resolve
    })
    const work = noting('mint', () => gate)
    build([work]).start()
    await plan('mint', 'a')
    await eventually(() => work.seen.length === 1)
    let isStopped = false
    const stopped = runner?.stop().then(() => {
      isStopped = true
    })
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(isStopped).toBe(false)
    open()
    await stopped
    await plan('mint', 'b')
    clock.advance(1000)
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect((await waiting()).map(({ subject }) => subject)).toEqual(['b'])
  })

  it('lets those who wait for an answer go first', async () => {
    let awaited = true
    const work = noting('mint')
    await plan('mint', 'a')
    build([work], { hasRequestsInFlight: () => awaited }).start()
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(work.seen).toEqual([])
    awaited = false
    await eventually(() => work.seen.length === 1)
  })

  it('goes on working however many wait', async () => {
    const work = noting('mint')
    for (const subject of ['a', 'b', 'c']) await plan('mint', subject)
    build([work], { hasRequestsInFlight: () => true }).start()
    await eventually(() => work.seen.length === 3)
  })

  it('deletes every hour what each capability no longer needs, whatever another one fails at', async () => {
    const asked: Date[] = []
    const retention = new Retention({
      ...{ db: opened.db, jobs, clock, logger: logger() },
      forgets: {
        broken: () => Promise.reject(new Error('away')),
        nothing: async () => 0,
        counters: async (now) => asked.push(now),
      },
    })
    await retention.ensure()
    await retention.ensure()
    await build([retention]).workUntilIdle()
    expect(asked).toEqual([clock.now()])
    const [failed, counted] = log.map((line) => JSON.parse(line))
    expect([failed.level, failed.of, counted.deleted]).toEqual(['error', 'broken', { counters: 1 }])

    clock.advance(HOUR_MS - 1)
    await retention.ensure()
    await runner?.workUntilIdle()
    expect(asked).toHaveLength(1)
    clock.advance(1)
    await runner?.workUntilIdle()
    expect(asked).toEqual([new Date(clock.now().getTime() - HOUR_MS), clock.now()])
    expect(await waiting()).toHaveLength(1)
  })
})
