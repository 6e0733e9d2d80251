import { type InferResult, sql } from 'kysely'
import type { Channel } from '../d360/channel.ts'
import type { Client } from '../d360/client.ts'
import { compiledQuery } from '../database/compiled-query.ts'
import type { Database } from '../database/database.ts'
import type { Joined, KeyStatus, PermissionStatus, Row } from '../database/schema.ts'
import { newId } from '../identifiers.ts'
import { spellingsOf } from '../phone-number.ts'
import { addTerms, forgetTerms, replaceTerms } from '../search/search-index.ts'
import { idTerm, nameTerms } from '../search/terms.ts'
import { type Described, writeDescription } from './description.ts'
import { derivePermission, type Observation } from './permission.ts'
import { ACTIVATION_MS, ANSWER_MS, DAY_MS } from './requirement.ts'

/** A channel with all that is known of it: its client and tenant, its current key, its open mint, and both tasks. */
export type ChannelDetails = Joined<InferResult<ReturnType<typeof channelDetails>>[number]>

export interface ChannelFilter {
  readonly ids?: readonly string[]
  readonly tenantId?: string | undefined
  readonly clientId?: string
  readonly permission?: PermissionStatus | undefined
  readonly keyStatus?: KeyStatus | undefined
  /** The id of the last channel of the page before. */
  readonly after?: string | undefined
  readonly limit?: number
}

/** Clients and channels as 360dialog described them last, to which tenant each is bound, and its permission. */
export class ChannelService {
  readonly #db: Database

  constructor({ db }: { db: Database }) {
    this.#db = db
  }

  /** Ordered by id. */
  async list(filter: ChannelFilter, db: Database = this.#db): Promise<ChannelDetails[]> {
    const { ids, tenantId, clientId, permission, keyStatus, after, limit } = filter
    let query = channelDetails(db).orderBy('channel.id')
    if (ids) query = query.where('channel.id', 'in', [...ids, ''])
    if (tenantId !== undefined) query = query.where('channel.tenantId', '=', tenantId)
    if (clientId !== undefined) query = query.where('channel.clientId', '=', clientId)
    if (permission) query = query.where('channel.permission', '=', permission)
    if (keyStatus) query = query.where('channel.keyStatus', '=', keyStatus)
    if (after) query = query.where('channel.id', '>', after)
    if (limit) query = query.limit(limit)
    return (await query.execute()) as ChannelDetails[]
  }

  /** Channels with these ids, of these tenants or of these clients. */
  listIds(
    { ids, tenantIds, clientIds }: Readonly<Record<'ids' | 'tenantIds' | 'clientIds', readonly string[]>>,
    limit: number,
  ): Promise<Pick<Row<'channel'>, 'id' | 'tenantId' | 'clientId'>[]> {
    const rows = this.#db.selectFrom('channel').select(['id', 'tenantId', 'clientId'])
    // Each by its index: for one query with "or" PostgreSQL would read the table before it has statistics.
    return rows
      .where('id', 'in', [...ids, ''])
      .union(rows.where('tenantId', 'in', [...tenantIds, '']))
      .union(rows.where('clientId', 'in', [...clientIds, '']))
      .limit(limit)
      .execute()
  }

  async find(id: string, db: Database = this.#db): Promise<ChannelDetails | undefined> {
    const [channel] = await findChannel(db, { id })
    return channel
  }

  /** The channel with this id or, if no id is said, with this number; undefined when it is not known here. */
  async locate(
    { id, phoneNumber }: { readonly id: string | undefined; readonly phoneNumber?: string | undefined },
    db: Database,
  ): Promise<{ readonly id: string; readonly observedAt: Date } | undefined> {
    if (id !== undefined) return (await locateById(db, { id }))[0]
    if (phoneNumber === undefined) return undefined
    const [number, spelling = number] = spellingsOf(phoneNumber)
    return (await locateByNumber(db, { number, spelling }))[0]
  }

  /**
   * Ids of the channels that an admin may be needed for, as `standingTable` and `requirementTable` say: of more than
   * `limit`, the first.
   */
  async listCandidates(now: Date, limit: number): Promise<string[]> {
    const db = this.#db
    const before = (ms: number) => new Date(now.getTime() - ms)
    // By queries each of which has an index: one with "or" would read every number that waits.
    const openMint = db.selectFrom('mint').select('mint.channelId as id').where('mint.closedAt', 'is', null)
    // What an index holds a part of has to be said as the index says it.
    const unsettled = db
      .selectFrom('channelTask')
      .select('channelTask.channelId as id')
      .where('channelTask.state', '!=', sql.lit('ok'))
    const channel = db.selectFrom('channel').select('channel.id')
    const bound = channel.where('channel.tenantId', 'is not', null)
    const lateMint = (problems: readonly string[], normallyMs: number) =>
      openMint.where('mint.problem', 'in', problems).where('mint.sinceAt', '<', before(normallyMs))
    const unshared = (permission: PermissionStatus, keyStatus: KeyStatus) =>
      bound
        .where('channel.permission', '=', permission)
        .where('channel.keyStatus', '=', keyStatus)
        .where('channel.permissionSinceAt', '<', before(DAY_MS))
    const troubled = channel
      .where('channel.keyStatus', 'in', ['needs_decision', 'rejected', 'retired'])
      .union(openMint.where('mint.state', '=', 'needs_decision'))
      .union(lateMint(['not_running'], ACTIVATION_MS))
      .union(lateMint(['no_permission', 'not_listed'], DAY_MS))
      .union(openMint.where('mint.problem', '=', 'credentials_refused'))
      .union(
        lateMint(['never_sent', 'refused', 'upstream_failed', 'unexpected_answer', 'answer_lost'], ANSWER_MS),
      )
      .union(openMint.where('mint.problem', 'is', null).where('mint.sinceAt', '<', before(ANSWER_MS)))
      .union(
        openMint
          .where('mint.state', 'in', ['minting', 'sealed'])
          .where('mint.sentAt', '<', before(ANSWER_MS)),
      )
      .union(unsettled.where('channelTask.state', '=', 'failed'))
      .union(
        unsettled.where('channelTask.state', '=', 'due').where('channelTask.sinceAt', '<', before(ANSWER_MS)),
      )
      .union(unshared('missing', 'none'))
      .union(unshared('missing', 'waiting'))
      .union(unshared('missing', 'stored'))
      .union(unshared('unknown', 'stored'))
      .union(bound.where('channel.keyStatus', '=', 'none').where('channel.boundAt', '<', before(DAY_MS)))
      .union(channel.where('channel.status', '=', sql.lit('pending_deletion')))
    const rows = await channel
      .where('channel.id', 'in', troubled)
      .where('channel.status', '!=', 'terminated')
      .where((row) =>
        row.or([row('channel.keyStatus', '!=', 'retired'), row('channel.permission', '!=', 'missing')]),
      )
      .orderBy('channel.id')
      .limit(limit)
      .execute()
    return rows.map((row) => row.id)
  }

  /** Writes down what 360dialog says of a client and its channels now; what is ours on the rows stays. */
  describe(
    client: Client | undefined,
    channels: readonly Channel[],
    now: Date,
    db: Database,
  ): Promise<Described> {
    return writeDescription(client ? [client] : [], channels, now, db)
  }

  /** A client as 360dialog described it last. */
  findClient(id: string, db: Database = this.#db): Promise<Row<'client'> | undefined> {
    return db.selectFrom('client').selectAll().where('id', '=', id).executeTakeFirst()
  }

  /** Clients with a channel that is bound, the one first that 360dialog was not asked about for longest. */
  async listClientsToAsk(limit: number): Promise<string[]> {
    const rows = await this.#db
      .selectFrom('client')
      .select('client.id')
      .where(({ exists, selectFrom }) =>
        exists(
          selectFrom('channel')
            .select('channel.id')
            .whereRef('channel.clientId', '=', 'client.id')
            .where('channel.tenantId', 'is not', null),
        ),
      )
      .orderBy(sql`coalesce(shares_read_at, '')`)
      .orderBy('client.id')
      .limit(limit)
      .execute()
    return rows.map(({ id }) => id)
  }

  /** A notice of 360dialog told that this channel runs. */
  async noteRunning(channelId: string, now: Date, trx: Database): Promise<void> {
    await trx.updateTable('channel').set({ runningReportedAt: now }).where('id', '=', channelId).execute()
  }

  /** 360dialog was asked which numbers this client shares. */
  async noteAsked(clientId: string, now: Date, trx: Database): Promise<void> {
    await trx.updateTable('client').set({ sharesReadAt: now }).where('id', '=', clientId).execute()
  }

  /** Channels that were not seen since then are not listed any more; nothing else changes. */
  async markUnlisted(notSeenSince: Date, now: Date, trx: Database): Promise<void> {
    await trx
      .updateTable('channel')
      .set({ unlistedAt: now })
      .where('observedAt', '<', notSeenSince)
      .where('unlistedAt', 'is', null)
      .execute()
  }

  /** Newest first: what 360dialog changed about a channel. */
  listChanges(channelId: string, limit: number): Promise<Row<'channelChange'>[]> {
    return this.#db
      .selectFrom('channelChange')
      .selectAll()
      .where('channelId', '=', channelId)
      .orderBy('id', 'desc')
      .limit(limit)
      .execute()
  }

  /** Until the transaction ends nobody else decides about this client. */
  async lockClient(id: string, trx: Database): Promise<void> {
    await trx.updateTable('client').set({ id }).where('id', '=', id).execute()
  }

  /** Until the transaction ends nothing of this channel changes. */
  async lock(id: string, trx: Database): Promise<void> {
    await trx.updateTable('channel').set({ id }).where('id', '=', id).execute()
  }

  /** Adds a tenant; one that is there keeps its name. */
  async addTenant({ id, name }: TenantName, now: Date, trx: Database): Promise<void> {
    const tenant = trx.insertInto('tenant').values({ id, name, createdAt: now })
    const added = await tenant.onConflict((conflict) => conflict.doNothing()).executeTakeFirst()
    if (added.numInsertedOrUpdatedRows === 1n) await addTerms('tenant', tenantTerms({ id, name }), trx)
  }

  /** Adds a tenant, or gives the one that is there this name. */
  async nameTenant({ id, name }: TenantName, now: Date, trx: Database): Promise<void> {
    const tenant = trx.insertInto('tenant').values({ id, name, createdAt: now })
    await tenant.onConflict((conflict) => conflict.column('id').doUpdateSet({ name })).execute()
    await replaceTerms('tenant', tenantTerms({ id, name }), trx)
  }

  async hasTenant(id: string): Promise<boolean> {
    const tenant = await this.#db.selectFrom('tenant').select('id').where('id', '=', id).executeTakeFirst()
    return tenant !== undefined
  }

  /** Deletes those of these tenants that signed up by themselves and have neither session nor channel nor review. */
  async forgetTenants(ids: readonly string[], db: Database): Promise<void> {
    const isUsed = (table: 'connectSession' | 'channel' | 'review') =>
      db.selectFrom(table).select('id').where(sql<boolean>`tenant_id = tenant.id`)
    const forgotten = await db
      .deleteFrom('tenant')
      .where('id', 'in', ['', ...ids])
      .where('id', 'like', 'self%')
      .where(({ not, exists }) => not(exists(isUsed('connectSession'))))
      .where(({ not, exists }) => not(exists(isUsed('channel'))))
      .where(({ not, exists }) => not(exists(isUsed('review'))))
      .returning('id')
      .execute()
    await forgetTerms(
      'tenant',
      forgotten.map(({ id }) => id),
      db,
    )
  }

  /** Which tenant each of these channels is bound to; an unbound one is not in it. */
  async tenantsOf(channelIds: readonly string[], db: Database = this.#db): Promise<Map<string, string>> {
    const rows = await db
      .selectFrom('channel')
      .select(['id', 'tenantId'])
      .where('id', 'in', [...channelIds, ''])
      .execute()
    return new Map(rows.flatMap(({ id, tenantId }) => (tenantId ? [[id, tenantId] as const] : [])))
  }

  /**
   * Binds a channel to a tenant, unless it is bound to another one already: a channel never moves by this.
   * Answers whether it is bound to this tenant now.
   */
  async bind(channelId: string, tenantId: string, now: Date, db: Database): Promise<boolean> {
    const bound = await db
      .updateTable('channel')
      .set((set) => ({ tenantId, boundAt: set.fn.coalesce('boundAt', set.val(now)) }))
      .where('id', '=', channelId)
      .where((row) => row.or([row('tenantId', 'is', null), row('tenantId', '=', tenantId)]))
      .executeTakeFirst()
    return bound.numUpdatedRows === 1n
  }

  /** Gives a channel to a tenant, wherever it was before: only a person decides that. */
  async assign(channelId: string, tenantId: string, now: Date, db: Database): Promise<void> {
    await db.updateTable('channel').set({ tenantId, boundAt: now }).where('id', '=', channelId).execute()
  }

  async setKeyStatus(
    channelId: string,
    keyStatus: KeyStatus,
    db: Database,
    keyVersion?: number,
  ): Promise<void> {
    await db
      .updateTable('channel')
      .set({ keyStatus, ...(keyVersion !== undefined && { keyVersion }) })
      .where('id', '=', channelId)
      .execute()
  }

  /** Adds what one source said of a channel's permission, and derives the permission anew. */
  async observe(channelId: string, observation: Observation, trx: Database): Promise<void> {
    // Before it is read: of two who observe at once the second sees what the first has seen.
    await this.lock(channelId, trx)
    await this.#addObservation(channelId, observation, trx)
    const {
      status,
      source = null,
      observedAt = null,
      isDisputed,
    } = derivePermission(await this.listObservations(channelId, trx))
    await trx
      .updateTable('channel')
      .set({ permission: status, permissionSource: source, permissionObservedAt: observedAt })
      .set((set) => ({
        permissionSinceAt: set
          .case()
          .when('permission', '=', status)
          .then(set.fn.coalesce('permissionSinceAt', set.val(observation.observedAt)))
          .else(observation.observedAt)
          .end(),
      }))
      .set({ isPermissionDisputed: isDisputed })
      .where('id', '=', channelId)
      .execute()
    // Rejected, and not shared any more: that is proven, and a new grant goes on with a new key.
    if (status === 'missing')
      await trx
        .updateTable('channel')
        .set({ keyStatus: 'retired' })
        .where('id', '=', channelId)
        .where('keyStatus', '=', 'rejected')
        .execute()
  }

  /** Of these channels, those of which nothing else is known are shared. */
  async shareByDefault(ids: readonly string[], observedAt: Date, trx: Database): Promise<void> {
    if (ids.length === 0) return
    const unknown = trx.selectFrom('channel').select('id').where('id', 'in', ids).orderBy('id')
    for (const { id } of await unknown.where('permission', '=', 'unknown').execute())
      await this.observe(id, { source: 'api', says: 'shared', observedAt }, trx)
  }

  /** What is asked again and again, and says the same once more, makes its word newer and adds no row. */
  async #addObservation(channelId: string, { source, says, observedAt }: Observation, trx: Database) {
    const newest = await trx
      .selectFrom('observation')
      .select(['id', 'says', 'observedAt'])
      .where('channelId', '=', channelId)
      .where('source', '=', source)
      .orderBy('id', 'desc')
      .limit(1)
      .executeTakeFirst()
    if (newest?.says === says && (source === 'api' || source === 'probe')) {
      const later = newest.observedAt > observedAt ? newest.observedAt : observedAt
      await trx.updateTable('observation').set({ observedAt: later }).where('id', '=', newest.id).execute()
    } else
      await trx
        .insertInto('observation')
        .values({ id: newId('obs', observedAt), channelId, source, says, observedAt })
        .execute()
  }

  /** Oldest first. */
  listObservations(channelId: string, db: Database = this.#db): Promise<Row<'observation'>[]> {
    return db.selectFrom('observation').selectAll().where('channelId', '=', channelId).orderBy('id').execute()
  }
}

type TenantName = Pick<Row<'tenant'>, 'id' | 'name'>

function tenantTerms({ id, name }: TenantName) {
  return new Map([[id, [idTerm(id), ...nameTerms(name)]]])
}

const channelDetails = (db: Database) =>
  db
    .selectFrom('channel')
    .leftJoin('client', 'client.id', 'channel.clientId')
    .leftJoin('tenant', 'tenant.id', 'channel.tenantId')
    .leftJoin('apiKey', (join) =>
      join.onRef('apiKey.channelId', '=', 'channel.id').onRef('apiKey.version', '=', 'channel.keyVersion'),
    )
    .leftJoin('mint', (join) =>
      join.onRef('mint.channelId', '=', 'channel.id').on('mint.closedAt', 'is', null),
    )
    .leftJoin('job as mintJob', (join) =>
      join.on('mintJob.kind', '=', 'mint').onRef('mintJob.subject', '=', 'mint.id'),
    )
    .leftJoin('channelTask as probe', (join) =>
      join.onRef('probe.channelId', '=', 'channel.id').on('probe.name', '=', 'probe'),
    )
    .leftJoin('job as probeJob', (join) =>
      join.on('probeJob.kind', '=', 'probe').onRef('probeJob.subject', '=', 'channel.id'),
    )
    .leftJoin('channelTask as webhook', (join) =>
      join.onRef('webhook.channelId', '=', 'channel.id').on('webhook.name', '=', 'webhook'),
    )
    .leftJoin('job as webhookJob', (join) =>
      join.on('webhookJob.kind', '=', 'webhook').onRef('webhookJob.subject', '=', 'channel.id'),
    )
    .selectAll('channel')
    .select(['client.name as clientName', 'tenant.name as tenantName'])
    .select(['apiKey.fingerprint as keyFingerprint', 'apiKey.createdAt as keyCreatedAt'])
    .select('apiKey.isHeldBack as isKeyHeldBack')
    .select(['mint.id as mintId', 'mint.state as mintState', 'mint.problem as mintProblem'])
    .select(['mint.upstreamStatus as mintUpstreamStatus', 'mint.requestedAt as mintRequestedAt'])
    .select(['mint.sinceAt as mintSinceAt', 'mint.sentAt as mintSentAt'])
    .select('mintJob.dueAt as mintDueAt')
    .select(['probe.state as probeState', 'probe.problem as probeProblem', 'probe.doneAt as probeDoneAt'])
    .select(['probe.sinceAt as probeSinceAt', 'probeJob.dueAt as probeDueAt'])
    .select([
      'webhook.state as webhookState',
      'webhook.problem as webhookProblem',
      'webhook.doneAt as webhookDoneAt',
    ])
    .select(['webhook.sinceAt as webhookSinceAt', 'webhookJob.dueAt as webhookDueAt'])
    .select(
      sql<Date | undefined>`(select min(review.opened_at) from review where review.channel_id = channel.id
        and review.closed_at is null)`.as('reviewOpenedAt'),
    )
    .select(
      sql<
        Date | undefined
      >`(select min(owner_confirmation.created_at) from owner_confirmation_channel as asked
        inner join owner_confirmation on owner_confirmation.id = asked.confirmation_id
        where asked.channel_id = channel.id and owner_confirmation.closed_at is null)`.as('ownerAskedAt'),
    )

type Whereabouts = Pick<Row<'channel'>, 'id' | 'observedAt'>

const locateById = compiledQuery<{ id: string }, Whereabouts>((db, value) =>
  db.selectFrom('channel').select(['id', 'observedAt']).where('id', '=', value('id')),
)

const locateByNumber = compiledQuery<{ number: string; spelling: string }, Whereabouts>((db, value) =>
  db
    .selectFrom('channel')
    .select(['id', 'observedAt'])
    .where('phoneNumber', 'in', [value('number'), value('spelling')])
    .limit(1),
)

const findChannel = compiledQuery<{ id: string }, ChannelDetails>(
  (db, value) => channelDetails(db).where('channel.id', '=', value('id')) as never,
)
