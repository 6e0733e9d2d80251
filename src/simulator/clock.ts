/** The simulator's time: real or given, moved forward, stopped. */
export class Clock {
  readonly #source: () => Date
  #offset = 0
  #frozenAt: number | undefined

  constructor(source: () => Date = () => new Date()) {
    this.#source = source
  }

  get isFrozen(): boolean {
    return this.#frozenAt !== undefined
  }

  now(): Date {
    return new Date(this.#frozenAt ?? this.#source().getTime() + this.#offset)
  }

  advance(seconds: number): void {
    this.#offset += seconds * 1000
    if (this.#frozenAt !== undefined) this.#frozenAt += seconds * 1000
  }

  /** Stops it, or lets it go on from where it was stopped. */
  freeze(isFrozen: boolean): void {
    const now = this.now().getTime()
    this.#offset = now - this.#source().getTime()
    this.#frozenAt = isFrozen ? now : undefined
  }
}

/** A time as 360dialog writes it: to the second. */
export function toWireTime(date: Date): string {
  return date.toISOString().replace(/\.\d{3}Z$/, 'Z')
}
