import { InvalidInputError } from '../errors.ts'
import { chooseClient, readGrants, readIds, readRevocations } from './callback-ids.ts'
import { withoutNonces } from './callback-raw.ts'

/** What one redirect from the permission screen says (docs/360dialog.md 4). */
export interface CallbackQuery {
  /** The distinct values that can be nonces of ours: from `state` and from our own part of `redirect_url`. */
  readonly nonces: readonly string[]
  readonly clientId: string | undefined
  /** Permitted in this visit, without those that are also revoked. */
  readonly channelIds: readonly string[]
  readonly revokedIds: readonly string[]
  /** The query as it came, at most 16,384 characters, with the SHA-256 of whatever is or could be a nonce. */
  readonly raw: string
}

/** A redirect that cannot be read (400), with what is certain of it. */
export class UnreadableReturnError extends InvalidInputError {
  readonly nonces: readonly string[]
  /** As of a query that can be read. */
  readonly raw: string

  constructor({ nonces, raw }: Pick<CallbackQuery, 'nonces' | 'raw'>) {
    super('This link from 360dialog cannot be read.', 400)
    this.nonces = nonces
    this.raw = raw
  }
}

export const NONCE_PARAMETER = 'nonce'

const MAX_LENGTH = 8192
const MAX_IDS = 100
/** How deep a query may be escaped inside a query, or a value escaped again. */
const MAX_DEPTH = 3
/** Written for `&` by whoever adds to an address without looking at it, or writes it into HTML. */
const SEPARATOR = /[?&](?:(?:amp|(?:#|%23)(?:0*38|x0*26))(?:;|%3B))*/i
/** A value of ours holds none of these: what follows was escaped together with it. */
const END_OF_VALUE = /[?&#]/
const ESCAPE = /%[0-9A-Fa-f]{2}/
const OURS = /^[A-Za-z0-9_-]{43}$/
const RUNS = /[A-Za-z0-9_-]+/g

const NONCES: readonly string[] = [NONCE_PARAMETER, 'state']
const IDS: readonly string[] = ['client', 'channels', 'revoked']
const READ = new Set([...NONCES, ...IDS])

/**
 * Reads the query of a redirect in every spelling of docs/360dialog.md 4, in time that grows with its length only. A
 * `state` or `nonce` that cannot be one of ours is somebody else's, and so is what stands beside a certain client.
 *
 * @throws UnreadableReturnError when it cannot be read: foreign characters in an id, two clients of which either may be
 * meant, channels without a client, more than 100 ids, or more than 8 kB
 */
export function readCallbackQuery(originalUrl: string): CallbackQuery {
  const start = originalUrl.indexOf('?')
  const query = (start < 0 ? '' : originalUrl.slice(start + 1)).toWellFormed()
  const pairs = readPairs(query, 0)
  const valuesOf = (names: readonly string[]) =>
    pairs.flatMap(({ name, value }) => (names.includes(name) && value !== '' ? [value] : []))

  const nonces = [...new Set(valuesOf(NONCES).flatMap(readNonce))]
  const raw = withoutNonces(query, { nonces, nonceNames: NONCES, idNames: IDS })
  const ids = query.length > MAX_LENGTH ? undefined : readAllIds((name) => valuesOf([name]))
  if (!ids) throw new UnreadableReturnError({ nonces, raw })
  return { nonces, ...ids, raw }
}

/** Undefined when it is not certain what was meant. */
function readAllIds(
  valuesOf: (name: string) => readonly (string | undefined)[],
): Pick<CallbackQuery, 'clientId' | 'channelIds' | 'revokedIds'> | undefined {
  const granted = readGrants(valuesOf('channels'))
  const revokedIds = granted && readRevocations(valuesOf('revoked'), granted)
  if (!granted || !revokedIds || granted.length > MAX_IDS || revokedIds.length > MAX_IDS) return undefined
  const clients = valuesOf('client').map(readIds)
  const named = clients.flatMap((list) => list?.ids ?? [])
  const clientId = chooseClient(named, granted)
  const needsClient = clients.includes(undefined) || named.length + granted.length + revokedIds.length > 0
  if (needsClient && clientId === undefined) return undefined
  const revoked = new Set(revokedIds)
  // A channel in both lists counts as revoked until 360dialog itself says otherwise.
  return { clientId, channelIds: granted.filter((id) => !revoked.has(id)), revokedIds }
}

interface Pair {
  readonly name: string
  /** Decoded; undefined when it cannot be. */
  readonly value: string | undefined
}

/** The parameters that are read here. What others wrote is left alone: it may be broken, or in another encoding. */
function readPairs(query: string, depth: number): Pair[] {
  return query.split(SEPARATOR).flatMap((text) => readPair(text, depth))
}

function readPair(text: string, depth: number): Pair[] {
  const equals = text.indexOf('=')
  const decoded = decodeThrough(equals < 0 ? text : text.slice(0, equals)) ?? ''
  // `channels[]` and `channels[0]` are one element of the list.
  const name = decoded.replace(/\[\d*\]$/, '')
  if (READ.has(name)) return readValue(name, equals < 0 ? '' : text.slice(equals + 1), depth)
  const isWhole = decoded.includes('=') && depth < MAX_DEPTH
  return isWhole ? readPairs(decodeThrough(text) ?? '', depth + 1) : []
}

function readValue(name: string, text: string, depth: number): Pair[] {
  const value = decodeThrough(text)
  const end = value?.search(END_OF_VALUE) ?? -1
  if (value === undefined || end < 0) return [{ name, value: value?.trim() }]
  const more = depth < MAX_DEPTH ? readPairs(value.slice(end).replaceAll('#', '&'), depth + 1) : []
  return [{ name, value: value.slice(0, end).trim() }, ...more]
}

/** Also what was escaped again on its way: neither an id nor a nonce has a `%`. */
function decodeThrough(text: string): string | undefined {
  let value = decode(text)
  for (let depth = 1; depth < MAX_DEPTH && value !== undefined && ESCAPE.test(value); depth += 1)
    value = decode(value) ?? value
  return value
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}

/** With quotes, brackets or a full stop around it, or written twice, it still is the nonce. */
function readNonce(value: string | undefined): string[] {
  const runs = value?.match(RUNS) ?? []
  return runs.every((run) => OURS.test(run)) ? runs : []
}
