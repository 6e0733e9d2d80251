/** So many calls in a row without an answer, or with a 5xx. One success in between, and it is no outage. */
const FAILURES = 3
const ASK_EVERY_MS = 5_000

/** Whether 360dialog answers at all, as far as this process has seen. */
export class Outage {
  #failures = 0
  #isCertain = false
  #askAt = 0

  get isOn(): boolean {
    return this.#failures >= FAILURES
  }

  /** Tells how a call ended; true when that ended an outage that was certain. */
  note(status: number | 'error'): boolean {
    this.#failures = status === 'error' || status >= 500 ? this.#failures + 1 : 0
    return !this.isOn && this.#setCertain(false)
  }

  /** Tells that asking whether it is back found nothing: no client's record that makes 360dialog fail. True once. */
  confirm(): boolean {
    return this.#setCertain(true)
  }

  #setCertain(isCertain: boolean): boolean {
    const isNew = this.#isCertain !== isCertain
    this.#isCertain = isCertain
    return isNew
  }

  /** Whether it is time to ask again; true for one caller every 5 s. */
  tryTakeQuestion(now: Date): boolean {
    if (now.getTime() < this.#askAt) return false
    this.#askAt = now.getTime() + ASK_EVERY_MS
    return true
  }
}
