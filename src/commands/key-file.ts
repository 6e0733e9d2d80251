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

const REQUIRED = ['channel', 'tenant', 'key']
const COLUMNS = [...REQUIRED, 'tenant_name', 'address']
const MOST_PROBLEMS = 20

/**
 * Reads the file of `key import`: CSV whose first line names its columns.
 *
 * @throws UsageError with every problem at once, each with its line and without its content: that may be a key
 */
export function readKeyFile(text: string): KeyLine[] {
  const lines = text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .map((content, index) => ({ line: index + 1, content }))
    .filter(({ content }) => content.trim() !== '')
  const [head, ...rest] = lines
  const columns = readColumns(head?.content ?? '')
  const problems: string[] = []
  const seen = new Map<string, number>()
  const keys = rest.flatMap(({ line, content }) => {
    const key = readLine(content, columns, seen)
    if (typeof key === 'string') {
      problems.push(`Line ${line}: ${key}`)
      return []
    }
    seen.set(key.channelId, line)
    return [{ ...key, line }]
  })
  if (rest.length === 0) problems.push('The file has no keys.')
  if (problems.length > 0) throw new UsageError(describe(problems))
  return keys
}

function readColumns(head: string): string[] {
  const columns = fieldsOf(head)?.map((name) => name.trim()) ?? []
  const isKnown = columns.every((name, index) => COLUMNS.includes(name) && columns.indexOf(name) === index)
  if (isKnown && REQUIRED.every((name) => columns.includes(name))) return columns
  throw new UsageError(
    'The first line must name the columns: channel,tenant,key and, if you have them, tenant_name and address.',
  )
}

/** The key on a line, or what is wrong with the line. */
function readLine(
  content: string,
  columns: readonly string[],
  seen: ReadonlyMap<string, number>,
): ImportedKey | string {
  const fields = fieldsOf(content)
  if (!fields) return 'a quote is not closed, or is inside a field.'
  if (fields.length !== columns.length) return `has ${fields.length} fields, not ${columns.length}.`
  const fieldOf = (name: string) => fields[columns.indexOf(name)] ?? ''
  const [channelId, tenant, apiKey] = [fieldOf('channel'), fieldOf('tenant'), fieldOf('key')]
  if (!/^[\w.-]{1,200}$/.test(channelId)) return 'the channel is not a channel id.'
  if (!tenantId.safeParse(tenant).success)
    return 'the tenant takes letters, digits and _ . : - and does not begin with "self_".'
  if (apiKey === '') return 'the key is missing.'
  if (!isApiKey(apiKey)) return 'the key has spaces or other characters that no key can have, or is too long.'
  if (seen.has(channelId)) return `the channel is already on line ${seen.get(channelId)}.`
  if (!isPlainText(content)) return 'has a control character.'
  const name = fieldOf('tenant_name').trim().slice(0, 100)
  const address = fieldOf('address').trim() || undefined
  return { channelId, tenant: { id: tenant, name: name || tenant }, apiKey, address }
}

/**
 * The fields of one line; undefined when its quotes are wrong. One line at a time, so that a quote that is not closed
 * spoils only its own line: no column needs a line break. The parser's error is dropped, since it repeats the field.
 */
function fieldsOf(line: string): string[] | undefined {
  try {
    return parse(line, { record_delimiter: '\n' })[0]
  } catch {
    return undefined
  }
}

function describe(problems: readonly string[]): string {
  const more = problems.length - MOST_PROBLEMS
  const shown = problems.slice(0, MOST_PROBLEMS).join('\n')
  return `Nothing was imported.\n${shown}${more > 0 ? `\nand ${more} more.` : ''}`
}
