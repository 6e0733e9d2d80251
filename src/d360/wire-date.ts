/** Years of which 360dialog can speak; others are what programs write for no date. */
const YEARS = { from: 2000, to: 9999 } as const

/** `Z`, `+01:00`, `UTC`, `GMT+0100 (…)`, `+0000 UTC`; a name beside the difference adds nothing. */
const ZONE =
  /^(?:z|utc?|gmt|(?:utc|gmt)?(?<sign>[+-])(?<hours>\d\d)(?::?(?<minutes>\d\d))?)(?: ?\[[\w/+-]{1,40}\]| \([\w +-]{1,40}\)| [a-z]{2,5})?$/i

const DAY_OF_WEEK = '(?:(?<weekday>[a-z]{3})[a-z]{0,6},? )?'
const TIME = '(?<hour>\\d\\d):(?<minute>\\d\\d)(?::(?<second>\\d\\d)(?:[.,](?<fraction>\\d{1,12}))?)?'
/** The forms in which a date is certain; what follows the time is its zone. */
const forms = [
  // ISO 8601, RFC 3339, and as databases and languages print them.
  `(?<year>\\d{4})(?<mark>[-/])(?<month>\\d\\d)\\k<mark>(?<day>\\d\\d)(?:[t ]${TIME})?(?<zone>.*)`,
  '(?<year>\\d{4})(?<month>\\d\\d)(?<day>\\d\\d)(?:t(?<hour>\\d\\d)(?<minute>\\d\\d)(?<second>\\d\\d)?(?<zone>.*))?',
  // Mail and HTTP (RFC 1123).
  `${DAY_OF_WEEK}(?<day>\\d{1,2})(?<mark>[ -])(?<name>[a-z]{3})\\k<mark>(?<year>\\d{4}) ${TIME}(?<zone>.*)`,
  // C and Java, and JavaScript.
  `${DAY_OF_WEEK}(?<name>[a-z]{3}) (?<day>\\d{1,2}) ${TIME}(?<zone> [a-z]{1,3})? (?<year>\\d{4})`,
  `${DAY_OF_WEEK}(?<name>[a-z]{3}) (?<day>\\d{1,2}) (?<year>\\d{4}) ${TIME}(?<zone>.*)`,
].map((form) => new RegExp(`^${form}$`, 'i'))

/** What is longer is no date. */
const MAX_LENGTH = 100
const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const weekdays = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']

type Parts = Readonly<Record<string, string | undefined>>

/**
 * Reads a date in every form in which it is certain; seconds and milliseconds since 1970, too. Without a zone it is UTC
 * (docs/360dialog.md 6). Undefined for what could be two dates, or is none: `03/04/2026`, `2026-02-30`.
 */
export function readDate(said: unknown): Date | undefined {
  const text = typeof said === 'number' ? String(said) : said
  if (typeof text !== 'string' || text.length > MAX_LENGTH) return undefined
  const written = text.trim().replaceAll(/\s+/g, ' ').replaceAll('\u2212', '-')
  const at = readEpoch(written) ?? readWritten(written)
  return at && at.getUTCFullYear() >= YEARS.from && at.getUTCFullYear() <= YEARS.to ? at : undefined
}

/** Ten digits are seconds, thirteen milliseconds; of no year in sight both. */
function readEpoch(text: string): Date | undefined {
  const [, seconds, fraction = ''] = /^(\d{10})(?:\.(\d{1,12}))?$/.exec(text) ?? []
  if (seconds !== undefined) return new Date(Number(seconds) * 1000 + toMilliseconds(fraction))
  return /^\d{13}$/.test(text) ? new Date(Number(text)) : undefined
}

function readWritten(text: string): Date | undefined {
  for (const form of forms) {
    const parts = form.exec(text)?.groups
    if (parts) return toDate(parts)
  }
  return undefined
}

function toDate(parts: Parts): Date | undefined {
  const { year, day, hour = 0, minute = 0, second = 0, fraction = '', zone = '', weekday } = parts
  const month = parts.name ? months.indexOf(parts.name.toLowerCase()) : Number(parts.month) - 1
  const offsetMs = readZone(zone.trim())
  if (offsetMs === undefined || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60)
    return undefined
  const midnight = new Date(Date.UTC(Number(year), month, Number(day)))
  // A day that there is not becomes one of the next month.
  if (midnight.getUTCMonth() !== month || midnight.getUTCDate() !== Number(day)) return undefined
  if (weekday && weekdays[midnight.getUTCDay()] !== weekday.toLowerCase()) return undefined
  const ofDayMs = ((Number(hour) * 60 + Number(minute)) * 60 + Number(second)) * 1000
  return new Date(midnight.getTime() + ofDayMs + toMilliseconds(fraction) - offsetMs)
}

function readZone(zone: string): number | undefined {
  if (zone === '') return 0
  const read = ZONE.exec(zone)?.groups
  if (!read) return undefined
  const { sign, hours = '0', minutes = '0' } = read
  if (Number(hours) > 14 || Number(minutes) > 59) return undefined
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000
}

/** Of what stands behind the point of seconds; no more than the database keeps. */
function toMilliseconds(fraction: string): number {
  return Number(fraction.slice(0, 3).padEnd(3, '0'))
}
