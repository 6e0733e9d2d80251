import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import {
  domainOf,
  emailForm,
  isEmailAddress,
  isSameEmail,
  isWithinDomain,
  maskEmail,
  readEmailAddress,
} from '../src/email-address.ts'

/** Two spellings of one address each. */
const same: readonly (readonly [string, string])[] = [
  ['anna@shop.example', 'Anna@Shop.Example'],
  ['anna@müller.example', 'anna@xn--mller-kva.example'],
  ['anna@MÜLLER.example', 'anna@XN--MLLER-KVA.example'],
  ['anna@müller.example', 'anna@mu\u0308ller.example'],
  ['anna@例え.example', 'anna@xn--r8jz45g.example'],
  ['anna@mail.例え.テスト', 'ANNA@mail.xn--r8jz45g.xn--zckzah'],
  ['anna@пример.испытание', 'anna@xn--e1afmkfd.xn--80akhbyknj4f'],
  ['anna@straße.example', 'anna@xn--strae-oqa.example'],
  ['anna@STRAẞE.example', 'anna@straße.example'],
  ['anna@نامه\u200cای.example', 'anna@xn--mgba3gch31f060k.example'],
  ['andré@shop.example', 'ANDRE\u0301@shop.example'],
  ['анна@почта.example', 'АННА@xn--80a1acny.example'],
  ["o'neil+whatsapp@shop.example", "O'Neil+WhatsApp@shop.example"],
  ['anna@shop.example', 'an\u200bna@shop.example'],
  ['anna@shop.example', '\ufeffanna@shop.example\u200e'],
  ['anna@shop.example', 'an\u00adna@sh\u00adop.example'],
  ['anna@shop.example', 'an\u200dna@sh\u200dop.example'],
  ['anna@müller.example', 'anna@mül\u2060ler.example'],
  [' anna@shop.example', 'anna@shop.example\u00a0'],
]

/** Two addresses each that somebody could take for one. */
const others: readonly (readonly [string, string])[] = [
  // Letters of another alphabet, and letters that only look alike.
  ['anna@shop.example', 'аnna@shop.example'],
  ['anna@apple.example', 'anna@аpple.example'],
  ['anna@apple.example', 'anna@xn--pple-43d.example'],
  ['anni@shop.example', 'annı@shop.example'],
  ['info@shop.example', 'İnfo@shop.example'],
  ['anna@shop.example', 'anna@ѕhop.example'],
  ['anna@shop.example', 'anna@shöp.example'],
  ['anna@strasse.example', 'anna@straße.example'],
  ['anna@νικος.example', 'anna@νικοσ.example'],
  // What NFKC would make the same.
  ['anna@shop.example', 'ａnna@shop.example'],
  ['anna@shop.example', 'anna＠shop.example'],
  ['anna@shop.example', 'anna@ｓhop.example'],
  ['anna@shop.example', 'anna@shop．example'],
  ['anna@shop.example', 'anna@ſhop.example'],
  ['anna@fine.example', 'anna@ﬁne.example'],
  ['anna1@shop.example', 'anna¹@shop.example'],
  ['anna@viii.example', 'anna@ⅷ.example'],
  // A name in Punycode that says no more than its letters is no domain; nor is what a web address would be.
  ['anna@example.com', 'anna@xn--example-.com'],
  ['anna@shop.example', 'anna@shop.example/mail'],
  ['anna@shop.example', 'anna@sh%6Fp.example'],
  ['anna@127.0.0.1', 'anna@0x7f.1'],
  ['anna@shop.example', 'anna@shop.example.'],
  ['anna@shop.example', 'anna@eve.example@shop.example'],
  // A joiner that spells another word.
  ['anna@نامهای.example', 'anna@نامه\u200cای.example'],
  ['क्ष@shop.example', 'क्\u200dष@shop.example'],
  // Other mailboxes, or maybe.
  ['anna@shop.example', 'anna+1@shop.example'],
  ['anna@shop.example', 'an.na@shop.example'],
  ['oneil@shop.example', "o'neil@shop.example"],
  ['xn--mller-kva@shop.example', 'müller@shop.example'],
  ['anna@shop.example', 'anna@mail.shop.example'],
]

describe('two addresses', () => {
  it.each(same)('%j and %j are one', (one, other) => {
    expect(emailForm(other)).toBe(emailForm(one))
    expect([isSameEmail(one, other), isSameEmail(other, one)]).toEqual([true, true])
  })

  it.each(others)('%j and %j are two', (one, other) => {
    expect([isSameEmail(one, other), isSameEmail(other, one)]).toEqual([false, false])
  })

  it('of which one is not known are none', () => {
    expect(isSameEmail(undefined, undefined)).toBe(false)
    expect(isSameEmail('anna@shop.example', undefined)).toBe(false)
    expect(isSameEmail('', '')).toBe(false)
  })

  it('are compared in a form that is its own form, whatever they are', () => {
    const letters = fc.constantFrom(...same.flat(), ...others.flat()).chain((text) => {
      return fc.constantFrom(...text)
    })
    const odd = fc.string({
      unit: fc.oneof(letters, fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 })),
    })
    fc.assert(
      fc.property(odd, odd, (local, domain) => {
        const form = emailForm(`${local}@${domain}`)
        expect(emailForm(form)).toBe(form)
      }),
      { numRuns: 2_000 },
    )
  })

  it('of ASCII letters are one only when they differ in nothing but capitals', () => {
    const text = fc.string({ unit: fc.constantFrom(..."abABxnz01-.+@'"), maxLength: 12 })
    fc.assert(
      fc.property(text, text, (one, other) => {
        fc.pre(!/xn--/i.test(one + other) && one.trim() !== '')
        expect(isSameEmail(one, other)).toBe(one.toLowerCase() === other.toLowerCase())
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('what somebody typed', () => {
  it.each([
    ['anna@shop.example', 'anna@shop.example'],
    ['  Anna@Shop.Example ', 'Anna@Shop.Example'],
    ["o'neil+whatsapp@shop.example", "o'neil+whatsapp@shop.example"],
    ['r&d@shop.example', 'r&d@shop.example'],
    ['anna@müller.example', 'anna@müller.example'],
    ['anna@mu\u0308ller.example', 'anna@müller.example'],
    ['anna@xn--mller-kva.example', 'anna@xn--mller-kva.example'],
    ['anna@例え.example', 'anna@例え.example'],
    ['anna@例え.テスト', 'anna@例え.テスト'],
    ['用户@例子.广告', '用户@例子.广告'],
    ['andré@shop.example', 'andré@shop.example'],
    ['अजय@डाटा.भारत', 'अजय@डाटा.भारत'],
    ['\u200banna@shop.example\ufeff', 'anna@shop.example'],
    ['\u202aanna@shop.example\u202c', 'anna@shop.example'],
    ['anna@shop.co.uk', 'anna@shop.co.uk'],
    ['12345@shop.example', '12345@shop.example'],
  ])('%j is the address %j', (typed, address) => expect(readEmailAddress(typed)).toBe(address))

  it.each([
    '',
    'anna',
    'anna@',
    '@shop.example',
    'anna@localhost',
    'anna@shop',
    'anna@shop..example',
    'anna@.example',
    'anna@shop.example.',
    'anna@-shop.example',
    'anna@shop-.example',
    'anna@shop_a.example',
    'anna@1.2.3.4',
    'anna@[1.2.3.4]',
    'anna@xn--a.example',
    'anna@xn--example-.com',
    'anna@xn--mller-kva',
    'anna@shop.example/x',
    'anna@sh%6Fp.example',
    'anna@ｓhop.example',
    'anna＠shop.example',
    'anna＠eve.example@shop.example',
    '.anna@shop.example',
    'anna.@shop.example',
    'an..na@shop.example',
    'an na@shop.example',
    'anna@shop.example, eve@shop.example',
    'anna@shop.example;eve@shop.example',
    'Anna <anna@shop.example>',
    'anna@eve.example@shop.example',
    '"anna"@shop.example',
    'anna\n@shop.example',
    '☎@shop.example',
    `${'a'.repeat(65)}@shop.example`,
    `anna@${'a'.repeat(64)}.example`,
    `anna@${'ü'.repeat(60)}.example`,
    `anna@${'shop.'.repeat(60)}example`,
  ])('%j is no address', (typed) => {
    expect(readEmailAddress(typed)).toBeUndefined()
    expect(isEmailAddress(typed)).toBe(false)
  })
})

describe('the domain of an address', () => {
  it.each([
    ['anna@Shop.Example', 'shop.example'],
    ['anna@müller.example', 'xn--mller-kva.example'],
    ['anna@XN--MLLER-KVA.example', 'xn--mller-kva.example'],
    ['anna@mail\u00adinator.com', 'mailinator.com'],
    ['anna@eve.example@shop.example', 'shop.example'],
    ['anna@localhost', 'localhost'],
    ['anna@', ''],
    ['', ''],
  ])('%j is %j, as a host is written', (email, domain) => expect(domainOf(email)).toBe(domain))

  it.each([
    ['shop.example', 'shop.example', true],
    ['mail.shop.example', 'shop.example', true],
    ['notshop.example', 'shop.example', false],
    ['shop.example', 'mail.shop.example', false],
    ['shop.example', '', false],
    ['mail.xn--mller-kva.example', 'xn--mller-kva.example', true],
  ])('%s is within %j: %s', (domain, other, within) => expect(isWithinDomain(domain, other)).toBe(within))
})

it.each([
  ['anna@shop.example', 'a•••@shop.example'],
  ['andré@müller.example', 'a•••@müller.example'],
  ['アンナ@例え.example', 'ア•••@例え.example'],
  ['😀x@shop.example', '😀•••@shop.example'],
])('%s is shown as %s', (email, masked) => expect(maskEmail(email)).toBe(masked))

it('is compared, checked and taken apart in one place', () => {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  )
  // The simulator plays somebody else, who has rules of its own.
  const elsewhere = files.filter((file) => file !== 'email-address.ts' && !file.startsWith('simulator'))
  const suspicious = [
    /z\.email|domainTo(?:ASCII|Unicode)|ndexOf\('@'\)|split\('@'\)/,
    /[eE]mails?(?:\[\d\])?\)? [!=]== (?!undefined|0\b)|[!=]== [\w.?]*[eE]mail\b/,
    /[eE]mails?(?:\[\d\])?\??\.(?:toLowerCase|normalize|split|indexOf|lastIndexOf|endsWith|includes)\(/,
  ]
  expect(
    elsewhere.filter((file) => suspicious.some((one) => one.test(readFileSync(`src/${file}`, 'utf8')))),
  ).toEqual([])
})
