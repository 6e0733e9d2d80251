import type { Channel } from '../d360/channel.ts'
import type { Client } from '../d360/client.ts'
import type { Database } from '../database/database.ts'
import { prepared } from '../database/prepared.ts'
import type { ChannelRow, ChannelTaskRow, KeyStatus, MintRow, ObservationSource } from '../database/schema.ts'

/** A channel with what we know of its permission, its key and the work that waits on it. */
export interface ChannelState {
  readonly id: string
  readonly clientId: string
  readonly clientName: string | undefined
  readonly tenantId: string | undefined
  readonly tenantName: string | undefined
  readonly phoneNumber: string | undefined
  readonly displayName: string | undefined
  readonly status: ChannelRow['status']
  readonly rawStatus: string
  readonly running: boolean
  readonly observedAt: Date
  readonly boundAt: Date | undefined
  readonly permission: {
    readonly status: ChannelRow['permission']
    readonly source: ObservationSource | undefined
    readonly observedAt: Date | undefined
  }
  readonly key: {
    readonly status: KeyStatus
    readonly version: number
    readonly fingerprint: string | undefined
    readonly createdAt: Date | undefined
  }
  readonly mint: OpenMint | undefined
  readonly probe: TaskState | undefined
  readonly webhook: TaskState | undefined
}

export interface OpenMint {
  readonly id: string
  readonly state: MintRow['state']
  readonly problem: string | undefined
  readonly upstreamStatus: number | undefined
  readonly requestedAt: Date
  readonly dueAt: Date | undefined
}

export interface TaskState {
  readonly state: ChannelTaskRow['state']
  readonly problem: string | undefined
  readonly doneAt: Date | undefined
  readonly dueAt: Date | undefined
}

export interface ChannelFilter {
  readonly ids?: readonly string[]
  readonly tenantId?: string
  readonly clientId?: string
  readonly permission?: ChannelRow['permission']
  readonly keyStatus?: KeyStatus
  /** Finds in number, names and ids. */
  readonly search?: string
  readonly boundOnly?: boolean
  /** The id of the last channel of the page before. */
  readonly after?: string
  readonly limit?: number
}

/** Keeps clients and channels as 360dialog last described them, and to which tenant each channel is bound. */
export class ChannelRepository {
  readonly #db: Database
  readonly #hubId: string

  constructor({ db, hubId }: { db: Database; hubId: string }) {
    this.#db = db
    this.#hubId = hubId
  }

  /** Ordered by id, each with its current key, its open mint and both tasks. */
  async list(filter: ChannelFilter, db: Database = this.#db): Promise<ChannelState[]> {
    let query = joinedChannels(db).where('channel.hub_id', '=', this.#hubId).orderBy('channel.id')
    if (filter.ids) query = query.where('channel.id', 'in', [...filter.ids, ''])
    if (filter.tenantId !== undefined) query = query.where('channel.tenant_id', '=', filter.tenantId)
    if (filter.clientId) query = query.where('channel.client_id', '=', filter.clientId)
    if (filter.permission) query = query.where('channel.permission', '=', filter.permission)
    if (filter.keyStatus) query = query.where('channel.key_status', '=', filter.keyStatus)
    if (filter.after) query = query.where('channel.id', '>', filter.after)
    if (filter.boundOnly) query = query.where('channel.tenant_id', 'is not', null)
    if (filter.search) {
      const like = `%${filter.search.toLowerCase().replaceAll(/[%_\\]/g, '')}%`
      query = query.where((row) =>
        row.or(
          (
            [
              'channel.id',
              'channel.phone_number',
              'channel.display_name',
              'client.name',
              'tenant.name',
            ] as const
          ).map((column) => row(row.fn('lower', [column]), 'like', like)),
        ),
      )
    }
    if (filter.limit) query = query.limit(filter.limit)
    return (await query.execute()).map(toState)
  }

  async find(channelId: string, db: Database = this.#db): Promise<ChannelState | undefined> {
    const [row] = await findChannel(db, { hub_id: this.#hubId, channel_id: channelId })
    return row && toState(row)
  }

  /** Channels that do not get on by themselves: a stopped or lost key, a rejected one, a failed task. */
  async listIdsInNeed(limit: number): Promise<string[]> {
    const rows = await this.#db
      .selectFrom('channel')
      .select('id')
      .where('hub_id', '=', this.#hubId)
      .where('status', '!=', 'terminated')
      .where(({ or, eb, exists, selectFrom }) =>
        or([
          eb('key_status', 'in', ['needs_decision', 'unknown', 'rejected']),
          // A stored key stays the channel's status while the next one is stuck.
          exists(
            selectFrom('mint')
              .select('mint.id')
              .whereRef('mint.hub_id', '=', 'channel.hub_id')
              .whereRef('mint.channel_id', '=', 'channel.id')
              .where('mint.closed_at', 'is', null)
              .where('mint.state', 'in', ['needs_decision', 'unknown']),
          ),
          exists(
            selectFrom('channel_task')
              .select('channel_task.id')
              .whereRef('channel_task.hub_id', '=', 'channel.hub_id')
              .whereRef('channel_task.channel_id', '=', 'channel.id')
              .where('channel_task.state', '=', 'failed'),
          ),
        ]),
      )
      .orderBy('id')
      .limit(limit)
      .execute()
    return rows.map((row) => row.id)
  }

  /** Writes down what 360dialog says of a client and its channels now; what is ours on the rows stays. */
  async describe(
    client: Client | undefined,
    channels: readonly Channel[],
    now: Date,
    db: Database,
  ): Promise<void> {
    const observed_at = now.toISOString()
    if (client) {
      const facts = {
        name: client.name ?? null,
        email: client.email ?? null,
        created_at: client.createdAt?.toISOString() ?? null,
        observed_at,
      }
      await db
        .insertInto('client')
        .values({ hub_id: this.#hubId, id: client.id, ...facts })
        .onConflict((conflict) => conflict.columns(['hub_id', 'id']).doUpdateSet(facts))
        .execute()
    }
    for (const channel of channels) await this.#describeChannel(channel, observed_at, db)
  }

  async #describeChannel(channel: Channel, observed_at: string, db: Database): Promise<void> {
    const facts = {
      client_id: channel.clientId,
      phone_number: channel.phoneNumber ?? null,
      display_name: channel.displayName ?? null,
      status: channel.status,
      raw_status: channel.rawStatus,
      running: channel.running ? 1 : 0,
      created_at: channel.createdAt?.toISOString() ?? null,
      observed_at,
    }
    const untouched = {
      tenant_id: null,
      bound_at: null,
      permission: 'unknown' as const,
      permission_source: null,
      permission_observed_at: null,
      key_status: 'none' as const,
      key_version: 0,
    }
    await db
      .insertInto('channel')
      .values({ hub_id: this.#hubId, id: channel.id, ...facts, ...untouched })
      .onConflict((conflict) => conflict.columns(['hub_id', 'id']).doUpdateSet(facts))
      .execute()
  }

  /**
   * Binds a channel to a tenant, unless it is bound to another one already: a channel never moves by this.
   * Answers whether it is bound to this tenant now.
   */
  async bind(channelId: string, tenantId: string, now: Date, db: Database): Promise<boolean> {
    const bound = await db
      .updateTable('channel')
      .set((set) => ({
        tenant_id: tenantId,
        bound_at: set.fn.coalesce('bound_at', set.val(now.toISOString())),
      }))
      .where('hub_id', '=', this.#hubId)
      .where('id', '=', channelId)
      .where((row) => row.or([row('tenant_id', 'is', null), row('tenant_id', '=', tenantId)]))
      .executeTakeFirst()
    return bound.numUpdatedRows === 1n
  }

  /** Gives a channel to a tenant, wherever it was before: only a person decides that. */
  async assign(channelId: string, tenant_id: string, now: Date, db: Database): Promise<void> {
    await db
      .updateTable('channel')
      .set({ tenant_id, bound_at: now.toISOString() })
      .where('hub_id', '=', this.#hubId)
      .where('id', '=', channelId)
      .execute()
  }

  /** A client as 360dialog described it last. */
  async findClient(clientId: string): Promise<Client | undefined> {
    const row = await this.#db
      .selectFrom('client')
      .selectAll()
      .where('hub_id', '=', this.#hubId)
      .where('id', '=', clientId)
      .executeTakeFirst()
    return (
      row && {
        id: row.id,
        name: row.name ?? undefined,
        email: row.email ?? undefined,
        createdAt: toDate(row.created_at),
      }
    )
  }

  async setKeyStatus(
    channelId: string,
    key_status: KeyStatus,
    db: Database,
    key_version?: number,
  ): Promise<void> {
    await db
      .updateTable('channel')
      .set(key_version === undefined ? { key_status } : { key_status, key_version })
      .where('hub_id', '=', this.#hubId)
      .where('id', '=', channelId)
      .execute()
  }

  /** Which tenant each of these channels is bound to; an unbound one is not in it. */
  async tenantsOf(channelIds: readonly string[], db: Database = this.#db): Promise<Map<string, string>> {
    const rows = await db
      .selectFrom('channel')
      .select(['id', 'tenant_id'])
      .where('hub_id', '=', this.#hubId)
      .where('id', 'in', [...channelIds, ''])
      .execute()
    return new Map(rows.flatMap((row) => (row.tenant_id ? [[row.id, row.tenant_id] as const] : [])))
  }
}

const joinedChannels = (db: Database) =>
  db
    .selectFrom('channel as channel')
    .leftJoin('client as client', (join) =>
      join.onRef('client.hub_id', '=', 'channel.hub_id').onRef('client.id', '=', 'channel.client_id'),
    )
    .leftJoin('tenant as tenant', (join) =>
      join.onRef('tenant.hub_id', '=', 'channel.hub_id').onRef('tenant.id', '=', 'channel.tenant_id'),
    )
    .leftJoin('api_key as api_key', (join) =>
      join
        .onRef('api_key.hub_id', '=', 'channel.hub_id')
        .onRef('api_key.channel_id', '=', 'channel.id')
        .onRef('api_key.version', '=', 'channel.key_version'),
    )
    .leftJoin('mint as mint', (join) =>
      join
        .onRef('mint.hub_id', '=', 'channel.hub_id')
        .onRef('mint.channel_id', '=', 'channel.id')
        .on('mint.closed_at', 'is', null),
    )
    .leftJoin('channel_task as probe', (join) =>
      join
        .onRef('probe.hub_id', '=', 'channel.hub_id')
        .onRef('probe.channel_id', '=', 'channel.id')
        .on('probe.name', '=', 'probe'),
    )
    .leftJoin('channel_task as webhook', (join) =>
      join
        .onRef('webhook.hub_id', '=', 'channel.hub_id')
        .onRef('webhook.channel_id', '=', 'channel.id')
        .on('webhook.name', '=', 'webhook'),
    )
    .selectAll('channel')
    .select(['client.name as client_name', 'tenant.name as tenant_name'])
    .select(['api_key.fingerprint', 'api_key.created_at as key_created_at'])
    .select(['mint.id as mint_id', 'mint.state as mint_state', 'mint.problem as mint_problem'])
    .select(['mint.upstream_status as mint_upstream_status', 'mint.requested_at as mint_requested_at'])
    .select(['mint.due_at as mint_due_at'])
    .select(['probe.state as probe_state', 'probe.problem as probe_problem'])
    .select(['probe.done_at as probe_done_at', 'probe.due_at as probe_due_at'])
    .select(['webhook.state as webhook_state', 'webhook.problem as webhook_problem'])
    .select(['webhook.done_at as webhook_done_at', 'webhook.due_at as webhook_due_at'])

type OfChannel = { hub_id: string; channel_id: string }

const findChannel = prepared<OfChannel, JoinedRow>((db, value) =>
  joinedChannels(db)
    .where('channel.hub_id', '=', value('hub_id'))
    .where('channel.id', '=', value('channel_id')),
)

type JoinedRow = Awaited<ReturnType<ReturnType<typeof joinedChannels>['executeTakeFirstOrThrow']>>

function toState(row: JoinedRow): ChannelState {
  return {
    id: row.id,
    clientId: row.client_id,
    clientName: row.client_name ?? undefined,
    tenantId: row.tenant_id ?? undefined,
    tenantName: row.tenant_name ?? undefined,
    phoneNumber: row.phone_number ?? undefined,
    displayName: row.display_name ?? undefined,
    status: row.status,
    rawStatus: row.raw_status,
    running: row.running === 1,
    observedAt: new Date(row.observed_at),
    boundAt: toDate(row.bound_at),
    permission: {
      status: row.permission,
      source: row.permission_source ?? undefined,
      observedAt: toDate(row.permission_observed_at),
    },
    key: {
      status: row.key_status,
      version: row.key_version,
      fingerprint: row.fingerprint ?? undefined,
      createdAt: toDate(row.key_created_at),
    },
    mint: toOpenMint(row),
    probe: toTaskState(row.probe_state, row.probe_problem, row.probe_done_at, row.probe_due_at),
    webhook: toTaskState(row.webhook_state, row.webhook_problem, row.webhook_done_at, row.webhook_due_at),
  }
}

function toOpenMint(row: JoinedRow): OpenMint | undefined {
  if (row.mint_id === null || row.mint_state === null || row.mint_requested_at === null) return undefined
  return {
    id: row.mint_id,
    state: row.mint_state,
    problem: row.mint_problem ?? undefined,
    upstreamStatus: row.mint_upstream_status ?? undefined,
    requestedAt: new Date(row.mint_requested_at),
    dueAt: toDate(row.mint_due_at),
  }
}

function toTaskState(
  state: TaskState['state'] | null,
  problem: string | null,
  doneAt: string | null,
  dueAt: string | null,
): TaskState | undefined {
  return state === null
    ? undefined
    : { state, problem: problem ?? undefined, doneAt: toDate(doneAt), dueAt: toDate(dueAt) }
}

function toDate(text: string | null): Date | undefined {
  return text === null ? undefined : new Date(text)
}
