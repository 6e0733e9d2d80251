import { describe, expect, it } from '@jest/globals'
import { signLaunch } from '../../src/d360/io-signature.ts'

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
