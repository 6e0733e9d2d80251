import { describe, expect, it } from '@jest/globals'
import { launchLink } from '../../src/d360/launch-link.ts'

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
