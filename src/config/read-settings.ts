import { NotTextError } from '../decode-text.ts'
import { failureOf } from '../file-failure.ts'
import { withoutQuotes } from './quotes.ts'
import {
  type Problem,
  remedyFor,
  type Setting,
  type SettingName,
  settingRows,
  type Values,
} from './settings.ts'
import { findUnknown } from './unknown-settings.ts'

/** What the environment says, setting by setting. */
export interface Reading {
  /** A name is missing here when it was not given, or when it has a problem. */
  values: Partial<Values>
  /** What was typed in, good or bad. */
  given: ReadonlySet<SettingName>
  problems: readonly Problem[]
  /** Whose file of a secret had quotes around its content. */
  unquoted: readonly SettingName[]
}

type ReadFile = (path: string) => string

/**
 * Reads each setting by itself; what they have to do with each other is for the rules. `cutOff` names those of which
 * the `.env` file holds more than was read.
 */
export function readSettings(
  environment: NodeJS.ProcessEnv,
  readFile: ReadFile,
  cutOff: ReadonlySet<string>,
): Reading {
  const values: Record<string, unknown> = {}
  const given = new Set<SettingName>()
  const problems: Problem[] = findUnknown(environment)
  const unquoted: SettingName[] = []

  for (const [name, row] of settingRows) {
    const typed = environment[name]
    if (typed) given.add(name)
    const text = typed || row.default
    if (cutOff.has(name) || (row.startsWithHash && typed === '')) problems.push(cutAtHash(name))
    else {
      const read = text ? readOne(row, text, readFile) : { value: undefined }
      if ('value' in read) values[name] = read.value
      else problems.push({ setting: name, remedy: row.repair ?? remedyFor(name), ...read })
      if (read.isUnquoted) unquoted.push(name)
    }
  }
  return { values: values as Partial<Values>, given, problems, unquoted }
}

function cutAtHash(setting: SettingName): Problem {
  const remedy = `Write it in quotes, like ${setting}="…#…". If you want none, remove the line.`
  return { setting, problem: 'is cut off: a # that is not in quotes begins a comment', remedy }
}

type Outcome<T> = (T | { problem: string; remedy?: string }) & { isUnquoted?: boolean }

function readOne(row: Setting, typed: string, readFile: ReadFile): Outcome<{ value: unknown }> {
  const content = row.secret ? readSecret(typed, readFile) : { text: typed }
  if ('problem' in content) return content
  const { text, ...more } = content
  const { data, error } = row.read.safeParse(text)
  return error ? { problem: error.issues[0]?.message ?? 'cannot be read' } : { value: data, ...more }
}

/**
 * A secret as it is in the environment, or the content of the file that `file:PATH` names, without the newline at
 * its end and without quotes around it. The problem contains neither path nor content.
 */
function readSecret(value: string, readFile: ReadFile): Outcome<{ text: string }> {
  if (!value.startsWith('file:')) return { text: value }
  const path = withoutQuotes(value.slice('file:'.length))
  try {
    const content = readFile(path).replace(/[\r\n]+$/, '')
    const meant = withoutQuotes(content)
    if (!meant) return { problem: 'names a file that is empty' }
    return meant === content.trim() ? { text: content } : { text: meant, isUnquoted: true }
  } catch (error) {
    if (error instanceof NotTextError)
      return { problem: `names a file that is not ${error.where}`, remedy: 'Save it again, as UTF-8.' }
    const { code, remedy } = failureOf(error, path)
    return { problem: `names a file that cannot be read (${code})`, remedy }
  }
}
