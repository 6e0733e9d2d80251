import type { ImportedKey } from '../keys/key-import-service.ts'
import { isApiKey } from '../keys/key-proof.ts'
import { UsageError } from './command.ts'
import { readCsvLine } from './csv.ts'
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
 * @throws UsageError with every problem at once, each by its line and without what stands there: it may be a key
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
    const read = readLine(content, columns)
    if (typeof read === 'string') problems.push(`Line ${line}: ${read}`)
    else if (seen.has(read.channelId))
      problems.push(`Line ${line}: the channel stands on line ${seen.get(read.channelId)} already.`)
    else seen.set(read.channelId, line)
    return typeof read === 'string' ? [] : [{ ...read, line }]
  })
  if (rest.length === 0) problems.push('There is no key in the file.')
  if (problems.length > 0) throw new UsageError(describe(problems))
  return keys
}

function readColumns(head: string): string[] {
  const columns = readCsvLine(head)?.map((name) => name.trim()) ?? []
  const isKnown = columns.every((name, index) => COLUMNS.includes(name) && columns.indexOf(name) === index)
  if (isKnown && REQUIRED.every((name) => columns.includes(name))) return columns
  throw new UsageError(
    'The first line must name the columns: channel,tenant,key and, if you have them, tenant_name and address.',
  )
}

/** What a line holds, or what is wrong with it. */
function readLine(content: string, columns: readonly string[]): ImportedKey | string {
  const fields = readCsvLine(content)
  if (!fields) return 'a quote is not closed, or stands inside a field.'
  if (fields.length !== columns.length) return `has ${fields.length} fields, not ${columns.length}.`
  const fieldOf = (name: string) => fields[columns.indexOf(name)] ?? ''
  const [channelId, tenant, apiKey] = [fieldOf('channel'), fieldOf('tenant'), fieldOf('key')]
  if (!/^[\w.-]{1,200}$/.test(channelId)) return 'the channel is no channel id.'
  if (!tenantId.safeParse(tenant).success)
    return 'the tenant takes letters, digits and _ . : - and not "self_" in front.'
  if (apiKey === '') return 'the key is missing.'
  if (!isApiKey(apiKey)) return 'the key has blanks or other characters that no key has, or is too long.'
  const name = fieldOf('tenant_name')
    .replaceAll(/\p{Cc}/gu, '')
    .trim()
    .slice(0, 100)
  const address = fieldOf('address').trim() || undefined
  return { channelId, tenant: { id: tenant, name: name || tenant }, apiKey, address }
}

function describe(problems: readonly string[]): string {
  const more = problems.length - MOST_PROBLEMS
  const shown = problems.slice(0, MOST_PROBLEMS).join('\n')
  return `Nothing was imported.\n${shown}${more > 0 ? `\nand ${more} more.` : ''}`
}
