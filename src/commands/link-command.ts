import { z } from 'zod'
import { readPhoneNumber } from '../onboarding/phone-number.ts'
import { linkPath } from '../paths.ts'
import { type Command, requiredText, textOf, UsageError } from './command.ts'

/** The product's own name for its customer; `self_` belongs to sign-ups. */
export const tenantId = z.string().regex(/^(?!self_)[A-Za-z0-9_.:-]{1,128}$/)

export const linkCreate: Command = {
  usage: 'link create --tenant ID --name NAME [--email E [--email-verified]] [--number N]',
  options: {
    tenant: { type: 'string' },
    name: { type: 'string' },
    email: { type: 'string' },
    'email-verified': { type: 'boolean' },
    number: { type: 'string' },
  },
  async run({ context, config, options, print }) {
    const tenant = tenantId.safeParse(requiredText(options, 'tenant'))
    if (!tenant.success)
      throw new UsageError('--tenant takes letters, digits and _ . : - and not "self_" in front.')
    const email = readEmail(textOf(options, 'email'))
    const emailVerified = options['email-verified'] === true
    if (emailVerified && email === undefined) throw new UsageError('--email-verified needs --email.')
    const token = await context.launches.createLink({
      tenantId: tenant.data,
      tenantName: requiredText(options, 'name').slice(0, 100),
      email,
      emailVerified,
      number: readNumber(textOf(options, 'number')),
    })
    await context.audit.record({ actor: 'cli', action: 'link.created', tenantId: tenant.data })
    print(new URL(linkPath(token), config.publicUrl).href)
  },
}

function readEmail(text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  const email = z.email().safeParse(text)
  if (!email.success) throw new UsageError('--email is not an e-mail address.')
  return email.data
}

function readNumber(text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  const number = readPhoneNumber(text)
  if (number === undefined) throw new UsageError('--number needs the country code, like +49 30 123456.')
  return number
}
