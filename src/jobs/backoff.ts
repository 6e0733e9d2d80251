/** When to try again after the `attempts`th time: `first` ms, doubling up to `most` ms. */
export function nextTry(now: Date, attempts: number, { first, most }: { first: number; most: number }): Date {
  return new Date(now.getTime() + Math.min(most, first * 2 ** Math.min(Math.max(attempts - 1, 0), 20)))
}

/** For a number that does not run yet, or an answer that may still change: 30 s growing to 15 min. */
export const WAITING = { first: 30_000, most: 15 * 60_000 }

/** For a call that failed and may work the next moment: 5 s growing to 15 min. */
export const FAILING = { first: 5_000, most: 15 * 60_000 }
