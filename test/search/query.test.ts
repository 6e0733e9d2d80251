import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { readQuery } from '../../src/search/query.ts'
import { emailTerms, idTerm, nameTerms, numberTerms } from '../../src/search/terms.ts'

/** Whether what was typed finds a row with these terms, as the index does it. */
function finds(typed: string, terms: readonly string[]): boolean {
  const { exact, parts } = readQuery(typed)
  if (exact.some((term) => terms.includes(term))) return true
  const has = (prefix: string) => terms.some((term) => term.startsWith(prefix))
  return parts.length > 0 && parts.every((part) => part.some(has))
}

describe('what is looked for', () => {
  it.each([
    'müller',
    'MULLER',
    'mueller',
    'arzte',
    'Ärz',
    'gmbh müller',
    'müllerärzte',
    'Müller-Ärzte',
    '"Müller Ärzte"',
    'm%',
    'aerzte & gmbh',
  ])('is a name: %j', (typed) => {
    expect(finds(typed, nameTerms('MÜLLER Ärzte GmbH'))).toBe(true)
  })

  it.each(['ller', 'müller & söhne', 'gmbhx', '', ' ', '%', '_', '\0', '\ud800', '☕️', '\u0301'])(
    'is not that name: %j',
    (typed) => expect(finds(typed, nameTerms('MÜLLER Ärzte GmbH'))).toBe(false),
  )

  it.each(['K7Q-2MD', 'K7Q 2MD', 'k7q2md', ' k7q\u20112md\u200e', 'K7Q–2MD.', 'Code: K7Q-2MD', '„k7q-2md“'])(
    'is a code: %j',
    (typed) => expect(readQuery(typed).exact).toContain(idTerm('K7Q-2MD')),
  )

  it('is a code of letters alone, too', () => expect(readQuery('abc-def').exact).toEqual(['=abcdef']))

  it.each(['müller', 'acme', 'shop-a'])('is no id for certain: %j', (typed) =>
    expect(readQuery(typed).exact).toEqual([]),
  )

  it.each(['Anna.B@shop-müller.de ', 'mailto:anna.b@shop-müller.de', 'Anna B. <ANNA.B@SHOP-MÜLLER.DE>;'])(
    'is an e-mail address: %j',
    (typed) => expect(readQuery(typed).exact).toContain(emailTerms('anna.b@shop-müller.de')[0]),
  )

  it.each(['@shop-mueller.de', 'shop-müller.de', 'shop', 'anna.b@', 'anna.b@sho'])(
    'is a part of an e-mail address: %j',
    (typed) => expect(finds(typed, emailTerms('anna.b@shop-müller.de'))).toBe(true),
  )

  it.each([
    '+493012345678',
    '+49 30 123 45 678',
    '+49 (0)30 / 1234-5678',
    '+49 (030) 12345678',
    '+49 030 12345678',
    '0049 30 12345678',
    '(+49) 30 12345678',
    '+49\u00a030\u00a012345678',
    '+49\u201130\u201112345678',
    '\u202a+49 30 12345678\u202c',
    '+４９３０１２３４５６７８',
    'https://wa.me/493012345678?text=Hallo%202025',
    'https://api.whatsapp.com/send?phone=%2B493012345678',
    'whatsapp://send?phone=493012345678',
    'tel:+49-30-12345678',
    'Tel.: +49 30 12345678',
    '493012345678',
  ])('is a whole number: %j', (typed) => {
    const [whole = ''] = numberTerms('+493012345678')
    expect(readQuery(typed).exact).toContain(whole)
  })

  it.each([
    '030 12345678',
    '030/12345678',
    '(030) 1234 5678',
    '12345678',
    '5678',
    '345678',
    '٥٦٧٨',
    '+49 30',
    '0049301',
    '+4930123',
    '493012',
    '…5678',
    '••• 5678',
    '+49 ••• 5678',
  ])('is a part of a number: %j', (typed) => expect(finds(typed, numberTerms('+493012345678'))).toBe(true))

  it.each(['678', '1234', '0305678', '+43 30', '+1 5678'])('is not that number: %j', (typed) =>
    expect(finds(typed, numberTerms('+493012345678'))).toBe(false),
  )

  it('is the end of a number that begins with zeros, and a number that keeps its zero', () => {
    expect(finds('0012', numberTerms('+4930120012'))).toBe(true)
    expect(finds('06 1234567', numberTerms('+39061234567'))).toBe(true)
    expect(finds('+39 06 1234567', numberTerms('+39061234567'))).toBe(true)
  })

  it('is a name with a number in it, or beside one', () => {
    expect(finds('shop 24', nameTerms('Shop 24 7777 GmbH'))).toBe(true)
    expect(finds('24 7777', nameTerms('Shop 24 7777 GmbH'))).toBe(true)
    const both = [...nameTerms('Müller GmbH'), ...numberTerms('+493012345678')]
    expect(finds('müller 030 1234 5678', both)).toBe(true)
    expect(finds('+49 30 123 müller', both)).toBe(true)
    expect(finds('müller 9999', both)).toBe(false)
  })

  it('has no more than some parts', () => {
    expect(readQuery('a b c d e f g h i j k').parts).toHaveLength(6)
  })
})

describe('what is kept of a row', () => {
  it('is little, however much a stranger writes', () => {
    for (const name of [
      'word '.repeat(10_000),
      'x'.repeat(100_000),
      '\ufdfa'.repeat(10_000),
      '𝟘'.repeat(999),
    ]) {
      const terms = nameTerms(name)
      expect(terms.length).toBeLessThanOrEqual(9)
      for (const term of terms) {
        expect([...term].length).toBeLessThanOrEqual(48)
        expect(term.isWellFormed()).toBe(true)
      }
    }
  })

  it('is something of everything that somebody writes, and is found again by it', () => {
    const unicode = fc.string({ unit: 'binary', maxLength: 600 })
    fc.assert(
      fc.property(unicode, (text) => {
        const terms = [...nameTerms(text), ...emailTerms(text), ...numberTerms(text), idTerm(text)]
        for (const term of terms) {
          expect(term).toMatch(/^[=<]?[\p{L}\p{N}\p{M} ]*$/u)
          expect(term).not.toBe('')
          expect([...term].length).toBeLessThanOrEqual(48)
        }
        const [first] = nameTerms(text)
        if (first) expect(finds(first, nameTerms(text))).toBe(true)
      }),
    )
  })

  it.each(['anna@', '@', '', '@shop', `${'a'.repeat(500)}@shop.example`, `anna@${'a'.repeat(500)}`])(
    'is no empty term, although %j is no address',
    (email) => expect(emailTerms(email)).not.toContain(''),
  )

  it('is nothing of a name without letters', () => {
    expect(nameTerms('\u0301'.repeat(500))).toEqual([])
    expect(nameTerms('☕️ & •')).toEqual([])
    expect(nameTerms(undefined)).toEqual([])
    expect(numberTerms(undefined)).toEqual([])
  })

  it('is what finds it again when it is longer than is kept', () => {
    const name = `${'wort'.repeat(30)} ${'ende'.repeat(30)}`
    for (const typed of [name, 'ende'.repeat(30), 'wortwort', 'ende'.repeat(11)])
      expect([typed, finds(typed, nameTerms(name))]).toEqual([typed, true])
    expect(finds('x'.repeat(100), [idTerm('x'.repeat(100))])).toBe(true)
  })
})
