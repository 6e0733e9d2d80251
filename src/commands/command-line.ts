import type { Command as TypedCommand } from '@commander-js/extra-typings'
import { Command, CommanderError } from 'commander'
import { pino } from 'pino'
import { type Config, loadConfig } from '../config/config.ts'
import { findDemoAddress } from '../config/demo-address.ts'
import type { EnvFile } from '../config/env-file.ts'
import { createContext } from '../context.ts'
import { findLiveDatabase } from '../database/installation.ts'
import { LatchkeyError } from '../errors.ts'
import { createLogger, openTerminal } from '../logger.ts'
import { isPlainText } from '../plain-text.ts'
import { describeFailure } from '../start-failure.ts'
import { addAdminCommands } from './admin-commands.ts'
import { CommandError, UsageError, type WithSite, warn } from './command.ts'
import { addDoctorCommand } from './doctor-command.ts'
import { addKeyCommands } from './key-commands.ts'
import { addLinkCommands } from './link-commands.ts'
import { addReviewCommands } from './review-commands.ts'
import { addSetupCommands } from './setup-commands.ts'
import { addTokenCommands } from './token-commands.ts'

const groups = [
  addSetupCommands,
  addDoctorCommand,
  addLinkCommands,
  addAdminCommands,
  addTokenCommands,
  addKeyCommands,
  addReviewCommands,
]

/** Runs one command. 0 done, 1 failed, 2 wrong use. */
export async function runCommandLine(
  words: string[],
  environment: NodeJS.ProcessEnv,
  readFile: () => EnvFile | undefined = () => undefined,
): Promise<number> {
  if (!words.every(isPlainText)) {
    warn('A value has a control character, like a line break. Nothing was done.')
    return 2
  }
  let config: Config | undefined
  const program = createProgram(async (work) => {
    const asksForDemo = program.opts().demo === true
    const command = { asksForDemo, demoAddress: findDemoAddress, liveDatabase: findLiveDatabase }
    config = loadConfig(environment, { ...readFile(), command })
    if (asksForDemo && config.mode !== 'demo')
      throw new CommandError('Nothing was done: --demo is given, and the settings are those of a live site.')
    await openSite(config, work)
  })
  let used = program
  program.hook('preAction', (_program, command) => {
    used = command
  })
  try {
    await program.parseAsync(words, { from: 'user' })
    return 0
  } catch (error) {
    // Already on standard error, or the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    if (error instanceof UsageError) {
      warn(`${error.message}\n\n${used.helpInformation()}`)
      return 2
    }
    warn(describe(error, config))
    return 1
  }
}

function createProgram(withSite: WithSite): Command {
  const program = new Command('npm run --silent latchkey --')
    .description('Commands for the operator of a Latchkey. They may run beside a serving process.')
    .option('--demo', 'open the demo, also where a live site may be meant')
    .configureHelp({
      showGlobalOptions: true,
      optionTerm: ({ flags, mandatory }) => (mandatory ? `${flags} (required)` : flags),
    })
    // The arguments that are too many are left out: one may be a password or a key.
    .configureOutput({ outputError: (text, write) => write(text.replace(/( but got \d+): .*/s, '$1.\n')) })
    .showHelpAfterError()
    .exitOverride()
  // The same class, with option types that follow from the texts of options; those types have no code.
  for (const add of groups) add(program as unknown as TypedCommand, withSite)
  return program
}

async function openSite(config: Config, work: Parameters<WithSite>[0]): Promise<void> {
  // Standard output carries nothing but the command's answer.
  const logger = createLogger('warn', (await openTerminal(2)) ?? pino.destination(2))
  if (config.mode === 'demo') warn(wordsOfDemo(config.dataFolder))
  const site = await createContext(config, { logger })
  try {
    await work(site)
  } finally {
    await site.db.destroy()
  }
}

/** On standard error, so that nobody takes a link or a token of the demo for a live one. */
function wordsOfDemo(folder: string): string {
  if (findDemoAddress(folder)) return `This is the demo in ${folder}: 360dialog is simulated.`
  return `No D360_ setting is set here, and no demo was started: this is a new demo in ${folder}.`
}

function describe(error: unknown, config: Config | undefined): string {
  if (error instanceof CommandError || error instanceof LatchkeyError) return error.message
  return (
    describeFailure(error, config) ??
    (error instanceof Error ? (error.stack ?? error.message) : String(error))
  )
}
