import type { Logger } from 'pino'
import type { ChannelService } from '../channels/channel-service.ts'
import type { SyncService } from '../channels/sync-service.ts'
import type { Clock } from '../clock.ts'
import type { Channel } from '../d360/channel.ts'
import type { PartnerApi } from '../d360/partner-api.ts'
import { afterCommit, type Database, inTransaction } from '../database/database.ts'
import { groupCommit } from '../database/group-commit.ts'
import { PartnerApiError } from '../errors.ts'
import { newId } from '../identifiers.ts'
import type { CrashPoint } from '../jobs/crash-points.ts'
import type { Jobs, LeasedJob } from '../jobs/jobs.ts'
import type { Work } from '../jobs/runner.ts'
import type { MintService } from '../keys/mint-service.ts'
import type { ProbeService } from '../keys/probe-service.ts'
import type { ArrivedEvent, Delivery } from './delivery.ts'
import { aboutOf, hintOf, reportsRunning } from './notice-events.ts'
import type { Notice, NoticeRepository } from './notice-repository.ts'

/** How often 360dialog is asked about ids that are not known here; and about one channel, for notices that nobody signed. */
const PAUSE_MS = 60_000
const KEPT_MS = 90 * 24 * 60 * 60_000
/** The job that asks about all ids that are not known here. */
const STRANGERS = 'strangers'

interface Dependencies {
  readonly db: Database
  readonly notices: NoticeRepository
  readonly jobs: Pick<Jobs, 'plan' | 'ensure'>
  readonly channels: ChannelService
  readonly sync: Pick<SyncService, 'readSharesOf'>
  readonly mints: Pick<MintService, 'retryNow'>
  readonly probes: Pick<ProbeService, 'retry'>
  readonly partnerApi: Pick<PartnerApi, 'findChannel' | 'findClientWithChannels' | 'listNewestChannels'>
  readonly clock: Clock
  readonly logger: Logger
  readonly crashPoint: CrashPoint
}

/** What an event makes due. */
interface Due {
  readonly subject: string
  /** When 360dialog was asked about it last; undefined for what is not known here. */
  readonly readAt?: Date
}

type Delivered = Delivery & { readonly events: readonly ArrivedEvent[] }

/**
 * Keeps what 360dialog's partner webhook brings, and asks 360dialog again about what it names: a notice may be late, out
 * of order or made up, so it is a reason to look, and never a fact. It opens no mint; one that waits goes on sooner.
 */
export class NoticeService {
  readonly work: Work = { kind: 'notice', run: (job) => this.#run(job) }
  readonly #dependencies: Dependencies

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  /** Stores a delivery durably before it is understood. True when all of it was here already. */
  async receive(delivery: Delivered): Promise<boolean> {
    const { db, clock, logger, crashPoint } = this.#dependencies
    const now = clock.now()
    const { signature, events } = delivery
    if (signature === 'missing' || signature === 'invalid')
      logger.warn({ signature }, 'a notice not signed by 360dialog')
    return groupCommit(db, async (trx) => {
      let isNew = false
      for (const [place, event] of events.entries())
        isNew = (await this.#store({ delivery, event, place, now }, trx)) === 1 || isNew
      afterCommit(trx, () => crashPoint('notice.stored'))
      return !isNew
    })
  }

  /** Those of a channel, the one that came last first. */
  listOfChannel(channelId: string, limit: number): Promise<Notice[]> {
    return this.#dependencies.notices.listOfChannel(channelId, limit)
  }

  /** The one that came last of all, and how it was signed. */
  async findLast(): Promise<{ receivedAt: Date; signature: Notice['signature'] } | undefined> {
    const last = await this.#dependencies.notices.findLast()
    return last && { receivedAt: last.lastReceivedAt, signature: last.signature }
  }

  /** Deletes what has not come for 90 days; answers how many. */
  forget(now: Date): Promise<number> {
    return this.#dependencies.notices.forget(new Date(now.getTime() - KEPT_MS))
  }

  async #store({ delivery, event, place, now }: Arrival, trx: Database): Promise<number> {
    const { size, digest, signature } = delivery
    const { event: name, envelopeId, dataId, body } = event
    const { channelId, clientId, due } = await this.#locate(event, trx)
    if (due) await this.#plan(due, signature === 'valid', now, trx)
    return this.#dependencies.notices.add(
      {
        ...{ id: newId('not', now), event: name, envelopeId, dataId, channelId, clientId },
        ...{ size, digest, place, signature, body, copies: 1, receivedAt: now, lastReceivedAt: now },
        outcome: due ? undefined : 'kept',
      },
      trx,
    )
  }

  /** Whom an event is about, and what is asked about it: of ids that are not known here, only where it must be a channel. */
  async #locate(event: ArrivedEvent, trx: Database): Promise<Located> {
    const { channels } = this.#dependencies
    const about = aboutOf(event.event)
    const { dataId, channelId = dataId, clientId, phoneNumber } = event
    if (about === 'client') {
      const id = clientId ?? dataId
      const client = id === undefined ? undefined : await channels.findClient(id, trx)
      return { clientId: id, due: client && { subject: `client/${client.id}`, readAt: client.observedAt } }
    }
    const channel = await channels.locate({ id: channelId, phoneNumber }, trx)
    if (channel)
      return {
        channelId: channel.id,
        clientId,
        due: { subject: `channel/${channel.id}`, readAt: channel.observedAt },
      }
    if (about !== 'channel' || channelId === undefined) return { clientId }
    return { channelId, clientId, due: { subject: STRANGERS } }
  }

  /** What nobody signed makes nothing due more often than once a minute, and puts nothing off that is due already. */
  async #plan({ subject, readAt }: Due, isSigned: boolean, now: Date, trx: Database): Promise<void> {
    const { jobs } = this.#dependencies
    if (isSigned && readAt) return jobs.plan({ kind: 'notice', subject }, trx)
    const dueAt = new Date(Math.max(now.getTime(), (readAt?.getTime() ?? 0) + PAUSE_MS))
    await jobs.ensure({ kind: 'notice', subject, dueAt }, trx)
  }

  async #run(job: LeasedJob): Promise<void> {
    const [about, id = ''] = job.subject.split('/')
    if (about === STRANGERS) await this.#askAboutStrangers(job)
    else if (about === 'client') await this.#readClient(id, job)
    else await this.#readChannel(id, job)
  }

  async #readChannel(channelId: string, job: LeasedJob): Promise<void> {
    const { db, notices, partnerApi, sync, clock } = this.#dependencies
    // Before 360dialog is asked: what comes meanwhile is a reason to ask again.
    const waiting = await notices.listWaiting({ channelId })
    const found = await partnerApi.findChannel(channelId, 'known')
    // What is reported of a permission, 360dialog may say itself.
    if (found && waiting.some(({ event }) => hintOf(event))) await sync.readSharesOf(found.clientId)
    const now = clock.now()
    await inTransaction(db, async (trx) => {
      await this.#apply({ channelId, found, waiting, now }, trx)
      await this.#end(job, { channelId }, now, trx)
    })
  }

  async #readClient(clientId: string, job: LeasedJob): Promise<void> {
    const { db, notices, channels, partnerApi, clock } = this.#dependencies
    const waiting = await notices.listWaiting({ clientId })
    const found = await partnerApi.findClientWithChannels(clientId, 'known')
    const known = await channels.list({ clientId })
    const listed = found?.channels.filter(({ id }) => known.some((channel) => channel.id === id)) ?? []
    const now = clock.now()
    await inTransaction(db, async (trx) => {
      await channels.describe(found?.client, listed, now, trx)
      await notices.close(waiting, found ? 'read' : 'not_listed', trx)
      await this.#end(job, { clientId }, now, trx)
    })
  }

  /** One call for all channels that are not known here, and none for a minute after it, whatever comes. */
  async #askAboutStrangers(job: LeasedJob): Promise<void> {
    const { db, notices, channels, jobs, clock } = this.#dependencies
    const byChannel = Map.groupBy(await notices.listWaiting({}), ({ channelId = '' }) => channelId)
    const strangers: string[] = []
    for (const id of byChannel.keys())
      if (await channels.locate({ id }, db))
        await jobs.ensure({ kind: 'notice', subject: `channel/${id}` }, db)
      else strangers.push(id)
    if (strangers.length === 0) return inTransaction(db, (trx) => this.#end(job, {}, clock.now(), trx))
    const listed = await this.#askHub(strangers)
    const now = clock.now()
    await inTransaction(db, async (trx) => {
      for (const channelId of listed ? strangers : []) {
        const found = listed?.find(({ id }) => id === channelId)
        const waiting = byChannel.get(channelId) ?? []
        if (found) await this.#apply({ channelId, found, waiting, now }, trx)
        else await notices.close(waiting, 'not_listed', trx)
      }
      await job.again(new Date(now.getTime() + PAUSE_MS), trx)
    })
  }

  /** One of them by its id; more of them in the newest page of all. Undefined when 360dialog did not say. */
  async #askHub(ids: readonly string[]): Promise<readonly Channel[] | undefined> {
    const { partnerApi, logger } = this.#dependencies
    const [id = '', another] = ids
    try {
      if (another !== undefined) return await partnerApi.listNewestChannels()
      const found = await partnerApi.findChannel(id, 'sync')
      return found ? [found] : []
    } catch (error) {
      if (!(error instanceof PartnerApiError)) throw error
      const { failure, upstreamStatus: status } = error
      logger.warn({ failure, status }, 'channels that are not known here wait')
      return undefined
    }
  }

  /** What is known now is written down, and what waits for it goes on. */
  async #apply({ channelId, found, waiting, now }: Answered, trx: Database): Promise<void> {
    const { channels, mints, probes, notices, crashPoint } = this.#dependencies
    crashPoint('notice.asked')
    if (found) await channels.describe(undefined, [found], now, trx)
    for (const { event, signature, lastReceivedAt: observedAt } of waiting) {
      const says = hintOf(event)
      // What nobody signed says nothing of a permission: anybody may have sent it.
      if (says && signature === 'valid')
        await channels.observe(channelId, { source: 'notice', says, observedAt }, trx)
    }
    const isRunning = waiting.some(({ event, signature }) => signature === 'valid' && reportsRunning(event))
    if (found && isRunning) await channels.noteRunning(channelId, now, trx)
    crashPoint('notice.observed')
    afterCommit(trx, () => crashPoint('notice.read'))
    await mints.retryNow(channelId, trx)
    if (waiting.some(({ event }) => hintOf(event) === 'revocation_reported'))
      await probes.retry(channelId, 'probe', trx)
    await notices.close(waiting, found ? 'read' : 'not_listed', trx)
  }

  /** What came meanwhile waits its minute. It is looked for last, so that none is missed that found the job still there. */
  async #end(job: LeasedJob, about: About, now: Date, trx: Database): Promise<void> {
    const { notices, jobs } = this.#dependencies
    await job.finish(trx)
    if ((await notices.listWaiting(about, trx)).length === 0) return
    const dueAt = new Date(now.getTime() + PAUSE_MS)
    await jobs.ensure({ kind: 'notice', subject: job.subject, dueAt }, trx)
  }
}

interface Arrival {
  readonly delivery: Delivered
  readonly event: ArrivedEvent
  /** Which one of the delivery it is. */
  readonly place: number
  readonly now: Date
}

interface Located {
  readonly channelId?: string
  readonly clientId: string | undefined
  readonly due?: Due | undefined
}

type About = { readonly channelId?: string } | { readonly clientId: string }

interface Answered {
  readonly channelId: string
  /** Undefined: 360dialog does not list it under this hub. */
  readonly found: Channel | undefined
  readonly waiting: readonly Notice[]
  readonly now: Date
}
