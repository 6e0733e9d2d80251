import { z } from 'zod'
import { isSameLine } from '../phone-number.ts'
import { wireId, wirePhoneNumber } from './wire-values.ts'

/** One number that a client shares, by what 360dialog calls it: a channel's id, a number as E.164, or both. */
export interface SharedNumber {
  readonly channelId: string | undefined
  readonly phoneNumber: string | undefined
}

const row = z.object({ id: wireId, channel_id: wireId, phone_number: wirePhoneNumber })

/**
 * Reads an answer whose shape has not been seen (docs/360dialog.md 5): an array, or one under any one key, of ids,
 * numbers or objects that have one. `undefined` for everything else.
 */
export function readSharedNumbers(answer: unknown): SharedNumber[] | undefined {
  const rows = Array.isArray(answer) ? answer : findOnlyArray(answer)
  const numbers = rows?.map(readSharedNumber)
  return numbers?.every((one) => one !== undefined) ? numbers : undefined
}

/** The channels of a client that are among these, by id; `undefined` when one of these is none of its channels. */
export function matchShares(
  shared: readonly SharedNumber[],
  channels: readonly { readonly id: string; readonly phoneNumber?: string | undefined }[],
): ReadonlySet<string> | undefined {
  const ids = shared.map(
    (one) =>
      channels.find(({ id }) => id === one.channelId)?.id ??
      channels.find(({ phoneNumber }) => isSameLine(phoneNumber, one.phoneNumber))?.id,
  )
  return ids.every((id) => id !== undefined) ? new Set(ids) : undefined
}

function findOnlyArray(answer: unknown): unknown[] | undefined {
  if (typeof answer !== 'object' || answer === null) return undefined
  const arrays = Object.values(answer).filter(Array.isArray)
  return arrays.length === 1 ? arrays[0] : undefined
}

function readSharedNumber(value: unknown): SharedNumber | undefined {
  const read = typeof value === 'object' ? row.safeParse(value).data : undefined
  const text = wireId.parse(value) ?? undefined
  const channelId = read ? (read.channel_id ?? read.id ?? undefined) : text
  const phoneNumber = (read ? read.phone_number : wirePhoneNumber.parse(text)) ?? undefined
  return channelId === undefined && phoneNumber === undefined ? undefined : { channelId, phoneNumber }
}
