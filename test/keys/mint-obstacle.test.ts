import { describe, expect, it } from '@jest/globals'
import { findObstacle } from '../../src/keys/mint-judgement.ts'
import type { Mint } from '../../src/keys/mint-ledger.ts'

const launchedAt = new Date('2026-03-02T09:00:00.400Z')
const before = { createdAt: new Date('2026-01-01T00:00:00.000Z') }
const after = { createdAt: new Date('2026-03-02T09:00:00.000Z') }
const ofReturn = { reason: 'return', launchedAt, recordsBefore: undefined, version: 1 } as const

type Asked = Pick<Mint, 'reason' | 'launchedAt' | 'recordsBefore' | 'version'>
const second = (...recordsBefore: string[]): Asked => ({ ...ofReturn, reason: 'lost_answer', recordsBefore })
const replacing = (...recordsBefore: string[]): Asked => ({ ...ofReturn, reason: 'replace', recordsBefore })

describe('what stands in the way of a mint', () => {
  it.each<[string, Asked, { createdAt: Date | undefined }, string[] | undefined, string | undefined]>([
    ['a key of a channel newer than its launch', ofReturn, after, ['1'], 'key_in_use'],
    [
      'nothing, for a channel newer than its launch whose records cannot be read',
      ofReturn,
      after,
      undefined,
      undefined,
    ],
    [
      'unreadable records of a new channel that had a key of ours',
      { ...ofReturn, version: 2 },
      after,
      undefined,
      'key_records_unreadable',
    ],
    ['a key beside a dead one of ours', { ...ofReturn, version: 2 }, after, ['1'], 'key_in_use'],
    ['nothing, for an old channel without a key', ofReturn, before, [], undefined],
    ['a key of an old channel', ofReturn, before, ['1'], 'key_in_use'],
    ['a key of a channel of unknown age', ofReturn, { createdAt: undefined }, ['1'], 'key_in_use'],
    ['records that cannot be read', ofReturn, before, undefined, 'key_records_unreadable'],
    [
      'a key that stood in the way before, and still does',
      { ...ofReturn, recordsBefore: ['1'] },
      before,
      ['1'],
      'key_in_use',
    ],
    ['nothing, when a second mint meets what the first left', second('1'), before, ['1'], undefined],
    ['a key that came after the first mint', second('1'), before, ['1', '2'], 'another_key_appeared'],
    ['nothing, when an admin decided about this key', replacing('1', '2'), before, ['1'], undefined],
    ['nothing, when the key of the decision is gone', replacing('1'), before, [], undefined],
    ['a key that came after the decision', replacing('1'), before, ['2'], 'another_key_appeared'],
    ['a key that came after it, on a new channel too', replacing(), after, ['2'], 'another_key_appeared'],
    ['records that cannot be read any more', replacing('1'), before, undefined, 'key_records_unreadable'],
    [
      'nothing, when nobody could read them at the decision',
      { ...ofReturn, reason: 'replace' },
      before,
      ['1'],
      undefined,
    ],
  ])('%s', (_, mint, channel, foreign, obstacle) => {
    expect(findObstacle(mint, channel, foreign)).toBe(obstacle)
  })

  it('is another system that creates keys, unless an admin has decided', () => {
    expect(findObstacle({ ...ofReturn, version: 3 }, before, [], true)).toBe('another_system')
    expect(findObstacle(replacing(), before, [], true)).toBeUndefined()
  })
})
