import { getCountries, getCountryCallingCode, parsePhoneNumberFromString } from 'libphonenumber-js'

/** Reads a number as people write it, with country code: `+49 30 123456`, `0049…`. E.164, or undefined. */
export function readPhoneNumber(text: string): string | undefined {
  const number = parsePhoneNumberFromString(text.trim().replace(/^00/, '+'))
  return number?.isPossible() ? number.number : undefined
}

/** A number as people read it: `+49 30 123456`. */
export function showPhoneNumber(number: string): string {
  return parsePhoneNumberFromString(number)?.formatInternational() ?? number
}

/** Enough of a number to know it again, and not enough to call it: `+49 ••• 3456`. */
export function maskPhoneNumber(number: string | undefined): string {
  if (number === undefined) return '•••'
  // No country's code begins another's, so the first that fits is the one.
  const code = [1, 2, 3].map((length) => number.slice(1, 1 + length)).find((code) => callingCodes.has(code))
  return `${code ? `+${code} ` : ''}••• ${number.slice(-4)}`
}

const callingCodes: ReadonlySet<string> = new Set(
  getCountries().map((country) => getCountryCallingCode(country)),
)
