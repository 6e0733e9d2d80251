import { domainOf, emailForm, withReadableDomains } from '../email-address.ts'
import { spellingsOf } from '../phone-number.ts'
import { compactOf, wordsOf } from './folding.ts'

/** Characters of a term, and words of a name, that are kept: names come from strangers. */
const MAX_LENGTH = 48
const MAX_WORDS = 8
/** No name of which anything is kept is longer. */
const MAX_READ = 400

/** From each word of a name to its end, so that any word finds it; and all in one, for who leaves the spaces out. */
export function nameTerms(name = ''): string[] {
  const words = wordsOf(name.slice(0, MAX_READ)).slice(0, MAX_WORDS)
  const terms = words.map((_, at) => words.slice(at).join(' '))
  return [...terms, ...(words.length > 1 ? [words.join('')] : [])].map(cut)
}

/** An id or a code, in whatever case and with whatever separators it is typed. */
export function idTerm(id: string): string {
  return cut(`=${compactOf(id.slice(0, MAX_READ))}`)
}

/** The address, and the part behind its `@`. */
export function emailTerms(email: string): string[] {
  const read = email.slice(0, MAX_READ)
  const domain = cut(wordsOf(withReadableDomains(domainOf(read))).join(' '))
  return [idTerm(emailForm(read)), ...(domain ? [domain] : [])]
}

/**
 * A number in each spelling of its line, from its beginning, and from its end: people quote the last digits, and
 * leave out the country.
 */
export function numberTerms(number = ''): string[] {
  return spellingsOf(number).flatMap((spelling = '') => {
    const digits = compactOf(spelling)
    return digits === '' ? [] : [idTerm(spelling), lastDigitsTerm(digits)]
  })
}

/** What begins so ends with these digits. */
export function lastDigitsTerm(digits: string): string {
  return cut(`<${[...digits].reverse().join('')}`)
}

/** Never through the middle of a letter, which no database would take. */
export function cut(term: string): string {
  return [...term].slice(0, MAX_LENGTH).join('')
}
