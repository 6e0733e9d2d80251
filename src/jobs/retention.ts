import type { Logger } from 'pino'
import type { Clock } from '../clock.ts'
import type { Database } from '../database/database.ts'
import type { Jobs, LeasedJob } from './jobs.ts'
import type { Work } from './runner.ts'

const EVERY_MS = 60 * 60_000

/** Deletes what a capability need not keep any longer; answers how many rows. */
export type Forget = (now: Date) => Promise<number>

interface Dependencies {
  readonly db: Database
  readonly jobs: Jobs
  readonly clock: Clock
  readonly logger: Logger
  /** By the name under which the log counts what was deleted. */
  readonly forgets: Readonly<Record<string, Forget>>
}

/** Every hour, lets each capability delete what is over its time. Nothing is lost when it runs late, or twice. */
export class Retention implements Work {
  readonly kind = 'retention'
  readonly #dependencies: Dependencies

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  /** Plans it, unless it is planned: for every start. */
  async ensure(): Promise<void> {
    const { db, jobs } = this.#dependencies
    await jobs.ensure({ kind: this.kind, subject: 'all' }, db)
  }

  async run(job: LeasedJob): Promise<void> {
    const { db, clock, logger, forgets } = this.#dependencies
    const now = clock.now()
    const deleted: Record<string, number> = {}
    for (const [name, forget] of Object.entries(forgets)) {
      const count = await this.#forget(name, forget, now)
      if (count > 0) deleted[name] = count
    }
    if (Object.keys(deleted).length > 0) logger.info({ deleted }, 'what was over its time is deleted')
    await job.again(new Date(now.getTime() + EVERY_MS), db)
  }

  /** A failure of one does not keep the others from it; it is tried again in an hour. */
  async #forget(name: string, forget: Forget, now: Date): Promise<number> {
    try {
      return await forget(now)
    } catch (error) {
      this.#dependencies.logger.error({ err: error, of: name }, 'nothing could be deleted')
      return 0
    }
  }
}
