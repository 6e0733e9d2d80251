import { describe, expect, it } from '@jest/globals'
import { newCode, newId } from '../src/identifiers.ts'

describe('ids', () => {
  it('sort in the order in which they were made, within a millisecond too', () => {
    const now = new Date('2026-03-02T09:00:00.000Z')
    const made = Array.from({ length: 2_000 }, () => newId('aud', now))
    made.push(newId('aud', new Date(now.getTime() + 1)))
    expect(made.toSorted()).toEqual(made)
    expect(new Set(made).size).toBe(made.length)
  })

  it('are codes without letters that are mistaken for others, where people read them out', () => {
    for (let times = 0; times < 1_000; times += 1)
      expect(newCode()).toMatch(/^[2-9A-HJKMNP-TV-Z]{3}-[2-9A-HJKMNP-TV-Z]{3}$/)
  })
})
