import { describe, expect, it } from '@jest/globals'
import { type StageFacts, stageOf } from '../../src/admin/session-stage.ts'
import type { Turn } from '../../src/admin/standing-channel.ts'
import { type RequirementCode, requirementOf } from '../../src/channels/requirement.ts'

const HOUR_MS = 60 * 60_000
const at = (hours: number) => new Date(Date.UTC(2026, 2, 2, 9) + hours * HOUR_MS)

type Return = StageFacts['returns'][number]
type State = Return['state']

const made = { tenantId: 't1', createdAt: at(0), openedAt: undefined, expiresAt: at(168) }
const opened = { ...made, openedAt: at(1) }
const facts: StageFacts = {
  session: opened,
  launchedAt: at(2),
  returns: [],
  channels: [],
  isWithoutAccess: false,
}

/** One return after the other, an hour apart, each closed half an hour later. */
const returnsOf = (...all: (State | { state: State; names: string })[]): Return[] =>
  all.map((one, nth) => {
    const { state, names = '' } = typeof one === 'string' ? { state: one } : one
    const named = { returnId: 'r', isRevoked: false, rule: undefined, reason: undefined } as const
    const channels = names.split(' ').map((channelId) => ({ ...named, channelId, outcome: 'bound' as const }))
    return { state, channels, receivedAt: at(3 + nth), closedAt: at(3.5 + nth) }
  })
const bound = (names: string) => ({ state: 'bound' as const, names })
const channel = (id: string, needs?: RequirementCode, tenantId = 't1') => {
  return { id, tenantId, requirement: needs && requirementOf(needs, undefined, at(0)) }
}
const channels = [
  ...[channel('works'), channel('starts', 'activation'), channel('stuck', 'key_decision')],
  ...[channel('waits', 'permission'), channel('moved', 'key_decision', 't2')],
]
const coming = (...returns: Return[]) => ({ ...facts, returns, channels })

describe('how far a session has come', () => {
  it.each<[what: string, facts: StageFacts, now: number, stage: string, turn: Turn, since: number]>([
    ['nobody opened it', { ...facts, session: made, launchedAt: undefined }, 5, 'made', 'client', 0],
    ['it was opened', { ...facts, launchedAt: undefined }, 5, 'opened', 'client', 1],
    ['it left', facts, 5, 'left', 'client', 2],
    ['it left and never came back', facts, 168, 'expired', 'nobody', 168],
    ['it is checked', coming(...returnsOf('received')), 5, 'back', '360dialog', 3],
    ['it shared nothing', coming(...returnsOf('declined')), 5, 'back', 'client', 3],
    ['it shared nothing, and time is over', coming(...returnsOf('declined')), 200, 'expired', 'nobody', 168],
    ['it came in another browser', coming(...returnsOf('pending')), 5, 'back', 'client', 3],
    ['its owner is asked', coming(...returnsOf('awaiting_owner')), 9, 'back', 'owner', 3],
    ['it is in review', coming(...returnsOf('needs_review')), 200, 'back', 'admin', 3],
    ['it was refused', coming(...returnsOf('refused')), 9, 'done', 'nobody', 3.5],
    ['its number works', coming(...returnsOf(bound('works'))), 200, 'done', 'nobody', 3.5],
    ['its number starts', coming(...returnsOf(bound('works starts'))), 9, 'back', 'whatsapp', 3],
    ['its number is stuck', coming(...returnsOf(bound('waits stuck'))), 9, 'back', 'client', 3],
    ['its number went to another', coming(...returnsOf(bound('moved'))), 9, 'done', 'nobody', 3.5],
    [
      'one works, another is checked',
      coming(...returnsOf(bound('works'), 'received')),
      9,
      'back',
      '360dialog',
      4,
    ],
    [
      'a stranger has the link, too',
      coming(...returnsOf(bound('works'), 'pending', 'declined')),
      9,
      'done',
      'nobody',
      3.5,
    ],
    [
      'it shared at the second try',
      coming(...returnsOf('declined', bound('works'))),
      9,
      'done',
      'nobody',
      4.5,
    ],
  ])('%s', (_, known, now, stage, turn, since) => {
    expect(stageOf(known, at(now))).toEqual({ stage, turn, since: at(since) })
  })
})
