import { hashOf } from '../identifiers.ts'

const MAX_RAW = 16_384
const SEPARATORS = /([?&])/
const ASCII_ESCAPE = /^%[0-7][0-9A-Fa-f]$/
/** What is long enough to hold a nonce of ours; in the place of a nonce also most of one, which is as good. */
const LIKE_A_NONCE = /[A-Za-z0-9_-]{43,}/g
const LIKE_PART_OF_A_NONCE = /[A-Za-z0-9_-]{16,}/g

interface Known {
  readonly nonces: readonly string[]
  /** The parameters in which a nonce is expected. */
  readonly nonceNames: readonly string[]
  /** Those that hold ids, which may be as long as a nonce: in these only the nonces of this query are looked for. */
  readonly idNames: readonly string[]
}

/** A query as it is kept: however a nonce is escaped in it, and in whatever place, there is its SHA-256 instead. */
export function withoutNonces(query: string, known: Known): string {
  const kept = query.split(SEPARATORS).map((text) => {
    const plain = unescaped(text)
    const parts = plain.split(SEPARATORS).map((part) => withoutNoncesIn(part, known))
    const clean = parts.join('')
    return clean === plain ? text : encodeURIComponent(clean).replace('%3D', '=')
  })
  return kept.join('').slice(0, MAX_RAW)
}

function withoutNoncesIn(part: string, { nonces, nonceNames, idNames }: Known): string {
  const [name = ''] = part.replace(/^(?:amp;)+/i, '').split(/[=[]/, 1)
  const pattern = nonceNames.includes(name) ? LIKE_PART_OF_A_NONCE : LIKE_A_NONCE
  const isSecret = (run: string) => !idNames.includes(name) || nonces.some((nonce) => run.includes(nonce))
  return part.replace(pattern, (run) => (isSecret(run) ? hashOf(run) : run))
}

/** Undoes every escape of an ASCII character, also those that undoing uncovers, in one pass. */
function unescaped(text: string): string {
  if (!text.includes('%')) return text
  const letters: string[] = []
  for (const letter of text) {
    letters.push(letter)
    while (letters.at(-3) === '%') {
      const tail = letters.slice(-3).join('')
      if (!ASCII_ESCAPE.test(tail)) break
      letters.splice(-3, 3, String.fromCharCode(Number.parseInt(tail.slice(1), 16)))
    }
  }
  return letters.join('')
}
