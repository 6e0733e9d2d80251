import { sql, type UpdateObject } from 'kysely'
import type { Clock } from '../clock.ts'
import { compiledInsert, compiledQuery } from '../database/compiled-query.ts'
import { afterCommit, type Database } from '../database/database.ts'
import type { NewRow, Row, Schema } from '../database/schema.ts'
import { newId } from '../identifiers.ts'

/** Longer than any single piece of work can take: every call to 360dialog has a bound far below it. */
export const LEASE_MS = 120_000

export type JobKind =
  | 'return'
  | 'unattached_return'
  | 'notice'
  | 'mint'
  | 'probe'
  | 'webhook'
  | 'health'
  | 'mail'
  | 'sync'
  | 'retention'

/** What goes first within a kind. */
export const priorities = { first: 0, usual: 1, last: 2 } as const
export type Priority = (typeof priorities)[keyof typeof priorities]

/** One piece of work: what is to be done, about which row. */
export interface NewJob {
  readonly kind: JobKind
  readonly subject: string
  readonly priority?: Priority
  /** Now, if it is not said. */
  readonly dueAt?: Date
}

/** Another worker holds the job by now, or it was cancelled: whatever was about to happen must not. */
export class LeaseLostError extends Error {}

interface Dependencies {
  readonly db: Database
  readonly clock: Clock
}

/**
 * All background work that waits: one row for a kind and subject. Whoever changes a row that work is about plans,
 * retries or cancels its job in the same transaction. A due job is found after any crash.
 */
export class Jobs {
  readonly #db: Database
  readonly #clock: Clock
  #wake: (kind: JobKind) => void = () => {}

  constructor({ db, clock }: Dependencies) {
    this.#db = db
    this.#clock = clock
  }

  /** Who is told, after the commit, that something became due. */
  onDue(wake: (kind: JobKind) => void): void {
    this.#wake = wake
  }

  /** Plans a job; one that is there already is tried again at `dueAt`, counting its attempts anew. */
  async plan(job: NewJob, trx: Database): Promise<void> {
    await insertJob(trx, this.#toRow(job))
    afterCommit(trx, () => this.#wake(job.kind))
  }

  /** Plans a job; one that is there already stays as it is, and is there until this transaction has ended. */
  async ensure(job: NewJob, trx: Database): Promise<void> {
    await trx
      .insertInto('job')
      .values(this.#toRow(job))
      .onConflict((conflict) =>
        conflict.columns(['kind', 'subject']).doUpdateSet((set) => ({ kind: set.ref('excluded.kind') })),
      )
      .execute()
    afterCommit(trx, () => this.#wake(job.kind))
  }

  /** Makes a job due now, counting its attempts anew; one that somebody holds runs once more. False when there is none. */
  async retryNow(kind: JobKind, subject: string, trx: Database): Promise<boolean> {
    const retried = await trx
      .updateTable('job')
      .set((set) => ({
        attempts: 0,
        isWantedAgain: sql<boolean>`case when ${set.ref('leasedUntil')} is null then 0 else 1 end`,
        dueAt: set.fn.coalesce('leasedUntil', set.val(this.#clock.now())),
      }))
      .where('kind', '=', kind)
      .where('subject', '=', subject)
      .executeTakeFirst()
    afterCommit(trx, () => this.#wake(kind))
    return retried.numUpdatedRows === 1n
  }

  /** When it is due, or until when somebody holds it; undefined when there is none. */
  find(
    kind: JobKind,
    subject: string,
    db: Database = this.#db,
  ): Promise<Pick<Row<'job'>, 'dueAt' | 'leasedUntil'> | undefined> {
    const jobs = db.selectFrom('job').select(['dueAt', 'leasedUntil'])
    return jobs.where('kind', '=', kind).where('subject', '=', subject).executeTakeFirst()
  }

  /** How many wait, though it is their time, or though they were tried before it comes again. */
  async countHeldUp(kinds: readonly JobKind[]): Promise<number> {
    const { count } = await this.#db
      .selectFrom('job')
      .select((row) => row.fn.countAll<number | string>().as('count'))
      .where('kind', 'in', kinds)
      .where((job) => job.or([job('dueAt', '<=', this.#clock.now()), job('attempts', '>', 0)]))
      .executeTakeFirstOrThrow()
    return Number(count)
  }

  /** Nobody works on it from here on; who holds it loses it. */
  async cancel(kind: JobKind, subject: string, trx: Database): Promise<void> {
    await trx.deleteFrom('job').where('kind', '=', kind).where('subject', '=', subject).execute()
  }

  /**
   * Takes the job of this kind that goes first, for LEASE_MS, in one conditional update: of any number of workers and
   * processes one gets it, on either database; `isUrgent` looks at those of the first priority alone. Undefined when
   * nothing is due.
   */
  async leaseNext(kind: JobKind, { isUrgent = false } = {}): Promise<LeasedJob | undefined> {
    for (const priority of isUrgent ? [priorities.first] : Object.values(priorities)) {
      const job = await this.#leaseNextOf(kind, priority)
      if (job) return job
    }
    return undefined
  }

  /** Frees what a process that is surely dead had taken: on SQLite, where only one serves, at its start. */
  async releaseLeases(): Promise<void> {
    await this.#db
      .updateTable('job')
      .set({ leasedUntil: null, dueAt: this.#clock.now(), isWantedAgain: false })
      .where('leasedUntil', 'is not', null)
      .execute()
  }

  #toRow({ kind, subject, priority = priorities.usual, dueAt }: NewJob): NewRow<'job'> {
    const now = this.#clock.now()
    const waits = { dueAt: dueAt ?? now, leasedUntil: null, attempts: 0, isWantedAgain: false }
    return { id: newId('job', now), kind, subject, priority, ...waits }
  }

  async #leaseNextOf(kind: JobKind, priority: Priority): Promise<LeasedJob | undefined> {
    const now = this.#clock.now()
    for (;;) {
      const [next] = await findNextJob(this.#db, { kind, priority, now })
      if (!next) return undefined
      const until = leaseFrom(now)
      const [row] = await takeJob(this.#db, { id: next.id, now, until })
      // Undefined here: another worker was faster. There may be more, so look again.
      if (row) return new LeasedJob(row, until, this.#clock)
    }
  }
}

/** A job that this worker holds. Each change throws LeaseLostError, and so undoes its transaction, when it no longer does. */
export class LeasedJob {
  readonly #job: Row<'job'>
  readonly #clock: Clock
  #leasedUntil: Date
  #isSettled = false

  constructor(job: Row<'job'>, leasedUntil: Date, clock: Clock) {
    this.#job = job
    this.#leasedUntil = leasedUntil
    this.#clock = clock
  }

  get subject(): string {
    return this.#job.subject
  }

  /** How often it was taken since it was planned or asked for again, this time included. */
  get attempts(): number {
    return this.#job.attempts
  }

  get priority(): number {
    return this.#job.priority
  }

  /** True once it was given back or finished. */
  get isSettled(): boolean {
    return this.#isSettled
  }

  /** Holds it for another full lease, from the commit on. */
  async extend(db: Database): Promise<void> {
    const until = leaseFrom(this.#clock.now())
    await this.#change({ dueAt: until, leasedUntil: until }, db)
    afterCommit(db, () => {
      this.#leasedUntil = until
    })
  }

  /** Gives it back, to be found again at `dueAt`; at once, if it was asked for again meanwhile. */
  async again(dueAt: Date, db: Database, priority = this.#job.priority): Promise<void> {
    const now = this.#clock.now().toISOString()
    const due = sql<Date>`case when is_wanted_again = 1 then ${now} else ${dueAt.toISOString()} end`
    await this.#change({ dueAt: due, leasedUntil: null, isWantedAgain: false, priority }, db)
    this.#settle(db)
  }

  /** Ends it; one that was asked for again meanwhile runs once more. */
  async finish(db: Database): Promise<void> {
    const finished = await db
      .deleteFrom('job')
      .where('id', '=', this.#job.id)
      .where('leasedUntil', '=', this.#leasedUntil)
      .where('isWantedAgain', '=', false)
      .executeTakeFirst()
    if (finished.numDeletedRows === 1n) this.#settle(db)
    else await this.again(this.#clock.now(), db)
  }

  /** Only the commit settles it: after a transaction that was undone it is still held. */
  #settle(db: Database): void {
    afterCommit(db, () => {
      this.#isSettled = true
    })
  }

  async #change(change: UpdateObject<Schema, 'job'>, db: Database): Promise<void> {
    const changed = await db
      .updateTable('job')
      .set(change)
      .where('id', '=', this.#job.id)
      .where('leasedUntil', '=', this.#leasedUntil)
      .executeTakeFirst()
    if (changed.numUpdatedRows !== 1n) throw new LeaseLostError()
  }
}

function leaseFrom(now: Date): Date {
  return new Date(now.getTime() + LEASE_MS)
}

const insertJob = compiledInsert<NewRow<'job'>>(
  ['id', 'kind', 'subject', 'priority', 'dueAt', 'leasedUntil', 'attempts', 'isWantedAgain'],
  (db, job) =>
    db
      .insertInto('job')
      .values(job)
      .onConflict((conflict) =>
        conflict.columns(['kind', 'subject']).doUpdateSet((set) => ({
          priority: set.ref('excluded.priority'),
          dueAt: set.fn.coalesce('job.leasedUntil', 'excluded.dueAt'),
          attempts: 0,
          isWantedAgain: sql<boolean>`case when job.leased_until is null then 0 else 1 end`,
        })),
      ),
)

const findNextJob = compiledQuery<{ kind: string; priority: number; now: Date }, { id: string }>(
  (db, value) =>
    db
      .selectFrom('job')
      .select('id')
      .where('kind', '=', value('kind'))
      .where('priority', '=', value('priority'))
      .where('dueAt', '<=', value('now'))
      .orderBy('dueAt')
      .limit(1),
)

const takeJob = compiledQuery<{ id: string; now: Date; until: Date }, Row<'job'>>((db, value) =>
  db
    .updateTable('job')
    .set((set) => ({
      ...{ dueAt: value('until'), leasedUntil: value('until') },
      ...{ attempts: set('attempts', '+', 1), isWantedAgain: false },
    }))
    .where('id', '=', value('id'))
    .where('dueAt', '<=', value('now'))
    .returningAll(),
)
