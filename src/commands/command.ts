import { buffer } from 'node:stream/consumers'
import type { Command } from '@commander-js/extra-typings'
import { InvalidArgumentError } from 'commander'
import type { Context } from '../context.ts'
import { decodeText, NotTextError } from '../decode-text.ts'

/** What was asked for makes no sense: exit code 2. */
export class UsageError extends Error {}

/** What was asked for cannot be done: exit code 1. */
export class CommandError extends Error {}

/** Adds a group of commands. They open the site when they run, so `--help` needs no settings. */
export type AddCommands = (program: Command, withSite: WithSite) => void

/** Opens the site, does the work on it and closes it. */
export type WithSite = (work: (site: Context) => Promise<void>) => Promise<void>

/** Reads the value of an option; spaces around it do not count. */
export function text(value: string): string {
  if (value.trim() === '') throw new InvalidArgumentError('It is empty.')
  return value.trim()
}

/** One line on standard output. */
export const print = (line: string) => process.stdout.write(`${line}\n`)

/** One line on standard error. */
export const warn = (line: string) => process.stderr.write(`${line}\n`)

/** @throws UsageError when it is no text */
export async function readStandardInput(): Promise<string> {
  try {
    return decodeText(await buffer(process.stdin))
  } catch (error) {
    if (!(error instanceof NotTextError)) throw error
    throw new UsageError(`Standard input is not ${error.where}. Save it as UTF-8 (CSV UTF-8).`)
  }
}
