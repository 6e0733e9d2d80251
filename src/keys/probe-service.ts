import type { Logger } from 'pino'
import type { AuditLog } from '../audit/audit-log.ts'
import type { ChannelRepository } from '../channels/channel-repository.ts'
import type { Clock } from '../clock.ts'
import type { MessagingApi } from '../d360/messaging-api.ts'
import { MessagingApiError } from '../d360/messaging-api.ts'
import { type Database, inTransaction } from '../database/database.ts'
import { claimDue, unlessHurried } from '../database/due-rows.ts'
import type { ChannelTaskRow } from '../database/schema.ts'
import { newId } from '../identifiers.ts'
import type { PermissionService } from '../permissions/permission-service.ts'
import { FAILING, nextTry } from '../worker/backoff.ts'
import type { Reached } from '../worker/step.ts'
import type { WorkSource } from '../worker/worker.ts'
import type { ApiKeyRepository } from './api-key-repository.ts'

export interface ChannelWebhook {
  /** With `{channel_id}` and `{tenant_id}` still in it. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}

interface Given {
  readonly db: Database
  readonly hubId: string
  readonly keys: ApiKeyRepository
  readonly channels: ChannelRepository
  readonly permissions: PermissionService
  readonly messagingApi: MessagingApi
  readonly webhook: ChannelWebhook | undefined
  readonly audit: AuditLog
  readonly clock: Clock
  readonly logger: Logger
  readonly reached: Reached
}

type TaskName = ChannelTaskRow['name']

/** What follows a stored key, each on its own: the probe that proves it, and the channel's messaging webhook. */
export class ProbeService implements WorkSource {
  readonly name = 'probes' as const
  readonly #given: Given

  constructor(given: Given) {
    this.#given = given
  }

  /** Plans both tasks for a new key, in the transaction that stores it. */
  async plan(channelId: string, version: number, now: Date, trx: Database): Promise<void> {
    await this.#due(channelId, 'probe', version, now, trx)
    if (this.#given.webhook) await this.#due(channelId, 'webhook', version, now, trx)
  }

  /** The same for a key that some system uses already: where that system gets its messages is left alone. */
  async planProbeOnly(channelId: string, version: number, now: Date, trx: Database): Promise<void> {
    await this.#due(channelId, 'probe', version, now, trx)
    await trx
      .deleteFrom('channel_task')
      .where('hub_id', '=', this.#given.hubId)
      .where('channel_id', '=', channelId)
      .where('name', '=', 'webhook')
      .execute()
  }

  /** Tries a task again now; false when the channel has none. */
  async retry(channelId: string, name: TaskName, now: Date, db: Database = this.#given.db): Promise<boolean> {
    const changed = await db
      .updateTable('channel_task')
      .set({ due_at: now.toISOString(), attempts: 0 })
      .where('hub_id', '=', this.#given.hubId)
      .where('channel_id', '=', channelId)
      .where('name', '=', name)
      .executeTakeFirst()
    return changed.numUpdatedRows === 1n
  }

  /**
   * Asks 360dialog whether the channel's newest key still works. A rejected key is marked so.
   *
   * @throws MessagingApiError when 360dialog cannot say
   */
  async isAlive(channelId: string): Promise<boolean> {
    const { keys, messagingApi } = this.#given
    const key = await keys.open(channelId)
    if (!key) return false
    try {
      await messagingApi.readPhoneNumber(key)
      return true
    } catch (error) {
      if (!(error instanceof MessagingApiError) || error.failure !== 'key_rejected') throw error
      await this.#reject(channelId, key.version)
      return false
    }
  }

  async workOnce(): Promise<boolean> {
    const { db, hubId, clock } = this.#given
    const task = await claimDue(db, 'channel_task', hubId, clock.now())
    if (!task) return false
    try {
      await (task.name === 'probe' ? this.#probe(task) : this.#setWebhook(task))
    } catch (error) {
      await this.#onFailure(task, error)
    }
    return true
  }

  async #probe(task: ChannelTaskRow): Promise<void> {
    const { keys, channels, messagingApi, reached } = this.#given
    const key = await keys.open(task.channel_id)
    const channel = await channels.find(task.channel_id)
    if (!key || !channel || key.version !== task.version) return this.#end(task, 'ok', undefined)
    const { phoneNumber } = await messagingApi.readPhoneNumber(key)
    reached('probe.answered')
    const expected = channel.phoneNumber?.replaceAll(/\D/g, '')
    const differs = phoneNumber !== undefined && expected !== undefined && phoneNumber !== expected
    if (differs) return this.#fail(task, 'another_number')
    await this.#end(task, 'ok', undefined)
    reached('probe.stored')
  }

  async #setWebhook(task: ChannelTaskRow): Promise<void> {
    const { keys, channels, messagingApi, webhook } = this.#given
    const key = await keys.open(task.channel_id)
    const channel = await channels.find(task.channel_id)
    if (!key || !channel || !webhook || key.version !== task.version) return this.#end(task, 'ok', undefined)
    const url = webhook.url
      .replaceAll('{channel_id}', encodeURIComponent(channel.id))
      .replaceAll('{tenant_id}', encodeURIComponent(channel.tenantId ?? ''))
    await messagingApi.setWebhook(key, { url, headers: webhook.headers })
    await this.#end(task, 'ok', undefined)
  }

  async #onFailure(task: ChannelTaskRow, error: unknown): Promise<void> {
    if (!(error instanceof MessagingApiError)) {
      this.#given.logger.error({ err: error, task: task.id }, 'channel task failed')
      return this.#fail(task, 'internal')
    }
    if (error.failure !== 'key_rejected') return this.#fail(task, error.failure)
    await this.#reject(task.channel_id, task.version)
    return this.#end(task, 'failed', 'key_rejected')
  }

  /** 401 from a key that was ours: replaced, or the permission was taken back. Never a reason to mint on its own. */
  async #reject(channelId: string, version: number): Promise<void> {
    const { db, keys, channels, permissions, audit, clock } = this.#given
    const now = clock.now()
    await inTransaction(db, async (trx) => {
      const newest = await keys.findNewest(channelId, trx)
      if (newest?.version !== version || newest.status !== 'stored') return
      await keys.reject(channelId, version, now, trx)
      await channels.setKeyStatus(channelId, 'rejected', trx)
      await permissions.observe(channelId, { source: 'probe', says: 'key_rejected', observedAt: now }, trx)
      await audit.record(
        { actor: 'latchkey', action: 'api_key.rejected', channelId, detail: { version } },
        trx,
      )
    })
  }

  async #due(channelId: string, name: TaskName, version: number, now: Date, trx: Database): Promise<void> {
    const due_at = now.toISOString()
    const fresh = {
      version,
      state: 'due' as const,
      problem: null,
      done_at: null,
      due_at,
      lease_until: null,
      attempts: 0,
    }
    await trx
      .insertInto('channel_task')
      .values({ hub_id: this.#given.hubId, id: newId('tsk', now), channel_id: channelId, name, ...fresh })
      .onConflict((conflict) => conflict.columns(['hub_id', 'channel_id', 'name']).doUpdateSet(fresh))
      .execute()
  }

  async #end(task: ChannelTaskRow, state: 'ok' | 'failed', problem: string | undefined): Promise<void> {
    const done_at = this.#given.clock.now().toISOString()
    await this.#change(task, { state, problem: problem ?? null, done_at, due_at: null })
  }

  /** Shown as failed, and tried again on its own. */
  async #fail(task: ChannelTaskRow, problem: string): Promise<void> {
    const due_at = nextTry(this.#given.clock.now(), task.attempts, FAILING).toISOString()
    await this.#change(task, { state: 'failed', problem, due_at })
  }

  /** Only the task of this version: a newer key may have planned it anew meanwhile. */
  async #change(
    task: ChannelTaskRow,
    { due_at, ...change }: Partial<ChannelTaskRow> & Pick<ChannelTaskRow, 'due_at'>,
  ): Promise<void> {
    await this.#given.db
      .updateTable('channel_task')
      .set({ ...change, due_at: unlessHurried(task.attempts, due_at), lease_until: null })
      .where('id', '=', task.id)
      .where('version', '=', task.version)
      .where('lease_until', '=', task.lease_until)
      .execute()
  }
}
