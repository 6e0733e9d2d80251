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
  unreadable: 'The answer holds no key and address that can be read.',
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

// What can stand in a header, which is where the key will be used.
const key = z
  .string()
  .trim()
  .regex(/^[\x21-\x7e]+$/)
const keyRecord = z.object({ api_key: key, address: z.unknown(), app_id: wireId, id: wireId })

/**
 * Reads the raw answer of a key creation: flat, or inside `api_keys`, `data` or `api_key`, or a list of one.
 * `key` may stand for `api_key` (docs/360dialog.md 8).
 * @throws UnreadableAnswerError
 */
export function readApiKeyAnswer(body: string, allowedHosts: readonly string[]): ApiKeyAnswer {
  const record = findRecord(parse(body))
  if (isMasked(record?.api_key)) throw new UnreadableAnswerError('masked')
  const read = keyRecord.safeParse(record)
  if (!read.success) throw new UnreadableAnswerError('unreadable')
  const { api_key: apiKey, address, app_id: appId, id } = read.data
  const reachable = readMessagingAddress(address, allowedHosts)
  if ('fault' in reachable) throw new UnreadableAnswerError(reachable.fault)
  return { apiKey, address: reachable.address, appId: appId ?? undefined, recordId: id ?? undefined }
}

/** The id of the key record that an answer tells of, when it does; also of an answer whose key cannot be used. */
export function findRecordId(body: string): string | undefined {
  try {
    return z.object({ id: wireId }).safeParse(findRecord(parse(body))).data?.id ?? undefined
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

/** The one object with a key in it. Several are as good as none, since nothing says which key lives. */
function findRecord(value: unknown, depth = 0): Fields | undefined {
  if (Array.isArray(value)) return value.length === 1 ? findRecord(value[0], depth) : undefined
  if (typeof value !== 'object' || value === null || depth > 3) return undefined
  const fields: Fields = { ...value }
  const apiKey = [fields.api_key, fields.key].find((field) => typeof field === 'string')
  if (apiKey !== undefined) return { ...fields, api_key: apiKey }
  return findRecord(fields.api_keys ?? fields.data ?? fields.api_key, depth + 1)
}

/** Whether a key is only hinted at: `*`, bullets of all kinds, an ellipsis, or three dots and more. */
export function isMasked(value: unknown): boolean {
  return (
    typeof value === 'string' &&
    /[*\u2022\u2023\u2026\u2027\u2219\u22c5\u25cf\u25cb\u26ab\u2b24\u00b7]|\.{3}/.test(value)
  )
}
