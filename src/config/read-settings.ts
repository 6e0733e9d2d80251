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

  for (const [name, row] of settingRows) {
    const written = environment[name]
    const typed = written === undefined ? undefined : withoutQuotes(written.trim())
    if (typed) given.add(name)
    const text = typed || row.default
    if (cutOff.has(name) || (row.startsWithHash && typed === '')) problems.push(cutAtHash(name))
    else {
      const read = text ? readOne(row, text, readFile) : { value: undefined }
      if ('value' in read) values[name] = read.value
      else problems.push({ setting: name, problem: read.problem, remedy: row.repair ?? remedyFor(name) })
    }
  }
  return { values: values as Partial<Values>, given, problems }
}

/** Docker's `--env-file` hands on the quotes that other readers of env files take away. */
function withoutQuotes(text: string): string {
  return /^(["'])(.*)\1$/s.exec(text)?.[2]?.trim() ?? text
}

function cutAtHash(setting: SettingName): Problem {
  const remedy = `Write it in quotes, like ${setting}="…#…". If you want none, remove the line.`
  return { setting, problem: 'is cut off: a # that is not in quotes begins a comment', remedy }
}

function readOne(row: Setting, text: string, readFile: ReadFile): { value: unknown } | { problem: string } {
  const content = row.secret ? readSecret(text, readFile) : { text }
  if ('problem' in content) return content
  const { data, error } = row.read.safeParse(content.text)
  return error ? { problem: error.issues[0]?.message ?? 'cannot be read' } : { value: data }
}

/**
 * A secret as it is in the environment, or the content of the file that `file:PATH` names, without the newline at
 * its end. The problem contains neither path nor content.
 */
function readSecret(value: string, readFile: ReadFile): { text: string } | { problem: string } {
  if (!value.startsWith('file:')) return { text: value }
  try {
    const text = readFile(value.slice('file:'.length)).replace(/[\r\n]+$/, '')
    return text.trim() ? { text } : { problem: 'names a file that is empty' }
  } catch (error) {
    return { problem: `names a file that cannot be read (${errorCode(error)})` }
  }
}

/** The system's short word for a failure, like ENOENT: its message would contain the path. */
export function errorCode(error: unknown): string {
  return (error as Partial<NodeJS.ErrnoException> | undefined)?.code ?? 'unknown reason'
}
