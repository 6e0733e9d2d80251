import type { ParseArgsConfig } from 'node:util'
import type { Config } from '../config.ts'
import type { Context } from '../context.ts'

/** The command line cannot be understood: exit code 2. */
export class UsageError extends Error {}

/** What was asked for cannot be done: exit code 1. */
export class CommandError extends Error {}

export interface Given {
  readonly context: Context
  readonly config: Config
  /** What was given after the command's own words. */
  readonly positionals: readonly string[]
  readonly options: Readonly<Record<string, unknown>>
  /** One line on standard output. */
  readonly print: (line: string) => void
  /** One line on standard error. */
  readonly warn: (line: string) => void
  readonly readStandardInput: () => Promise<string>
}

export interface Command {
  readonly usage: string
  readonly options?: NonNullable<ParseArgsConfig['options']>
  run(given: Given): Promise<void>
}

/** The text of an option, undefined when it was not given. */
export function textOf(options: Given['options'], name: string): string | undefined {
  const value = options[name]
  if (value === undefined) return undefined
  if (typeof value !== 'string' || value.trim() === '') throw new UsageError(`--${name} needs a value.`)
  return value.trim()
}

export function requiredText(options: Given['options'], name: string): string {
  const value = textOf(options, name)
  if (value === undefined) throw new UsageError(`--${name} is missing.`)
  return value
}

export function onlyPositional({ positionals }: Given, name: string): string {
  const [value, more] = positionals
  if (value === undefined || more !== undefined) throw new UsageError(`Give one ${name}.`)
  return value
}
