import type { ChannelDetails, ChannelService } from '../channels/channel-service.ts'
import type { Clock } from '../clock.ts'
import type { HubTrouble } from '../d360/hub-trouble.ts'
import type { ConnectSession, ConnectSessionService } from './connect-session-service.ts'
import type { KnownRefusalService } from './known-refusal-service.ts'
import type { OwnerAskingService } from './owner-asking-service.ts'
import { deriveProgress, type Facts, idsOf, type Progress } from './progress.ts'
import type { ReturnRepository } from './return-repository.ts'

interface Dependencies {
  readonly sessions: ConnectSessionService
  readonly returns: ReturnRepository
  readonly channels: Pick<ChannelService, 'find'>
  readonly owners: Pick<OwnerAskingService, 'listOfSession'>
  readonly refusals: Pick<KnownRefusalService, 'ofSession'>
  readonly trouble: Pick<HubTrouble, 'find'>
  readonly clock: Clock
}

/** Finds what a status page shows. */
export class StatusService {
  readonly #dependencies: Dependencies

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  /** A page lives as long as its launch, which goes with its session, and never from one that connected a number. */
  async find(statusId: string): Promise<{ session: ConnectSession; progress: Progress } | undefined> {
    const { sessions, clock } = this.#dependencies
    const launch = await sessions.findLaunchByStatusId(statusId)
    const session = launch && (await sessions.find(launch.sessionId))
    if (!session) return undefined
    const { browserHash, createdAt: launchedAt } = launch
    const isExpired = launch.expiresAt <= clock.now()
    return { session, progress: await this.read(session, { launchedAt, isExpired, browserHash }) }
  }

  /** As the page of one browser shows it; `browserHash` is undefined when it brought no cookie. */
  async read(
    session: ConnectSession,
    page: Pick<Facts, 'launchedAt' | 'isExpired' | 'browserHash'>,
  ): Promise<Progress> {
    const { returns, channels, owners, refusals, trouble, clock } = this.#dependencies
    const [received, outlook, hubTrouble] = await Promise.all([
      returns.listOfSession(session.id),
      refusals.ofSession(session),
      trouble.find(),
    ])
    const ids = [...new Set(received.flatMap((one) => idsOf(one, 'bound')))]
    const bound = await Promise.all(ids.map((id) => channels.find(id)))
    const isOwn = (one?: ChannelDetails): one is ChannelDetails => one?.tenantId === session.tenantId
    const asked = received.some((one) => idsOf(one, 'owner').length > 0)
      ? await owners.listOfSession(session.id)
      : []
    const ownerEmails = new Map(
      asked.flatMap((one) => (one.closedAt ? [] : [[one.clientId, one.email] as const])),
    )
    const own = { returns: received, channels: bound.filter(isOwn), ownerEmails }
    const facts = { ...own, refusals: outlook.refusals, trouble: hubTrouble }
    return deriveProgress({ ...page, ...facts, now: clock.now() })
  }
}
