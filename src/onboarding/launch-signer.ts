import type { Clock } from '../clock.ts'
import { type IoSignature, signLaunch } from '../d360/launch-link.ts'
import type { Database } from '../database/database.ts'
import type { Row } from '../database/schema.ts'
import { BusyError } from '../errors.ts'

/** How far back the second of a signature may lie: well within any life that a signature can have. */
const MAX_SECONDS_BACK = 30
/** A visitor waits no longer than this for a page. */
const PATIENCE_MS = 10_000
/** As many as get their turn within that. */
const MAX_WAITING = PATIENCE_MS / 1000

type Origin = Row<'connectSession'>['origin']

interface Dependencies {
  readonly db: Database
  readonly partnerId: string
  /** Undefined when launches are not signed. */
  readonly secret: string | undefined
  readonly clock: Clock
}

/**
 * Signs launches (docs/360dialog.md 3). A signature consists of nothing but the hub and the second, and serves one
 * attempt only: so the whole hub has one for each second, and who comes when all are taken waits for the next. Anybody
 * can sign up, so the odd seconds are for links alone.
 */
export class LaunchSigner {
  readonly #dependencies: Dependencies
  readonly #queues = { link: new Queue(), self_signup: new Queue() }

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  get isOn(): boolean {
    return this.#dependencies.secret !== undefined
  }

  /** @throws BusyError when too many wait, here or in other processes */
  async sign(origin: Origin): Promise<IoSignature | undefined> {
    const { partnerId, secret: platformSecret } = this.#dependencies
    if (platformSecret === undefined) return undefined
    const now = await this.#queues[origin].run(() => this.#takeSecond(origin))
    return signLaunch({ platformSecret, partnerId, now })
  }

  async #takeSecond(origin: Origin): Promise<Date> {
    const { clock } = this.#dependencies
    const end = clock.now().getTime() + PATIENCE_MS
    for (;;) {
      const now = clock.now().getTime()
      const second = await this.#tryTakeSecond(origin, now)
      if (second) return second
      if (now >= end) throw new BusyError()
      await clock.sleep(1000 - (now % 1000))
    }
  }

  /** The newest second that no launch has taken yet, and never one that is still to come. */
  async #tryTakeSecond(origin: Origin, now: number): Promise<Date | undefined> {
    const { db } = this.#dependencies
    const newest = Math.floor(now / 1000)
    const seconds = Array.from({ length: MAX_SECONDS_BACK }, (_, back) => newest - back)
      .filter((second) => origin === 'link' || second % 2 === 0)
      .map(toText)
    const taken = await db
      .selectFrom('launchSignature')
      .select('second')
      .where('second', 'in', seconds)
      .execute()
    for (const second of seconds.filter((one) => !taken.some((other) => other.second === one))) {
      const inserted = await db
        .insertInto('launchSignature')
        .values({ second })
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst()
      if (inserted.numInsertedOrUpdatedRows === 1n) return new Date(second)
    }
    return undefined
  }
}

/** First come, first served, and no more than can be served in time. */
class Queue {
  #waiting = 0
  #last: Promise<unknown> = Promise.resolve()

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#waiting >= MAX_WAITING) throw new BusyError()
    this.#waiting += 1
    const done = this.#last.then(work)
    this.#last = done.catch(() => {})
    try {
      return await done
    } finally {
      this.#waiting -= 1
    }
  }
}

function toText(second: number): string {
  return new Date(second * 1000).toISOString()
}
