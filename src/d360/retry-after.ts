/** The seconds that a `Retry-After` header asks for, as a number or a date; `undefined` when unreadable. */
export function readRetryAfter(header: string | undefined, now: Date): number | undefined {
  if (!header) return undefined
  if (/^\d+(\.\d+)?$/.test(header.trim())) return Number(header)
  const seconds = (Date.parse(header) - now.getTime()) / 1000
  return Number.isNaN(seconds) ? undefined : Math.max(0, seconds)
}
