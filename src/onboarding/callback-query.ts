import { InvalidInputError } from '../errors.ts'
import { hashOf } from '../identifiers.ts'
import { isPlainText } from '../plain-text.ts'

/** What one redirect from the permission screen says (docs/360dialog.md 4). */
export interface CallbackQuery {
  /** The distinct nonces it carries: from `state` and from our own part of `redirect_url`. */
  readonly nonces: readonly string[]
  readonly clientId: string | undefined
  /** Permitted in this visit, without those that are also revoked. */
  readonly channelIds: readonly string[]
  readonly revokedIds: readonly string[]
  /** The query as it came, at most 16,384 characters, with the SHA-256 of whatever is or could be a nonce. */
  readonly raw: string
}

export const NONCE_PARAMETER = 'nonce'

const MAX_LENGTH = 8192
const MAX_RAW = 16_384
const MAX_IDS = 100
const ID = /^[A-Za-z0-9_-]{1,64}$/
/** What is long enough to hold a nonce of ours. */
const LIKE_A_NONCE = /[A-Za-z0-9_-]{43,}/g
const ASCII_ESCAPE = /^%[0-7][0-9A-Fa-f]$/

const NONCES: readonly string[] = [NONCE_PARAMETER, 'state']
const CLIENT: readonly string[] = ['client']
const CHANNELS: readonly string[] = ['channels', 'channels[]']
const REVOKED: readonly string[] = ['revoked', 'revoked[]']
const ID_PARAMETERS = new Set([...CLIENT, ...CHANNELS, ...REVOKED])
const READ = new Set([...NONCES, ...ID_PARAMETERS])

/**
 * Reads the query of a redirect in every spelling of docs/360dialog.md 4, in time that grows with its length only.
 *
 * @throws InvalidInputError (400) when it cannot be read: broken encoding, foreign characters in an id, two
 * clients, channels without a client, more than 100 ids, or more than 8 kB
 */
export function readCallbackQuery(originalUrl: string): CallbackQuery {
  const start = originalUrl.indexOf('?')
  const raw = start < 0 ? '' : originalUrl.slice(start + 1)
  if (raw.length > MAX_LENGTH || !raw.isWellFormed()) throw unreadable()

  const pairs = raw.split('&').map(readPair)
  const values = (names: readonly string[]) =>
    pairs.flatMap(({ name, value }) => (names.includes(name) && value !== '' ? [value] : []))
  const revokedIds = readIdList(values(REVOKED))
  const granted = readIdList(values(CHANNELS))
  const [clientId, anotherClient] = readIdList(values(CLIENT))
  if (anotherClient !== undefined) throw unreadable()
  if (clientId === undefined && granted.length + revokedIds.length > 0) throw unreadable()

  const nonces = unique(values(NONCES))
  if (!nonces.every(isPlainText)) throw unreadable()
  const revoked = new Set(revokedIds)
  return {
    nonces,
    clientId,
    // A channel in both lists counts as revoked until 360dialog itself says otherwise.
    channelIds: granted.filter((id) => !revoked.has(id)),
    revokedIds,
    raw: withoutNonces(pairs, nonces),
  }
}

interface Pair {
  readonly text: string
  /** Decoded; empty when it cannot be, and when it is none that is read here. */
  readonly name: string
  readonly value: string
}

/** What others wrote into the query is left alone: it may be broken, or in another encoding. */
function readPair(text: string): Pair {
  const equals = text.indexOf('=')
  const [name, value] = equals < 0 ? [text, ''] : [text.slice(0, equals), text.slice(equals + 1)]
  const known = decode(name) ?? ''
  if (!READ.has(known)) return { text, name: '', value: '' }
  const decoded = decode(value)
  if (decoded === undefined) throw unreadable()
  return { text, name: known, value: decoded.trim() }
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}

function readIdList(values: readonly string[]): string[] {
  const ids = unique(
    values
      .flatMap((value) => stripBrackets(stripQuotes(value)).split(','))
      .map(stripQuotes)
      .filter(Boolean),
  )
  if (ids.length > MAX_IDS || !ids.every((id) => ID.test(id))) throw unreadable()
  return ids
}

function stripBrackets(value: string): string {
  const [first, last] = [value.at(0), value.at(-1)]
  const wrapped = (first === '[' && last === ']') || (first === '(' && last === ')')
  return wrapped ? value.slice(1, -1) : value
}

/** Without the quotes and spaces around it. Counted, since an expression for the end would look from every start. */
function stripQuotes(value: string): string {
  let [start, end] = [0, value.length]
  while (start < end && isQuoteOrBlank(value.charAt(start))) start += 1
  while (end > start && isQuoteOrBlank(value.charAt(end - 1))) end -= 1
  return value.slice(start, end)
}

function isQuoteOrBlank(letter: string): boolean {
  return letter === '"' || letter === "'" || letter.trim() === ''
}

/** However a nonce is escaped in the query, and in whatever place, none is kept. */
function withoutNonces(pairs: readonly Pair[], nonces: readonly string[]): string {
  const kept = pairs.map(({ text, name, value }) => {
    if (NONCES.includes(name) && value !== '') return `${name}=${hashOf(value)}`
    const plain = unescaped(text)
    // An id may be as long as a nonce: among ids, only the nonces of this query are looked for.
    const isSecret = (run: string) =>
      !ID_PARAMETERS.has(name) || nonces.some((nonce) => nonce.length >= 43 && run.includes(nonce))
    const clean = plain.replace(LIKE_A_NONCE, (run) => (isSecret(run) ? hashOf(run) : run))
    return clean === plain ? text : encodeURIComponent(clean).replace('%3D', '=')
  })
  return kept.join('&').slice(0, MAX_RAW)
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

function unique(values: readonly string[]): string[] {
  return [...new Set(values)]
}

function unreadable(): InvalidInputError {
  return new InvalidInputError('This link from 360dialog cannot be read.', 400)
}
