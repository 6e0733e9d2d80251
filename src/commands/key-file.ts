import { parse } from 'csv-parse/sync'
import type { ImportedKey } from '../keys/key-import-service.ts'
import { isApiKey } from '../keys/key-proof.ts'
import { isPlainText } from '../plain-text.ts'
import { UsageError } from './command.ts'
import { tenantId } from './link-commands.ts'

/** A key of the file, with the number of its line. */
export interface KeyLine extends ImportedKey {
  readonly line: number
}

const REQUIRED = ['channel', 'tenant', 'key'] as const
const COLUMNS = [...REQUIRED, 'tenant_name', 'address'] as const
type Column = (typeof COLUMNS)[number]

/** What spreadsheets put between the fields, by language and by program. */
const DELIMITERS = [',', ';', '\t', '|'] as const
const MOST_PROBLEMS = 20

interface Line {
  readonly line: number
  readonly content: string
}

interface Head {
  readonly delimiter: string
  readonly columns: readonly Column[]
}

/** What is wrong, and in which column from 1. Never what is written there: that may be a key. */
class Fault extends Error {
  readonly column: number
  constructor(column: number, problem: string) {
    super(problem)
    this.column = column
  }
}

/**
 * Reads the file of `key import`: CSV whose first line names its columns, with commas, semicolons, tabs or bars.
 *
 * @throws UsageError with every problem at once, each with its line and column and without its content
 */
export function readKeyFile(text: string): KeyLine[] {
  const [first = { line: 1, content: '' }, ...rest] = linesOf(text)
  const head = orProblem(first.line, () => readHead(first.content))
  if (typeof head === 'string') throw refused([head])
  const seen = new Map<string, number>()
  const problems: string[] = []
  const keys = rest.flatMap(({ line, content }) => {
    const key = orProblem(line, () => readLine(content, head, seen))
    if (typeof key === 'string') {
      problems.push(key)
      return []
    }
    seen.set(key.channelId, line)
    return [{ ...key, line }]
  })
  if (rest.length === 0) problems.push('The file has no keys.')
  if (problems.length > 0) throw refused(problems)
  return keys
}

/** The lines that say something: a spreadsheet also writes empty rows, and may name its separator before all. */
function linesOf(text: string): Line[] {
  return text
    .replace(/^\uFEFF/, '')
    .split(/\r\n|\r|\n/)
    .map((content, index) => ({ line: index + 1, content }))
    .filter(
      ({ line, content }) => !/^[\s,;|]*$/.test(content) && !(line === 1 && /^"?sep=.?"?$/i.test(content)),
    )
}

/** A separator is what the head is parted by: no column has one of them in its name. */
function readHead(content: string): Head {
  const delimiter = DELIMITERS.find((one) => content.includes(one)) ?? ','
  const names = withoutEmptyEnd(fieldsOf(content, delimiter)).map(toColumnName)
  const columns = names.map((name, at) => {
    const column = COLUMNS.find((known) => known === name)
    if (column === undefined) throw new Fault(at + 1, `this is not the name of a column. ${HEAD_RULE}`)
    if (names.indexOf(name) < at) throw new Fault(at + 1, `the column ${column} is there twice.`)
    return column
  })
  const missing = REQUIRED.filter((column) => !columns.includes(column))
  if (missing.length > 0)
    throw new Fault(names.length + 1, `the column ${missing.join(' and ')} is missing. ${HEAD_RULE}`)
  return { delimiter, columns }
}

const HEAD_RULE =
  'The first line must name the columns: channel,tenant,key and, if you have them, tenant_name and address.'

/** `Tenant Name` and `TENANT-NAME` are `tenant_name`. */
function toColumnName(name: string): string {
  return name.toLowerCase().replace(/[\s-]+/g, '_')
}

/** The key on a line. */
function readLine(content: string, head: Head, seen: ReadonlyMap<string, number>): ImportedKey {
  const { columns, delimiter } = head
  const fields = withoutEmptyEnd(fieldsOf(content, delimiter), columns.length)
  if (fields.length !== columns.length) {
    const count = fields.length === 1 ? '1 field' : `${fields.length} fields`
    throw new Fault(Math.min(fields.length, columns.length) + 1, `has ${count}, not ${columns.length}.`)
  }
  const fieldOf = (column: Column) => fields[columns.indexOf(column)] ?? ''
  const check = (column: Column, isGood: boolean, problem: string) => {
    if (!isGood) throw new Fault(columns.indexOf(column) + 1, problem)
  }
  const [channelId, tenant, apiKey] = [fieldOf('channel'), fieldOf('tenant'), fieldOf('key')]
  check('channel', /^[\w.-]{1,200}$/.test(channelId), 'the channel is not a channel id.')
  check('tenant', tenantId.safeParse(tenant).success, TENANT_RULE)
  check('key', apiKey !== '', 'the key is missing.')
  check('key', isApiKey(apiKey), KEY_RULE)
  const earlier = seen.get(channelId)
  check('channel', earlier === undefined, `the channel is already on line ${earlier}.`)
  for (const column of columns) check(column, isPlainText(fieldOf(column)), 'has a control character.')
  const name = fieldOf('tenant_name').slice(0, 100)
  return {
    channelId,
    tenant: { id: tenant, name: name || tenant },
    apiKey,
    address: fieldOf('address') || undefined,
  }
}

const TENANT_RULE = 'the tenant takes letters, digits and _ . : - and does not begin with "self_".'
const KEY_RULE = 'the key has spaces or other characters that no key can have, or is too long.'

/**
 * The fields of one line, without blanks around them. One line at a time, so that a quote that is not closed spoils
 * only its own line: no column needs a line break. The parser's error is dropped, since it repeats the field.
 */
function fieldsOf(line: string, delimiter: string): string[] {
  try {
    const [fields = []] = parse(line, { delimiter, trim: true, record_delimiter: '\n' })
    return fields.map((field) => field.trim())
  } catch (error) {
    const { column } = error as { column?: unknown }
    const at = typeof column === 'number' ? column + 1 : 1
    throw new Fault(at, 'a quote is not closed, or is inside a field.')
  }
}

/** A spreadsheet fills the shorter rows up with empty fields. */
function withoutEmptyEnd(fields: readonly string[], least = 0): readonly string[] {
  const end = fields.findLastIndex((field) => field !== '') + 1
  return fields.slice(0, Math.max(end, Math.min(least, fields.length)))
}

function orProblem<T>(line: number, read: () => T): T | string {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    return `Line ${line}, column ${error.column}: ${error.message}`
  }
}

function refused(problems: readonly string[]): UsageError {
  const more = problems.length - MOST_PROBLEMS
  const shown = problems.slice(0, MOST_PROBLEMS).join('\n')
  return new UsageError(`Nothing was imported.\n${shown}${more > 0 ? `\nand ${more} more.` : ''}`)
}
