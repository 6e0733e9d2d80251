/** A time as a page shows it, in English. */
export interface ShownTime {
  readonly iso: string
  /** `3 minutes ago`, `in 5 minutes`, `just now`. */
  readonly age: string
  /** `2 Mar 2026, 09:00 UTC` */
  readonly exact: string
  /** `09:00 UTC` */
  readonly ofDay: string
}

const UNITS = [
  ['day', 24 * 60 * 60_000],
  ['hour', 60 * 60_000],
  ['minute', 60_000],
] as const

const day = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeZone: 'UTC' })

export function showTime(at: Date, now: Date): ShownTime {
  const iso = at.toISOString()
  const ofDay = `${iso.slice(11, 16)} UTC`
  return { iso, age: ageOf(at, now), exact: `${day.format(at)}, ${ofDay}`, ofDay }
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
