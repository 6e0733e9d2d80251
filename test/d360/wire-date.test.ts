import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { readDate } from '../../src/d360/wire-date.ts'

const NINE = '2026-11-25T09:00:00.000Z'

describe('a date of 360dialog', () => {
  it.each([
    ['2026-11-25T09:00:00Z', NINE],
    ['2026-11-25t09:00:00z', NINE],
    ['2026-11-25T09:00:00+00:00', NINE],
    ['2026-11-25T10:00:00+01:00', NINE],
    ['2026-11-25T10:00:00+0100', NINE],
    ['2026-11-25T10:00:00+01', NINE],
    ['2026-11-25T03:30:00-05:30', NINE],
    ['2026-11-25T03:30:00\u221205:30', NINE],
    ['2026-11-25T09:00:00-00:00', NINE],
    ['2026-11-25 09:00:00+00:00', NINE],
    ['2026-11-25 09:00:00+00', NINE],
    ['2026-11-25 09:00:00 +0000', NINE],
    ['2026-11-25 09:00:00 UTC', NINE],
    ['2026-11-25 09:00:00 utc', NINE],
    ['2026-11-25 09:00:00 GMT', NINE],
    ['2026-11-25 09:00:00 +0000 UTC', NINE],
    ['2026-11-25 10:00:00 +0100 CET', NINE],
    ['2026-11-25T10:00:00+01:00[Europe/Berlin]', NINE],
    ['2026-11-25T09:00:00Z[UTC]', NINE],
    ['2026-11-25 10:00:00 UTC+01:00', NINE],
    // Without a zone: UTC.
    ['2026-11-25T09:00:00', NINE],
    ['2026-11-25 09:00:00', NINE],
    ['2026-11-25  09:00', NINE],
    ['2026/11/25 09:00:00', NINE],
    ['20261125T090000Z', NINE],
    ['20261125', '2026-11-25T00:00:00.000Z'],
    ['2026-11-25', '2026-11-25T00:00:00.000Z'],
    ['2026-11-25Z', '2026-11-25T00:00:00.000Z'],
    ['2026-11-25T09:00:00.5Z', '2026-11-25T09:00:00.500Z'],
    ['2026-11-25T09:00:00,123Z', '2026-11-25T09:00:00.123Z'],
    ['2026-11-25T09:00:00.123456Z', '2026-11-25T09:00:00.123Z'],
    ['2026-11-25 09:00:00.999999999 +0000 UTC', '2026-11-25T09:00:00.999Z'],
    ['2026-11-25T09:00:00.123456+00:00', '2026-11-25T09:00:00.123Z'],
    // As mail, HTTP, C, Java and JavaScript write it.
    ['Wed, 25 Nov 2026 09:00:00 GMT', NINE],
    ['wed, 25 nov 2026 09:00:00 gmt', NINE],
    ['Wed, 25 Nov 2026 10:00:00 +0100', NINE],
    ['25 Nov 2026 09:00 +0000', NINE],
    ['Wed, 25 Nov 2026 09:00:00', NINE],
    ['Wednesday, 25-Nov-2026 09:00:00 UTC', NINE],
    ['Wed Nov 25 09:00:00 2026', NINE],
    ['Wed Nov 25 09:00:00 UTC 2026', NINE],
    ['Wed Nov 25 2026 10:00:00 GMT+0100 (Central European Standard Time)', NINE],
    ['Sun, 01 Mar 2026 09:00:00 GMT', '2026-03-01T09:00:00.000Z'],
    // Seconds and milliseconds since 1970.
    [1795597200, NINE],
    [1795597200000, NINE],
    [1795597200.5, '2026-11-25T09:00:00.500Z'],
    ['1795597200', NINE],
    ['1795597200000', NINE],
    ['1795597200.123456', '2026-11-25T09:00:00.123Z'],
    [' 2026-11-25T09:00:00Z\u00a0', NINE],
    ['2028-02-29T00:00:00Z', '2028-02-29T00:00:00.000Z'],
    // A leap second.
    ['2016-12-31T23:59:60Z', '2017-01-01T00:00:00.000Z'],
    ['2099-12-31T23:59:59Z', '2099-12-31T23:59:59.000Z'],
  ])('%j is read as %s', (said, date) => expect(readDate(said)?.toISOString()).toBe(date))

  it.each([
    // Day or month first?
    '03/04/2026',
    '25/11/2026 09:00:00',
    '25.11.2026',
    '03-04-2026',
    '26-11-25 09:00:00',
    'Wed, 25 Nov 26 09:00:00 GMT',
    // There is no such day or hour.
    '2026-02-30',
    '2026-02-29T00:00:00Z',
    '2026-13-01',
    '2026-00-10',
    '2026-11-00',
    '0000-00-00 00:00:00',
    '2026-11-25T25:00:00Z',
    '2026-11-25T24:30:00Z',
    '2026-11-25T09:60:00Z',
    '2026-11-25T09:00:61Z',
    '2026-11-25T09:00:00+25:00',
    '2026-11-25T09:00:00+01:75',
    'Tue, 25 Nov 2026 09:00:00 GMT',
    'Wed, 31 Nov 2026 09:00:00 GMT',
    '25 Foo 2026 09:00:00 GMT',
    // A time that nobody can place.
    '2026-11-25 09:00:00 CET',
    '2026-11-25 09:00:00 PST',
    '2026-11-25 09:00:00 AM',
    '2026-11-25T09:00:00Z+01:00',
    '2026-11-25T09:00:00 GMT+2',
    // What programs write for none.
    '0001-01-01T00:00:00Z',
    '1970-01-01T00:00:00Z',
    '20261125090000',
    'soon',
    'null',
    'NaN',
    'yesterday',
    '2026',
    '2026-11',
    '12345',
    '-1795597200',
    '1795597200Z',
    '2026-11-25T09:00:00Z; DROP TABLE',
    '2026-11-25T09:00:00Z 2027-11-25T09:00:00Z',
    0,
    -1,
    1e20,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    true,
    {},
    ['2026-11-25'],
    { $date: '2026-11-25' },
    `2026-11-25 ${' '.repeat(100_000)}x`,
  ])('%j is not read', (said) => expect(readDate(said)).toBeUndefined())

  const date = fc.date({ min: new Date('2000-01-01'), max: new Date('2280-01-01'), noInvalidDate: true })

  it('is the same in every form', () => {
    fc.assert(
      fc.property(date, fc.integer({ min: -14 * 60, max: 14 * 60 }), (at, minutes) => {
        const seconds = Math.floor(at.getTime() / 1000)
        const exact = seconds * 1000
        const local = new Date(exact + minutes * 60_000).toISOString().slice(0, 19)
        const offset = `${minutes < 0 ? '-' : '+'}${[
          Math.abs(Math.trunc(minutes / 60)),
          Math.abs(minutes % 60),
        ]
          .map((part) => String(part).padStart(2, '0'))
          .join(':')}`
        const forms = [
          ...[`${local}${offset}`, `${local.replace('T', ' ')} ${offset.replace(':', '')}`],
          ...[new Date(exact).toUTCString(), new Date(exact).toISOString(), String(new Date(exact))],
          ...[exact, String(exact)].filter(() => exact >= 1e12),
          ...[seconds, String(seconds)].filter(() => seconds >= 1e9),
        ]
        for (const form of forms) expect([form, readDate(form)?.getTime()]).toEqual([form, exact])
      }),
    )
  })

  it('is read or not, whatever it is, and never another day than it says', () => {
    const odd = fc.stringMatching(/^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]?[0-9:.+zZ -]{0,14}$/)
    fc.assert(
      fc.property(fc.oneof(odd, fc.string(), fc.anything()), (said) => {
        const read = readDate(said)
        if (read) expect(read.getTime()).not.toBeNaN()
        if (read && typeof said === 'string' && /^\d{4}-\d\d-\d\d$/.test(said))
          expect(read.toISOString().slice(0, 10)).toBe(said)
      }),
      { numRuns: 2_000 },
    )
  })
})

it('is read in one place', () => {
  const files = readdirSync('src/d360', { encoding: 'utf8' }).filter((file) => file !== 'wire-date.ts')
  const suspicious = /Date\.parse\(|new Date\((?!\)|now\b|Math\.|until\b|time\b)|z\.(?:iso|date|coerce\.date)/
  expect(files.filter((file) => suspicious.test(readFileSync(`src/d360/${file}`, 'utf8')))).toEqual([])
})
