import type { Clock } from '../clock.ts'
import type { PartnerApiError } from '../errors.ts'

/** What can be wrong between this site and its hub, so that nothing that has to ask 360dialog can go on. */
export type TroubleKind =
  /** 360dialog answers nobody. */
  | 'away'
  /** It refuses our credentials, those of the login included. */
  | 'credentials_refused'
  /** It answers, and its lists have no form that is known here. */
  | 'not_understood'

export interface Finding {
  readonly kind: TroubleKind
  /** What 360dialog answered. */
  readonly upstreamStatus: number | undefined
}

export interface Trouble extends Finding {
  readonly sinceAt: Date
}

/** Whether it takes somebody at the partner; while 360dialog is away, nobody here can do anything. */
export function isOursToMend({ kind }: Trouble): boolean {
  return kind !== 'away'
}

/** So many calls in a row without an answer, or with a 5xx. One success in between, and it is not away. */
const FAILURES = 3
const ASK_WHILE_AWAY_MS = 5_000
const ASK_EVERY_MS = 60_000
/** How long what the database says of it is believed: another process may have found out more. */
const READ_EVERY_MS = 5_000

/** What the processes share of it. */
export interface TroubleStore {
  find(): Promise<Trouble | undefined>
  /** What is of the kind already keeps the time at which it began. */
  begin(finding: Finding, now: Date): Promise<Trouble>
  end(): Promise<void>
  /** True for one of all processes in each pause. */
  tryTakeQuestion(now: number, pauseMs: number): Promise<boolean>
}

interface Dependencies {
  readonly store: TroubleStore
  readonly clock: Clock
  /** Told when it begins, becomes another, or ends: then without one. */
  readonly onChange: (trouble: Trouble | undefined) => void
}

/**
 * Trouble of the whole hub, which is never a customer's or a number's. Every call tells how it ended; what looks like
 * trouble is made certain by a question of our own, one for all processes, and again until it is over.
 */
export class HubTrouble {
  readonly #dependencies: Dependencies
  #known: Trouble | undefined
  #readAt = Number.NEGATIVE_INFINITY
  #reading: Promise<void> | undefined
  #settled = 0
  #failures = 0
  #isSuspected = false
  #provenAt = Number.NEGATIVE_INFINITY
  #askedAt = Number.NEGATIVE_INFINITY
  #asking: Promise<void> | undefined

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  /** Whether this process knows of any: then nothing is tried again at once. */
  get isOn(): boolean {
    return this.#known !== undefined || this.#failures >= FAILURES
  }

  /** Tells how one attempt ended. */
  note(endpoint: string, status: number | 'error'): void {
    const isLogin = endpoint === 'token'
    const isDead = status === 'error' || (status >= 500 && !(isLogin && status === 500))
    this.#failures = isDead ? this.#failures + 1 : 0
    if (isDead) return
    const now = this.#now()
    if (status < 300 && !isLogin) {
      this.#provenAt = now
      this.#isSuspected = false
    } else if (status === 401 || (isLogin && status >= 400 && status !== 429)) this.suspect()
    // Beside an answer, a 403 is about what was asked for.
    else if (status === 403 && now - this.#provenAt > ASK_EVERY_MS) this.suspect()
  }

  /** Something may be wrong with the whole hub: the next to look makes sure. */
  suspect(): void {
    this.#isSuspected = true
  }

  /** What is known of it, by any process. */
  async find(): Promise<Trouble | undefined> {
    if (Math.abs(this.#now() - this.#readAt) >= READ_EVERY_MS) this.#reading ??= this.#read()
    await this.#reading
    return this.#known
  }

  async #read(): Promise<void> {
    const settled = this.#settled
    try {
      const found = await this.#dependencies.store.find()
      this.#readAt = this.#now()
      // What this process found out meanwhile is newer.
      if (settled === this.#settled) this.#know(found)
    } finally {
      this.#reading = undefined
    }
  }

  /**
   * False while what works by itself has to rest. `ask` resolves to how each question ended that needs our credentials,
   * and that 360dialog answers for every hub.
   */
  async isOver(ask: Ask): Promise<boolean> {
    const known = await this.find()
    if (known?.kind === 'away' && this.#failures === 0) await this.#settle(undefined)
    else if (known || this.isOn || this.#isSuspected)
      this.#asking ??= this.#ask(known, ask).finally(() => {
        this.#asking = undefined
      })
    await this.#asking
    return !this.isOn
  }

  async #ask(known: Trouble | undefined, ask: Ask): Promise<void> {
    const now = this.#now()
    const isAway = known ? known.kind === 'away' : this.isOn
    const pause = isAway ? ASK_WHILE_AWAY_MS : ASK_EVERY_MS
    // A clock that was set back must not keep the question away.
    if (Math.abs(now - this.#askedAt) < pause) return
    this.#askedAt = now
    if (known && !(await this.#dependencies.store.tryTakeQuestion(now, pause))) return
    this.#isSuspected = false
    const finding = judgeAnswers(await ask(isAway))
    if (finding !== 'unclear') await this.#settle(finding)
  }

  async #settle(finding: Finding | undefined): Promise<void> {
    const { store, clock } = this.#dependencies
    if (!finding) {
      this.#failures = 0
      if (this.#known) await store.end()
    }
    const trouble = finding && (await store.begin(finding, clock.now()))
    this.#settled += 1
    this.#know(trouble)
  }

  #know(trouble: Trouble | undefined): void {
    const before = this.#known?.kind
    this.#known = trouble
    if (trouble?.kind === 'away' && before !== 'away') this.#failures = FAILURES
    if (trouble?.kind !== before) this.#dependencies.onChange(trouble)
  }

  #now(): number {
    return this.#dependencies.clock.now().getTime()
  }
}

/** How a question ended; undefined: with an answer that is understood. */
export type Answered = PartnerApiError | undefined
/** `isAway`: what is asked is only whether there is any answer. */
type Ask = (isAway: boolean) => Promise<readonly Answered[]>

/** What the answers to our questions say of the hub, of two of its lists; `unclear`: nothing new. */
export function judgeAnswers(answers: readonly Answered[]): Finding | undefined | 'unclear' {
  const failed = answers.filter((answer) => answer !== undefined)
  const refused =
    failed.find((answer) => answer.refusesCredentials) ??
    // One thing that is refused says nothing of the others.
    (failed.length === answers.length && failed.every(({ upstreamStatus }) => upstreamStatus === 403)
      ? failed[0]
      : undefined)
  if (refused) return { kind: 'credentials_refused', upstreamStatus: refused.upstreamStatus }
  if (failed.some(({ failure }) => failure === 'unexpected_answer'))
    return { kind: 'not_understood', upstreamStatus: undefined }
  if (failed.length < answers.length) return undefined
  if (failed.every(isNoAnswer)) return { kind: 'away', upstreamStatus: failed[0]?.upstreamStatus }
  return failed.some(({ upstreamStatus }) => upstreamStatus === 429) ? 'unclear' : undefined
}

function isNoAnswer({ upstreamStatus }: PartnerApiError): boolean {
  return upstreamStatus === undefined || upstreamStatus >= 500
}
