import { once } from 'node:events'
import { request as ask, createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, describe, expect, it } from '@jest/globals'
import express from 'express'
import request from 'supertest'
import { answerReach, askThroughPublicUrl, MADE_UP_ADDRESS, REACH_HEADER } from '../../src/setup/reach.ts'
import { createReachRoutes } from '../../src/setup/reach-routes.ts'
import { findDeadAddress } from '../d360/upstream.ts'
import { freePort } from '../free-port.ts'
import { SESSION_SECRET, type Site, startSite } from '../site.ts'
import { type ProxiedSite, startProxiedSite } from '../web/proxy.ts'

const closes: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closes.splice(0)) await close()
})

async function listen(server: Server, port = 0): Promise<string> {
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  closes.push(
    () => server.closeAllConnections(),
    () => server.close(),
  )
  return `http://localhost:${(server.address() as AddressInfo).port}`
}

/** What a proxy writes into X-Forwarded-For: what came, and from where. */
type Write = (came: string, address: string) => string
const append: Write = (came, address) => [came, address].filter(Boolean).join(', ')
const replace: Write = (_came, address) => address
const passOn: Write = (came) => came
const strip: Write = () => ''

/** A proxy that sees visitors at `address`. */
function proxyTo(port: number, write: Write, address: string): Server {
  return createServer((req, res) => {
    const { 'x-forwarded-for': came, ...headers } = req.headers
    const forwarded = write(String(came ?? ''), address)
    const sent = ask(
      {
        ...{ port, host: '127.0.0.1', path: req.url, method: req.method },
        headers: { ...headers, ...(forwarded && { 'x-forwarded-for': forwarded }) },
      },
      (answer) => {
        res.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(res)
      },
    )
    req.pipe(sent)
  })
}

/** The route alone, with this TRUST_PROXY. */
async function startRoute(trust: unknown, isBehindProxy = true): Promise<number> {
  const app = express()
  app.set('trust proxy', trust)
  app.use(createReachRoutes({ secrets: ['new', 'old'], isBehindProxy }))
  app.get('/healthz', (_req, res) => void res.json({ status: 'alive' }))
  return Number(new URL(await listen(createServer(app))).port)
}

describe('a request through PUBLIC_URL', () => {
  it.each<[what: string, trust: unknown, proxies: Write[], expected: string]>([
    ['one proxy, and one is trusted', 1, [append], 'right'],
    ['one proxy, by its address', ['127.0.0.1'], [append], 'right'],
    ['two proxies, and two are trusted', 2, [append, append], 'right'],
    ['a proxy that replaces what came', 1, [replace], 'right'],
    ['one proxy, and two are trusted', 2, [append], 'too_many'],
    ['a proxy that passes on what came', 1, [passOn], 'too_many'],
    ['one proxy, and none is trusted', false, [append], 'too_few'],
    ['two proxies, and one is trusted', 1, [append, append], 'too_few'],
    ['a proxy that says nothing', 1, [strip], 'not_told'],
    ['a proxy that says nothing, and none is trusted', false, [strip], 'not_told'],
  ])('finds %s', async (_what, trust, proxies, expected) => {
    let port = await startRoute(trust)
    // The innermost first; what it sees is the next one, and the outermost sees the visitor.
    for (const [nth, write] of proxies.entries()) {
      const sees = nth === proxies.length - 1 ? '203.0.113.9' : '127.0.0.1'
      port = Number(new URL(await listen(proxyTo(port, write, sees))).port)
    }
    expect(await askThroughPublicUrl(new URL(`http://localhost:${port}`), 'old')).toBe(expected)
  })

  it('finds that there is none in front', async () => {
    const url = new URL(`http://localhost:${await startRoute(false, false)}`)
    expect(await askThroughPublicUrl(url, 'new')).toBe('right')
  })

  it.each([
    ['another site', { reach: 'right', proof: 'x' }],
    ['a site that repeats what it was asked', { reach: 'right' }],
    ['a page', '<html></html>'],
    ['null', null],
  ])('is not taken in by %s', async (_what, body) => {
    const stranger = createServer((req, res) => {
      const proof = String(req.headers[REACH_HEADER]).split('.')[1]
      res.end(typeof body === 'string' ? body : JSON.stringify(body && { proof, ...body }))
    })
    expect(await askThroughPublicUrl(new URL(await listen(stranger)), 'new')).toBe('stranger')
  })

  it('follows nobody elsewhere', async () => {
    const away = createServer((_req, res) => res.writeHead(302, { location: 'http://localhost:1/' }).end())
    expect(await askThroughPublicUrl(new URL(await listen(away)), 'new')).toBe('stranger')
  })

  it('says by a short word that nobody answers', async () => {
    const url = new URL(await findDeadAddress())
    expect(await askThroughPublicUrl(url, 'new')).toEqual({ unreachable: 'ECONNREFUSED' })
  })

  it('is answered as anybody’s when it was not asked with a secret of ours', async () => {
    const url = `http://localhost:${await startRoute(1)}`
    for (const header of ['', 'x', 'x.y', '.', 'ä.ö', `x.${'y'.repeat(43)}`])
      await request(url)
        .get('/healthz')
        .set({ [REACH_HEADER]: Buffer.from(header).toString('latin1'), 'x-forwarded-for': MADE_UP_ADDRESS })
        .expect(200, { status: 'alive' })
    expect(answerReach(undefined, ['new'], 'right')).toBeUndefined()
  })
})

describe('a serving site', () => {
  const sites: (Site | ProxiedSite)[] = []
  afterAll(async () => {
    for (const site of sites) await site.stop()
  })
  const proxyLine = async ({ context }: Site, name = 'proxy') => {
    const checks = await context.setup.check()
    return checks.find((check) => check.name === name)
  }

  it('finds itself, and sees who visits', async () => {
    const site = await startSite()
    sites.push(site)
    expect(await proxyLine(site)).toMatchObject({ state: 'ok' })
  })

  it('finds a proxy that it does not trust', async () => {
    const port = await freePort()
    const site = await startSite({ settings: { PUBLIC_URL: `http://localhost:${port}`, TRUST_PROXY: 'off' } })
    sites.push(site)
    await listen(proxyTo(site.config.port, append, '203.0.113.9'), port)
    expect(await proxyLine(site)).toMatchObject({
      state: 'wrong',
      remedy: expect.stringContaining('TRUST_PROXY'),
    })
  })

  it('finds another site at its address', async () => {
    const port = await freePort()
    const [site, other] = [
      await startSite({ settings: { PUBLIC_URL: `http://localhost:${port}` } }),
      await startSite({ settings: { SESSION_SECRET: SESSION_SECRET.split('').reverse().join('') } }),
    ]
    sites.push(site, other)
    await listen(proxyTo(other.config.port, passOn, ''), port)
    expect(await proxyLine(site)).toMatchObject({
      state: 'wrong',
      says: expect.stringContaining('not this site'),
    })
  })

  it('finds a certificate that browsers do not accept', async () => {
    const site = await startProxiedSite({ TRUST_PROXY: '1' })
    sites.push(site)
    expect(await proxyLine(site, 'https')).toMatchObject({
      state: 'wrong',
      says: expect.stringContaining('certificate'),
    })
    expect(await proxyLine(site)).toMatchObject({ state: 'unknown' })
  })
})
