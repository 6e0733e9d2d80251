import { userInfo } from 'node:os'
import { type Command, CommandError, onlyPositional, UsageError } from './command.ts'
import { type KeyLine, readKeyFile } from './key-file.ts'

export const keyImport: Command = {
  usage: 'key import               (CSV from standard input: channel,tenant,key[,tenant_name,address])',
  async run({ context, positionals, print, readStandardInput }) {
    if (positionals.length > 0) throw new UsageError('Give the file on standard input: key import < FILE')
    const keys = readKeyFile(await readStandardInput())
    const totals = { stored: 0, already_there: 0, refused: 0 }
    const stop = stopOnSignal()
    for await (const { key, outcome, reason } of context.keyImport.run(keys)) {
      totals[outcome === 'not_listed' ? 'refused' : outcome] += 1
      print([key.line, ...namesOf(key, outcome), wordsOf(outcome, reason)].join('\t'))
      if (stop.isAsked()) break
    }
    stop.forget()
    const done = totals.stored + totals.already_there + totals.refused
    print(`${totals.stored} stored, ${totals.already_there} already there, ${totals.refused} refused`)
    if (done < keys.length)
      throw new CommandError(`Stopped: ${keys.length - done} lines are left. Run it again to go on.`)
    if (totals.refused > 0) throw new CommandError(`${totals.refused} of ${keys.length} keys were refused.`)
  },
}

export const keyShow: Command = {
  usage: 'key show CHANNEL         (prints the key, also a rejected one; written down in the audit)',
  async run(given) {
    const { context, print, warn } = given
    const channelId = onlyPositional(given, 'channel')
    const channel = await context.channels.find(channelId)
    if (!channel) throw new CommandError('There is no channel with this id.')
    const key = await context.keys.open(channelId)
    if (!key) throw new CommandError('This channel has no key here.')
    const { version, fingerprint, status } = key
    const detail = { version, fingerprint, user: userName() }
    const tenant = channel.tenantId ? { tenantId: channel.tenantId } : {}
    // Before it is printed: nobody reads a key without a trace.
    await context.audit.record({ actor: 'cli', action: 'api_key.shown', channelId, ...tenant, detail })
    if (status !== 'stored') warn(`This key is ${status}: 360dialog does not take it any more.`)
    print(key.apiKey)
  },
}

/** What stands in the columns of an unlisted channel may be a key, in a file with its columns mixed up. */
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

/** Who runs the command, as far as the operating system knows: in a container it may know nobody. */
function userName(): string {
  try {
    return userInfo().username
  } catch {
    return 'unknown'
  }
}
