import { withReadableDomains } from '../email-address.ts'
import { internationalOf } from '../phone-number.ts'
import { compactOf, fold, wordsOf } from './folding.ts'
import { cut, idTerm, lastDigitsTerm } from './terms.ts'

/** What somebody looks for. */
export interface Query {
  /** Whole terms: if any row has one of them, that is what is meant, and nothing else. */
  readonly exact: readonly string[]
  /** All of these have to be there, each by one of the beginnings of a term. */
  readonly parts: readonly Part[]
  /** The words as they follow each other. */
  readonly phrase: string
}
export type Part = readonly string[]

const MAX_PARTS = 6
/** Fewer digits are the end of too many numbers. */
const MIN_LAST_DIGITS = 4
const EMAIL = /[^\s<>"'(),:;]+@[^\s<>"'(),:;]+/u
/** `https://wa.me/49…`, `whatsapp://send?phone=49…`, `tel:+49…` */
const NUMBER_IN_LINK = /(?:wa\.me\/|\bphone=|\btel:)(?:\+|%2b)?(\d[\d\s()./-]*)/i
/** A code of letters alone is as exact as an id, in which there are digits. */
const CODE = /^[2-9a-hjkmnp-tv-z]{6}$/

/** Reads what was typed or pasted: words, an id, a code, an address, a link or a number in any spelling. */
export function readQuery(typed: string): Query {
  const text = whatIsMeant(fold(withReadableDomains(typed)))
  const afterLabel = text.slice(text.indexOf(':') + 1)
  return {
    exact: [...new Set([text, afterLabel].flatMap(exactTerms))],
    parts: partsOf(text).slice(0, MAX_PARTS),
    phrase: cut(wordsOf(text).join(' ')),
  }
}

/** An address or a number says more than what stands around it. */
function whatIsMeant(text: string): string {
  const [, number] = NUMBER_IN_LINK.exec(text) ?? []
  return number ? `+${number.replace(/^00/, '')}` : (EMAIL.exec(text)?.[0] ?? text).trim()
}

/** Without a digit or an `@` it may be the beginning of a name as well. */
function exactTerms(text: string): string[] {
  const compact = compactOf(text)
  const isExact = /[\d@]/.test(text) || CODE.test(compact)
  const number = isNumber(text) ? abroadOf(text) : undefined
  return [...(compact && isExact ? [idTerm(compact)] : []), ...(number ? [idTerm(number)] : [])]
}

/** Words, each with what it may begin; digits that follow each other are one number, with spaces or not. */
function partsOf(text: string): Part[] {
  // What a customer copies of a page that hides most of the number: `+49 ••• 3456`.
  const runs = text.split('•').flatMap(runsOf)
  return runs.map((run) => [...new Set([cut(wordsOf(run).join(' ')), idTerm(run), ...numberPrefixes(run)])])
}

function runsOf(text: string): string[] {
  const runs: string[] = []
  for (const word of text.split(/\s+/).filter((each) => wordsOf(each).length > 0)) {
    const before = runs.at(-1)
    if (before !== undefined && isNumber(before) && isNumber(word)) runs.push(`${runs.pop()} ${word}`)
    else runs.push(word)
  }
  return runs
}

function numberPrefixes(text: string): string[] {
  if (!isNumber(text)) return []
  const international = abroadOf(text)
  if (international && text.includes('+')) return [idTerm(international)]
  const digits = compactOf(text)
  // A number as it is dialled within its country begins with a zero that it does not have from abroad.
  const ends = [digits, digits.replace(/^0+/, '')].filter((end) => end.length >= MIN_LAST_DIGITS)
  return [idTerm(international ?? digits), ...ends.map(lastDigitsTerm)]
}

function isNumber(text: string): boolean {
  return /\d/.test(text) && !/\p{L}/u.test(text)
}

/** The digits of `+49 (0)30 …`, `0049 30 …`, also of its beginning; undefined when the country is not said. */
function abroadOf(text: string): string | undefined {
  const [, rest] = /^[^\d+]*(?:\+\s*(?:00)?|00)(\d.*)$/.exec(text.replace(/\(\s*0\s*\)/, '')) ?? []
  return rest && compactOf(internationalOf(`+${rest}`) ?? rest)
}
