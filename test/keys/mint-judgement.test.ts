import { describe, expect, it } from '@jest/globals'
import { judgeLostMint, type LostMint } from '../../src/keys/mint-judgement.ts'

const lost: LostMint = {
  before: [],
  after: [],
  isReplacement: false,
  isSecond: false,
  settled: true,
  overdue: false,
}

describe('a mint whose answer was lost', () => {
  it.each<[string, Partial<LostMint>, string]>([
    ['happened: the new key is nobody’s', { after: ['1'] }, 'mint_again'],
    ['happened: every earlier key died by it', { before: ['1'], after: ['2'] }, 'mint_again'],
    ['happened, beside records that are still shown', { before: ['1'], after: ['1', '2'] }, 'mint_again'],
    ['did not happen, and nothing was there', {}, 'mint_again'],
    ['did not happen, and an earlier key lives on', { before: ['1'], after: ['1'] }, 'needs_decision'],
    ['did not happen, and the earlier key went as well', { before: ['1'], after: [] }, 'needs_decision'],
    ['may still happen', { settled: false }, 'look_again'],
    ['has happened, however short ago', { after: ['1'], settled: false }, 'mint_again'],
    ['cannot be told: the records are unreadable', { after: undefined }, 'look_again'],
    ['cannot be told for a whole day', { after: undefined, overdue: true }, 'needs_decision'],
    ['was not the only one: somebody else made a key too', { after: ['1', '2'] }, 'needs_decision'],
    ['was the second already', { after: ['2'], before: ['1'], isSecond: true }, 'needs_decision'],
    [
      'of a new channel whose records were unreadable before',
      { before: undefined, after: ['1'] },
      'mint_again',
    ],
    [
      'replaced what nobody could read before, and a record may be of it',
      { before: undefined, after: ['1'], isReplacement: true },
      'needs_decision',
    ],
    [
      'replaced what nobody could read before, and nothing is left',
      { before: undefined, isReplacement: true },
      'mint_again',
    ],
  ])('%s', (_, given, verdict) => {
    expect(judgeLostMint({ ...lost, ...given })).toBe(verdict)
  })
})
