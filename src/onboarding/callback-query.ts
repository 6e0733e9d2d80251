import { InvalidInputError } from '../errors.ts'
import { hashOf } from '../identifiers.ts'

/** What one redirect from the permission screen says (contract 3.1). */
export interface CallbackQuery {
  /** The distinct nonces it carries: from `state` and from our own part of `redirect_url`. */
  readonly nonces: readonly string[]
  readonly clientId: string | undefined
  /** Permitted in this visit, without those that are also revoked. */
  readonly channelIds: readonly string[]
  readonly revokedIds: readonly string[]
  /** The query as it came, each nonce replaced by its SHA-256. */
  readonly raw: string
}

export const NONCE_PARAMETER = 'nonce'

const MOST_BYTES = 8192
const MOST_IDS = 100
const NONCE = /^[A-Za-z0-9_-]{43}$/
const ID = /^[A-Za-z0-9_-]{1,64}$/

/**
 * Reads the query of a redirect in every spelling of contract 3.2.
 *
 * @throws InvalidInputError (400) when it cannot be read: broken encoding, foreign characters in an id, two
 * clients, channels without a client, more than 100 ids, or more than 8 kB
 */
export function readCallbackQuery(originalUrl: string): CallbackQuery {
  const start = originalUrl.indexOf('?')
  const raw = start < 0 ? '' : originalUrl.slice(start + 1)
  if (raw.length > MOST_BYTES) throw unreadable()

  const values = readPairs(raw)
  const clients = unique(values('client'))
  const revokedIds = readIdList([...values('revoked'), ...values('revoked[]')])
  const granted = readIdList([...values('channels'), ...values('channels[]')])
  const [clientId] = clients
  if (clients.length > 1 || (clientId !== undefined && !ID.test(clientId))) throw unreadable()
  if (clientId === undefined && granted.length + revokedIds.length > 0) throw unreadable()

  const nonces = unique([...values(NONCE_PARAMETER), ...values('state')])
  return {
    nonces,
    clientId,
    // A channel in both lists counts as revoked until 360dialog itself says otherwise.
    channelIds: granted.filter((id) => !revokedIds.includes(id)),
    revokedIds,
    raw: withoutNonces(raw, nonces),
  }
}

/** However a nonce is escaped in the query, none is kept. */
function withoutNonces(raw: string, nonces: readonly string[]): string {
  const pairs = raw.split('&').map((pair) => {
    const { name, value } = readPair(pair)
    return nonces.includes(value) ? `${name}=${hashOf(value)}` : pair
  })
  // Only what can be a nonce of ours is looked for elsewhere: a short one would be found in the hashes again.
  const ours = nonces.filter((nonce) => NONCE.test(nonce))
  return ours.reduce((text, nonce) => text.replaceAll(nonce, hashOf(nonce)), pairs.join('&'))
}

function readPair(pair: string): { name: string; value: string } {
  const equals = pair.indexOf('=')
  const [name, value] = equals < 0 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)]
  return { name: decode(name), value: decode(value).trim() }
}

function readPairs(raw: string): (name: string) => string[] {
  const pairs = raw.split('&').filter(Boolean).map(readPair)
  return (wanted) => pairs.flatMap(({ name, value }) => (name === wanted && value !== '' ? [value] : []))
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    throw unreadable()
  }
}

function readIdList(values: readonly string[]): string[] {
  const ids = unique(
    values
      .flatMap((value) => stripBrackets(value).split(','))
      .map(stripQuotes)
      .filter(Boolean),
  )
  if (ids.length > MOST_IDS || !ids.every((id) => ID.test(id))) throw unreadable()
  return ids
}

function stripBrackets(value: string): string {
  const [first, last] = [value.at(0), value.at(-1)]
  const wrapped = (first === '[' && last === ']') || (first === '(' && last === ')')
  return wrapped ? value.slice(1, -1) : value
}

function stripQuotes(value: string): string {
  const text = value.trim()
  const [first, last] = [text.at(0), text.at(-1)]
  const quoted = text.length > 1 && first === last && (first === '"' || first === "'")
  return quoted ? text.slice(1, -1).trim() : text
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)]
}

function unreadable(): InvalidInputError {
  return new InvalidInputError('This link from 360dialog cannot be read.', 400)
}
