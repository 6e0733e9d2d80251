import { compiledInsert, compiledQuery } from '../database/compiled-query.ts'
import type { NewRow, Row } from '../database/schema.ts'

/** One attempt to connect, from the link to the result. */
export type ConnectSession = Row<'connectSession'> & { readonly tenantName: string }
/** One departure to the permission screen. */
export type Launch = Row<'launch'>

const findSessionBy = (column: 'id' | 'linkHash' | 'code') =>
  compiledQuery<{ value: string }, ConnectSession>((db, value) =>
    db
      .selectFrom('connectSession')
      .innerJoin('tenant', 'tenant.id', 'connectSession.tenantId')
      .selectAll('connectSession')
      .select('tenant.name as tenantName')
      .where(`connectSession.${column}`, '=', value('value')),
  )
export const sessionBy = {
  id: findSessionBy('id'),
  linkHash: findSessionBy('linkHash'),
  code: findSessionBy('code'),
}

const findLaunchBy = (column: 'id' | 'nonceHash' | 'statusHash') =>
  compiledQuery<{ value: string }, Launch>((db, value) =>
    db.selectFrom('launch').selectAll().where(column, '=', value('value')),
  )
export const launchBy = {
  id: findLaunchBy('id'),
  nonceHash: findLaunchBy('nonceHash'),
  statusHash: findLaunchBy('statusHash'),
}

export const listUsedLaunches = compiledQuery<
  { sessionId: string; browserHash: string },
  { id: string; state: Row<'connectReturn'>['state'] }
>((db, value) =>
  db
    .selectFrom('launch')
    .innerJoin('connectReturn as returned', 'returned.launchId', 'launch.id')
    .select(['launch.id', 'returned.state'])
    .where('launch.sessionId', '=', value('sessionId'))
    .where('launch.browserHash', '=', value('browserHash'))
    .where('returned.arrival', '=', 'launch')
    .where('returned.state', 'not in', ['declined', 'unreadable'])
    .orderBy('launch.id', 'desc'),
)

export const countReturn = compiledQuery<{ sessionId: string; most: number }, { returnCount: number }>(
  (db, value) =>
    db
      .updateTable('connectSession')
      .set((set) => ({ returnCount: set('returnCount', '+', 1) }))
      .where('id', '=', value('sessionId'))
      .where('returnCount', '<', value('most'))
      .returning('returnCount'),
)

export const insertLaunch = compiledInsert<NewRow<'launch'>>(
  [
    'id',
    'sessionId',
    'nonceHash',
    'statusHash',
    'browserHash',
    'isContinuation',
    'language',
    'createdAt',
    'expiresAt',
  ],
  (db, launch) =>
    db
      .insertInto('launch')
      .values(launch)
      .onConflict((conflict) => conflict.column('nonceHash').doNothing())
      .returning('id'),
)
