import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { readApiKeyAnswer, UnreadableAnswerError } from '../../src/d360/api-key-answer.ts'
import { isAllowedHost } from '../../src/d360/messaging-address.ts'

const hosts = ['*.360dialog.io', 'localhost:3001', '127.0.0.1']
const address = 'https://waba-v2.360dialog.io'
const flat = { id: '201126', address, api_key: 'kEy-31_characters', app_id: '104148' }
const expected = { apiKey: 'kEy-31_characters', address, appId: '104148', recordId: '201126' }

const channel = { channelId: 'CH-42', allowedHosts: hosts, standardAddress: address }
/** Where no answer of these tests says that its key works. */
const standard = 'https://standard.360dialog.io'
const withoutAddress = { ...flat, address: undefined }
const another = { ...flat, id: '201127', api_key: 'an-older-one' }

function read(answer: unknown) {
  return readApiKeyAnswer(JSON.stringify(answer), { ...channel, standardAddress: standard })
}

function reasonOf(body: string): string | undefined {
  try {
    readApiKeyAnswer(body, channel)
    return undefined
  } catch (error) {
    return error instanceof UnreadableAnswerError ? error.reason : `${error}`
  }
}

describe('the answer of a key creation', () => {
  it.each([
    ['flat', flat],
    ['in a list called api_keys', { api_keys: [flat] }],
    ['in api_keys without a list', { api_keys: flat }],
    ['in data', { data: flat, meta: { success: true } }],
    ['in a list in data', { data: [flat] }],
    ['in api_key', { api_key: flat }],
    ['as a bare list of one', [flat]],
    ['two layers deep', { data: { api_keys: [flat] } }],
    ['with key for api_key', { ...flat, api_key: undefined, key: flat.api_key }],
    ['with key inside api_key', { api_key: { ...flat, api_key: undefined, key: flat.api_key } }],
    ['with numbers for ids', { ...flat, id: 201126, app_id: 104148 }],
    ['with a slash after the address', { ...flat, address: `${address}/` }],
    ['with the key twice', [flat, { ...flat, id: undefined }]],
    ['beside an older one that is masked', { api_keys: [{ ...another, api_key: '****cdef' }, flat] }],
    [
      'beside the key of another channel',
      [
        { ...another, channel_id: 'CH-43' },
        { ...flat, channel_id: 'CH-42' },
      ],
    ],
    ['with the id of its channel', { ...flat, channel_id: 'CH-42', channel: { id: 'CH-42' } }],
    ['in a wrapper of any name', { partner_channel: { id: 'CH-42', credentials: { ...flat } } }],
    ['with its address one level outside', { address, data: withoutAddress }],
    ['with its address outside, and an empty one inside', { address, api_keys: [{ ...flat, address: ' ' }] }],
    ['with a bare host for its address', { ...flat, address: 'waba-v2.360dialog.io' }],
    ['with spaces around', { ...flat, api_key: ' kEy-31_characters\n', address: ` ${address} ` }],
  ])('is read %s', (_, answer) => {
    expect(read(answer)).toEqual(expected)
  })

  it('may lack the ids, start with a byte order mark and have a path in its address', () => {
    const answer = { api_key: 'k', address: 'https://waba.360dialog.io/eu/v2/?x=1#y' }
    expect(readApiKeyAnswer(`\ufeff${JSON.stringify(answer)}`, channel)).toEqual({
      apiKey: 'k',
      address: 'https://waba.360dialog.io/eu/v2',
    })
  })

  it.each([
    ['unreadable', ''],
    ['unreadable', 'kEy-31_characters'],
    ['unreadable', '<html>'],
    ['unreadable', 'null'],
    ['unreadable', '{}'],
    ['unreadable', '{"api_keys":[]}'],
    ['unreadable', JSON.stringify([flat, another])],
    ['unreadable', JSON.stringify({ ...flat, key: 'another' })],
    ['unreadable', JSON.stringify({ api_key: { ...flat }, data: another })],
    ['unreadable', JSON.stringify({ ...flat, channel_id: 'CH-43' })],
    ['unreadable', JSON.stringify({ ...flat, channel: { id: 'CH-43' } })],
    ['unreadable', JSON.stringify({ channel: 'CH-43', data: flat })],
    ['unreadable', JSON.stringify({ a: { b: { c: { d: { e: { f: { g: flat } } } } } } })],
    ['unreadable', JSON.stringify({ ...flat, api_key: '' })],
    ['unreadable', JSON.stringify({ ...flat, api_key: 12345 })],
    ['unreadable', JSON.stringify({ ...flat, api_key: 'two words' })],
    ['unreadable', JSON.stringify({ ...flat, api_key: 'line\nbreak' })],
    ['masked', JSON.stringify({ ...flat, api_key: '*****************abcd' })],
    ['masked', JSON.stringify({ ...flat, api_key: 'kEy-••••••' })],
    ['masked', JSON.stringify({ ...flat, api_key: 'kEy-…' })],
    ['masked', JSON.stringify({ ...flat, api_key: 'kEy.......' })],
    [
      'masked',
      JSON.stringify({
        api_keys: [
          { ...flat, api_key: '***' },
          { ...another, api_key: '***' },
        ],
      }),
    ],
    ['host_not_allowed', JSON.stringify({ ...flat, address: 'https://evil.example' })],
    ['host_not_allowed', JSON.stringify({ ...flat, address: 'evil.example' })],
    ['host_not_allowed', JSON.stringify({ address: 'https://evil.example', data: withoutAddress })],
    ['host_not_allowed', JSON.stringify({ ...flat, address: 'http://waba-v2.360dialog.io' })],
    ['host_not_allowed', JSON.stringify({ ...flat, address: 'ftp://waba-v2.360dialog.io' })],
  ])('is %s when it is %s', (reason, body) => {
    expect(reasonOf(body)).toBe(reason)
  })

  it.each([
    ['{"key":"kEy-31_characters","id":"CH-42"}', undefined],
    ['{"key":"kEy-31_characters"}', undefined],
    [JSON.stringify(withoutAddress), '201126'],
    [JSON.stringify({ ...flat, address: null }), '201126'],
    [JSON.stringify({ ...flat, address: '' }), '201126'],
    [JSON.stringify({ ...flat, address: ' \n' }), '201126'],
    [JSON.stringify({ ...flat, address: 17 }), '201126'],
    [JSON.stringify({ ...flat, address: { href: address } }), '201126'],
    [JSON.stringify({ ...flat, address: [] }), '201126'],
    [JSON.stringify({ ...flat, address: 'javascript:alert(1)' }), '201126'],
    [JSON.stringify({ api_keys: [withoutAddress] }), '201126'],
    [JSON.stringify({ address: null, data: withoutAddress }), '201126'],
  ])('keeps the only copy of a key without an address, at the standard one: %s', (body, recordId) => {
    const answer = readApiKeyAnswer(body, { ...channel, standardAddress: standard })
    expect(answer).toMatchObject({ apiKey: flat.api_key, address: standard, recordId })
  })

  it('goes to the standard address only where that may have keys', () => {
    const elsewhere = { ...channel, standardAddress: 'https://standard.example' }
    expect(() => readApiKeyAnswer('{"key":"k"}', elsewhere)).toThrow(UnreadableAnswerError)
  })

  it.each([
    'https://evil360dialog.io',
    'https://360dialog.io',
    'https://360dialog.io.evil.example',
    'https://waba.360dialog.io.evil.example',
    'https://x@evil/',
    'https://waba.360dialog.io@evil.example',
    'https://evil.example\\@waba.360dialog.io',
    'https://user:pass@waba.360dialog.io',
    'https://evil.example#.360dialog.io',
    'https://evil.example/.360dialog.io',
    'https://evil.example?.360dialog.io',
    'https://waba.360dialog.io..',
    'https://waba.360dіalog.io',
    'https://waba.360dialog。io.evil.example',
    'http://localhost:3002',
    'http://localhost',
    'http://localhost.evil.example:3001',
    'http://127.0.0.1.evil.example',
  ])('never sends a key to the look-alike %s', (lookAlike) => {
    expect(reasonOf(JSON.stringify({ ...flat, address: lookAlike }))).toBe('host_not_allowed')
  })

  it.each(['http://localhost:3001', 'https://127.0.0.1:9', 'http://127.0.0.1', 'https://a.b.360DIALOG.io.'])(
    'may name %s',
    (allowed) => {
      expect(read({ ...flat, address: allowed }).apiKey).toBe(flat.api_key)
    },
  )

  it('fails in no other way, whatever comes, and repeats nothing of it', () => {
    const bodies = fc.oneof(
      fc.string(),
      fc.json(),
      fc
        .record({ api_key: fc.string(), address: fc.oneof(fc.string(), fc.webUrl()) })
        .map((row) => JSON.stringify(row)),
      fc.anything().map((value) => JSON.stringify({ api_keys: [value] }) ?? ''),
    )
    fc.assert(
      fc.property(bodies, (body) => {
        const reason = reasonOf(body)
        expect([undefined, 'unreadable', 'masked', 'host_not_allowed']).toContain(reason)
      }),
      { numRuns: 2000 },
    )
    expect(new UnreadableAnswerError('masked').message).toBe('The answer holds a masked key.')
  })
})

describe('the list of allowed hosts', () => {
  it.each([
    ['waba.360dialog.io', '*.360dialog.io'],
    ['a.b.360dialog.io', '*.360dialog.io'],
    ['WABA.360dialog.IO.', '*.360Dialog.io'],
    ['waba.360dialog.io:8443', '*.360dialog.io'],
    ['waba.360dialog.io', 'waba.360dialog.io.'],
    ['localhost:3001', 'localhost:3001'],
    ['localhost:3001', 'localhost'],
    ['[::1]:3001', '[::1]:3001'],
  ])('lets %s in by %s', (host, pattern) => {
    expect(isAllowedHost(host, ['other.example', pattern])).toBe(true)
  })

  it.each([
    ['360dialog.io', '*.360dialog.io'],
    ['evil360dialog.io', '*.360dialog.io'],
    ['.360dialog.io', '*.360dialog.io'],
    ['*.360dialog.io', '*.360dialog.io'],
    ['x@evil/.360dialog.io', '*.360dialog.io'],
    ['evil\n.360dialog.io', '*.360dialog.io'],
    ['waba.360dialog.io', '*'],
    ['waba.360dialog.io', ''],
    ['', ''],
    ['localhost:3002', 'localhost:3001'],
    ['localhost', 'localhost:3001'],
    ['sub.localhost', 'localhost'],
  ])('keeps %j out of %j', (host, pattern) => {
    expect(isAllowedHost(host, [pattern])).toBe(false)
  })
})
