import type { Database } from '../../src/database/database.ts'
import type { NewRow } from '../../src/database/schema.ts'

const at = new Date('2026-03-02T08:57:00.000Z')

export async function addClient(db: Database, id: string, name?: string): Promise<void> {
  const client = { id, name, observedAt: at }
  await db
    .insertInto('client')
    .values(client)
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

export async function addTenant(db: Database, id: string, name: string): Promise<void> {
  await db.insertInto('tenant').values({ id, name, createdAt: at }).execute()
}

/** A running number of the tenant `t1`, which has to be there unless the change says otherwise. */
export async function addChannel(
  db: Database,
  id: string,
  change: Partial<NewRow<'channel'>> = {},
): Promise<void> {
  const row: NewRow<'channel'> = {
    ...{
      id,
      clientId: 'client',
      tenantId: 't1',
      boundAt: at,
      phoneNumber: '+4930123456',
      displayName: 'Shop A',
    },
    ...{ status: 'live', rawStatus: 'account_mode=live', isRunning: true, createdAt: at, observedAt: at },
    ...{ permission: 'shared', permissionSource: 'return', permissionObservedAt: at },
    keyVersion: ['stored', 'rejected', 'retired'].includes(change.keyStatus ?? '') ? 1 : 0,
    ...change,
  }
  await addClient(db, row.clientId)
  await db.insertInto('channel').values(row).execute()
}

/** A mint, with its job when it says when that is due. */
export async function addMint(
  db: Database,
  channelId: string,
  { dueAt, ...change }: Partial<NewRow<'mint'>> & { dueAt?: Date } = {},
): Promise<void> {
  const id = `min_${channelId}`
  const row: NewRow<'mint'> = {
    ...{ id, channelId, version: 1, reason: 'return', askedBy: 'ret_1', launchedAt: at },
    ...{ state: 'waiting', requestedAt: at, sinceAt: change.requestedAt ?? at },
    ...change,
  }
  await db.insertInto('mint').values(row).execute()
  if (dueAt) await addJob(db, 'mint', id, dueAt)
}

export async function addTask(
  db: Database,
  channelId: string,
  name: 'probe' | 'webhook',
  change: Partial<NewRow<'channelTask'>> = {},
): Promise<void> {
  await db
    .insertInto('channelTask')
    .values({ channelId, name, version: 1, state: 'due', sinceAt: at, ...change })
    .execute()
  await addJob(db, name, channelId, at)
}

async function addJob(db: Database, kind: string, subject: string, dueAt: Date): Promise<void> {
  const about = { id: `job_${kind}_${subject}`, kind, subject, dueAt }
  await db
    .insertInto('job')
    .values({ ...about, priority: 1, attempts: 3, isWantedAgain: false })
    .execute()
}

export async function addKey(
  db: Database,
  channelId: string,
  version: number,
  sealed: string,
): Promise<void> {
  const about = { fingerprint: '0123456789abcdef', address: 'https://waba-v2.360dialog.io' }
  await db
    .insertInto('apiKey')
    .values({ channelId, version, kid: 'k', sealed, ...about, status: 'stored', createdAt: at })
    .execute()
}

/** A link's session `ses_1` of the tenant `t1`, and a launch for every return. */
export async function addSession(
  db: Database,
  id: string,
  change: Partial<NewRow<'connectSession'>> = {},
): Promise<void> {
  const row: NewRow<'connectSession'> = {
    ...{
      id,
      tenantId: 't1',
      origin: 'link',
      linkHash: 'f'.repeat(64),
      isEmailVerified: false,
      returnCount: 0,
      code: 'K7Q-2MD',
    },
    ...{ createdAt: at, expiresAt: new Date(at.getTime() + 1) },
    ...change,
  }
  await db.insertInto('connectSession').values(row).execute()
}

type Returned = Pick<NewRow<'returnedChannel'>, 'channelId'> & Partial<NewRow<'returnedChannel'>>

export async function addReturn(
  db: Database,
  id: string,
  { channels = [], ...change }: Partial<NewRow<'connectReturn'>> & { channels?: readonly Returned[] } = {},
): Promise<void> {
  const launchId = `lau_${id}`
  const hashOf = (what: string) => Buffer.from(`${what} ${id}`).toString('hex').padStart(64, '0').slice(-64)
  const hashes = { nonceHash: hashOf('nonce'), statusHash: hashOf('status'), browserHash: hashOf('browser') }
  const life = { createdAt: at, expiresAt: new Date(at.getTime() + 1) }
  await db
    .insertInto('launch')
    .values({ id: launchId, sessionId: 'ses_1', ...hashes, isContinuation: false, language: 'en', ...life })
    .execute()
  await db
    .insertInto('connectReturn')
    .values({
      ...{ id, launchId, sessionId: 'ses_1', clientId: 'client', digest: id },
      ...{ state: 'received', arrival: 'launch', receivedAt: at },
      ...change,
    })
    .execute()
  for (const channel of channels)
    await db
      .insertInto('returnedChannel')
      .values({ returnId: id, isRevoked: false, ...channel })
      .execute()
}

export async function addReview(
  db: Database,
  id: string,
  change: Partial<NewRow<'review'>> & Pick<NewRow<'review'>, 'reason'>,
): Promise<void> {
  await db
    .insertInto('review')
    .values({ id, clientId: 'client', channelId: id, arrival: 'launch', openedAt: at, ...change })
    .execute()
}

export async function addNotice(
  db: Database,
  id: string,
  change: Partial<NewRow<'notice'>> & Pick<NewRow<'notice'>, 'event' | 'channelId'>,
): Promise<void> {
  const digest = id.padEnd(64, '0')
  await db
    .insertInto('notice')
    .values({
      ...{ id, size: 2, digest, place: 0, signature: 'valid', copies: 1, receivedAt: at, lastReceivedAt: at },
      ...change,
    })
    .execute()
}
