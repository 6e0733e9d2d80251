import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { loadConfig } from '../../src/config/config.ts'
import { createLogger } from '../../src/logger.ts'
import { type Serving, serve } from '../../src/serve.ts'
import { createEmptyDatabase, type EmptyDatabase } from '../databases.ts'
import { readCells } from '../dump.ts'
import { freePort } from '../free-port.ts'
import { type Site, settingsFor, startSite } from '../site.ts'
import { dial, exchange, rawRequest, readToEnd, toAnswer } from './raw-http.ts'

const FORM = 'Content-Type: application/x-www-form-urlencoded'

let site: Site
let port: number
beforeAll(async () => {
  site = await startSite({ settings: { RATE_LIMIT_SIGN_IN: '100000' } })
  port = site.config.port
})
afterAll(() => site.stop())

const send = (method: string, target: string, headers?: string[], body?: string) =>
  exchange(port, rawRequest(method, target, headers, body))

describe('what is too large', () => {
  it.each([
    [
      'a body of more than 16 kB',
      () => send('POST', '/connect', [FORM], `company=${'x'.repeat(17_000)}`),
      [413],
    ],
    ['more than 50 parameters', () => send('POST', '/connect', [FORM], 'a=1&'.repeat(60)), [413]],
    ['headers of more than 16 kB', () => send('GET', '/', [`X-Long: ${'x'.repeat(17_000)}`]), [431]],
    ['a cookie of more than 16 kB', () => send('GET', '/', [`Cookie: browser=${'x'.repeat(17_000)}`]), [431]],
    ['an address of more than 16 kB', () => send('GET', `/callback?${'x'.repeat(17_000)}`), [431]],
    ['a return of more than 8 kB', () => send('GET', `/callback?client=c&x=${'x'.repeat(9_000)}`), [400]],
    [
      'a thousand headers',
      () =>
        send(
          'GET',
          '/',
          Array.from({ length: 999 }, (_, n) => `X-${n}: 1`),
        ),
      [200, 431],
    ],
    ['a packed body', () => send('POST', '/connect', [FORM, 'Content-Encoding: gzip'], 'no gzip'), [400]],
    ['a packing nobody knows', () => send('POST', '/connect', [FORM, 'Content-Encoding: x'], 'a=1'), [415]],
    ['letters nobody knows', () => send('POST', '/connect', [`${FORM}; charset=x`], 'a=1'), [415]],
    ['an expectation nobody has', () => send('POST', '/connect', [FORM, 'Expect: x'], 'a=1'), [417]],
  ])('is refused, and nothing breaks: %s', async (_, act, statuses) => {
    expect(statuses).toContain((await act()).status)
  })
})

describe('a request that says two things', () => {
  it.each([
    ['both a length and chunks', ['Transfer-Encoding: chunked', 'Content-Length: 3']],
    ['two lengths', ['Content-Length: 3', 'Content-Length: 5']],
    ['a length with a sign', ['Content-Length: +3']],
    ['an encoding that is not chunked', ['Transfer-Encoding: identity']],
    ['an encoding after chunked', ['Transfer-Encoding: chunked, x']],
    ['an encoding with a blank before the colon', ['Transfer-Encoding : chunked']],
    ['a header folded over two lines', ['X-Folded: a', ' b']],
    ['two hosts', ['Host: localhost', 'Host: evil.example']],
  ])('is refused, so that a proxy and we never cut it differently: %s', async (_, headers) => {
    const smuggled = 'GET /admin HTTP/1.1\r\nHost: localhost\r\n\r\n'
    const answer = await exchange(
      port,
      ['POST /connect HTTP/1.1', 'Host: localhost', FORM, ...headers, '', `0\r\n\r\n${smuggled}`].join(
        '\r\n',
      ),
    )
    expect(answer.status).toBe(400)
    expect(answer.body).not.toContain('HTTP/1.1')
  })

  it('is refused without a host, and with a line that ends too early', async () => {
    expect((await exchange(port, 'GET / HTTP/1.1\r\n\r\n')).status).toBe(400)
    expect((await exchange(port, 'GET /\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n')).status).toBe(400)
    expect((await exchange(port, 'GET / HTTP/1.1\r\nHost: localhost\r\nX: a\rb\r\n\r\n')).status).toBe(400)
  })
})

describe('an odd address', () => {
  it.each([
    ...['/%00', '/connect/%00', '/status/%00', '/return/%00', '/admin/channels/%00', '/api/v1/channels/%00'],
    ...['/%', '/connect/%zz', '/connect/%E0%A4%A', '/status/%C0%80', '/%FF.css', '/%00.css', '/site.css%00'],
    ...['/../../package.json', '/%2e%2e/%2e%2e/package.json', '/..%2f..%2fpackage.json', '/x/..%5c..%5c.svg'],
    ...[
      '//',
      '///',
      '//evil.example',
      '//evil.example/x.css',
      '//evil.example/%2e%2e.css',
      '/\\evil.example',
    ],
    ...['/.', '/./', '/status./x', '/STATUS/x/', '//status//x', '/callback/', '/callback%2f', '/callback;x'],
    ...['*', 'x', '/#x', '/?#', '/?__proto__[x]=1', '/callback?__proto__[x]=1', '/status/x?refresh[a]=off'],
    ...['/status/x?refresh=off&refresh=on', '/admin/sign-in?next=a&next=b', '/admin/sign-in?next[a]=b'],
    ...['/status/toString', '/status/__proto__', '/connect/constructor', '/admin/first/__proto__'],
    `/connect/${'x'.repeat(8_000)}`,
    `/${'/'.repeat(8_000)}`,
    `/${'%2e'.repeat(4_000)}`,
    '/\xff\xfe',
  ])('is answered without breaking: %s', async (target) => {
    for (const method of ['GET', 'POST']) {
      const { status, head } = await send(method, target)
      expect([method, status >= 200 && status < 500]).toEqual([method, true])
      expect(head).not.toMatch(/location: *(https?:)?[/\\]{2}/i)
    }
  })

  it.each(['/api/v1', '/api/v1/', '/API/V1', '/Api/v1/token', '/api/v1/x', '/api/v1/channels/%E0%A4%A'])(
    'of the API gets an answer of the API: %s',
    async (target) => {
      for (const method of ['GET', 'POST', 'OPTIONS']) {
        const { status, head } = await send(method, target)
        expect([method, [400, 401, 404].includes(status) || status]).toEqual([method, true])
        expect(head.toLowerCase()).toContain('content-type: application/problem+json')
      }
    },
  )

  it('may be written in full, and is the same then', async () => {
    expect((await send('GET', `http://localhost:${port}/healthz`)).body).toBe('{"status":"alive"}')
    expect((await send('GET', 'http://evil.example/healthz')).body).toBe('{"status":"alive"}')
    expect((await send('HEAD', `http://evil.example/callback?client=c`)).status).toBe(405)
    const wish = await send('GET', 'http://evil.example/admin/audit')
    expect(wish.head).toMatch(/\r\nLocation: \/admin\/sign-in(\r|\?)/i)
    expect(wish.head).not.toContain('evil')
  })

  it.each(['GET', 'POST'])('is never made of the host that was asked for: %s', async (method) => {
    const forged = [
      'Host: evil.example',
      'X-Forwarded-Host: evil.example',
      'X-Forwarded-Proto: gopher',
      'X-Forwarded-Prefix: //evil.example',
      'X-Original-URL: /evil.example',
      'X-Rewrite-URL: /evil.example',
      'Forwarded: for=1.2.3.4;host=evil.example;proto=http',
    ]
    const link = await site.link()
    for (const target of [
      link,
      '/',
      '/callback?client=c',
      '/admin',
      '/admin/sign-in',
      '/status/x',
      '/nothing',
    ]) {
      const { status, head, body } = await send(method, target, forged)
      expect([target, status > 0 && status < 500]).toEqual([target, true])
      expect([target, /evil\.example|gopher/.test(head + body)]).toEqual([target, false])
    }
  })
})

describe('a sign-in that is asked to lead elsewhere', () => {
  it.each([
    ...['//evil.example', '///evil.example', '/\\evil.example', '\\\\evil.example', 'https:evil.example'],
    ...['https://evil.example/admin', 'javascript:alert(1)', '/admin/..//evil.example', '/admin\\..\\..\\x'],
    ...[
      '%2f%2fevil.example',
      '/%2fevil.example',
      '/admin/%2e%2e//evil.example',
      '\t//evil.example',
      '/admin@evil',
    ],
    ...[
      '/\r\nLocation: https://evil.example',
      'http://localhost/admin',
      '/administrator',
      '//admin',
      '',
      '.',
    ],
  ])('does not: %j', async (next) => {
    await site.context.admins.create('anna', 'correct horse battery').catch(() => undefined)
    const browser = site.newBrowser()
    const form = { name: 'anna', password: 'correct horse battery', next }
    const { headers } = await browser.post('/admin/sign-in').type('form').send(form).expect(303)
    const to = new URL(String(headers.location), site.url)
    expect(`${to.origin}${to.pathname}`).toMatch(new RegExp(`^${site.url}/admin(/|$)`))
    const again = await browser.get(`/admin/sign-in?next=${encodeURIComponent(next)}`)
    expect(again.status).toBe(/\p{Cc}/u.test(next) ? 400 : 303)
    expect(new URL(String(again.headers.location ?? '/'), site.url).origin).toBe(site.url)
  })
})

describe('a form with fields that nobody expects', () => {
  const forms = ['/connect', '/connect/x', '/status/x', '/return/x', '/admin/sign-in', '/admin/sign-out']
  const bodies: readonly [string, string][] = [
    [FORM, 'company=a&company=b&email=a@b.example&email=x&consent=yes&consent=no&number=1&number=2'],
    [FORM, 'company[]=a&company[b]=c&name[]=anna&name[x]=y&password[]=p&next[]=/x&what[]=mint'],
    [FORM, '__proto__[polluted]=1&constructor[prototype][polluted]=1&constructor.prototype.polluted=1'],
    [FORM, 'name=anna&name=bert&password=a&password=b&next=//evil.example&next=/admin&client=a&state=b'],
    [FORM, '%00=%00&%=%&=&&&&%E0%A4%A=1&company=%00%FF&name=%00&password=%00'],
    [FORM, 'company=\xff\xfe&email=\xc0\x80&name=\xed\xa0\x80'],
    ['Content-Type: application/json', '{"__proto__":{"polluted":1},"company":{"a":1},"name":{"$ne":null}}'],
    ['Content-Type: application/json', '[[[['],
    [
      'Content-Type: multipart/form-data; boundary=x',
      '--x\r\nContent-Disposition: form-data; name="name"\r\n\r\na',
    ],
    ['Content-Type: text/plain', 'company=a'],
    ['Content-Type: \x01', 'a=1'],
  ]

  // A failed sign-in is written down, and counted; so is what a failure page told.
  const everythingElse = async () =>
    (await readCells(site.context.db, 'sqlite')).filter(
      ({ table }) => !/^(audit|sign_in_count|failed_page)/.test(table),
    )

  it.each(forms)('is refused, and pollutes nothing: %s', async (path) => {
    const before = await everythingElse()
    for (const [type, body] of bodies) {
      const { status } = await send('POST', path, [type], body)
      expect([path, body, status > 0 && status < 500]).toEqual([path, body, true])
    }
    expect(Object.keys(Object.prototype)).toEqual([])
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
    expect(await everythingElse()).toEqual(before)
  })
})

describe('whoever sends slowly', () => {
  const limits = {
    headersTimeout: 150,
    requestTimeout: 300,
    connectionsCheckingInterval: 20,
    maxHeaderSize: 16_384,
  }
  let empty: EmptyDatabase
  let slow: Serving
  let slowPort: number
  beforeAll(async () => {
    empty = await createEmptyDatabase('sqlite')
    slowPort = await freePort()
    const order = {
      port: slowPort,
      databaseUrl: empty.url,
      simulator: { url: 'http://localhost:1' },
      more: {},
    }
    const logger = createLogger('silent')
    slow = await serve(loadConfig(settingsFor(order)), { logger }, limits)
  })
  afterAll(async () => {
    // Somebody who still sends does not hold up the stop.
    const last = await dial(slowPort)
    last.write('POST /connect HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\na')
    await slow.stop()
    last.destroy()
    await empty.drop()
  })

  it.each([
    ['nothing', ''],
    ['half a line', 'GET / HT'],
    ['half the headers', 'GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow:'],
    [
      'half a body',
      `POST /connect HTTP/1.1\r\nHost: localhost\r\n${FORM}\r\nContent-Length: 100\r\n\r\ncompany=`,
    ],
    [
      'half a chunk',
      `POST /connect HTTP/1.1\r\nHost: localhost\r\n${FORM}\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nab`,
    ],
  ])('is thrown out, and holds up nobody, after sending %s', async (_, text) => {
    const socket = await dial(slowPort)
    if (text !== '') socket.write(text)
    // A byte now and then does not buy time.
    const drip = setInterval(() => socket.writable && text !== '' && socket.write('a'), 40)
    const ended = readToEnd(socket)
    expect((await exchange(slowPort, rawRequest('GET', '/healthz'))).status).toBe(200)
    const answer = toAnswer(await ended)
    clearInterval(drip)
    expect([0, 400, 408]).toContain(answer.status)
  })
})
