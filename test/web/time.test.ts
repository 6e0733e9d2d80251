import { expect, it } from '@jest/globals'
import { showTime } from '../../src/web/time.ts'

const now = new Date('2026-03-02T14:05:00.000Z')

it.each([
  [0, 'just now'],
  [-59_999, 'just now'],
  [-60_000, '1 minute ago'],
  [-3 * 60_000, '3 minutes ago'],
  [-60 * 60_000, '1 hour ago'],
  [-47 * 60 * 60_000, '1 day ago'],
  [-10 * 24 * 60 * 60_000, '10 days ago'],
  [30_000, 'in a moment'],
  [5 * 60_000, 'in 5 minutes'],
])('tells %i ms from now as "%s"', (ms, age) => {
  expect(showTime(new Date(now.getTime() + ms), now).age).toBe(age)
})

it('tells the exact time in UTC', () => {
  expect(showTime(now, now)).toEqual({
    iso: '2026-03-02T14:05:00.000Z',
    age: 'just now',
    exact: '2 Mar 2026, 14:05 UTC',
    ofDay: '14:05 UTC',
  })
})
