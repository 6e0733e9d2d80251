import { describe, expect, it } from '@jest/globals'
import { launchLink, signLaunch } from '../../src/d360/launch-link.ts'

const template = 'https://hub.360dialog.com/dashboard/app/{partner_id}/permissions'
const partnerId = 'f167CmPA'

describe('the link to the permission screen', () => {
  it('needs nothing but the partner', () => {
    expect(launchLink({ template, partnerId }).href).toBe(
      'https://hub.360dialog.com/dashboard/app/f167CmPA/permissions',
    )
  })

  it('carries every value percent-encoded, the number first and in digits only', () => {
    const link = launchLink({
      template,
      partnerId,
      email: 'anna+x@shop.example',
      name: 'Käse & Söhne',
      number: '+49 (30) 123-456',
      state: 'abc_-',
      redirectUrl: 'https://connect.example/callback?nonce=a&b=c d',
      ioSignature: { signature: 'ff00', timestamp: 1775653748 },
    })
    expect(link.search).toBe(
      '?number=4930123456&email=anna%2Bx%40shop.example&name=K%C3%A4se%20%26%20S%C3%B6hne&state=abc_-' +
        '&redirect_url=https%3A%2F%2Fconnect.example%2Fcallback%3Fnonce%3Da%26b%3Dc%20d' +
        '&io_signature=ff00&io_timestamp=1775653748',
    )
  })

  it('leaves empty values out', () => {
    const link = launchLink({ template, partnerId, email: '', name: undefined, number: '+', state: '' })
    expect(link.search).toBe('')
  })

  it('keeps the query of the template, after the number', () => {
    const link = launchLink({
      template: `${template}?plan_selection=regular&state=old&lang=de`,
      partnerId,
      number: '4930',
      state: 'new',
    })
    expect(link.search).toBe('?number=4930&plan_selection=regular&lang=de&state=new')
  })

  it('encodes the partner id, and takes a template without one', () => {
    expect(launchLink({ template, partnerId: 'a/../$&?b' }).pathname).toBe(
      '/dashboard/app/a%2F..%2F%24%26%3Fb/permissions',
    )
    const own = 'https://app.360dialog.com/onboarding/f167CmPA'
    expect(launchLink({ template: own, partnerId: 'other' }).href).toBe(own)
  })
})

describe('the signature of a launch', () => {
  const now = new Date(1775653748_999)

  it('is HMAC-SHA512 over partner id and unix seconds, in lower-case hex', () => {
    expect(signLaunch({ platformSecret: 'platform secret', partnerId: 'aAbBcCPA', now })).toEqual({
      signature: EXPECTED,
      timestamp: 1775653748,
    })
  })

  it.each([
    { platformSecret: 'another', partnerId: 'aAbBcCPA', now },
    { platformSecret: 'platform secret', partnerId: 'other', now },
    { platformSecret: 'platform secret', partnerId: 'aAbBcCPA', now: new Date(1775653749_000) },
  ])('changes with the secret, the partner and the second', (launch) => {
    expect(signLaunch(launch).signature).not.toBe(EXPECTED)
  })
})

// printf 'aAbBcCPA|1775653748' | openssl dgst -sha512 -hmac 'platform secret'
const EXPECTED =
  'f94d54ff48e67d95c6a40050881da54f0bcc94acc31cae2854555cb5a8fdded2' +
  'a99a1c1d41477215d686bb81552b86df54a8954bb742fc6a8e534894c214a94c'
