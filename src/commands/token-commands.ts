import { InvalidArgumentError } from 'commander'
import { systemClock } from '../clock.ts'
import { type Scope, scopes } from '../product-api/token-service.ts'
import { type AddCommands, CommandError, print, text } from './command.ts'

export const addTokenCommands: AddCommands = (program, withSite) => {
  const token = program.command('token').description("tokens for your product's calls to the API")

  token
    .command('create')
    .description('create a token and print it; it is shown only once')
    .requiredOption('--name <name>', 'what the token is for', text)
    .requiredOption('--scope <scope>', `${scopes.join(' or ')}; repeat it for several`, addScope)
    .option('--tenant <id>', 'the only customer whose channels it may see', text)
    .option('--expires <date>', 'a date like 2027-01-31, or a time from now like 90d', readExpiry)
    .action(({ name, scope, tenant, expires }) =>
      withSite(async ({ tokens }) => {
        const { secret } = await tokens.create({ name, scopes: scope, tenantId: tenant, expiresAt: expires })
        print(secret)
      }),
    )

  token
    .command('list')
    .description('list the tokens: id, name, scopes, tenant')
    .action(() =>
      withSite(async ({ tokens }) => {
        for (const { id, name, scopes, tenantId } of await tokens.list())
          print([id, name, scopes.join(' '), tenantId ?? 'all tenants'].join('\t'))
      }),
    )

  token
    .command('revoke')
    .description('revoke a token')
    .argument('<id>', 'its id, from token list')
    .action((id) =>
      withSite(async ({ tokens }) => {
        if (!(await tokens.revoke(id))) throw new CommandError(`There is no live token ${id}.`)
      }),
    )
}

function addScope(value: string, earlier: Scope[] = []): Scope[] {
  const scope = scopes.find((known) => known === value)
  if (!scope) throw new InvalidArgumentError(`It takes ${scopes.join(' or ')}.`)
  return [...new Set([...earlier, scope])]
}

/** `2027-01-31`, a full time, or `90d` from now. */
function readExpiry(value: string): Date {
  const now = systemClock.now()
  const days = /^(\d{1,4})d$/.exec(value.trim())?.[1]
  const expiry = days ? new Date(now.getTime() + Number(days) * 86_400_000) : new Date(value)
  if (expiry > now) return expiry
  throw new InvalidArgumentError('It takes a future date, like 2027-01-31, or 90d.')
}
