import { PartnerApiError } from '../errors.ts'
import { type Check, PARTNER_HUB_PAGE } from '../setup/check.ts'
import type { SetupService } from '../setup/setup-service.ts'
import { version } from '../version.ts'
import { type AddCommands, CommandError, print, UsageError } from './command.ts'

const marks = { ok: 'ok', wrong: 'WRONG', unknown: '?' } satisfies Record<Check['state'], string>

export const addDoctorCommand: AddCommands = (program, withSite) => {
  program
    .command('doctor')
    .description('check what has to be right before customers come; exit code 1 when something is wrong')
    .option('--set', 'first set the redirect URL and the webhook URL at 360dialog to those of this site')
    .option(
      '--facts',
      'instead, report what is not documented of 360dialog, without ids, for the makers of Latchkey',
    )
    .action(async ({ set, facts }) => {
      if (set && facts) throw new UsageError('--facts changes nothing: it does not go with --set.')
      await withSite(async ({ setup }) => {
        if (facts) return printFacts(setup)
        if (set) await setAddresses(setup)
        await printChecks(setup)
      })
    })
}

async function printChecks(setup: SetupService): Promise<void> {
  const checks = await setup.check()
  const width = Math.max(...checks.map(({ name }) => name.length))
  for (const { name, state, says, remedy, address } of checks) {
    const words = [says, remedy, address].filter(Boolean).join(' ')
    print(`${marks[state].padEnd(5)}  ${name.padEnd(width)}  ${words}`)
  }
  const wrong = checks.filter(({ state }) => state === 'wrong').length
  if (wrong > 0) throw new CommandError(`${wrong} to fix.`)
}

async function printFacts(setup: SetupService): Promise<void> {
  print(`Latchkey ${version}: what this hub answers, without ids, names, numbers and addresses`)
  for (const { question, answer } of await setup.collectFacts()) print(`${question.padEnd(20)}  ${answer}`)
}

async function setAddresses(setup: SetupService): Promise<void> {
  const { before, after } = await setup.setAddresses('cli').catch((error) => {
    if (!(error instanceof PartnerApiError)) throw error
    throw new CommandError(`Not confirmed by ${error.message}. See, and set them, here: ${PARTNER_HUB_PAGE}`)
  })
  // Whole, since what was there may be needed again.
  print(`redirect URL  before: ${nameOf(before.redirectUrl)}  after: ${nameOf(after.redirectUrl)}`)
  print(`webhook URL   before: ${nameOf(before.webhookUrl)}  after: ${nameOf(after.webhookUrl)}`)
  print(before === after ? 'Nothing had to be set.\n' : 'Set.\n')
}

function nameOf(address: string | undefined): string {
  return address === undefined ? 'not told' : address || 'none'
}
