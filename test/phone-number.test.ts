import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { isSameLine, readPhoneNumber, showPhoneNumber, spellingsOf } from '../src/phone-number.ts'

/** Each line in both spellings that WhatsApp keeps. */
const lines: readonly (readonly [string, string])[] = [
  ['+525512345678', '+5215512345678'],
  ['+528112345678', '+5218112345678'],
  ['+526641234567', '+5216641234567'],
  ['+541123456789', '+5491123456789'],
  ['+543511234567', '+5493511234567'],
  ['+542211234567', '+5492211234567'],
  ['+551187654321', '+5511987654321'],
  ['+556298765432', '+5562998765432'],
  ['+557161234567', '+5571961234567'],
  ['+22997123456', '+2290197123456'],
]

describe('two numbers', () => {
  it.each(lines)('%s and %s are one line, in either order', (one, other) => {
    expect([isSameLine(one, other), isSameLine(other, one)]).toEqual([true, true])
    expect(spellingsOf(one)).toEqual(spellingsOf(other))
    expect(spellingsOf(one)).toEqual([one, other])
  })

  it.each([
    ['+493012345678', '+493012345678', true],
    ['+493012345678', '+49301234567', false],
    ['+493012345678', '+4903012345678', false],
    // A landline with a 9 before it would be somebody's mobile.
    ['+551132345678', '+5511932345678', false],
    ['+551142345678', '+5511942345678', false],
    ['+525512345678', '+5255123456789', false],
    ['+5215512345678', '+5216512345678', false],
    ['+541123456789', '+5411234567890', false],
    ['+12025550123', '+112025550123', false],
    ['+525512345678', '+545512345678', false],
    ['+22997123456', '+2290297123456', false],
    ['+5511987654321', '+5521987654321', false],
  ])('%s and %s: %s', (one, other, same) => {
    expect([isSameLine(one, other), isSameLine(other, one)]).toEqual([same, same])
  })

  it('of which one is not known are no line', () => {
    expect(isSameLine(undefined, undefined)).toBe(false)
    expect(isSameLine('+493012345678', undefined)).toBe(false)
  })
})

describe('a number', () => {
  it.each([
    ['+49 30 123456', '+4930123456'],
    ['0049 30 123456', '+4930123456'],
    ['+49 (0)30 123456', '+4930123456'],
    ['+52 1 55 1234 5678', '+5215512345678'],
    ['+52 55 1234 5678', '+525512345678'],
    ['+54 9 11 2345-6789', '+5491123456789'],
    ['+55 62 9876-5432', '+556298765432'],
    ['\u200e+49\u00a030 123456\u2069', '+4930123456'],
    ['\uff0b\uff14\uff19 30 123456', '+4930123456'],
    ['030 123456', undefined],
    ['+49', undefined],
    ['call me', undefined],
  ])('is read from %j as %s', (text, number) => expect(readPhoneNumber(text)).toBe(number))

  it.each(lines.flat())('is shown as 360dialog says: %s', (number) => {
    expect(showPhoneNumber(number).replaceAll(/[^+\d]/g, '')).toBe(number)
  })
})

it('is compared and taken apart in one place', () => {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  )
  const elsewhere = files.filter((file) => file !== 'phone-number.ts' && !file.startsWith('simulator'))
  const suspicious = /libphonenumber|[pP]honeNumber\)? (===|!==) (?!undefined)|replaceAll\(\/\\D\/g/
  expect(elsewhere.filter((file) => suspicious.test(readFileSync(`src/${file}`, 'utf8')))).toEqual([])
})
