import type { Logger } from 'pino'
import type { AuditLog } from '../audit/audit-log.ts'
import type { ChannelDetails, ChannelService } from '../channels/channel-service.ts'
import type { Clock } from '../clock.ts'
import type { MessagingApi } from '../d360/messaging-api.ts'
import { MessagingApiError } from '../d360/messaging-api.ts'
import { type Database, inTransaction } from '../database/database.ts'
import type { Row } from '../database/schema.ts'
import { FAILING, nextTry } from '../jobs/backoff.ts'
import type { CrashPoint } from '../jobs/crash-points.ts'
import { type Jobs, type LeasedJob, LeaseLostError } from '../jobs/jobs.ts'
import type { Work } from '../jobs/runner.ts'
import { VaultError } from '../vault/vault.ts'
import type { KeyStore, OpenedApiKey } from './key-store.ts'

type Task = Row<'channelTask'>
type TaskName = Task['name']

export interface ChannelWebhook {
  /** With `{channel_id}` and `{tenant_id}` still in it. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}

interface Dependencies {
  readonly db: Database
  readonly jobs: Jobs
  readonly keys: KeyStore
  readonly channels: ChannelService
  readonly messagingApi: MessagingApi
  readonly webhook: ChannelWebhook | undefined
  readonly audit: AuditLog
  readonly clock: Clock
  readonly logger: Logger
  readonly crashPoint: CrashPoint
}

/** What a task works with: the newest key of its channel, in clear. */
interface Subject {
  readonly key: OpenedApiKey
  readonly channel: ChannelDetails
}

/** What became of a task; a `problem` is tried again later. */
type Outcome = { readonly problem?: string }

/** What follows a stored key, each by itself: the probe that proves it, and the channel's messaging webhook. */
export class ProbeService {
  readonly works: readonly Work[] = [
    { kind: 'probe', run: (job) => this.#run('probe', job, (subject) => this.#probe(subject)) },
    { kind: 'webhook', run: (job) => this.#run('webhook', job, (subject) => this.#setWebhook(subject)) },
  ]
  readonly #dependencies: Dependencies

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  /** Plans both tasks for a new key, in the transaction that stores it. */
  async plan(channelId: string, version: number, trx: Database): Promise<void> {
    await this.#plan(channelId, 'probe', version, trx)
    if (this.#dependencies.webhook) await this.#plan(channelId, 'webhook', version, trx)
  }

  /** The same for a key that some system uses already: where that system gets its messages is left alone. */
  async planProbeOnly(channelId: string, version: number, trx: Database): Promise<void> {
    await this.#plan(channelId, 'probe', version, trx)
    await this.#dependencies.jobs.cancel('webhook', channelId, trx)
    const tasks = trx.deleteFrom('channelTask').where('channelId', '=', channelId)
    await tasks.where('name', '=', 'webhook').execute()
  }

  /** Tries a task again now; false when the channel has none. */
  async retry(channelId: string, name: TaskName, trx: Database): Promise<boolean> {
    if (!(await this.#find(channelId, name, trx))) return false
    await this.#dependencies.jobs.plan({ kind: name, subject: channelId }, trx)
    return true
  }

  /**
   * Asks 360dialog whether the channel's newest key still works. A rejected key is marked so.
   *
   * @throws MessagingApiError when 360dialog cannot say
   */
  async isAlive(channelId: string): Promise<boolean> {
    const { keys, messagingApi } = this.#dependencies
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

  async #run(
    name: TaskName,
    job: LeasedJob,
    carryOut: (subject: Subject) => Promise<Outcome>,
  ): Promise<void> {
    const { db, keys, channels, crashPoint } = this.#dependencies
    const task = await this.#find(job.subject, name, db)
    if (!task) return
    const { channelId, version } = task
    const key = await keys.findNewest(channelId)
    const channel = await channels.find(channelId)
    // A task of an older key has nothing to do.
    const isCurrent = key && channel && key.version === version
    const { problem } = isCurrent ? await this.#try(channel, version, job, carryOut) : {}
    await inTransaction(db, async (trx) => {
      await this.#settle(task, problem, job, trx)
    })
    if (name === 'probe' && !problem) crashPoint('probe.stored')
  }

  async #try(
    channel: ChannelDetails,
    version: number,
    job: LeasedJob,
    carryOut: (subject: Subject) => Promise<Outcome>,
  ): Promise<Outcome> {
    try {
      const key = await this.#dependencies.keys.open(channel.id)
      return key?.version === version ? await carryOut({ key, channel }) : {}
    } catch (error) {
      if (error instanceof LeaseLostError) throw error
      if (error instanceof MessagingApiError) {
        if (error.failure === 'key_rejected') await this.#reject(channel.id, version)
        return { problem: error.failure }
      }
      this.#dependencies.logger.error({ err: error, job: job.subject }, 'channel task failed')
      return { problem: error instanceof VaultError ? 'not_openable' : 'internal' }
    }
  }

  async #probe({ key, channel }: Subject): Promise<Outcome> {
    const { messagingApi, crashPoint } = this.#dependencies
    const { phoneNumber } = await messagingApi.readPhoneNumber(key)
    crashPoint('probe.answered')
    const expected = channel.phoneNumber?.replaceAll(/\D/g, '')
    const differs = phoneNumber !== undefined && expected !== undefined && phoneNumber !== expected
    return differs ? { problem: 'another_number' } : {}
  }

  async #setWebhook({ key, channel }: Subject): Promise<Outcome> {
    const { messagingApi, webhook } = this.#dependencies
    if (!webhook) return {}
    const url = webhook.url
      .replaceAll('{channel_id}', encodeURIComponent(channel.id))
      .replaceAll('{tenant_id}', encodeURIComponent(channel.tenantId ?? ''))
    await messagingApi.setWebhook(key, { url, headers: webhook.headers })
    return {}
  }

  /** What failed shows as failed, and is tried again by itself; a rejected key is not. */
  async #settle(task: Task, problem: string | undefined, job: LeasedJob, trx: Database): Promise<void> {
    const now = this.#dependencies.clock.now()
    const isOver = problem === undefined || problem === 'key_rejected'
    await (isOver ? job.finish(trx) : job.again(nextTry(now, job.attempts, FAILING), trx))
    const state = problem === undefined ? 'ok' : 'failed'
    await trx
      .updateTable('channelTask')
      .set({ state, problem: problem ?? null, ...(isOver && { doneAt: now }) })
      .where('channelId', '=', task.channelId)
      .where('name', '=', task.name)
      // A newer key may have planned it anew meanwhile.
      .where('version', '=', task.version)
      .execute()
  }

  /** 401 from a key that was ours: replaced, or the permission was revoked. Never a reason to mint by itself. */
  async #reject(channelId: string, version: number): Promise<void> {
    const { db, keys, channels, audit, clock } = this.#dependencies
    const now = clock.now()
    await inTransaction(db, async (trx) => {
      const newest = await keys.findNewest(channelId, trx)
      if (newest?.version !== version || newest.status !== 'stored') return
      await keys.reject(channelId, version, now, trx)
      await channels.setKeyStatus(channelId, 'rejected', trx)
      await channels.observe(channelId, { source: 'probe', says: 'key_rejected', observedAt: now }, trx)
      await audit.record(
        { actor: 'latchkey', action: 'api_key.rejected', channelId, detail: { version } },
        trx,
      )
    })
  }

  async #plan(channelId: string, name: TaskName, version: number, trx: Database): Promise<void> {
    const planned = { version, state: 'due', problem: null, doneAt: null } as const
    await trx
      .insertInto('channelTask')
      .values({ channelId, name, ...planned })
      .onConflict((conflict) => conflict.columns(['channelId', 'name']).doUpdateSet(planned))
      .execute()
    await this.#dependencies.jobs.plan({ kind: name, subject: channelId }, trx)
  }

  #find(channelId: string, name: TaskName, db: Database): Promise<Task | undefined> {
    const tasks = db.selectFrom('channelTask').selectAll().where('channelId', '=', channelId)
    return tasks.where('name', '=', name).executeTakeFirst()
  }
}
