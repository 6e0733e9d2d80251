import { describe, expect, it } from '@jest/globals'
import { matchShares, readSharedNumbers } from '../../src/d360/shared-numbers.ts'

const channels = [
  { id: 'ch1', phoneNumber: '+4930123456' },
  { id: 'ch2', phoneNumber: '+4930999999' },
  { id: 'ch3' },
]
const sharedIn = (answer: unknown) => {
  const shared = readSharedNumbers(answer)
  const ids = shared && matchShares(shared, channels)
  return ids && [...ids]
}

describe('the numbers that a client shares', () => {
  it.each<[unknown, string[]]>([
    [[], []],
    [['ch1'], ['ch1']],
    [
      ['ch1', 'ch3'],
      ['ch1', 'ch3'],
    ],
    [['4930123456'], ['ch1']],
    [
      ['+49 30 999999', 'ch1'],
      ['ch2', 'ch1'],
    ],
    [[4930123456], ['ch1']],
    [{ shared_client_numbers: ['ch2'] }, ['ch2']],
    [{ count: 1, total: 1, data: [{ id: 'ch1' }] }, ['ch1']],
    [{ numbers: [{ channel_id: 'ch1', id: '17' }] }, ['ch1']],
    [{ numbers: [{ phone_number: '+4930999999' }] }, ['ch2']],
    [{ numbers: [{ id: 'meta-17', phone_number: '+4930999999' }] }, ['ch2']],
  ])('are read from %j', (answer, ids) => {
    expect(sharedIn(answer)).toEqual(ids)
  })

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['text', 'ch1'],
    ['an object without an array', { success: true }],
    ['an object with two arrays', { a: ['ch1'], b: [] }],
    ['rows that name nothing', [{ name: 'Shop' }]],
    ['rows of another kind', [null]],
    ['arrays in an array', [['ch1']]],
    ['ids that are none of the client’s channels', ['104000000000001']],
    ['one that is known beside one that is not', ['ch1', 'ch9']],
  ])('are not told by %s: that is never a no', (_, answer) => {
    expect(sharedIn(answer)).toBeUndefined()
  })
})
