import { describe, expect, it } from '@jest/globals'
import type { Account } from '../../src/channels/account-service.ts'
import { findKnownRefusals } from '../../src/onboarding/known-refusals.ts'

const partner = {
  supportEmail: 'help@nordlicht.example',
  publicUrl: new URL('https://connect.nordlicht-app.co.uk'),
}
const hub = { id: 1, isBlocked: false, isAddingRefused: false, observedAt: new Date() }
const account = (used: number, limit?: number, hasNumber = false): Account => ({ used, limit, hasNumber })
const codesOf = (given: Partial<Parameters<typeof findKnownRefusals>[0]>) =>
  findKnownRefusals({ email: undefined, accounts: [], hub, partner, ...given }).map(({ code }) => code)

describe('what 360dialog will refuse', () => {
  it.each([
    ['anna@shop.example', []],
    ['anna@gmail.com', []],
    ['anna@web.de', ['restricted_email']],
    ['ANNA@WEB.DE', ['restricted_email']],
    ['anna@mailinator.com', ['restricted_email']],
    ['anna@web.de.shop.example', []],
    ['help@nordlicht.example', ['partner_email']],
    ['Anna@Sales.Nordlicht.example', ['partner_email']],
    ['anna@notnordlicht.example', []],
    ['anna@nordlicht-app.co.uk', ['partner_email']],
    ['anna@connect.nordlicht-app.co.uk', ['partner_email']],
    ['anna@other.co.uk', []],
    ['anna@uk', []],
    ['anna@ma\u200bilinator.com', ['restricted_email']],
    ['anna@\u200fweb.de\u200e', ['restricted_email']],
    ['anna@wéb.de', []],
  ])('of a new account with %s: %j', (email, codes) => {
    expect(codesOf({ email })).toEqual(codes)
  })

  it.each(['gmail.com', 'GMX.de', 't-online.de', 'web.de', 'posteo.de'])(
    'is of an address at %s, where the partner has its own too, that address only',
    (domain) => {
      const elsewhere = { ...partner, supportEmail: `nordlicht@${domain}` }
      expect(codesOf({ partner: elsewhere, email: `Nordlicht@${domain}` })).toEqual(['partner_email'])
      expect(codesOf({ partner: elsewhere, email: `anna@${domain}` })).not.toContain('partner_email')
    },
  )

  it.each([
    ['help@bäcker.example', 'anna@xn--bcker-gra.example', ['partner_email']],
    ['help@xn--bcker-gra.example', 'Anna@Büro.BÄCKER.example', ['partner_email']],
    ['help@bäcker.example', 'anna@backer.example', []],
    ['ÉLAN@gmail.com', 'e\u0301lan@gmail.com', ['partner_email']],
    [undefined, 'anna@例え.jp', ['partner_email']],
    [undefined, 'anna@xn--r8jz45g.jp', ['partner_email']],
    [undefined, 'anna@例.jp', []],
  ])('is with %s as the address for help and a site at 例え.jp to %s: %j', (supportEmail, email, codes) => {
    const abroad = { supportEmail, publicUrl: new URL('https://connect.例え.jp') }
    expect(codesOf({ partner: abroad, email })).toEqual(codes)
  })

  it('is on this machine and without a support address no address of anybody', () => {
    const local = { supportEmail: undefined, publicUrl: new URL('http://localhost:3000') }
    for (const email of ['anna@localhost', 'anna@shop.example', 'anna@'])
      expect(codesOf({ partner: local, email })).toEqual([])
  })

  it.each<[Account[], string[]]>([
    [[account(1, 2)], []],
    [[account(2, 2)], ['limit_used_up']],
    [[account(3, 2)], ['limit_used_up']],
    [[account(0, 0)], ['limit_used_up']],
    [[account(9)], []],
    [[account(2, 2, true)], []],
    [[account(2, 2), account(1, 2)], []],
    [[account(2, 2), account(5, 5)], ['limit_used_up']],
  ])('of another number: %j', (accounts, codes) => {
    expect(codesOf({ accounts })).toEqual(codes)
  })

  it('of a new account is nothing to somebody who has one', () => {
    expect(codesOf({ email: 'anna@web.de', accounts: [account(1, 2)] })).toEqual([])
  })

  it('of everything new is said once, and only when it is known', () => {
    expect(codesOf({ hub: undefined })).toEqual([])
    expect(codesOf({ hub: { ...hub, isBlocked: true, isAddingRefused: true } })).toEqual(['hub_blocked'])
    expect(codesOf({ hub: { ...hub, isAddingRefused: true } })).toEqual(['no_new_numbers'])
  })
})
