import { z } from 'zod'
import { unreadDatesOf, wireCount, wireDate, wireEmail, wireId, wireObject, wireText } from './wire-values.ts'

/** A Client Hub account, as 360dialog lists it (docs/360dialog.md 6). */
export interface Client {
  readonly id: string
  readonly name: string | undefined
  /** `contact_info.email`, then `contact_user.email` if it is another; each in the form that is compared. */
  readonly emails: readonly string[]
  readonly createdAt: Date | undefined
  /** What 360dialog calls the dates that cannot be read. */
  readonly unreadDates?: readonly string[]
  /** How many numbers it may have. */
  readonly maxChannels: number | undefined
}

const clientRow = z.object({
  id: wireId,
  name: wireText,
  contact_info: wireObject({ email: wireEmail }),
  contact_user: wireObject({ email: wireEmail }),
  created_at: wireDate,
  max_channels: wireCount,
})

/** Reads one row of the client list; `undefined` when it is no object or has no id. */
export function readClient(row: unknown): Client | undefined {
  const read = clientRow.safeParse(row)
  if (!read.success || !read.data.id) return undefined
  const { contact_info: info, contact_user: user, created_at } = read.data
  const unread = unreadDatesOf({ created_at })
  return {
    id: read.data.id,
    name: read.data.name || undefined,
    emails: [...new Set([info?.email ?? '', user?.email ?? ''])].filter(Boolean),
    createdAt: created_at?.at,
    ...(unread.length > 0 && { unreadDates: unread }),
    maxChannels: read.data.max_channels ?? undefined,
  }
}
