import { type Scope, scopes } from '../product-api/token-service.ts'
import { type Command, CommandError, onlyPositional, requiredText, textOf, UsageError } from './command.ts'

export const tokenCreate: Command = {
  usage: 'token create --name NAME --scope SCOPE [--scope SCOPE…] [--tenant ID] [--expires DATE]',
  options: {
    name: { type: 'string' },
    scope: { type: 'string', multiple: true },
    tenant: { type: 'string' },
    expires: { type: 'string' },
  },
  async run({ context, options, print }) {
    const { secret } = await context.tokens.create({
      name: requiredText(options, 'name'),
      scopes: readScopes(options.scope),
      tenantId: textOf(options, 'tenant'),
      expiresAt: readExpiry(textOf(options, 'expires'), context.clock.now()),
    })
    print(secret)
  },
}

export const tokenRevoke: Command = {
  usage: 'token revoke ID',
  async run(given) {
    const id = onlyPositional(given, 'token id')
    if (!(await given.context.tokens.revoke(id))) throw new CommandError(`There is no live token ${id}.`)
  },
}

export const tokenList: Command = {
  usage: 'token list',
  async run({ context, print }) {
    for (const { id, name, scopes, tenantId } of await context.tokens.list())
      print([id, name, scopes.join(' '), tenantId ?? 'all tenants'].join('\t'))
  },
}

function readScopes(given: unknown): Scope[] {
  const wanted = Array.isArray(given) ? [...new Set(given.map(String))] : []
  const known = wanted.filter((scope): scope is Scope => scopes.some((one) => one === scope))
  if (wanted.length === 0 || known.length < wanted.length) {
    throw new UsageError(`--scope takes ${scopes.join(' or ')}.`)
  }
  return known
}

/** `2027-01-31`, a full time, or `90d` from now. */
function readExpiry(text: string | undefined, now: Date): Date | undefined {
  if (text === undefined) return undefined
  const days = /^(\d{1,4})d$/.exec(text)?.[1]
  const expiry = days ? new Date(now.getTime() + Number(days) * 86_400_000) : new Date(text)
  if (Number.isNaN(expiry.getTime()) || expiry <= now) {
    throw new UsageError('--expires takes a date that is to come, like 2027-01-31, or 90d.')
  }
  return expiry
}
