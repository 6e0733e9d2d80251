import { describe, expect, it } from '@jest/globals'
import { hashOf } from '../../src/identifiers.ts'
import { readCallbackQuery, UnreadableReturnError } from '../../src/onboarding/callback-query.ts'

const N = 'n0nce-of_ours'.padEnd(43, 'x')
const M = 'another-nonce'.padEnd(43, 'y')
/** A query in which N stands for a nonce, as it came. */
const read = (query: string) =>
  readCallbackQuery(`/callback?${query.replaceAll('N', N).replaceAll(/\bM\b/g, M)}`)
const readPlain = (query: string) => readCallbackQuery(`/callback?${query}`)

/** Everything that others write into a place of ours. */
const foreignValues = [
  ['a short word', 'abc'],
  ['a number', '12345'],
  ['undefined', 'undefined'],
  ['null', 'null'],
  ['nothing', ''],
  ['JSON', '{"from":"web","step":2}'],
  ['JSON, escaped', '%7B%22from%22%3A%22web%22%7D'],
  ['base64 of JSON', 'eyJmcm9tIjoid2ViIn0='],
  ['a UUID', '0b1d2f9e-6a57-4c3e-9f51-2c1f2f6e7d10'],
  ['42 letters', 'a'.repeat(42)],
  ['44 letters', 'a'.repeat(44)],
  ['43 letters, one of them foreign', `${'a'.repeat(20)}~${'a'.repeat(22)}`],
  ['hex of 32 bytes', 'ab'.repeat(32)],
  ['a JWT', `${'e'.repeat(20)}.${'y'.repeat(30)}.${'z'.repeat(43)}`],
  ['a bad escape', '%E0%A4%A'],
  ['a lone per cent', '100%'],
  ['Latin-1', 'M%FCller'],
  ['NUL', '%00'],
  ['an address', 'https%3A%2F%2Fshop.example%2Fx'],
  ['[object Object]', '[object%20Object]'],
  ['a template that was not filled in', '{state}'],
  ['what a prototype has', '__proto__'],
] as const

describe('a state or nonce that cannot be one of ours', () => {
  it.each(foreignValues)('is none: %s', (_, value) => {
    for (const [ours, theirs] of [
      ['nonce', 'state'],
      ['state', 'nonce'],
    ]) {
      const rest = 'client=cl1&channels=[ch1]'
      const meant = { nonces: [N], clientId: 'cl1', channelIds: ['ch1'] }
      expect(readPlain(`${ours}=${N}&${rest}&${theirs}=${value}`)).toMatchObject(meant)
      expect(readPlain(`${theirs}=${value}&${ours}=${N}&${rest}`)).toMatchObject(meant)
      expect(readPlain(`${ours}=${value}&${rest}&${ours}=${N}`)).toMatchObject(meant)
      expect(readPlain(`${theirs}=${value}&${rest}`)).toMatchObject({ ...meant, nonces: [] })
    }
  })

  it.each([
    ['in quotes', 'state="N"'],
    ['in escaped quotes', 'state=%22N%22'],
    ['in brackets', 'state=[N]'],
    ['as an element', 'state[]=N'],
    ['as element 0', 'state%5B0%5D=N'],
    ['with blanks', 'state=+N%20'],
    ['with a line end', 'state=N%0D%0A'],
    ['with a full stop', 'state=N.'],
    ['with a slash', 'state=N/'],
    ['with padding', 'state=N='],
    ['twice, joined by a comma', 'state=N,N'],
    ['with a fragment that was escaped', 'state=N%23/home'],
    ['escaped again', `state=${escapedAgain('%2D')}`],
  ])('but ours is found %s', (_, query) => {
    expect(read(`${query}&client=cl1&channels=[ch1]`)).toMatchObject({ nonces: [N], clientId: 'cl1' })
  })

  it('is kept as it came when it is short, and nothing of a nonce is', () => {
    expect(read('state=abc&nonce=N&client=c').raw).toBe(`state=abc&nonce=${hashOf(N)}&client=c`)
    expect(readPlain(`state=${N.slice(0, 40)}&client=c`).raw).not.toContain(N.slice(0, 20))
    expect(readPlain(`state=${N.slice(1)}%3Fclient=c`).raw).not.toContain(N.slice(1, 20))
  })

  it('tells two of ours apart', () => {
    expect(read('state=N&nonce=M&client=c').nonces.toSorted()).toEqual([M, N].toSorted())
  })
})

describe('a client beside one that others wrote', () => {
  it.each([
    ['web', 'client=web&client=aBc12CL&channels=[xYz34CH]'],
    ['web, last', 'client=aBc12CL&channels=[xYz34CH]&client=web'],
    ['web, where no id has an ending', 'client=web&client=cl1&channels=[ch1]', 'cl1', 'ch1'],
    ['web, and ids of digits', 'client=web&client=4711&channels=[100200]', '4711', '100200'],
    ['web, and UUIDs', 'client=web&client=0b1d-6a57&channels=[c0fe-11aa]', '0b1d-6a57', 'c0fe-11aa'],
    ['undefined', 'client=undefined&client=aBc12CL&channels=[xYz34CH]'],
    ['null', 'client=null&client=abc&channels=[xyz]', 'abc', 'xyz'],
    ['nothing', 'client=&client=aBc12CL&channels=[xYz34CH]'],
    ['a version', 'client=web-2.1.0&client=aBc12CL&channels=[xYz34CH]'],
    ['JSON', 'client={"id":1}&client=aBc12CL&channels=[xYz34CH]'],
    ['a bad escape', 'client=%E0%A4%A&client=aBc12CL&channels=[xYz34CH]'],
    ['another system’s number', 'client=12345&client=aBc12CL&channels=[xYz34CH]'],
    ['an OAuth client', 'client=0oa1b2c3d4e5f6&client=aBc12CL&channels=[xYz34CH]'],
    ['the partner', 'client=NordlichtPA&client=aBc12CL&channels=[xYz34CH]'],
    ['itself, in quotes', 'client="aBc12CL"&client=aBc12CL&channels=[xYz34CH]'],
    ['nothing certain, and what was revoked', 'client=web&client=aBc12CL&revoked=[q]&channels=[xYz34CH]'],
  ])('is taken: %s', (_, query, clientId = 'aBc12CL', channelId = 'xYz34CH') => {
    expect(readPlain(query)).toMatchObject({ clientId, channelIds: [channelId] })
  })

  it.each([
    ['both are of the same kind', 'client=cl1&client=cl2&channels=[ch1]'],
    ['both have the ending', 'client=aCL&client=bCL&channels=[xCH]'],
    ['both have the ending, and one is of the kind', 'client=aCL&client=b1CL&channels=[ch1]'],
    ['neither is of the kind', 'client=web&client=app&channels=[ch1]'],
    ['three are there, two of the kind', 'client=web&client=cl1&client=cl2&channels=[ch1]'],
    ['there is no channel to compare with', 'client=web&client=cl1'],
    ['it is a list', 'client=[cl1,cl2]&channels=[ch1]'],
    ['nobody wrote one', 'client=undefined&channels=[ch1]'],
    ['it is not an id', 'client=my%20app&channels=[ch1]'],
  ])('is not guessed where %s: what came is kept without its nonce', (_, query) => {
    const error = readError(`state=${N}&${query}`)
    expect(error).toMatchObject({ status: 400, nonces: [N] })
    expect(error?.raw).toBe(`state=${hashOf(N)}&${query}`)
  })
})

describe('lists beside what others wrote', () => {
  it.each([
    ['a word', 'channels=all&channels=[aCH,bCH]'],
    ['several words', 'channels=email sms&channels=[aCH,bCH]'],
    ['a bad escape of others', 'x=%E0%A4%A&channels=[aCH,bCH]'],
    ['undefined', 'channels=undefined&channels=[aCH,bCH]'],
    ['a revocation that is none', 'revoked=undefined&channels=[aCH,bCH]'],
    ['a revocation that cannot be read', 'revoked=%E0%A4%A&channels=[aCH,bCH]'],
    ['revocations of strange ids', 'revoked=[<q>]&channels=[aCH,bCH]'],
    ['elements by number', 'channels[0]=aCH&channels[1]=bCH'],
    ['elements by number, escaped', 'channels%5B0%5D=aCH&channels%5B1%5D=bCH'],
    ['what was escaped twice', 'channels=%255BaCH%252CbCH%255D'],
    ['what was escaped three times', 'channels=%25255BaCH%25252CbCH%25255D'],
  ])('are read: %s', (_, query) => {
    expect(readPlain(`client=cCL&${query}`)).toMatchObject({
      clientId: 'cCL',
      channelIds: ['aCH', 'bCH'],
      revokedIds: [],
    })
  })

  it.each(['undefined', 'null', 'NaN', '[]', '()', '', '%5B%5D'])('name nothing with %s', (value) => {
    const { channelIds, clientId } = readPlain(`client=cCL&channels=${value}`)
    expect([clientId, channelIds]).toEqual(['cCL', []])
  })

  it.each([
    ['another list that cannot be read', 'channels=[aCH]&channels=[b%00]'],
    ['what cannot be decoded', 'channels=[aCH]&channels=%E0%A4%A'],
    ['one list, and it is of strange ids', 'channels=[<a>]'],
    ['a revocation alone that cannot be read', 'revoked=[<a>]'],
  ])('are not read in part: %s', (_, query) => {
    expect(readError(`state=${N}&client=cCL&${query}`)).toMatchObject({ nonces: [N] })
  })
})

describe('an address that was put together without looking', () => {
  const meant = { nonces: [N], clientId: 'cl1', channelIds: ['ch1', 'ch2'], revokedIds: ['ch3'] }
  const plain = 'nonce=N&client=cl1&channels=[ch1,ch2]&revoked=[ch3]&state=N'

  it.each([
    ['as it should be', plain],
    ['a second ?', plain.replace('&', '?')],
    ['? only', plain.replaceAll('&', '?')],
    ['??', `?${plain}`],
    ['&&', plain.replaceAll('&', '&&')],
    ['&amp;', plain.replaceAll('&', '&amp;')],
    ['&AMP;', plain.replaceAll('&', '&AMP;')],
    ['&amp without its semicolon is another name, but escaped it is read', plain.replaceAll('&', '&amp%3B')],
    ['&amp;amp;', plain.replaceAll('&', '&amp;amp;')],
    ['?&amp;', plain.replace('&', '?&amp;')],
    ['&%2338;', plain.replaceAll('&', '&%2338;')],
    ['&%23x26;', plain.replaceAll('&', '&%23x26;')],
    ['an escaped ?', plain.replace('&', '%3F')],
    ['an escaped &', plain.replace('&', '%26')],
    [
      'escaped from the first & on',
      `nonce=N${encodeURIComponent('&client=cl1&channels=[ch1,ch2]&revoked=[ch3]')}`,
    ],
    ['escaped as a whole', encodeURIComponent(plain)],
    ['escaped as a whole, twice', encodeURIComponent(encodeURIComponent(plain))],
    ['escaped as a whole, and state added', `${encodeURIComponent(plain.slice(0, -8))}&state=N`],
    ['escaped &amp;', plain.replaceAll('&', '%26amp%3B')],
    ['a fragment that was escaped', plain.replace('&', '%23/home?')],
    ['a slash behind it', `${plain}/`],
  ])('is read: %s', (_, query) => {
    expect(read(query)).toMatchObject(meant)
  })

  it.each([
    ['a query inside somebody else’s value', 'back=https%3A%2F%2Fx.example%2F%3Fclient%3Dweb%26state%3DM'],
    ['a name that only begins alike', 'clients=web&statement=M&nonce2=M'],
    ['another case', 'Client=web&STATE=M'],
    ['an object', 'client[id]=web&state[x]=M'],
  ])('leaves alone %s', (_, query) => {
    expect(read(`${plain}&${query}`)).toMatchObject(meant)
  })
})

function escapedAgain(hyphen: string): string {
  return N.replaceAll('-', hyphen.replaceAll('%', '%25'))
}

function readError(query: string): UnreadableReturnError | undefined {
  try {
    readPlain(query)
    return undefined
  } catch (error) {
    expect(error).toBeInstanceOf(UnreadableReturnError)
    return error as UnreadableReturnError
  }
}
