import { tenantsThatAsk } from '../admin/review-checks.ts'
import type { ReviewFacts } from '../database/schema.ts'
import { type AddCommands, print, text, UsageError } from './command.ts'

export const addReviewCommands: AddCommands = (program, withSite) => {
  const review = program.command('review').description('numbers that wait for a decision')

  review
    .command('list')
    .description('list the open reviews: id, opened, tenant, client, channel, number, reason')
    .action(() =>
      withSite(async ({ overview }) => {
        for (let after: string | undefined = ''; after !== undefined; ) {
          const page = await overview.listReviews(after)
          for (const { review, channel } of page.rows) {
            const { id, openedAt, clientId, channelId, reason } = review
            const [tenantId, number] = [review.tenantId ?? '-', channel?.phoneNumber ?? '-']
            print([id, openedAt.toISOString(), tenantId, clientId, channelId, number, reason].join('\t'))
          }
          after = page.next
        }
      }),
    )

  review
    .command('accept')
    .description('give the number to the customer that asks for it')
    .argument('<id>', 'the id of the review')
    .option('--tenant <id>', 'the customer, when several ask or none is known', text)
    .option('--move-from <name>', 'take it from the customer who has it: their name', text)
    .action((id, { tenant, moveFrom: from }) =>
      withSite(async ({ reviews }) => {
        const tenantId = tenant ?? onlyOne(tenantsThatAsk(await reviews.read(id)))
        if (from === undefined) printFacts(await reviews.accept(id, tenantId, 'cli'))
        else printFacts(await reviews.move(id, { tenantId, from }, 'cli'))
        print(`${from === undefined ? 'Accepted' : 'Moved'} for ${tenantId}.`)
      }),
    )

  review
    .command('refuse')
    .description('refuse the number to every customer that asks for it')
    .argument('<id>', 'the id of the review')
    .action((id) =>
      withSite(async ({ reviews }) => {
        printFacts(await reviews.refuse(id, 'cli'))
        print('Refused.')
      }),
    )
}

/** What was decided about, as it was at that moment. */
function printFacts({ client, number, holder, claims, moreClaims }: ReviewFacts): void {
  print(['client', client.id, client.name ?? '-', client.emails.join(', ') || '-'].join('\t'))
  print(['number', number.id, number.phoneNumber ?? '-'].join('\t'))
  print(['held by', holder?.id ?? '-', holder?.name ?? '-'].join('\t'))
  for (const { tenant, email } of claims)
    print(['asked for by', tenant.id, tenant.name, email ?? '-'].join('\t'))
  if (moreClaims > 0) print(`asked for by\t${moreClaims} more`)
}

function onlyOne([first, ...more]: readonly { id: string }[]): string {
  if (!first) throw new UsageError('It is not known which customer asks. Give --tenant ID.')
  if (more.length === 0) return first.id
  const ids = [first, ...more].map(({ id }) => id)
  throw new UsageError(`Several customers ask. Give one: --tenant ${ids.join(' | ')}`)
}
