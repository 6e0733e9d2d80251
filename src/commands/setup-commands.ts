import { once } from 'node:events'
import { InvalidArgumentError } from 'commander'
import { newVaultKey } from '../config/vault-keys.ts'
import { PartnerApiError } from '../errors.ts'
import { newSecret } from '../identifiers.ts'
import { paths } from '../paths.ts'
import { readSwitches, type Switches } from '../simulator/switches.ts'
import { type AddCommands, CommandError, print, text } from './command.ts'

/** What an operator needs before there are links: the database, a vault key, a 360dialog to try with. */
export const addSetupCommands: AddCommands = (program, withSite) => {
  program
    .command('migrate')
    .description('bring the database up to date')
    // Opening the database does it.
    .action(() => withSite(async () => void print('The database is up to date.')))

  program
    .command('vault')
    .description('keys of the vault')
    .command('new-key')
    .description('print a new vault key, for VAULT_KEYS')
    .action(() => void print(newVaultKey()))

  program
    .command('sync')
    .description('read all clients and channels of the hub now; asks for no key')
    .action(() =>
      withSite(async ({ sync }) => {
        const { clients, channels } = await sync.complete().catch(toCommandError)
        print(`Read to the end: ${clients} clients, ${channels} channels.`)
      }),
    )

  program
    .command('simulate')
    .description('run the simulator of 360dialog alone, and print the settings for it')
    .option('--port <number>', 'the port it listens on', readPort, 3001)
    .option('--partner-id <id>', 'the Partner ID that it knows', text, 'SimulatedPA')
    .option('--api-key <key>', 'the made-up API key that it accepts (default: a random one)', text)
    .option('--redirect-url <url>', 'where it sends browsers', text, 'http://localhost:3000/callback')
    .option('--webhook-url <url>', 'where it sends notices', text, `http://localhost:3000${paths.notices}`)
    .option('--platform-secret <secret>', 'what it signs them with (default: a random one)', text)
    .option('--switch <name=value>', 'how it behaves, see its page /switches (repeatable)', readSwitch)
    .action(async ({ apiKey = newSecret(), platformSecret = newSecret(), switch: switches, ...settings }) => {
      const { startSimulator } = await import('../simulator/simulator.ts')
      const simulator = await startSimulator({ ...settings, partnerApiKey: apiKey, platformSecret })
      simulator.hub.setSwitches(switches ?? {})
      print(`360dialog is simulated at ${simulator.url}. A Latchkey calls it with:

D360_PARTNER_ID=${settings.partnerId}
D360_PARTNER_API_KEY=${apiKey}
D360_PLATFORM_SECRET=${platformSecret}
D360_API_URL=${simulator.url}/api/v2
D360_LAUNCH_URL=${simulator.url}/dashboard/app/{partner_id}/permissions
D360_MESSAGING_HOSTS=localhost
`)
      await Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')])
      await simulator.close()
    })
}

function toCommandError(error: unknown): never {
  if (!(error instanceof PartnerApiError)) throw error
  throw new CommandError(
    '360dialog failed before all was read. What was read is kept: try again in a minute.',
  )
}

function readSwitch(value: string, earlier?: Partial<Switches>): Partial<Switches> {
  const [name = '', ...rest] = value.split('=')
  try {
    return { ...earlier, ...readSwitches({ [name]: rest.join('=') }) }
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : '')
  }
}

function readPort(value: string): number {
  const port = Number(text(value))
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port
  throw new InvalidArgumentError('It is not a port number.')
}
