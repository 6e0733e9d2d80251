import { setTimeout as pause } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Clock } from '../clock.ts'

export type WorkName = 'returns' | 'unattached' | 'mints' | 'probes'

/** A kind of background work that waits on rows. */
export interface WorkSource {
  readonly name: WorkName
  /** Takes one due row and works on it; false when none was due. Never throws for what the row has met. */
  workOnce(): Promise<boolean>
}

const LOOK_EVERY_MS = 1_000
const AT_ONCE = 4
/** How long a piece of work lets requests go first, and how often it looks whether any are left. */
const GIVE_WAY_MS = 100
const LOOK_AGAIN_MS = 5

/** Looks for due rows and works on several at once, so that one slow answer does not hold up the others. */
export class Worker {
  readonly #sources: readonly WorkSource[]
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #isAwaited: () => boolean
  readonly #stopping = new AbortController()
  /** Loops that found nothing to do, with the source that each works for. */
  readonly #resting = new Map<AbortController, WorkName>()
  #news = 0
  #loops: Promise<void>[] = []

  constructor(given: {
    sources: readonly WorkSource[]
    clock: Clock
    logger: Logger
    /** True while somebody waits for an answer of the site. */
    isAwaited: () => boolean
  }) {
    this.#sources = given.sources
    this.#clock = given.clock
    this.#logger = given.logger
    this.#isAwaited = given.isAwaited
  }

  start(): void {
    this.#loops = this.#sources.flatMap((source) => Array.from({ length: AT_ONCE }, () => this.#loop(source)))
  }

  /**
   * Something became due: one resting loop of that source, or of every source, looks now. A loop that finds
   * work calls the next one, so that as many look as there is to do.
   */
  wake(name?: WorkName): void {
    this.#news += 1
    for (const source of this.#sources) {
      const [loop] = [...this.#resting].find(([, rests]) => rests === source.name) ?? []
      if (loop && (name ?? source.name) === source.name) this.#rouse(loop)
    }
  }

  /** Takes nothing new and resolves when what is under way has ended. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    for (const loop of [...this.#resting.keys()]) this.#rouse(loop)
    await Promise.all(this.#loops)
  }

  /** Works until nothing is due any more. */
  async workUntilIdle(): Promise<void> {
    for (let worked = true; worked; ) {
      const found = await Promise.all(this.#sources.map((source) => source.workOnce()))
      worked = found.includes(true)
    }
  }

  async #loop(source: WorkSource): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      await this.#giveWay()
      const news = this.#news
      if (await this.#tryOnce(source)) this.wake(source.name)
      else if (news === this.#news && !this.#stopping.signal.aborted) await this.#rest(source.name)
    }
  }

  /** People go first; but however many there are, work goes on. */
  async #giveWay(): Promise<void> {
    for (let waited = 0; waited < GIVE_WAY_MS && this.#isAwaited(); waited += LOOK_AGAIN_MS)
      await pause(LOOK_AGAIN_MS)
  }

  async #rest(name: WorkName): Promise<void> {
    const loop = new AbortController()
    this.#resting.set(loop, name)
    await this.#clock.sleep(LOOK_EVERY_MS, loop.signal)
    this.#resting.delete(loop)
  }

  #rouse(loop: AbortController): void {
    this.#resting.delete(loop)
    loop.abort()
  }

  async #tryOnce(source: WorkSource): Promise<boolean> {
    try {
      return await source.workOnce()
    } catch (error) {
      this.#logger.error({ err: error, work: source.name }, 'background work failed')
      return false
    }
  }
}
