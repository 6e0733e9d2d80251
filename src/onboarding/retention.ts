import { type DeleteResult, sql, UpdateResult } from 'kysely'
import type { ChannelService } from '../channels/channel-service.ts'
import { type Database, inTransaction } from '../database/database.ts'
import { forgetTerms } from '../search/search-index.ts'
import { isOpenAndUnattached } from './return-repository.ts'

const DAY_MS = 24 * 60 * 60_000
/** Rows that one statement changes: SQLite answers nobody else while it works. */
const BATCH = 1_000

/** Spelled as in the index `connect_return_unconnected`, which bound values would not match. */
const connectedNothing = sql<boolean>`state in ('pending', 'refused', 'declined', 'unreadable')`
/** A return is what its status page lives by: those of a session that connected a number stay, fifty at most. */
const isOfNoConnection = sql<boolean>`not exists (select 1 from connect_return as connected
  where connected.session_id = connect_return.session_id and connected.state = 'bound')`

/**
 * Forgets what onboarding no longer needs: after 90 days what came raw, the returns of sessions that connected nothing,
 * the questions to owners that are closed, and the sessions that nothing followed; launches that did not come back, and the
 * seconds of signatures. That an owner wants no mails about a customer stays for as long as the customer.
 */
export async function forgetOnboarding(now: Date, db: Database, channels: ChannelService): Promise<number> {
  const daysAgo = (days: number) => new Date(now.getTime() - days * DAY_MS)
  const oldReturns = db
    .selectFrom('connectReturn')
    .select('id')
    .where('receivedAt', '<', daysAgo(90))
    .limit(BATCH)
  const oldQuestions = db
    .selectFrom('ownerConfirmation')
    .select('id')
    .where('closedAt', '<', daysAgo(90))
    .limit(BATCH)
  const lostLaunches = db
    .selectFrom('launch')
    .select('id')
    .where('expiresAt', '<', daysAgo(30))
    .where(({ not, exists, selectFrom }) =>
      not(exists(selectFrom('connectReturn').select('id').whereRef('launchId', '=', 'launch.id'))),
    )
    .limit(BATCH)
  const emptySessions = db
    .selectFrom('connectSession')
    .select('id')
    .where('expiresAt', '<', daysAgo(90))
    .where(({ not, exists, selectFrom }) =>
      not(exists(selectFrom('launch').select('id').whereRef('sessionId', '=', 'connectSession.id'))),
    )
    .where(({ not, exists, selectFrom }) =>
      not(exists(selectFrom('review').select('id').whereRef('sessionId', '=', 'connectSession.id'))),
    )
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(selectFrom('ownerConfirmation').select('id').whereRef('sessionId', '=', 'connectSession.id')),
      ),
    )
    .limit(BATCH)
  const oldSeconds = db
    .selectFrom('launchSignature')
    .select('second')
    .where('second', '<', daysAgo(1).toISOString())
    .limit(BATCH)

  let total = 0
  for (const statement of [
    db
      .deleteFrom('connectReturn')
      .where('id', 'in', oldReturns.where(connectedNothing).where(isOfNoConnection)),
    db.deleteFrom('connectReturn').where('id', 'in', oldReturns.where(isOpenAndUnattached)),
    db
      .updateTable('connectReturn')
      .set({ raw: null })
      .where('id', 'in', oldReturns.where('raw', 'is not', null)),
    db.deleteFrom('ownerConfirmation').where('id', 'in', oldQuestions),
    db.deleteFrom('launch').where('id', 'in', lostLaunches),
    db.deleteFrom('launchSignature').where('second', 'in', oldSeconds),
  ])
    for (let changed = BATCH; changed === BATCH; total += changed)
      changed = countOf(await statement.executeTakeFirstOrThrow())
  for (let changed = BATCH; changed === BATCH; total += changed)
    changed = await inTransaction(db, async (trx) => {
      const deletion = trx.deleteFrom('connectSession').where('id', 'in', emptySessions)
      const forgotten = await deletion.returning(['id', 'tenantId']).execute()
      const [ids, tenantIds] = [forgotten.map(({ id }) => id), forgotten.map(({ tenantId }) => tenantId)]
      await forgetTerms('session', ids, trx)
      await channels.forgetTenants(tenantIds, trx)
      return forgotten.length
    })
  return total
}

function countOf(result: DeleteResult | UpdateResult): number {
  return Number(result instanceof UpdateResult ? result.numUpdatedRows : result.numDeletedRows)
}
