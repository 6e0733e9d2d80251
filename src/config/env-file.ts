import { lstatSync, readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { decodeText, NotTextError } from '../decode-text.ts'
import { errorCode, failureOf } from '../file-failure.ts'
import { ConfigError } from './config.ts'
import type { Problem } from './settings.ts'

export interface EnvFile {
  /** Settings that were read up to a `#` only. */
  readonly cutOff: ReadonlySet<string>
  /** Lines that would be lost, or be read as something else. */
  readonly problems: readonly Problem[]
}

const NONE: EnvFile = { cutOff: new Set(), problems: [] }

/**
 * Adds the settings of the `.env` file to the environment; what that says itself wins.
 *
 * @throws ConfigError when there is something with this name that holds no settings
 */
export function readEnvFile(environment: NodeJS.ProcessEnv, path = '.env'): EnvFile {
  const text = readText(path)
  if (text === undefined) return NONE
  const { cutOff, faults } = checkLines(text.replaceAll(/\r\n?/g, '\n'))
  const isReadFromFile = (name: string) => environment[name] === undefined
  const file = { cutOff: new Set(cutOff.filter(isReadFromFile)), problems: faults }
  for (const [name, value = ''] of Object.entries(parseEnv(text)))
    if (isReadFromFile(name)) environment[name] = value
  return file
}

function readText(path: string): string | undefined {
  try {
    return decodeText(readFileSync(path))
  } catch (error) {
    if (error instanceof NotTextError) throw noSettings(`is not ${error.where}`, 'Save it again, as UTF-8.')
    // A link that leads nowhere is meant to be a file.
    if (errorCode(error) === 'ENOENT' && !lstatSync(path, { throwIfNoEntry: false })) return undefined
    if (errorCode(error) === 'EISDIR')
      throw noSettings(
        'is a folder, not a file of settings',
        'Delete or rename it, and write the file: Docker creates a folder where the file to mount is not there.',
      )
    const { code, problem, remedy } = failureOf(error, path)
    throw noSettings(`${problem} (${code})`, remedy)
  }
}

function noSettings(problem: string, remedy: string): ConfigError {
  return new ConfigError([{ setting: '.env', problem, remedy }])
}

/** One setting, as Node reads it: quotes may hold several lines, and what stands behind them is dropped. */
const SETTING = /[ \t]*(?:export[ \t]+)?([\w.-]+)[ \t]*=(?:[ \t]*(["'`])([\s\S]*?)\2)?([^\n]*)(?:\n|$)/y
const NO_SETTING = /[^\n]*(?:\n|$)/y
/** Node takes a `#` outside quotes for a comment even in the middle of a word; in `a #` it was meant so. */
const CUT_OFF = /^(?:[ \t]*[^\s"'`#](?:[^#]*[^\s#])?)?#/

function checkLines(text: string): { cutOff: string[]; faults: Problem[] } {
  const cutOff: string[] = []
  const faults: Problem[] = []
  const strange: number[] = []
  for (let at = 0, line = 1; at < text.length; ) {
    SETTING.lastIndex = NO_SETTING.lastIndex = at
    const [whole = '', name = '', quote, , rest = ''] = SETTING.exec(text) ?? NO_SETTING.exec(text) ?? []
    if (!name) {
      if (!/^\s*(#|$)/.test(whole)) strange.push(line)
    } else if (quote) {
      if (!/^\s*(#|$)/.test(rest)) faults.push(afterQuote(line))
    } else if (/^\s*["'`]/.test(rest)) faults.push(openQuote(line))
    else if (CUT_OFF.test(rest)) cutOff.push(name)
    line += whole.split('\n').length - 1
    at += whole.length
  }
  return { cutOff, faults: strange.length > 0 ? [strangeLines(strange), ...faults] : faults }
}

function strangeLines(lines: readonly number[]): Problem {
  const [shown, more] = [lines.slice(0, 5).join(', '), lines.length - 5]
  const where = `${lines.length === 1 ? 'line' : 'lines'} ${shown}${more > 0 ? ` and ${more} more` : ''}`
  return {
    setting: '.env',
    problem: `has what is not a setting in ${where}`,
    remedy:
      'Write NAME=value on each line, and # in front of a comment. Put a value of several lines in quotes.',
  }
}

function afterQuote(line: number): Problem {
  return {
    setting: '.env',
    problem: `has more behind the closing quote in line ${line}, which would be lost`,
    remedy:
      'Put the whole value in quotes of another kind, like \'a "b" c\', or close the quote where it ends.',
  }
}

function openQuote(line: number): Problem {
  return {
    setting: '.env',
    problem: `has a quote in line ${line} that is not closed`,
    remedy: 'Close it, or put the whole value in quotes of another kind.',
  }
}
