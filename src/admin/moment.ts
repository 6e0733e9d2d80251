/** A time as a page shows it. */
export interface Moment {
  readonly iso: string
  /** `3 minutes ago`, `in 5 minutes`, `just now`. */
  readonly age: string
  /** `2 Mar 2026, 09:00 UTC` */
  readonly exact: string
}

const UNITS = [
  ['day', 24 * 60 * 60_000],
  ['hour', 60 * 60_000],
  ['minute', 60_000],
] as const

const day = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeZone: 'UTC' })

export function toMoment(at: Date, now: Date): Moment {
  return { iso: at.toISOString(), age: ageOf(at, now), exact: `${day.format(at)}, ${toClockTime(at)}` }
}

export function findMoment(at: Date | undefined, now: Date): Moment | undefined {
  return at && toMoment(at, now)
}

/** `14:05 UTC` */
export function toClockTime(at: Date): string {
  return `${at.toISOString().slice(11, 16)} UTC`
}

function ageOf(at: Date, now: Date): string {
  const ms = now.getTime() - at.getTime()
  for (const [unit, length] of UNITS) {
    const count = Math.floor(Math.abs(ms) / length)
    if (count === 0) continue
    const words = `${count} ${unit}${count === 1 ? '' : 's'}`
    return ms > 0 ? `${words} ago` : `in ${words}`
  }
  return ms >= 0 ? 'just now' : 'in a moment'
}
