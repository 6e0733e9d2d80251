import {
  getCountries,
  getCountryCallingCode,
  isPossiblePhoneNumber,
  parsePhoneNumberFromString,
} from 'libphonenumber-js'
import { withoutInvisible } from './plain-text.ts'

// Everywhere else a number is E.164 with its `+`, as 360dialog or a person wrote it: shown and sent like that, and
// compared by nothing but isSameLine.

/**
 * Digits that a country has taken away from its numbers, or added. WhatsApp keeps a number as it was when it was
 * registered, so that both spellings are in use for one line. A country is here only if no other line can have
 * the second spelling.
 */
const VARIANTS: readonly { readonly spelling: RegExp; readonly digits: string }[] = [
  // Mexico: a 1 before mobile numbers, until 2019.
  { spelling: /^(\+52)1?([2-9]\d{9})$/, digits: '1' },
  // Argentina: a 9 before mobile numbers, for calls from abroad.
  { spelling: /^(\+54)9?((?:11|[23]\d)\d{8})$/, digits: '9' },
  // Brazil: a ninth digit before the mobile numbers of that time, which began with 6 to 9. A 9 before 2 to 5 is
  // another line: without it, it would be a landline.
  { spelling: /^(\+55[1-9]{2})9?([6-9]\d{7})$/, digits: '9' },
  // Benin: 01 before all numbers, since 2024.
  { spelling: /^(\+229)(?:01)?(\d{8})$/, digits: '01' },
]

/** Whether both are numbers of one line; what is not known is the same as nothing. */
export function isSameLine(one: string | undefined, other: string | undefined): boolean {
  return one !== undefined && other !== undefined && spellingsOf(one)[0] === spellingsOf(other)[0]
}

/** A number in each spelling that its line can have, one or two; in the same order, whichever of them it is. */
export function spellingsOf(number: string): readonly [string, string?] {
  for (const { spelling, digits } of VARIANTS) {
    const [, start, rest] = spelling.exec(number) ?? []
    if (start !== undefined) return [`${start}${rest}`, `${start}${digits}${rest}`]
  }
  return [number]
}

/** Reads a number as people write it, with country code: `+49 30 123456`, `0049…`. E.164, or undefined. */
export function readPhoneNumber(text: string): string | undefined {
  const written = withoutInvisible(text.normalize('NFKC')).trim()
  const number = internationalOf(written.replace(/^00/, '+'))
  return number && spellingsOf(number).some((spelling) => isPossiblePhoneNumber(spelling ?? ''))
    ? number
    : undefined
}

/** A number that begins with `+`, also when its end is missing, as E.164: without a zero behind the country's code. */
export function internationalOf(text: string): string | undefined {
  return parsePhoneNumberFromString(text)?.number
}

/** A number as people read it: `+49 30 123456`. */
export function showPhoneNumber(number: string): string {
  const shown = parsePhoneNumberFromString(number)?.formatInternational() ?? number
  return digitsOf(shown) === digitsOf(number) ? shown : number
}

/** Enough of a number to know it again, and not enough to call it: `+49 ••• 3456`. */
export function maskPhoneNumber(number: string | undefined): string {
  if (number === undefined) return '•••'
  // No country's code begins another's, so the first that fits is the one.
  const code = [1, 2, 3].map((length) => number.slice(1, 1 + length)).find((code) => callingCodes.has(code))
  return `${code ? `+${code} ` : ''}••• ${number.slice(-4)}`
}

/** A number without its `+`, as a query has to have it. */
export function digitsOf(number: string): string {
  return number.replaceAll(/\D/g, '')
}

const callingCodes: ReadonlySet<string> = new Set(
  getCountries().map((country) => getCountryCallingCode(country)),
)
