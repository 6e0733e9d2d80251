import { z } from 'zod'

/** One page of a list: its rows as they came, and how many the whole list has, when that was said. */
export interface RowPage {
  readonly rows: readonly unknown[]
  readonly total: number | undefined
}

export const PAGE_LIMIT = 200
const MOST_PAGES = 500

const page = z.object({ total: z.number().optional().catch(undefined) })

/** Reads one page: a bare array, or an object with the rows under one of `names`; else `undefined`. */
export function readRowPage(answer: unknown, names: readonly string[]): RowPage | undefined {
  if (Array.isArray(answer)) return { rows: answer, total: undefined }
  if (typeof answer !== 'object' || answer === null) return undefined
  const rows = names.map((name): unknown => Reflect.get(answer, name)).find(Array.isArray)
  return rows && { rows, total: page.parse(answer).total }
}

/**
 * Yields each row of a list once, page after page, until `total` is reached or a page brings nothing new:
 * a server may cap the page lower than asked, or ignore `limit` or `offset` (docs/360dialog.md 5).
 * @throws what `endless` makes, when 500 pages do not end the list: half a list must not pass for a whole one
 */
export async function* listRows(
  readPage: (offset: number) => Promise<RowPage>,
  endless: () => Error,
): AsyncGenerator<unknown> {
  const seen = new Set<string>()
  let read = 0
  for (let pages = 0; pages < MOST_PAGES; pages += 1) {
    const { rows, total } = await readPage(read)
    const fresh = rows.filter((row) => isNew(row, seen))
    yield* fresh
    read += rows.length
    if (fresh.length === 0 || (total !== undefined && read >= total)) return
  }
  throw endless()
}

// A row without an id counts by its text, so that a page of such rows does not end the list.
function isNew(row: unknown, seen: Set<string>): boolean {
  const id = typeof row === 'object' && row !== null && 'id' in row ? row.id : undefined
  const mark = JSON.stringify(id ?? row)
  if (seen.has(mark)) return false
  seen.add(mark)
  return true
}
