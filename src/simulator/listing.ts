import { HubError } from './hub-error.ts'

interface ListRules {
  /** The dotted names that may be filtered by. */
  filterable: readonly string[]
  filters: 'honoured' | 'ignored' | 'known_only'
  /** Rows of a page when the query names no limit, and at most. */
  limit: number
  mostRows: number
}

/**
 * Filters, sorts and pages rows as a Partner API list does, and answers the rows beside the page fields.
 * @throws HubError 400 when the query cannot be read or names an unknown field
 */
export function listPage<T extends object>(rows: readonly T[], query: URLSearchParams, rules: ListRules) {
  const filters = readFilters(query.get('filters'), rules)
  const sort = readSort(query.get('sort'), rules.filterable)
  const limit = Math.min(readCount(query, 'limit', rules.limit), rules.mostRows)
  const offset = readCount(query, 'offset', 0)

  const matching = rules.filters === 'ignored' ? rows : rows.filter((row) => matches(row, filters))
  const page = sorted(matching, sort).slice(offset, offset + limit)
  const fields = { count: page.length, total: matching.length, limit, offset, sort: [sort], filters }
  return { rows: page, fields }
}

function readFilters(text: string | null, { filterable, filters: rule }: ListRules): Record<string, unknown> {
  if (!text) return {}
  const filters = parseObject(text)
  const unknown = Object.keys(filters).filter((name) => !filterable.includes(name))
  if (unknown.length > 0 && rule === 'honoured')
    throw new HubError(400, `Unknown filter: ${unknown.join(', ')}`)
  return Object.fromEntries(Object.entries(filters).filter(([name]) => !unknown.includes(name)))
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    if (value && typeof value === 'object' && !Array.isArray(value)) return { ...value }
  } catch {
    // Answered below, like any other text that is not an object.
  }
  throw new HubError(400, 'filters must be a JSON object')
}

function readSort(text: string | null, filterable: readonly string[]): string {
  const sort = text || 'id'
  const known = [...filterable, 'created_at', 'modified_at']
  if (known.includes(sort.replace(/^-/, ''))) return sort
  throw new HubError(400, `Unknown sort field: ${sort}`)
}

function readCount(query: URLSearchParams, name: string, fallback: number): number {
  const text = query.get(name)
  if (text === null) return fallback
  if (!/^\d{1,9}$/.test(text)) throw new HubError(400, `${name} must be a number`)
  return Number(text)
}

function matches(row: object, filters: Record<string, unknown>): boolean {
  return Object.entries(filters).every(([name, value]) => readField(row, name) === value)
}

function readField(row: unknown, name: string): unknown {
  return name
    .split('.')
    .reduce<unknown>(
      (value, key) => (value && typeof value === 'object' ? Reflect.get(value, key) : undefined),
      row,
    )
}

/** What is compared is looked up once for each row: a large hub is listed page by page. */
function sorted<T extends object>(rows: readonly T[], sort: string): T[] {
  const direction = sort.startsWith('-') ? -1 : 1
  const field = sort.replace(/^-/, '')
  const compare = (a: string, b: string) => (a < b ? -1 : Number(a > b))
  return rows
    .map((row) => ({ row, text: String(readField(row, field) ?? '') }))
    .sort((one, other) => direction * compare(one.text, other.text))
    .map(({ row }) => row)
}
