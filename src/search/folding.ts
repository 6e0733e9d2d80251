import { withoutInvisible } from '../plain-text.ts'

/** Marks that a reader leaves out: accents of Latin, Greek and Cyrillic. What other scripts set above a letter stays. */
const ACCENTS = /[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]/g
/** Letters that Unicode does not take apart. */
const LETTERS: Readonly<Record<string, string>> = {
  ...{ ß: 'ss', ł: 'l', ø: 'o', æ: 'ae', œ: 'oe', đ: 'd', ð: 'd', þ: 'th', ħ: 'h', ŧ: 't', ı: 'i', ς: 'σ' },
}
const EVERY_LETTER = new RegExp(`[${Object.keys(LETTERS).join('')}]`, 'g')

/** A text as it is compared: in small letters without accents, with ASCII digits, without what is not seen. */
export function fold(text: string): string {
  return withoutInvisible(text.toWellFormed().normalize('NFKD').toLowerCase())
    .replaceAll(ACCENTS, '')
    .replaceAll(EVERY_LETTER, (letter) => LETTERS[letter] ?? letter)
    .replaceAll(/\p{Nd}/gu, toDigit)
    .normalize('NFC')
}

/** The words of a text. German writes `ü` as `ue`, too, so that both are one. */
export function wordsOf(text: string): string[] {
  const words = fold(text).match(/[\p{L}\p{N}][\p{L}\p{N}\p{M}]*/gu) ?? []
  return words.map((word) => word.replaceAll(/([aou])e/g, '$1'))
}

/** An id, an address or a code without all that separates its parts. */
export function compactOf(text: string): string {
  return fold(text).replaceAll(/[^\p{L}\p{N}\p{M}]/gu, '')
}

/** The digits of a script follow each other, from its zero on. */
function toDigit(digit: string): string {
  const at = digit.codePointAt(0) ?? 0
  let value = 0
  while (value < 9 && /\p{Nd}/u.test(String.fromCodePoint(at - value - 1))) value += 1
  return String(value)
}
