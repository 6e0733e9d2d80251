import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { parseArgs } from 'node:util'
import { pino } from 'pino'
import { type Config, loadConfig } from '../config.ts'
import { createContext } from '../context.ts'
import { LatchkeyError } from '../errors.ts'
import { createLogger } from '../logger.ts'
import { newVaultKey } from '../settings/vault-keys.ts'
import { describeFailure } from '../start-failure.ts'
import { adminCreate, adminDisable, adminList, adminPassword } from './admin-commands.ts'
import { type Command, CommandError, UsageError } from './command.ts'
import { keyImport, keyShow } from './key-commands.ts'
import { linkCreate } from './link-command.ts'
import { reviewAccept, reviewList, reviewRefuse } from './review-commands.ts'
import { simulate, simulateOptions, simulateUsage } from './simulate-command.ts'
import { tokenCreate, tokenList, tokenRevoke } from './token-commands.ts'

const migrateCommand: Command = {
  usage: 'migrate',
  // Opening the database brings it up to date.
  run: async ({ print }) => print('The database is up to date.'),
}

const commands: Readonly<Record<string, Command>> = {
  migrate: migrateCommand,
  'link create': linkCreate,
  'admin create': adminCreate,
  'admin list': adminList,
  'admin disable': adminDisable,
  'admin password': adminPassword,
  'key import': keyImport,
  'key show': keyShow,
  'review list': reviewList,
  'review accept': reviewAccept,
  'review refuse': reviewRefuse,
  'token create': tokenCreate,
  'token list': tokenList,
  'token revoke': tokenRevoke,
}

const usage = `Usage: npm run --silent latchkey -- COMMAND

${[...Object.values(commands).map((command) => command.usage), 'vault new-key', simulateUsage].map((line) => `  ${line}`).join('\n')}
`

const print = (line: string) => process.stdout.write(`${line}\n`)
const warn = (line: string) => process.stderr.write(`${line}\n`)

/** 0 done, 1 failed, 2 wrong use. */
export async function runCommandLine(words: string[], environment: NodeJS.ProcessEnv): Promise<number> {
  try {
    await runCommand(words, environment)
    return 0
  } catch (error) {
    if (error instanceof UsageError || isParseError(error)) {
      process.stderr.write(`${error.message}\n\n${usage}`)
      return 2
    }
    process.stderr.write(`${describe(error)}\n`)
    return 1
  }
}

async function runCommand(words: string[], environment: NodeJS.ProcessEnv): Promise<void> {
  if (words[0] === 'simulate') return runSimulator(words.slice(1))
  if (words.join(' ') === 'vault new-key') return void print(newVaultKey())
  const name = Object.keys(commands).find((name) => words.slice(0, name.split(' ').length).join(' ') === name)
  const command = name === undefined ? undefined : commands[name]
  if (name === undefined || command === undefined) throw new UsageError('There is no such command.')
  const args = words.slice(name.split(' ').length)
  const { values, positionals } = parseArgs({ args, options: command.options ?? {}, allowPositionals: true })
  await withContext(environment, (config, context) =>
    command.run({
      context,
      config,
      positionals,
      options: values,
      ...{ print, warn },
      readStandardInput: () => text(process.stdin),
    }),
  )
}

async function withContext(
  environment: NodeJS.ProcessEnv,
  work: (config: Config, context: Awaited<ReturnType<typeof createContext>>) => Promise<void>,
): Promise<void> {
  const config = loadConfig(environment)
  // Standard output is the command's answer alone.
  const context = await createContext(config, { logger: createLogger('warn', pino.destination(2)) })
  try {
    await work(config, context)
  } finally {
    await context.db.destroy()
  }
}

async function runSimulator(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: simulateOptions })
  const simulator = await simulate(values, print)
  await Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')])
  await simulator.close()
}

function isParseError(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')
}

function describe(error: unknown): string {
  if (error instanceof CommandError || error instanceof LatchkeyError) return error.message
  return describeFailure(error) ?? (error instanceof Error ? (error.stack ?? error.message) : String(error))
}
