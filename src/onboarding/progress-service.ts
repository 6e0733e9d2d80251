import type { ChannelRepository, ChannelState } from '../channels/channel-repository.ts'
import type { Clock } from '../clock.ts'
import { hashOf } from '../identifiers.ts'
import type { ConnectSession, ConnectSessionRepository } from './connect-session-repository.ts'
import { deriveProgress, type Progress } from './progress.ts'
import type { ReturnRepository } from './return-repository.ts'

const STATUS_PAGE_LIFE_MS = 30 * 24 * 60 * 60_000

/** Finds what a status page shows. */
export class ProgressService {
  readonly #sessions: ConnectSessionRepository
  readonly #returns: ReturnRepository
  readonly #channels: ChannelRepository
  readonly #clock: Clock

  constructor(given: {
    sessions: ConnectSessionRepository
    returns: ReturnRepository
    channels: ChannelRepository
    clock: Clock
  }) {
    this.#sessions = given.sessions
    this.#returns = given.returns
    this.#channels = given.channels
    this.#clock = given.clock
  }

  /** Undefined when there is no such page, or it has ended (30 days after its launch). */
  async find(statusId: string): Promise<{ session: ConnectSession; progress: Progress } | undefined> {
    const found = await this.#sessions.findByStatusId(hashOf(statusId))
    const now = this.#clock.now()
    if (!found || found.launchedAt.getTime() + STATUS_PAGE_LIFE_MS <= now.getTime()) return undefined
    const launchExpired = found.launchExpiresAt <= now
    const { session, browserHash } = found
    return { session, progress: await this.read(session, { launchExpired, browserHash }) }
  }

  /** As the page of one browser shows it; `browserHash` is undefined when it brought no cookie. */
  async read(
    session: ConnectSession,
    { launchExpired, browserHash }: { launchExpired: boolean; browserHash: string | undefined },
  ): Promise<Progress> {
    const returns = await this.#returns.listOfSession(session.id)
    const ids = [...new Set(returns.flatMap((one) => one.verdict?.bound ?? []))]
    const named = await Promise.all(ids.map((id) => this.#channels.find(id)))
    const channels = named.filter(
      (channel): channel is ChannelState => channel?.tenantId === session.tenantId,
    )
    return deriveProgress({ launchExpired, browserHash, returns, channels })
  }
}
