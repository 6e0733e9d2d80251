import { z } from 'zod'
import { type AddressFault, readMessagingAddress } from './messaging-address.ts'
import { wireId } from './wire-values.ts'

/** What creating a key answered (docs/360dialog.md 8). */
export interface ApiKeyAnswer {
  readonly apiKey: string
  /** The base of the channel's Messaging API: origin and path, no trailing slash. */
  readonly address: string
  readonly appId: string | undefined
  readonly recordId: string | undefined
}

const MESSAGES = {
  unreadable: 'The answer does not hold one key of this channel that can be read.',
  masked: 'The answer holds a masked key.',
  host_not_allowed: 'The answer names an address that is not allowed.',
}

/** The only copy of a key came, but cannot be used as it is. Never carries a part of the answer. */
export class UnreadableAnswerError extends Error {
  readonly reason: AddressFault | 'masked'

  constructor(reason: AddressFault | 'masked') {
    super(MESSAGES[reason])
    this.name = 'UnreadableAnswerError'
    this.reason = reason
  }
}

/** Whose answer it is, and where its key may go. */
export interface KeyExpectation {
  readonly channelId: string
  readonly allowedHosts: readonly string[]
  /** Where a key works that comes without an address. */
  readonly standardAddress: string
}

// What can stand in a header, which is where the key will be used.
const USABLE = /^[\x21-\x7e]+$/
/** Levels of wrapping that are looked into. */
const DEEPEST = 6

/**
 * Reads the raw answer of a key creation: the one usable key in it, however it is wrapped, `key` for `api_key`
 * included. It is the only copy, so it is not lost for want of an address: where none can be read, the standard one is
 * taken, and the probe proves it. Two different keys, or one of another channel, are as good as none, since nothing
 * says which key lives (docs/360dialog.md 8).
 *
 * @throws UnreadableAnswerError
 */
export function readApiKeyAnswer(body: string, expected: KeyExpectation): ApiKeyAnswer {
  const found = findKeys(parse(body)).filter(({ around }) => around.every((one) => isOf(expected, one)))
  const usable = found.filter(({ apiKey }) => USABLE.test(apiKey) && !isMasked(apiKey))
  const [first] = usable
  if (!first)
    throw new UnreadableAnswerError(found.some(({ apiKey }) => isMasked(apiKey)) ? 'masked' : 'unreadable')
  const { apiKey } = first
  if (usable.some((other) => other.apiKey !== apiKey)) throw new UnreadableAnswerError('unreadable')
  const address = readAddress(
    usable.flatMap(({ around }) => around.map((one) => one.address)),
    expected,
  )
  const { app_id: appId, id } = keyRecord.parse(first.around[0] ?? {})
  // The id of the channel itself names no record.
  const recordId = id === expected.channelId ? undefined : (id ?? undefined)
  return { apiKey, address, appId: appId ?? undefined, recordId }
}

/** The id of the key record that an answer tells of, when it does; also of an answer whose key cannot be used. */
export function findRecordId(body: string): string | undefined {
  try {
    const [record, another] = findKeys(parse(body)).map(({ around }) => around[0])
    return another ? undefined : (keyRecord.safeParse(record).data?.id ?? undefined)
  } catch {
    return undefined
  }
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body.trim())
  } catch {
    throw new UnreadableAnswerError('unreadable')
  }
}

type Fields = Readonly<Record<string, unknown>>

interface FoundKey {
  readonly apiKey: string
  /** The objects that it is in, the innermost first. */
  readonly around: readonly Fields[]
}

const keyRecord = z.object({ app_id: wireId, id: wireId })

function findKeys(value: unknown, around: readonly Fields[] = []): FoundKey[] {
  if (typeof value !== 'object' || value === null || around.length > DEEPEST) return []
  if (Array.isArray(value)) return value.flatMap((one) => findKeys(one, around))
  const fields: Fields = { ...value }
  const within = [fields, ...around]
  return Object.entries(fields).flatMap(([name, field]) =>
    typeof field === 'string' && (name === 'api_key' || name === 'key')
      ? { apiKey: field.trim(), around: within }
      : findKeys(field, within),
  )
}

const channelNamed = z.object({
  channel_id: wireId,
  channel: z.union([z.object({ id: wireId }).transform(({ id }) => id), wireId]).catch(undefined),
})

/** Whether an object is of this channel, as far as it says. */
function isOf({ channelId }: KeyExpectation, fields: Fields): boolean {
  const { channel_id: id, channel } = channelNamed.parse(fields)
  return [id, channel].every((named) => named === undefined || named === null || named === channelId)
}

/** The nearest address that can be read; one that may not get the key stops it, wherever it stands. */
function readAddress(
  candidates: readonly unknown[],
  { allowedHosts, standardAddress }: KeyExpectation,
): string {
  const read = candidates.map((candidate) => readMessagingAddress(candidate, allowedHosts))
  const nearest = read.find((one) => 'address' in one || one.fault === 'host_not_allowed')
  const chosen = nearest ?? readMessagingAddress(standardAddress, allowedHosts)
  if ('fault' in chosen) throw new UnreadableAnswerError(chosen.fault)
  return chosen.address
}

/** Whether a key is only hinted at: `*`, bullets of all kinds, an ellipsis, or three dots and more. */
export function isMasked(value: unknown): boolean {
  return (
    typeof value === 'string' &&
    /[*\u2022\u2023\u2026\u2027\u2219\u22c5\u25cf\u25cb\u26ab\u2b24\u00b7]|\.{3}/.test(value)
  )
}
