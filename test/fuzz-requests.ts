/** One HTTP request to send, and whether it is one: what is not may be answered by closing the connection. */
export interface FuzzedRequest {
  readonly text: string
  readonly isHead: boolean
}

/** A random number below `most`, always the same ones for a seed (mulberry32). */
export type Random = (most: number) => number

export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  return (most) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * most)
  }
}

/** What real browsers, 360dialog and products send, to begin from. */
export interface Corpus {
  readonly targets: readonly string[]
  /** The queries of returns. */
  readonly returns: readonly string[]
  readonly forms: readonly string[]
  readonly cookies: readonly string[]
  readonly tokens: readonly string[]
}

const METHODS = [
  'GET',
  'GET',
  'GET',
  'GET',
  'POST',
  'POST',
  'POST',
  'HEAD',
  'PUT',
  'DELETE',
  'PATCH',
  'OPTIONS',
  'TRACE',
]
const TYPES = [
  'application/x-www-form-urlencoded',
  'application/x-www-form-urlencoded; charset=x',
  'application/json',
  'multipart/form-data; boundary=x',
  'text/plain',
]
const HEADERS = [
  ...['Accept', 'Accept-Language', 'Accept-Encoding', 'Authorization', 'Origin', 'Referer', 'Sec-Fetch-Site'],
  ...[
    'Sec-Purpose',
    'X-Forwarded-For',
    'X-Forwarded-Host',
    'X-Forwarded-Proto',
    'Forwarded',
    'Host',
    'Range',
  ],
  ...[
    'If-None-Match',
    'If-Modified-Since',
    'Content-Encoding',
    'User-Agent',
    'Cache-Control',
    'X-HTTP-Method-Override',
  ],
]
const VALUES = [
  ...[
    'same-origin',
    'cross-site',
    'null',
    'https://evil.example',
    'application/json',
    'de;q=0.5, en',
    '*/*',
    'gzip',
  ],
  ...[
    'bytes=0-1',
    'bytes=-1,999999999999-',
    'W/"x"',
    '*',
    '1.2.3.4, 5.6.7.8',
    '::1',
    '[',
    'prefetch',
    'Bearer lk_x',
  ],
  ...['Thu, 01 Jan 1970 00:00:00 GMT', 'Basic Og==', 'DELETE', 'identity', '\xff\xfe', '"', ','],
]
/** Put in anywhere. No control characters: with one, a request is no HTTP any more. */
const PIECES = [
  ...[
    '%00',
    '%7F%C2%85',
    '%0d%0a',
    '%',
    '%E0%A4%A',
    '%2e%2e%2f',
    '..',
    '//',
    '\\',
    '%5B',
    ']',
    '[',
    '(',
    ')',
    ',',
    '"',
    "'",
  ],
  ...[
    '&',
    '=',
    '?',
    '#',
    '+',
    ';',
    '*',
    '__proto__',
    'constructor',
    'toString',
    '[a]',
    '[]',
    'NaN',
    '-1',
    '1e999',
  ],
  ...[
    'client',
    'channels',
    'revoked',
    'nonce',
    'state',
    '\xc3\x28',
    '\xed\xa0\x80',
    '%F0%9F%98%80',
    '%ED%A0%80',
    '<',
    '>',
  ],
  ...['<script>', '<%=', "' or 1=1--", '{{x}}', 'a'.repeat(43), 'a'.repeat(300), '1,'.repeat(120)],
]

/** Makes requests that are valid HTTP, and are otherwise as odd as chance has it. */
export function fuzzRequest(random: Random, corpus: Corpus): FuzzedRequest {
  const method = oneOf(random, METHODS)
  const target = fuzzTarget(random, corpus)
  const headers = [`${method} ${target} HTTP/1.1`]
  let host = 'Host: localhost'
  if (random(3) === 0) headers.push(`Cookie: ${fuzzed(random, oneOf(random, corpus.cookies), 3)}`)
  for (let left = random(4); left > 0; left -= 1) {
    const name = oneOf(random, HEADERS)
    const value = fuzzed(random, oneOf(random, random(3) === 0 ? corpus.tokens : VALUES), 2)
    if (name === 'Host') host = `Host: ${value}`
    else headers.push(`${name}: ${value}`)
  }
  headers.push(host)
  const hasBody = method !== 'GET' && method !== 'HEAD' && method !== 'TRACE'
  const body = hasBody ? fuzzed(random, oneOf(random, corpus.forms), 4) : ''
  if (hasBody) headers.push(`Content-Type: ${oneOf(random, random(4) === 0 ? TYPES : TYPES.slice(0, 1))}`)
  if (hasBody) headers.push(`Content-Length: ${body.length}`)
  return { text: `${headers.join('\r\n')}\r\n\r\n${body}`, isHead: method === 'HEAD' }
}

/** Makes what may not be HTTP at all: a request with some of its bytes changed, cut or doubled. */
export function fuzzBytes(random: Random, corpus: Corpus): string {
  let { text } = fuzzRequest(random, corpus)
  for (let left = 1 + random(4); left > 0; left -= 1) {
    const at = random(text.length)
    const odd =
      random(2) === 0
        ? String.fromCharCode(random(256))
        : oneOf(random, ['\r\n', '\n', '\0', ':', ' ', '\r\n\r\n'])
    text = text.slice(0, at) + odd + text.slice(at + random(3))
  }
  return text
}

function fuzzTarget(random: Random, corpus: Corpus): string {
  // Node answers an address with a blank or a byte beyond ASCII by 400, and ends the connection.
  const target = (
    random(5) < 3 ? fuzzReturn(random, corpus) : fuzzed(random, oneOf(random, corpus.targets), 3)
  )
    .replaceAll(' ', '+')
    .replaceAll(/[\x80-\xff]/g, (byte) => `%${byte.charCodeAt(0).toString(16)}`)
  if (random(50) === 0) return `http://evil.example/${target}`
  return target.startsWith('/') ? target : `/${target}`
}

/** A return whose query is odd, and whose path leads to where returns are read. */
function fuzzReturn(random: Random, { returns }: Corpus): string {
  return `/callback?${fuzzed(random, oneOf(random, returns), 4)}`
}

function fuzzed(random: Random, text: string, mostChanges: number): string {
  let changed = text
  for (let left = random(mostChanges + 1); left > 0; left -= 1) changed = change(random, changed)
  return changed.length > 2_500 ? changed.slice(0, 2_500) : changed
}

function change(random: Random, text: string): string {
  const at = random(text.length + 1)
  const length = random(12)
  switch (random(4)) {
    case 0:
      return text.slice(0, at) + oneOf(random, PIECES) + text.slice(at)
    case 1:
      return text.slice(0, at) + text.slice(at + length)
    case 2:
      return text.slice(0, at + length) + text.slice(at)
    default:
      return text.slice(0, at) + String.fromCharCode(printable(random)) + text.slice(at + 1)
  }
}

/** Any byte that may stand in a header: 0x20 to 0x7e, and 0x80 on. */
function printable(random: Random): number {
  const code = 0x20 + random(0xe0 - 1)
  return code < 0x7f ? code : code + 1
}

function oneOf<T>(random: Random, some: readonly T[]): T {
  return some[random(some.length)] as T
}
