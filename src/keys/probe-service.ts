import type { Logger } from 'pino'
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
import { isSameLine } from '../phone-number.ts'
import { VaultError } from '../vault/vault.ts'
import { ASKED_EVERY_MS, type HealthService } from './health-service.ts'
import type { KeyStore, OpenedApiKey } from './key-store.ts'
import { isRejection, type KeyVerdicts, noteTask } from './key-verdicts.ts'

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
  readonly health: HealthService
  readonly verdicts: KeyVerdicts
  readonly webhook: ChannelWebhook | undefined
  readonly clock: Clock
  readonly logger: Logger
  readonly crashPoint: CrashPoint
}

/** What a task works with: the newest key of its channel, in clear. */
interface Subject {
  readonly key: OpenedApiKey
  readonly channel: ChannelDetails
}

/** What became of a task; a `problem` is tried again later, at `askAt` if that is said. */
type Outcome = { readonly problem?: string; readonly askAt?: Date | undefined }

/** What 360dialog says of a key; `doubted`: it was refused, and not often enough to be dead. */
export type Liveness = 'works' | 'doubted' | 'dead'

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

  /**
   * Tries a task again; answers when, and undefined when the channel has none. A key that is proven is asked about by its
   * health, as soon as that may be asked for; one that is being proven is left to its job, if that goes on soon.
   */
  async retry(channelId: string, name: TaskName, trx: Database): Promise<Date | undefined> {
    const { jobs, health, clock } = this.#dependencies
    const task = await this.#find(channelId, name, trx)
    if (!task) return undefined
    const now = clock.now()
    const proof = name === 'probe' && (await jobs.find('probe', channelId, trx))
    if (proof && !proof.leasedUntil && proof.dueAt.getTime() - now.getTime() <= ASKED_EVERY_MS)
      return proof.dueAt
    if (name === 'probe' && (!proof || proof.leasedUntil))
      return health.askSoon({ channelId, version: task.version }, trx)
    await jobs.plan({ kind: name, subject: channelId }, trx)
    return now
  }

  /**
   * Asks 360dialog whether the channel's newest key still works, for a decision that may end it: what was answered
   * before does not count. One refusal makes it doubted, and no more.
   *
   * @throws MessagingApiError when 360dialog cannot say, or may not be asked yet
   */
  async askWhetherAlive(channelId: string): Promise<Liveness> {
    const key = await this.#dependencies.keys.open(channelId)
    if (!key) return 'dead'
    try {
      await this.#prove(key, { isFresh: true })
      return 'works'
    } catch (error) {
      if (!isRejection(error)) throw error
      const { problem } = await this.#dependencies.verdicts.refuse(key)
      return problem === 'key_doubted' ? 'doubted' : 'dead'
    }
  }

  async #run(
    name: TaskName,
    job: LeasedJob,
    carryOut: (subject: Subject) => Promise<Outcome>,
  ): Promise<void> {
    const { db, keys, channels, health, crashPoint } = this.#dependencies
    const task = await this.#find(job.subject, name, db)
    if (!task) return
    const { channelId, version } = task
    const key = await keys.findNewest(channelId)
    const channel = await channels.find(channelId)
    // A task of an older key has nothing to do.
    const isCurrent = key && channel && key.version === version
    const outcome = isCurrent ? await this.#try(channel, task, job, carryOut) : {}
    const { problem } = outcome
    await inTransaction(db, async (trx) => {
      await this.#settle(task, outcome, job, trx)
      if (name === 'probe' && !problem) await health.plan(channelId, trx)
    })
    if (name === 'probe' && !problem) crashPoint('probe.stored')
  }

  async #try(
    channel: ChannelDetails,
    { name, version }: Task,
    job: LeasedJob,
    carryOut: (subject: Subject) => Promise<Outcome>,
  ): Promise<Outcome> {
    const { keys, verdicts, logger } = this.#dependencies
    try {
      const key = await keys.open(channel.id)
      return key?.version === version ? await carryOut({ key, channel }) : {}
    } catch (error) {
      if (error instanceof LeaseLostError) throw error
      if (isRejection(error)) {
        const asksAgain = name === 'probe'
        const { problem, askAt } = await verdicts.refuse({ channelId: channel.id, version }, { asksAgain })
        return { problem, ...(asksAgain && { askAt }) }
      }
      if (error instanceof MessagingApiError) return { problem: error.failure }
      logger.error({ err: error, job: job.subject }, 'channel task failed')
      return { problem: error instanceof VaultError ? 'not_openable' : 'internal' }
    }
  }

  async #probe({ key, channel }: Subject): Promise<Outcome> {
    const phoneNumber = await this.#prove(key)
    this.#dependencies.crashPoint('probe.answered')
    const isToldBoth = phoneNumber !== undefined && channel.phoneNumber !== undefined
    return isToldBoth && !isSameLine(phoneNumber, channel.phoneNumber) ? { problem: 'another_number' } : {}
  }

  /** Asks for the number of a key; where no number is told, that its health is told proves it as well. */
  async #prove(key: OpenedApiKey, { isFresh = false } = {}): Promise<string | undefined> {
    const { messagingApi, health, verdicts, clock } = this.#dependencies
    const askedAt = clock.now()
    const answer = await messagingApi.readPhoneNumber(key)
    await verdicts.confirm(key, answer ? askedAt : await health.ask(key, { isFresh }))
    return answer?.phoneNumber
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

  /** What failed shows as failed, and is tried again by itself; with a rejected key once more at most. */
  async #settle(task: Task, { problem, askAt }: Outcome, job: LeasedJob, trx: Database): Promise<void> {
    const isOver = problem === undefined || problem === 'key_rejected' || problem === 'another_system'
    const now = this.#dependencies.clock.now()
    const next = askAt ?? (isOver ? undefined : nextTry(now, job.attempts, FAILING))
    await (next ? job.again(next, trx) : job.finish(trx))
    await noteTask(task, { problem, isOver }, now, trx)
  }

  async #plan(channelId: string, name: TaskName, version: number, trx: Database): Promise<void> {
    const sinceAt = this.#dependencies.clock.now()
    const planned = { version, state: 'due', problem: null, sinceAt, doneAt: null } as const
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
