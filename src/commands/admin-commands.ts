import { type Command, CommandError, type Given, onlyPositional, UsageError } from './command.ts'

export const adminCreate: Command = {
  usage: 'admin create NAME        (password from standard input)',
  options: { name: { type: 'string' } },
  async run(given) {
    const name = nameOf(given)
    await given.context.admins.create(name, await readPassword(given))
    given.print(`Admin ${name} can sign in.`)
  },
}

export const adminPassword: Command = {
  usage: 'admin password NAME      (password from standard input)',
  options: { name: { type: 'string' } },
  async run(given) {
    const name = nameOf(given)
    if (!(await given.context.admins.setPassword(name, await readPassword(given)))) throw unknown(name)
  },
}

export const adminDisable: Command = {
  usage: 'admin disable NAME',
  options: { name: { type: 'string' } },
  async run(given) {
    const name = nameOf(given)
    if (!(await given.context.admins.disable(name))) throw unknown(name)
  },
}

export const adminList: Command = {
  usage: 'admin list',
  async run({ context, print }) {
    for (const { name, disabledAt } of await context.admins.list())
      print(disabledAt ? `${name}\tdisabled ${disabledAt.toISOString()}` : `${name}\tactive`)
  },
}

function nameOf(given: Given): string {
  return typeof given.options.name === 'string' ? given.options.name : onlyPositional(given, 'name')
}

async function readPassword({ readStandardInput }: Given): Promise<string> {
  const password = (await readStandardInput()).replace(/\r?\n$/, '')
  if (password === '') throw new UsageError('Give the password on standard input.')
  return password
}

function unknown(name: string): CommandError {
  return new CommandError(`There is no admin ${name}.`)
}
