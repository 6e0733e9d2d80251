import { isPlainText } from '../plain-text.ts'
import { type AddCommands, CommandError, print, readStandardInput, UsageError } from './command.ts'

export const addAdminCommands: AddCommands = (program, withSite) => {
  const admin = program.command('admin').description('admin accounts')
  const named = (word: string, description: string) =>
    admin
      .command(word)
      .description(description)
      .argument('[name]', 'the name of the admin')
      .option('--name <name>', 'another way to give it')

  named('create', 'create an admin; the password is read from standard input').action((argument, options) =>
    withSite(async ({ admins }) => {
      const name = nameOf(argument, options)
      await admins.create(name, await readPassword())
      print(`Admin ${name} can sign in.`)
    }),
  )

  admin
    .command('list')
    .description('list the admins: name, active or disabled')
    .action(() =>
      withSite(async ({ admins }) => {
        for (const { name, disabledAt } of await admins.list())
          print(disabledAt ? `${name}\tdisabled ${disabledAt.toISOString()}` : `${name}\tactive`)
      }),
    )

  named('password', 'set a new password, which is read from standard input').action((argument, options) =>
    withSite(async ({ admins }) => {
      const name = nameOf(argument, options)
      if (!(await admins.setPassword(name, await readPassword()))) throw unknown(name)
    }),
  )

  named('disable', 'stop an admin from signing in').action((argument, options) =>
    withSite(async ({ admins }) => {
      const name = nameOf(argument, options)
      if (!(await admins.disable(name))) throw unknown(name)
    }),
  )
}

function nameOf(argument: string | undefined, options: { name?: string | undefined }): string {
  const name = options.name ?? argument
  if (name === undefined) throw new UsageError('Give one name.')
  return name
}

async function readPassword(): Promise<string> {
  const password = (await readStandardInput()).replace(/\r?\n$/, '')
  if (password === '') throw new UsageError('Give the password on standard input.')
  if (!isPlainText(password))
    throw new UsageError('The password has a control character. Nothing was changed.')
  return password
}

function unknown(name: string): CommandError {
  return new CommandError(`There is no admin ${name}.`)
}
