import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { InvalidInputError } from '../../src/errors.ts'
import { type CallbackQuery, readCallbackQuery } from '../../src/onboarding/callback-query.ts'

const read = (query: string) => readCallbackQuery(`/callback?${query}`)

/** Beside an id with 360dialog's ending, one without it may be somebody else's: callback-query-foreign.test.ts. */
const id = fc
  .stringMatching(/^[A-Za-z0-9_-]{1,64}$/)
  .filter((one) => !/C[HL]$|^(?:undefined|null|NaN|none|false|true)$/.test(one))
const nonce = fc.stringMatching(/^[A-Za-z0-9_-]{43}$/)
const fewIds = fc.uniqueArray(id, { maxLength: 12 })

/** What a careless writer leaves around an id. */
const blanks = fc.constantFrom('', '', ' ', '  ', '+', '%20', '\t', '%09', '%EF%BB%BF', '%C2%A0')
const quotes = fc.constantFrom('', '', "'", '"', '%22', '%27')
const brackets = fc.constantFrom(['[', ']'], ['(', ')'], ['%5B', '%5D'], ['%5b', '%5d'], ['%28', '%29'])
const comma = fc.constantFrom(',', '%2C', '%2c')

/** One id, spelled with some of its characters escaped, in quotes and with blanks around it. */
const spelledId = (text: string) =>
  fc
    .tuple(escapedSomewhere(text), quotes, blanks, blanks)
    .map(([spelled, quote, before, after]) => `${before}${quote}${spelled}${quote}${after}`)

/** The same text, some of its characters percent-encoded, in upper or lower case. */
function escapedSomewhere(text: string): fc.Arbitrary<string> {
  const letter = (one: string) => {
    const hex = one.charCodeAt(0).toString(16).padStart(2, '0')
    return fc.constantFrom(one, one, one, `%${hex.toUpperCase()}`, `%${hex.toLowerCase()}`)
  }
  return fc.tuple(...[...text].map(letter)).map((letters) => letters.join(''))
}

/** The parameters that name these ids: one list, several, or one for each, in any bracket or in none. */
function spelledList(name: string, ids: readonly string[]): fc.Arbitrary<string[]> {
  const names = fc
    .constantFrom(name, name, `${name}[]`, `${name}%5B%5D`, `${name}%5b%5d`)
    .chain((plain) => (plain === name ? escapedSomewhere(name) : fc.constant(plain)))
  const value = (some: readonly string[]) =>
    fc
      .tuple(fc.tuple(...some.map(spelledId)), brackets, comma, fc.boolean(), fc.boolean())
      .map(([spelled, [open, close], separator, inBrackets, trailing]) => {
        const list = spelled.join(separator) + (trailing && some.length > 0 ? separator : '')
        return inBrackets ? `${open}${list}${close}` : list
      })
  return fc
    .integer({ min: 0, max: ids.length })
    .chain((cut) =>
      fc.tuple(...[ids.slice(0, cut), ids.slice(cut)].map((some) => fc.tuple(names, value(some)))),
    )
    .map((parameters) => parameters.map(([spelledName, list]) => `${spelledName}=${list}`))
}

/** What stands in a query beside ours: the own query of redirect_url, counters, and nonsense. */
const foreign = fc.array(
  fc.constantFrom(
    'platform=x',
    'utm_source=%C3%BC',
    'shop=M%FCller',
    'broken=%E0%A4%A',
    '%E0%A4%A=x',
    '__proto__=x',
    'constructor[prototype]=x',
    'channels[0]x=zz',
    'xchannels=[zz]',
    'Client=zz',
    'flag',
    '=',
    '',
    'nul=%00',
    'x=1?y=2',
    'state=abc',
    'nonce=12345',
    'state=%7B%22from%22%3A1%7D',
    'state=undefined',
    'nonce=%E0%A4%A',
    'state',
    'client=undefined',
    'client=web.2',
    'client=%E0%A4%A',
    'channels=null',
  ),
  { maxLength: 5 },
)

/** Put together with whatever is written for `&`. */
function joined([first = '', ...more]: readonly string[]): fc.Arbitrary<string> {
  const separator = fc.constantFrom('&', '&', '&', '?', '&amp;', '&&', '&%2338;', '?&amp;')
  return fc
    .tuple(...more.map(() => separator))
    .map((separators) => more.reduce((query, pair, place) => `${query}${separators[place]}${pair}`, first))
}

interface Meant {
  readonly client: string
  readonly channels: readonly string[]
  readonly revoked: readonly string[]
  readonly nonces: readonly string[]
}

/** What a return means, and one of the many ways to write it. */
const written = fc
  .record({ client: id, channels: fewIds, revoked: fewIds, shared: fewIds, nonce: fc.option(nonce) })
  .chain(({ client, channels, revoked, shared, nonce }) => {
    const meant: Meant = {
      client,
      channels: [...channels, ...shared],
      revoked: [...revoked, ...shared],
      nonces: nonce === null ? [] : [nonce],
    }
    const ours = fc.tuple(
      spelledList('channels', [...meant.channels, ...channels.slice(0, 2)]),
      spelledList('revoked', meant.revoked),
      fc.array(spelledId(client), { minLength: 1, maxLength: 2 }),
      fc.tuple(fc.constant(nonce ?? ''), escapedSomewhere(nonce ?? '')),
      foreign,
    )
    return ours.chain(([granted, taken, clients, [plain, escaped], others]) => {
      const pairs = [
        ...granted,
        ...taken,
        ...clients.map((one) => `client=${one}`),
        ...(plain === '' ? [] : [`nonce=${plain}`, `state=${escaped}`]),
        ...others,
      ]
      // The order is not documented: repeated parameters come in any, and beside any other.
      return fc
        .shuffledSubarray(pairs, { minLength: pairs.length })
        .chain((shuffled) => joined(shuffled).map((query) => ({ meant, query })))
    })
  })
  .filter(({ query }) => query.length <= 8192)

describe('the query of a return, in whatever spelling', () => {
  it('means what was meant', () => {
    fc.assert(
      fc.property(written, ({ meant, query }) => {
        const { clientId, channelIds, revokedIds, nonces } = read(query)
        expect(clientId).toBe(meant.client)
        expect(sorted(nonces)).toEqual(sorted(meant.nonces))
        expect(sorted(revokedIds)).toEqual(sorted(unique(meant.revoked)))
        const granted = unique(meant.channels).filter((one) => !meant.revoked.includes(one))
        expect(sorted(channelIds)).toEqual(sorted(granted))
      }),
      { numRuns: 1_000 },
    )
  })

  it('says the same again when what was read is written plainly', () => {
    fc.assert(
      fc.property(written, ({ query }) => {
        const first = read(query)
        const { raw: _, ...again } = read(plainly(first))
        expect(first).toMatchObject(again)
      }),
      { numRuns: 300 },
    )
  })

  it.each([
    ['characters', fc.string({ unit: 'binary', maxLength: 400 })],
    ['halves of surrogate pairs', fc.string({ unit: fc.constantFrom('\ud800', '\udc00', 'a', '=', '&') })],
    ['bytes', fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes).toString('latin1'))],
    ['escaped bytes', fc.uint8Array({ maxLength: 200 }).map((bytes) => [...bytes].map(escaped).join(''))],
    ['pieces of returns', pieces()],
  ])('of any %s is read or refused with the one error', (_, queries) => {
    fc.assert(
      fc.property(queries, (query) => {
        const seen = readOrRefuse(query)
        if (!seen) return
        for (const one of [...seen.channelIds, ...seen.revokedIds, ...(seen.clientId ? [seen.clientId] : [])])
          expect(one).toMatch(/^[A-Za-z0-9_-]{1,64}$/)
        expect(new Set(seen.channelIds).size).toBe(seen.channelIds.length)
        expect(seen.channelIds.length + seen.revokedIds.length).toBeLessThanOrEqual(200)
        expect(seen.channelIds.filter((one) => seen.revokedIds.includes(one))).toEqual([])
        expect(seen.raw.length).toBeLessThanOrEqual(16_384)
        // PostgreSQL keeps neither in a text.
        expect(seen.raw.isWellFormed()).toBe(true)
        if (!query.includes('\0')) expect(seen.raw).not.toContain('\0')
      }),
      { numRuns: 1_000 },
    )
  })

  it('is kept without its nonce, however that was escaped, and wherever it stood', () => {
    const hidden = nonce.chain((secret) =>
      fc
        .tuple(
          escapedSomewhere(secret),
          escapedSomewhere(secret).chain(escapedSomewhere),
          escapedSomewhere(secret).map(encodeURIComponent),
          escapedSomewhere(secret).chain(escapedSomewhere).map(encodeURIComponent).map(encodeURIComponent),
        )
        .map((spellings) => ({ secret, spellings })),
    )
    const template = fc.constantFrom(
      'nonce=N&client=c',
      'state=N&client=c&channels=[a]',
      'state=+N+&nonce=N',
      'nonce=n&redirect_url=https%3A%2F%2Fx.example%2Fcallback%3Fnonce%3DN',
      'back=N',
      'back=xNx.y&client=c',
      'N=1',
      'N',
      'state=a%00=N&x%00y=N',
      'xNx=ü&broken=%E0N',
    )
    fc.assert(
      fc.property(hidden, template, ({ secret, spellings }, text) => {
        for (const spelling of spellings) {
          const seen = readOrRefuse(text.replaceAll('N', () => spelling))
          expect(decodedThrough(seen?.raw ?? '')).not.toContain(secret)
        }
      }),
      { numRuns: 500 },
    )
  })

  it('keeps no known nonce that stands among the ids', () => {
    const secret = 'n'.repeat(43)
    const { raw } = read(`nonce=${secret}&client=c&channels=[${secret},%6E${secret}]`)
    expect(decodedThrough(raw)).not.toContain(secret)
    const long = 'i'.repeat(64)
    expect(read(`client=${long}&channels=[${long}]`).raw).toContain(`channels=[${long}]`)
  })

  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty', '0', '-', 'NaNo', 'nullCL'])(
    'takes %s for an id like any other',
    (name) => {
      expect(read(`client=${name}&channels=[${name},a]&revoked=[a]`)).toMatchObject({
        clientId: name,
        channelIds: [name],
        revokedIds: ['a'],
      })
      expect(read(`${name}=x&${name}[${name}]=y`)).toMatchObject({ clientId: undefined, nonces: [] })
    },
  )

  it.each([
    ['%00 in an id', 'client=c&channels=[a%00]'],
    ['an escaped quote', 'client=c&channels=["a\\"b"]'],
    ['brackets in brackets', 'client=c&channels=[[a]]'],
    ['what was escaped four times', 'client=c&channels=%2525255Ba%2525255D'],
    ['a letter that only looks like one', 'client=c&channels=[а]'],
    ['two clients in one list', 'client=[a,b]&channels=[x]'],
  ])('is refused with %s', (_, query) => {
    expect(() => read(query)).toThrow(InvalidInputError)
  })

  it('is read in time that grows with its length only', () => {
    // Each would take an expression that looks again from every start the square of its length.
    const hostile = [
      (length: number) => `client=c&channels=[${' '.repeat(length)}x`,
      (length: number) => `client=c&channels=${'"'.repeat(length)}`,
      (length: number) => `client=c&channels=${'['.repeat(length)}`,
      (length: number) => `x=${'%25'.repeat(length / 3)}41`,
      (length: number) => `${'%'.repeat(length)}`,
      (length: number) => `x=${`${'a'.repeat(42)}.`.repeat(length / 43)}`,
      (length: number) => 'state=a&'.repeat(length / 8),
      (length: number) => `state=${'.'.repeat(length)}x`,
      (length: number) => `state=${'.x'.repeat(length / 2)}`,
      (length: number) => `channels=${'&amp;'.repeat(length / 5)}`,
      (length: number) => `&${'%2300'.repeat(length / 5)}`,
      (length: number) => `state=${'%2526'.repeat(length / 5)}`,
      (length: number) => `client${'%253D'.repeat(length / 5)}`,
      (length: number) => 'client=a&'.repeat(length / 9),
      (length: number) => '&'.repeat(length),
      (length: number) => `client=c&channels=${','.repeat(length)}`,
    ]
    for (const make of hostile) {
      const [short, long] = [fastestOf(make(1_000)), fastestOf(make(8_000))]
      // Eight times the length: eight times the time, and 64 times if it were squared. Below 2 ms none matters.
      expect(long < 2 || long < short * 32).toBe(true)
    }
  })
})

const sorted = (texts: readonly string[]) => [...texts].sort()
const unique = (texts: readonly string[]) => [...new Set(texts)]
const escaped = (byte: number) => `%${byte.toString(16).padStart(2, '0')}`

function pieces(): fc.Arbitrary<string> {
  const words = [
    'client',
    'channels',
    'revoked',
    'nonce',
    'state',
    '=',
    '&',
    '[',
    ']',
    '(',
    ')',
    ',',
    '"',
    "'",
  ]
  const odd = [
    '%',
    '%2',
    '%5B',
    '%22',
    '%00',
    '+',
    ' ',
    '\0',
    '?',
    '#',
    ';',
    'a',
    'b',
    'x'.repeat(43),
    '\ufeff',
  ]
  return fc.array(fc.constantFrom(...words, ...odd), { maxLength: 60 }).map((some) => some.join(''))
}

function plainly({ clientId = '', channelIds, revokedIds, nonces }: CallbackQuery): string {
  const query = new URLSearchParams({
    client: clientId,
    channels: `[${channelIds}]`,
    revoked: `[${revokedIds}]`,
  })
  for (const one of nonces) query.append('state', one)
  return query.toString()
}

/** @throws what is not the one error */
function readOrRefuse(query: string): CallbackQuery | undefined {
  try {
    return read(query)
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidInputError)
    return undefined
  }
}

/** Decoded until nothing is left to decode. */
function decodedThrough(text: string): string {
  const decoded = text.replace(/%[0-7][0-9a-f]/gi, (one) => decodeURIComponent(one))
  return decoded === text ? text : decodedThrough(decoded)
}

/** CPU time in ms; the fastest of some, since the machine may be busy. */
function fastestOf(query: string): number {
  const times = Array.from({ length: 15 }, () => {
    const before = process.cpuUsage()
    readOrRefuse(query)
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1_000
  })
  return Math.min(...times)
}
