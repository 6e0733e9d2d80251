import { type RequirementCode, requirementCodes, requirementTable } from '../channels/requirement.ts'
import type { ConnectSession } from '../onboarding/connect-session-service.ts'
import type { ReturnDetails } from './channel-admin-service.ts'
import type { StandingChannel, Turn } from './standing-channel.ts'

/** How far a connect session has come. */
export const sessionStages = ['made', 'opened', 'left', 'back', 'done', 'expired'] as const
export type SessionStage = (typeof sessionStages)[number]

export interface StagedSession {
  readonly stage: SessionStage
  readonly turn: Turn
  /** Since when. */
  readonly since: Date
}

export interface StageFacts {
  readonly session: Pick<ConnectSession, 'tenantId' | 'createdAt' | 'openedAt' | 'expiresAt'>
  /** Its last departure to 360dialog. */
  readonly launchedAt: Date | undefined
  /** Oldest first. */
  readonly returns: readonly Pick<ReturnDetails, 'state' | 'channels' | 'receivedAt' | 'closedAt'>[]
  /** What of the hub stands in the way is an admin's to mend. */
  readonly isWithoutAccess: boolean
  /** The channels that its returns named. */
  readonly channels: readonly Pick<StandingChannel, 'id' | 'tenantId' | 'requirement'>[]
}

/** Anybody who holds the link can come back with nothing, or in another browser: that decides as little as no return. */
const DECIDES_NOTHING: ReadonlySet<ReturnDetails['state']> = new Set(['pending', 'declined', 'unreadable'])

/** The first line that applies decides. */
export function stageOf(facts: StageFacts, now: Date): StagedSession {
  const { session, launchedAt, returns } = facts
  const decisive = returns.filter(({ state }) => !DECIDES_NOTHING.has(state))
  const last = decisive.at(-1)
  if (last) {
    const needed = decisive.flatMap((one) => neededBy(one, facts))
    const first = requirementCodes.find((code) => needed.includes(code))
    if (!first) return { stage: 'done', turn: 'nobody', since: last.closedAt ?? last.receivedAt }
    return { stage: 'back', turn: requirementTable[first].who, since: last.receivedAt }
  }
  if (session.expiresAt <= now) return { stage: 'expired', turn: 'nobody', since: session.expiresAt }
  const back = returns.at(-1)
  if (back) return { stage: 'back', turn: 'client', since: back.receivedAt }
  if (launchedAt) return { stage: 'left', turn: 'client', since: launchedAt }
  if (session.openedAt) return { stage: 'opened', turn: 'client', since: session.openedAt }
  return { stage: 'made', turn: 'client', since: session.createdAt }
}

function neededBy(
  { state, channels: named }: StageFacts['returns'][number],
  facts: StageFacts,
): RequirementCode[] {
  if (state === 'received') return [facts.isWithoutAccess ? 'access' : 'check']
  if (state === 'needs_review') return ['review']
  if (state === 'awaiting_owner') return ['owner_answer']
  const bound = named.filter(({ outcome }) => outcome === 'bound').map(({ channelId }) => channelId)
  const own = facts.channels.filter(({ tenantId }) => tenantId === facts.session.tenantId)
  return own.filter(({ id }) => bound.includes(id)).flatMap(({ requirement }) => requirement?.code ?? [])
}
