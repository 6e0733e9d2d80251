import { tenantsThatAsk } from '../admin/review-page.ts'
import { type Command, type Given, onlyPositional, textOf, UsageError } from './command.ts'

export const reviewList: Command = {
  usage: 'review list              (id, opened, tenant, client, channel, number, reason)',
  async run({ context, print }) {
    for (let after: string | undefined = ''; after !== undefined; ) {
      const page = await context.overview.listReviews(after)
      for (const { review, channel } of page.rows) {
        const { id, openedAt, tenantId, clientId, channelId, reason } = review
        const number = channel?.phoneNumber
        print(
          [id, openedAt.toISOString(), tenantId ?? '-', clientId, channelId, number ?? '-', reason].join(
            '\t',
          ),
        )
      }
      after = page.next
    }
  },
}

export const reviewAccept: Command = {
  usage: 'review accept ID [--tenant ID]',
  options: { tenant: { type: 'string' } },
  async run(given) {
    const id = onlyPositional(given, 'review id')
    const tenantId = textOf(given.options, 'tenant') ?? (await onlyTenantThatAsks(given, id))
    await given.context.reviewService.accept(id, tenantId, 'cli')
    given.print(`Accepted for ${tenantId}.`)
  },
}

export const reviewRefuse: Command = {
  usage: 'review refuse ID',
  async run(given) {
    await given.context.reviewService.refuse(onlyPositional(given, 'review id'), 'cli')
    given.print('Refused.')
  },
}

async function onlyTenantThatAsks({ context }: Given, id: string): Promise<string> {
  const tenants = tenantsThatAsk(await context.reviewService.read(id))
  const [first] = tenants
  if (!first) throw new UsageError('Nothing says which customer asks. Give --tenant ID.')
  if (tenants.length > 1)
    throw new UsageError(
      `Several customers ask. Give one: --tenant ${tenants.map(({ id }) => id).join(' | ')}`,
    )
  return first.id
}
