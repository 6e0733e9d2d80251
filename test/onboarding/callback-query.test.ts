import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { InvalidInputError } from '../../src/errors.ts'
import { hashOf } from '../../src/identifiers.ts'
import { readCallbackQuery } from '../../src/onboarding/callback-query.ts'

const read = (query: string) => readCallbackQuery(`/callback?${query}`)

describe('the query of a return', () => {
  it.each([
    ['bare ids in brackets', 'client=cl1&channels=[a,b]'],
    ['encoded brackets and commas', 'client=cl1&channels=%5Ba%2Cb%5D'],
    ['double quotes', 'client=cl1&channels=["a","b"]'],
    ['single quotes', "client=cl1&channels=['a','b']"],
    ['spaces', 'client=cl1&channels=[a, b]'],
    ['spaces written as +', 'client=cl1&channels=[a,+b]'],
    ['round brackets', 'client=cl1&channels=(a,b)'],
    ['no brackets', 'client=cl1&channels=a,b'],
    ['repeated parameters', 'client=cl1&channels=a&channels=b'],
    ['PHP brackets', 'client=cl1&channels[]=a&channels[]=b'],
    ['the same id twice', 'client=cl1&channels=[a,b,a]'],
    ['empty places', 'client=cl1&channels=[a,,b,]'],
    ['the same client twice', 'client=cl1&channels=[a,b]&client=cl1'],
    ['parameters of others', 'platform=x&client=cl1&utm=1&channels=[a,b]'],
  ])('is read with %s', (_, query) => {
    expect(read(query)).toMatchObject({ clientId: 'cl1', channelIds: ['a', 'b'], revokedIds: [] })
  })

  it.each([
    ['an empty list', 'client=cl1&channels=[]'],
    ['no list', 'client=cl1'],
    ['nothing at all', ''],
  ])('names no channel with %s', (_, query) => {
    expect(read(query)).toMatchObject({ channelIds: [], revokedIds: [] })
  })

  it('counts a channel in both lists as revoked', () => {
    expect(read('client=c&channels=[a,b]&revoked=[b]')).toMatchObject({
      channelIds: ['a'],
      revokedIds: ['b'],
    })
  })

  it('knows one nonce from two', () => {
    const [one, two] = ['n1'.padEnd(43, 'x'), 'n2'.padEnd(43, 'x')]
    expect(read(`nonce=${one}&state=${one}&client=c`).nonces).toEqual([one])
    expect(read(`nonce=${one}&state=${two}&client=c`).nonces).toEqual([one, two])
    expect(read('client=c&state=').nonces).toEqual([])
  })

  it('keeps what came without the nonce', () => {
    const nonce = 's3cret'.padEnd(43, 'x')
    const { raw } = read(`nonce=${nonce}&state=${nonce}&client=c&channels=[a]`)
    expect(raw).toBe(`nonce=${hashOf(nonce)}&state=${hashOf(nonce)}&client=c&channels=[a]`)
  })

  it('keeps no nonce that came escaped, or in another place', () => {
    const nonce = 's3cret'.padEnd(43, 'x')
    const { nonces, raw } = read(
      `nonce=%73${nonce.slice(1)}&state=${nonce}&client=c&channels=[a]&back=y.${nonce}.y`,
    )
    expect(nonces).toEqual([nonce])
    expect(decodeURIComponent(raw)).not.toContain('s3cret')
  })

  it('does not grow with many short values in the place of a nonce', () => {
    const many = [...'0123456789abcdef', 'ab', 'cd', 'ef'].map((value) => `state=${value}`)
    expect(read(`client=c&channels=[a]&${many.join('&')}`).raw.length).toBeLessThan(2_000)
  })

  it.each([
    ['foreign characters', 'client=cl1&channels=[a/../b]'],
    ['a script', 'client=cl1&channels=<script>'],
    ['a broken escape', 'client=%E0%A4%A&channels=[a]'],
    ['two clients', 'client=a&client=b&channels=[x]'],
    ['channels without a client', 'channels=[a]'],
    ['an id that is too long', `client=c&channels=[${'a'.repeat(65)}]`],
    ['101 ids', `client=c&channels=[${Array.from({ length: 101 }, (_, n) => `c${n}`).join(',')}]`],
    ['more than 8 kB', `client=c&x=${'a'.repeat(8200)}`],
  ])('is refused with %s', (_, query) => {
    expect(() => read(query)).toThrow(InvalidInputError)
  })

  it('reads what we would write, and throws its one error only', () => {
    const id = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/)
    fc.assert(
      fc.property(id, fc.uniqueArray(id, { maxLength: 20 }), (client, channels) => {
        const query = new URLSearchParams({ client, channels: `[${channels.join(',')}]` })
        expect(read(query.toString())).toMatchObject({ clientId: client, channelIds: channels })
      }),
    )
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (query) => {
        try {
          read(query)
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidInputError)
        }
      }),
      { numRuns: 2000 },
    )
  })
})
