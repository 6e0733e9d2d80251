import { randomInt } from 'node:crypto'

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const digits = '0123456789'

function pick(alphabet: string, length: number): string {
  return Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('')
}

/** An id in 360dialog's style: random letters and digits, then what it names (`CL`, `CH`, `WA`). */
export function randomId(suffix: 'CL' | 'CH' | 'WA'): string {
  return pick(letters + digits, 6) + suffix
}

/** 31 characters, like the one sample of a channel API key that is public. */
export function randomKey(): string {
  return pick(letters + digits, 31)
}

/** Digits without a leading zero, as Meta's and 360dialog's numeric ids come: in a string. */
export function randomDigits(length: number): string {
  return pick(digits.slice(1), 1) + pick(digits, length - 1)
}
