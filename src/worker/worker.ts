import type { Logger } from 'pino'
import type { Clock } from '../clock.ts'

/** A kind of background work that waits on rows. */
export interface WorkSource {
  readonly name: string
  /** Takes one due row and works on it; false when none was due. Never throws for what the row has met. */
  workOnce(): Promise<boolean>
}

const LOOK_EVERY_MS = 1_000
const AT_ONCE = 4

/** Looks for due rows and works on several at once, so that one slow answer does not hold up the others. */
export class Worker {
  readonly #sources: readonly WorkSource[]
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #stopping = new AbortController()
  #news = new AbortController()
  #loops: Promise<void>[] = []

  constructor({ sources, clock, logger }: { sources: readonly WorkSource[]; clock: Clock; logger: Logger }) {
    this.#sources = sources
    this.#clock = clock
    this.#logger = logger
  }

  start(): void {
    this.#loops = this.#sources.flatMap((source) => Array.from({ length: AT_ONCE }, () => this.#loop(source)))
  }

  /** Something became due: look now. */
  wake(): void {
    this.#news.abort()
    this.#news = new AbortController()
  }

  /** Takes nothing new and resolves when what is under way has ended. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    this.wake()
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
      const news = this.#news.signal
      const worked = await this.#tryOnce(source)
      if (!worked && !this.#stopping.signal.aborted) await this.#clock.sleep(LOOK_EVERY_MS, news)
    }
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
