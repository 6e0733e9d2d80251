import { InvalidArgumentError } from 'commander'
import { z } from 'zod'
import { readEmailAddress } from '../email-address.ts'
import { linkPath } from '../paths.ts'
import { readPhoneNumber } from '../phone-number.ts'
import { type AddCommands, print, text, UsageError } from './command.ts'

/** The product's own name for its customer; `self_` belongs to sign-ups. */
export const tenantId = z.string().regex(/^(?!self_)[A-Za-z0-9_.:-]{1,128}$/)

export const addLinkCommands: AddCommands = (program, withSite) => {
  const link = program.command('link').description('connect links')

  link
    .command('create')
    .description('create a connect link for a customer and print it')
    .requiredOption('--tenant <id>', "your product's own id for the customer", readTenant)
    .requiredOption('--name <name>', "the customer's name, as the page shows it", text)
    .option('--email <address>', "the customer's e-mail address", readEmail)
    .option('--email-verified', 'your product has verified this address')
    .option('--number <number>', 'the only number to connect, with its country code', readNumber)
    .action(({ tenant, name, email, emailVerified = false, number }) =>
      withSite(async ({ sessions, audit, config }) => {
        if (emailVerified && email === undefined) throw new UsageError('--email-verified needs --email.')
        const customer = { tenantId: tenant, tenantName: name.slice(0, 100), email, emailVerified, number }
        const token = await sessions.createLink(customer)
        await audit.record({ actor: 'cli', action: 'link.created', tenantId: tenant })
        print(new URL(linkPath(token), config.publicUrl).href)
      }),
    )
}

function readTenant(value: string): string {
  const { data } = tenantId.safeParse(value.trim())
  if (data !== undefined) return data
  throw new InvalidArgumentError('It takes letters, digits and _ . : - and does not begin with "self_".')
}

function readEmail(value: string): string {
  const email = readEmailAddress(value)
  if (email !== undefined) return email
  throw new InvalidArgumentError('It is not an e-mail address.')
}

function readNumber(value: string): string {
  const number = readPhoneNumber(value)
  if (number !== undefined) return number
  throw new InvalidArgumentError('It needs the country code, like +49 30 123456.')
}
