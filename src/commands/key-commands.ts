import { userInfo } from 'node:os'
import { type AddCommands, CommandError, print, readStandardInput, warn } from './command.ts'
import { type KeyLine, readKeyFile } from './key-file.ts'

export const addKeyCommands: AddCommands = (program, withSite) => {
  const key = program.command('key').description('API keys of channels')

  key
    .command('import')
    .description(
      'store the keys of running customers. Standard input: a CSV file with the columns channel,tenant,key ' +
        'and, if you have them, tenant_name,address. Run it again to continue an import that stopped.',
    )
    .action(() =>
      withSite(async ({ keyImport }) => {
        const keys = readKeyFile(await readStandardInput())
        const totals = { stored: 0, already_there: 0, refused: 0 }
        const stop = stopOnSignal()
        for await (const { key, outcome, reason } of keyImport.run(keys)) {
          totals[outcome === 'not_listed' ? 'refused' : outcome] += 1
          print([key.line, ...namesOf(key, outcome), wordsOf(outcome, reason)].join('\t'))
          if (stop.isAsked()) break
        }
        stop.forget()
        const { stored, already_there, refused } = totals
        print(`${stored} stored, ${already_there} already there, ${refused} refused`)
        const left = keys.length - stored - already_there - refused
        if (left > 0) throw new CommandError(`Stopped: ${left} lines are left. Run it again to continue.`)
        if (refused > 0) throw new CommandError(`${refused} of ${keys.length} keys were refused.`)
      }),
    )

  key
    .command('show')
    .description("print a channel's key, also a rejected one; this is recorded in the audit log")
    .argument('<channel>', 'the channel id')
    .action((channelId) =>
      withSite(async ({ channels, keys, audit }) => {
        const channel = await channels.find(channelId)
        if (!channel) throw new CommandError('There is no channel with this id.')
        const key = await keys.open(channelId)
        if (!key) throw new CommandError('Latchkey has no key for this channel.')
        const { version, fingerprint, status } = key
        const detail = { version, fingerprint, user: userName() }
        const { tenantId } = channel
        // Before it is printed, so that no key is read without a record.
        await audit.record({ actor: 'cli', action: 'api_key.shown', channelId, tenantId, detail })
        if (status !== 'stored') warn(`This key is ${status}: 360dialog no longer accepts it.`)
        print(key.apiKey)
      }),
    )
}

/** What is in the columns of an unlisted channel may be a key, in a file with its columns mixed up. */
function namesOf({ channelId, tenant }: KeyLine, outcome: string): [channel: string, tenant: string] {
  return outcome === 'not_listed' ? ['-', '-'] : [channelId, tenant.id]
}

function wordsOf(outcome: string, reason: string | undefined): string {
  return reason === undefined ? outcome.replace('_', ' ') : `refused: ${reason}`
}

/** Ctrl-C ends an import after the line that it works on. */
function stopOnSignal() {
  let asked = false
  const ask = () => {
    asked = true
  }
  process.once('SIGINT', ask)
  return { isAsked: () => asked, forget: () => process.removeListener('SIGINT', ask) }
}

/** The user that runs the command; a container's user may have no name. */
function userName(): string {
  try {
    return userInfo().username
  } catch {
    return 'unknown'
  }
}
