import { describe, expect, it } from '@jest/globals'
import { findNameProblem } from '../../src/onboarding/company-name.ts'

describe('the name that a company gives itself', () => {
  it.each([
    ...[
      'Nordlicht',
      'nord licht support',
      'NORD-LICHT',
      'N.o.r.d.l.i.c.h.t',
      'Team Nordlicht GmbH',
      'Nördlicht',
    ],
    // Full width; Cyrillic о, с; Greek ο, Ν, Η; digits; l, I and 1 for each other.
    ...['Ｎｏｒｄｌｉｃｈｔ', 'Nоrdliсht', 'ΝοrdlicΗt', 'N0rdl1cht', 'NordIicht', 'Nord|icht', '𝐍𝐨𝐫𝐝𝐥𝐢𝐜𝐡𝐭'],
  ])('is not the partner’s, however it is written: %s', (company) => {
    expect(findNameProblem(company, 'Nordlicht')).toBe('form.companyIsOurs')
  })

  it('is not told apart by what looks alike only together', () => {
    expect(findNameProblem('Arnazing vvares', 'Amazing')).toBe('form.companyIsOurs')
    expect(findNameProblem('Amazing vvares', 'Wares')).toBe('form.companyIsOurs')
  })

  it.each([
    'https://shop.example',
    'Call http://x',
    'www.shop',
    'anna@shop.example',
    'shop.example/pay',
    'x.io?a',
  ])('is no address: %s', (company) =>
    expect(findNameProblem(company, 'Nordlicht')).toBe('form.companyIsAddress'),
  )

  it.each(['Shop\u202eA', 'Shop\u2067A', 'Shop\u2028A', 'Shop\u2029A', 'Shop\u200fA'])(
    'holds nothing that turns it around or breaks the line: %j',
    (company) => expect(findNameProblem(company, 'Nordlicht')).toBe('form.unprintable'),
  )

  it.each([
    ...[
      'Shop A GmbH',
      'Booking.com',
      '1&1 Mail',
      'Ivan & Söhne, Köln',
      'Кафе Север',
      'Καφέ Όλυμπος',
      'NEC日本',
    ],
    ...['St. Gallen / Wil', 'Dr. Müller', 'مقهى الشمال', 'Nord Apotheke', 'A+B: Bau'],
  ])('may be: %s', (company) => expect(findNameProblem(company, 'Nordlicht')).toBeUndefined())

  it('may have a short name of the partner in a longer word, and not alone', () => {
    expect(findNameProblem('Logo Druck', 'Go')).toBeUndefined()
    expect(findNameProblem('Team G0', 'Go')).toBe('form.companyIsOurs')
    expect(findNameProblem('Anything', '…')).toBeUndefined()
  })
})
