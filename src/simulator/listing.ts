import { HubError } from './hub-error.ts'

const mostRows = 200

interface ListRules {
  /** The dotted names that may be filtered by. */
  filterable: readonly string[]
  ignoreFilters: boolean
}

/**
 * Filters, sorts and pages rows as a Partner API list does, and answers the rows beside the page fields.
 * @throws HubError 400 when the query cannot be read or names an unknown field
 */
export function listPage<T extends object>(rows: readonly T[], query: URLSearchParams, rules: ListRules) {
  const filters = readFilters(query.get('filters'), rules.filterable)
  const sort = readSort(query.get('sort'), rules.filterable)
  const limit = Math.min(readCount(query, 'limit', 20), mostRows)
  const offset = readCount(query, 'offset', 0)

  const matching = rules.ignoreFilters ? rows : rows.filter((row) => matches(row, filters))
  const page = matching.toSorted(compareBy(sort)).slice(offset, offset + limit)
  const fields = { count: page.length, total: matching.length, limit, offset, sort: [sort], filters }
  return { rows: page, fields }
}

function readFilters(text: string | null, filterable: readonly string[]): Record<string, unknown> {
  if (!text) return {}
  const filters = parseObject(text)
  const unknown = Object.keys(filters).find((name) => !filterable.includes(name))
  if (unknown !== undefined) throw new HubError(400, `Unknown filter: ${unknown}`)
  return filters
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

function compareBy(sort: string): (one: object, other: object) => number {
  const direction = sort.startsWith('-') ? -1 : 1
  const text = (row: object) => String(readField(row, sort.replace(/^-/, '')) ?? '')
  const compare = (a: string, b: string) => (a < b ? -1 : Number(a > b))
  return (one, other) => direction * compare(text(one), text(other))
}
