import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Clock } from '../clock.ts'
import type { Database } from '../database/database.ts'
import { MailError, PartnerApiError } from '../errors.ts'
import { FAILING, nextTry } from './backoff.ts'
import { type JobKind, type Jobs, type LeasedJob, LeaseLostError } from './jobs.ts'

/** A kind of background work: a name and a function. */
export interface Work {
  readonly kind: JobKind
  /** How many are worked on at once; 4 unless said. */
  readonly loops?: number
  /** So many of the loops take nothing but the first priority: whatever else is due, it does not wait. */
  readonly urgentLoops?: number
  /** Whether there is a point in it now: no job is taken, and none loses a try, while there is not. */
  isReady?(): Promise<boolean>
  /**
   * Works on the row that the job is about. Returning ends the job, unless it was given back; throwing gives it back
   * for later. Safe to repeat after a crash at any line: what was done is seen on the rows.
   */
  run(job: LeasedJob): Promise<void>
}

interface Loop {
  readonly work: Work
  readonly isUrgent?: boolean
}

interface Dependencies {
  readonly db: Database
  readonly jobs: Jobs
  readonly works: readonly Work[]
  readonly clock: Clock
  readonly logger: Logger
  /** True while somebody waits for an answer of the site. */
  readonly hasRequestsInFlight: () => boolean
}

const LOOK_EVERY_MS = 1_000
const AT_ONCE = 4
/** How long a piece of work lets requests go first, and how often it checks whether any are left. */
const YIELD_MS = 100
const CHECK_EVERY_MS = 5

/** Takes due jobs and works on several of each kind at once, so that one slow answer does not hold up the others. */
export class Runner {
  readonly #dependencies: Dependencies
  readonly #stopping = new AbortController()
  /** Loops that found nothing to do. One of each sort looks again by itself; it wakes others when it finds something. */
  readonly #resting = new Map<AbortController, Loop & { readonly looksAgain: boolean }>()
  #news = 0
  #loops: Promise<void>[] = []

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
    dependencies.jobs.onDue((kind) => this.#wake(kind))
  }

  start(): void {
    const { works } = this.#dependencies
    this.#loops = works.flatMap((work) =>
      Array.from({ length: work.loops ?? AT_ONCE }, (_, nth) =>
        this.#loop({ work, isUrgent: nth < (work.urgentLoops ?? 0) }),
      ),
    )
  }

  /** Takes nothing new and resolves when what is under way has ended. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    for (const alarm of [...this.#resting.keys()]) this.#wakeLoop(alarm)
    await Promise.all(this.#loops)
  }

  /** Works until nothing is due any more. */
  async workUntilIdle(): Promise<void> {
    for (let worked = true; worked; ) {
      const found = await Promise.all(this.#dependencies.works.map((work) => this.#workOnce({ work })))
      worked = found.includes(true)
    }
  }

  /**
   * One resting loop of that kind looks now, and an urgent one. A loop that finds work wakes the next, so that as many
   * look as needed.
   */
  #wake(kind: JobKind): void {
    this.#news += 1
    for (const isUrgent of [true, false]) {
      const [loop] =
        [...this.#resting].find(([, rests]) => rests.work.kind === kind && rests.isUrgent === isUrgent) ?? []
      if (loop) this.#wakeLoop(loop)
    }
  }

  async #loop(loop: Loop): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      await this.#yieldToRequests()
      const news = this.#news
      if (await this.#tryOnce(loop)) this.#wake(loop.work.kind)
      else if (news === this.#news && !this.#stopping.signal.aborted) await this.#rest(loop)
    }
  }

  /** Requests go first; but however many there are, work goes on. */
  async #yieldToRequests(): Promise<void> {
    const { hasRequestsInFlight } = this.#dependencies
    for (let waited = 0; waited < YIELD_MS && hasRequestsInFlight(); waited += CHECK_EVERY_MS)
      await pause(CHECK_EVERY_MS)
  }

  async #rest(loop: Loop): Promise<void> {
    const alarm = new AbortController()
    const { work, isUrgent } = loop
    const looksAgain = ![...this.#resting.values()].some(
      (other) => other.work === work && other.isUrgent === isUrgent && other.looksAgain,
    )
    this.#resting.set(alarm, { ...loop, looksAgain })
    if (looksAgain) await this.#dependencies.clock.sleep(LOOK_EVERY_MS, alarm.signal)
    else await once(alarm.signal, 'abort')
    this.#resting.delete(alarm)
  }

  #wakeLoop(alarm: AbortController): void {
    this.#resting.delete(alarm)
    alarm.abort()
  }

  /** False also when the database is away: the loop rests before it looks again. */
  async #tryOnce(loop: Loop): Promise<boolean> {
    try {
      return await this.#workOnce(loop)
    } catch (error) {
      this.#dependencies.logger.error({ err: error, work: loop.work.kind }, 'background work failed')
      return false
    }
  }

  /** Takes one due job and works on it; false when none was due. */
  async #workOnce({ work, isUrgent = false }: Loop): Promise<boolean> {
    if (work.isReady && !(await work.isReady())) return false
    const job = await this.#dependencies.jobs.leaseNext(work.kind, { isUrgent })
    if (!job) return false
    try {
      await this.#run(work, job)
    } catch (error) {
      if (!(error instanceof LeaseLostError)) throw error
      this.#dependencies.logger.warn(
        { work: work.kind, subject: job.subject },
        'taken over by another worker',
      )
    }
    return true
  }

  async #run(work: Work, job: LeasedJob): Promise<void> {
    const { db, clock } = this.#dependencies
    try {
      await work.run(job)
      if (!job.isSettled) await job.finish(db)
    } catch (error) {
      if (error instanceof LeaseLostError) throw error
      this.#log(work.kind, job, error)
      if (!job.isSettled) await job.again(nextTry(clock.now(), job.attempts, FAILING), db)
    }
  }

  #log(kind: JobKind, { subject }: LeasedJob, error: unknown): void {
    const { logger } = this.#dependencies
    if (error instanceof PartnerApiError) {
      const { failure, upstreamStatus: status } = error
      logger.warn({ work: kind, subject, failure, status }, 'background work waits')
    } else if (error instanceof MailError) {
      const { code: failure, status } = error
      logger.warn({ work: kind, subject, failure, status }, 'background work waits')
    } else logger.error({ work: kind, subject, err: error }, 'background work failed')
  }
}
