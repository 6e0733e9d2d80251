import { z } from 'zod'
import { wireDate, wireEmail, wireId, wireObject, wireText } from './wire-values.ts'

/** A Client Hub account, as 360dialog lists it (docs/360dialog.md 6). */
export interface Client {
  readonly id: string
  readonly name: string | undefined
  /** `contact_info.email`, lower-cased. */
  readonly email: string | undefined
  readonly createdAt: Date | undefined
}

const clientRow = z.object({
  id: wireId,
  name: wireText,
  contact_info: wireObject({ email: wireEmail }),
  created_at: wireDate,
})

/** Reads one row of the client list; `undefined` when it is no object or has no id. */
export function readClient(row: unknown): Client | undefined {
  const read = clientRow.safeParse(row)
  if (!read.success || !read.data.id) return undefined
  return {
    id: read.data.id,
    name: read.data.name || undefined,
    email: read.data.contact_info?.email ?? undefined,
    createdAt: read.data.created_at ?? undefined,
  }
}
