import type { UpdateObject } from 'kysely'
import type { Channel } from '../d360/channel.ts'
import type { Client } from '../d360/client.ts'
import type { Database } from '../database/database.ts'
import type { NewRow, Row, Schema } from '../database/schema.ts'
import { newId } from '../identifiers.ts'
import { addTerms, replaceTerms } from '../search/search-index.ts'
import { emailTerms, idTerm, nameTerms, numberTerms } from '../search/terms.ts'

type ChannelChange = Row<'channelChange'>

/** What changed by a description. */
export interface Described {
  /** Ids of the known channels that run now and did not before. Nothing waits for one that was not known. */
  readonly started: readonly string[]
}

/**
 * Writes down what 360dialog says of clients and channels now; what is ours on the rows stays. Rows that say what is
 * known already are only marked as seen, all in one statement: a large hub is read again and again.
 */
export async function writeDescription(
  clients: readonly Client[],
  channels: readonly Channel[],
  now: Date,
  db: Database,
): Promise<Described> {
  await writeClients(clients, now, db)
  await addMissingClients(channels, now, db)
  const known = new Map((await listKnown('channel', idsOf(channels), db)).map((row) => [row.id, row]))
  const seen: string[] = []
  const started: string[] = []
  const terms = new Map<string, readonly string[]>()
  for (const channel of channels) {
    const before = known.get(channel.id)
    const facts = toChannelFacts(channel)
    if (before && isSame(before, facts) && !before.unlistedAt) seen.push(channel.id)
    else {
      await upsert('channel', channel.id, { ...facts, observedAt: now, unlistedAt: null }, db)
      terms.set(channel.id, channelTerms(channel))
    }
    if (before) await addChanges(changesOf(before, channel, now), db)
    if (channel.running && before && !before.isRunning) started.push(channel.id)
  }
  await markSeen('channel', seen, now, db)
  await replaceTerms('channel', terms, db)
  return { started }
}

async function writeClients(clients: readonly Client[], now: Date, db: Database): Promise<void> {
  const known = new Map((await listKnown('client', idsOf(clients), db)).map((row) => [row.id, row]))
  const seen: string[] = []
  const terms = new Map<string, readonly string[]>()
  for (const client of clients) {
    const { id, name = null, emails, createdAt = null, maxChannels = null } = client
    const facts = { name, emails, createdAt, maxChannels }
    const before = known.get(id)
    if (before && isSame(before, facts)) seen.push(id)
    else {
      await upsert('client', id, { ...facts, observedAt: now }, db)
      terms.set(id, clientTerms(client))
    }
  }
  await markSeen('client', seen, now, db)
  await replaceTerms('client', terms, db)
}

/** A channel may be read before its client is. */
async function addMissingClients(channels: readonly Channel[], now: Date, db: Database): Promise<void> {
  const ids = [...new Set(channels.map(({ clientId }) => clientId))]
  const known = new Set((await listKnown('client', ids, db)).map(({ id }) => id))
  const terms = new Map<string, readonly string[]>()
  for (const id of ids.filter((id) => !known.has(id))) {
    const client = db.insertInto('client').values({ id, observedAt: now })
    const added = await client.onConflict((conflict) => conflict.doNothing()).executeTakeFirst()
    if (added.numInsertedOrUpdatedRows === 1n) terms.set(id, [idTerm(id)])
  }
  await addTerms('client', terms, db)
}

function clientTerms({ id, name, emails }: Client): string[] {
  return [idTerm(id), ...nameTerms(name), ...emails.flatMap(emailTerms)]
}

function channelTerms({ id, displayName, phoneNumber }: Channel): string[] {
  return [idTerm(id), ...nameTerms(displayName), ...numberTerms(phoneNumber)]
}

function toChannelFacts(channel: Channel) {
  const { clientId, status, rawStatus, facts, running: isRunning } = channel
  const { phoneNumber = null, displayName = null, createdAt = null } = channel
  return { clientId, phoneNumber, displayName, status, rawStatus, isRunning, createdAt, facts }
}

/** Both as text, since dates and lists have no other comparison; what is empty is null on one side. */
function isSame(before: object, facts: object): boolean {
  return Object.entries(facts).every(
    ([name, fact]) => JSON.stringify(Reflect.get(before, name) ?? null) === JSON.stringify(fact),
  )
}

function changesOf(before: Row<'channel'>, { id, status, facts }: Channel, now: Date): ChannelChange[] {
  const compared = [
    ['status', before.status, status],
    ['messagingLimit', before.facts.messagingLimit, facts.messagingLimit],
    ['quality', before.facts.quality, facts.quality],
  ] as const
  return compared.flatMap(([fact, was, became]) =>
    was !== undefined && became !== undefined && was !== became
      ? [{ id: newId('chg', now), channelId: id, fact, was, became, changedAt: now }]
      : [],
  )
}

async function addChanges(changes: readonly ChannelChange[], db: Database): Promise<void> {
  if (changes.length > 0) await db.insertInto('channelChange').values(changes).execute()
}

type Table = 'client' | 'channel'

async function listKnown<T extends Table>(table: T, ids: readonly string[], db: Database): Promise<Row<T>[]> {
  if (ids.length === 0) return []
  return (await db
    .selectFrom(table as Table)
    .selectAll()
    .where('id', 'in', ids)
    .execute()) as never
}

async function upsert<T extends Table>(
  table: T,
  id: string,
  facts: UpdateObject<Schema, T>,
  db: Database,
): Promise<void> {
  await db
    .insertInto(table as Table)
    .values({ id, ...facts } as NewRow<Table>)
    .onConflict((conflict) => conflict.column('id').doUpdateSet(facts as UpdateObject<Schema, Table>))
    .execute()
}

async function markSeen(table: Table, ids: readonly string[], now: Date, db: Database): Promise<void> {
  if (ids.length > 0) await db.updateTable(table).set({ observedAt: now }).where('id', 'in', ids).execute()
}

function idsOf(rows: readonly { readonly id: string }[]): string[] {
  return rows.map(({ id }) => id)
}
