import { describe, expect, it } from '@jest/globals'
import { coverPairs, pairsOf } from './pairwise.ts'

const factors = {
  size: ['s', 'm', 'l', 'xl'],
  colour: ['red', 'blue', ''],
  is_new: [true, false],
  spare: [0, 1],
}

describe('combinations of pairs', () => {
  it('has each pair of values once', () => {
    const pairs = pairsOf(factors)
    expect(pairs).toHaveLength(4 * 3 + 4 * 2 + 4 * 2 + 3 * 2 + 3 * 2 + 2 * 2)
    expect(new Set(pairs).size).toBe(pairs.length)
  })

  it('meets every pair, in few combinations of known values, always in the same ones', () => {
    const combinations = coverPairs(factors)
    expect(missedBy(combinations)).toEqual([])
    expect(combinations.length).toBeLessThan(4 * 3 * 2)
    for (const combination of combinations)
      for (const [name, values] of Object.entries(factors)) expect(values).toContain(combination[name])
    expect(coverPairs(factors)).toEqual(combinations)
  })

  it('adds what is missing to what is there, and nothing to what is whole', () => {
    const some = coverPairs({ ...factors, size: ['s', 'm'] })
    const more = coverPairs(factors, some)
    expect(missedBy([...some, ...more])).toEqual([])
    expect(missedBy(more)).not.toEqual([])
    expect(coverPairs(factors, coverPairs(factors))).toEqual([])
  })
})

/** Counted another way than the generator does. */
function missedBy(combinations: readonly Readonly<Record<string, unknown>>[]): unknown[] {
  const all = Object.entries(factors)
  return all.flatMap(([one, values]) =>
    all.flatMap(([other, others]) =>
      values.flatMap((a) =>
        others.flatMap((b) => {
          const isMet = combinations.some((row) => row[one] === a && row[other] === b)
          return isMet || one === other ? [] : [[one, a, other, b]]
        }),
      ),
    ),
  )
}
