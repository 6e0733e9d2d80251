import { describe, expect, it } from '@jest/globals'
import type { ChannelDetails } from '../../src/channels/channel-service.ts'
import type { KnownRefusal } from '../../src/onboarding/known-refusals.ts'
import { deriveProgress } from '../../src/onboarding/progress.ts'
import type { ReturnDetails } from '../../src/onboarding/return-repository.ts'

const at = new Date('2026-03-02T10:00:00.000Z')
const later = new Date('2026-05-02T10:00:00.000Z')

const live = {
  ...{
    id: 'ch1',
    tenantId: 't1',
    phoneNumber: '+4930123456',
    status: 'live',
    isRunning: true,
    observedAt: at,
  },
  ...{ permission: 'shared', keyStatus: 'none', facts: {} },
} as unknown as ChannelDetails
const stored = { ...live, keyStatus: 'stored', keyCreatedAt: at, probeState: 'ok', probeDoneAt: at } as const
const waiting = { ...live, keyStatus: 'waiting', mintState: 'waiting', mintRequestedAt: at } as const

type Named = Partial<ReturnDetails['channels'][number]> & { readonly channelId: string }
const returned = (state: ReturnDetails['state'], channels: readonly Named[], change = {}): ReturnDetails => ({
  ...{ id: 'ret1', launchId: 'lau1', sessionId: 'ses1', clientId: 'cl', digest: '', pageHash: undefined },
  problem: undefined,
  ...{ state, arrival: 'launch', browserHash: 'own', receivedAt: at, closedAt: at },
  channels: channels.map((one) => ({
    ...{ returnId: 'ret1', isRevoked: false, outcome: undefined, rule: undefined, reason: undefined },
    ...one,
  })),
  ...change,
})
const bound = returned('bound', [{ channelId: 'ch1', outcome: 'bound' }])
const read = (returns: readonly ReturnDetails[], channels: readonly ChannelDetails[] = [], change = {}) =>
  deriveProgress({
    now: at,
    launchedAt: at,
    isExpired: false,
    browserHash: 'own',
    returns,
    channels,
    ownerEmails: new Map(),
    refusals: [],
    trouble: undefined,
    ...change,
  })

describe('a client that has not come back', () => {
  it.each<[KnownRefusal[], string, [string, string][]]>([
    [[], 'launched', [['grant', 'client']]],
    [[{ code: 'restricted_email' }], 'launched', [['grant', 'client']]],
    [
      [{ code: 'limit_used_up', used: 2, limit: 2 }],
      'no_place',
      [
        ['place', 'admin'],
        ['grant', 'client'],
      ],
    ],
    [
      [{ code: 'hub_blocked' }],
      'no_place',
      [
        ['place', 'admin'],
        ['grant', 'client'],
      ],
    ],
    [
      [{ code: 'no_new_numbers' }],
      'no_place',
      [
        ['place', 'admin'],
        ['grant', 'client'],
      ],
    ],
  ])('and to whom 360dialog would refuse %j is told %s', (refusals, situation, needs) => {
    const told = read([], [], { refusals })
    expect([told.situation, told.requirements.map(({ code, who }) => [code, who])]).toEqual([
      situation,
      needs,
    ])
    expect(told).toMatchObject({ status: 'launched', canStartAgain: true })
  })

  it('is told to write when the partner has not settled it in a working day', () => {
    const late = read([], [], {
      refusals: [{ code: 'hub_blocked' }],
      now: new Date(at.getTime() + 4 * 86_400_000),
    })
    expect(late.requirements[0]).toMatchObject({ code: 'place', isLate: true })
  })

  it('keeps that from nobody who comes back, and tells it beside a button only', () => {
    const refusals: KnownRefusal[] = [{ code: 'limit_used_up', used: 2, limit: 2 }]
    expect(read([bound], [stored], { refusals })).toMatchObject({
      situation: 'completed',
      requirements: [],
      refusals,
    })
  })
})

describe('what a number’s owner is told', () => {
  it.each<[string, ChannelDetails, string, string]>([
    ['a key that works', stored, 'connected', 'completed'],
    ['while another is created', { ...stored, mintState: 'minting' }, 'connected', 'completed'],
    ['while that has stopped', { ...stored, mintState: 'needs_decision' }, 'finishing', 'finishing'],
    ['while its webhook is not set', { ...stored, webhookState: 'failed' }, 'finishing', 'finishing'],
    ['a key that is not proven yet', { ...stored, probeState: 'due' }, 'proving', 'linking'],
    ['a key that was rejected', { ...stored, keyStatus: 'rejected' }, 'rejected', 'permission'],
    [
      'the same, permission and all',
      { ...stored, keyStatus: 'rejected', permission: 'missing' },
      'rejected',
      'permission',
    ],
    ['a number that is not active yet', { ...waiting, mintProblem: 'not_running' }, 'activating', 'waiting'],
    [
      'and one that is not shared',
      { ...waiting, mintProblem: 'no_permission' },
      'no_permission',
      'permission',
    ],
    ['a mint that an admin cancelled', live, 'unlinked', 'permission'],
    ['a number that 360dialog has ended', { ...stored, status: 'terminated' }, 'ended', 'ended'],
  ])('%s', (_, channel, state, situation) => {
    const progress = read([bound], [channel])
    expect([progress.numbers[0]?.state, progress.situation]).toEqual([state, situation])
  })

  it('is the reason of the wait, however long it takes', () => {
    const channel = { ...waiting, mintProblem: 'no_permission', observedAt: later }
    expect(read([bound], [channel]).numbers[0]?.state).toBe('no_permission')
  })
})

describe('what a page tells', () => {
  const half = returned('needs_review', [
    { channelId: 'ch1', outcome: 'bound' },
    { channelId: 'ch2', outcome: 'review' },
    { channelId: 'ch3', outcome: 'refused' },
  ])

  it('is what is bound, and in the browser in which it came, what is not', () => {
    expect(read([half], [stored]).numbers.map(({ state }) => state)).toEqual([
      'connected',
      'refused',
      'in_review',
    ])
    expect(read([half], [stored], { browserHash: 'else' }).numbers.map(({ state }) => state)).toEqual([
      'connected',
    ])
  })

  it.each<[string, readonly ReturnDetails[], object, string]>([
    ['nothing yet', [], {}, 'launched'],
    ['nothing within a day', [], { isExpired: true }, 'expired'],
    ['a return that is checked', [returned('received', [{ channelId: 'ch1' }])], {}, 'returned'],
    ['one in another browser', [returned('pending', [], { browserHash: 'else' })], {}, 'elsewhere'],
    ['one that shared nothing', [returned('declined', [])], {}, 'declined'],
    ['one that only took back', [returned('bound', [{ channelId: 'ch1', isRevoked: true }])], {}, 'revoked'],
    [
      'one that is decided about',
      [returned('needs_review', [{ channelId: 'c', outcome: 'review' }])],
      {},
      'needs_review',
    ],
    ['one that was refused', [returned('refused', [{ channelId: 'c', outcome: 'refused' }])], {}, 'refused'],
    ['one whose number went elsewhere', [bound], {}, 'failed'],
  ])('%s', (_, returns, change, situation) => {
    expect(read(returns, [], change).situation).toBe(situation)
  })
})
