import { createHmac } from 'node:crypto'
import { join } from 'node:path'
import { loadConfig } from '../src/config/config.ts'
import { newVaultKey } from '../src/config/vault-keys.ts'
import { createContext } from '../src/context.ts'
import { createLogger } from '../src/logger.ts'
import { linkPath } from '../src/paths.ts'
import type { Load } from './load.ts'
import { freePort, runCommand, startServer } from './servers.ts'

export interface Scenario {
  readonly name: string
  readonly site: Load
  readonly baseline: Load
  /** The ratio that it should reach. */
  readonly bar: number
}

const PARTNER_API_KEY = 'sample-partner-key'
const PLATFORM_SECRET = 'sample-platform-secret'
/** In one round; each is worked on until the next. */
const RETURNS = 2_000
const RETURNS_OF_SESSION = 50

/** Starts site, simulator and bare Express, connects one number, and lays out what is measured. */
export async function openBench(folder: string, rounds: number) {
  const [port, hubPort, barePort] = [await freePort(), await freePort(), await freePort()]
  const simulate = [
    'simulate',
    '--port',
    String(hubPort),
    '--partner-id',
    'BenchPA',
    '--api-key',
    PARTNER_API_KEY,
  ]
  const hub = await startServer('src/cli.ts', simulate, { port: hubPort, path: '/control/counters' })
  const env = settings(port, hubPort, `sqlite:${join(folder, 'site.db')}`)
  const site = await startServer('src/main.ts', [], { port, env, path: '/readyz' })
  const bareArgs = [String(barePort), `sqlite:${join(folder, 'bare.db')}`, PLATFORM_SECRET]
  const bare = await startServer('bench/bare.ts', bareArgs, { port: barePort, path: '/ready' })

  const control = (path: string, body: object) => post(`http://localhost:${hubPort}/control/${path}`, body)
  const { link, token } = await makeAccess(env)
  const { status, clientId } = await connectOne(site.url, link, control)
  const insert: Load = { url: `${bare.url}/insert`, status: 303 }
  const returns = () => newReturns(env, site.url, clientId, RETURNS * (rounds + 1))

  const sameBytes = async (name: string, load: Load): Promise<Scenario> => {
    const answer = await fetch(load.url, { headers: load.headers ?? {} })
    const body = await answer.arrayBuffer()
    const headers = { 'content-type': answer.headers.get('content-type') ?? '' }
    const url = `${bare.url}/bytes/${encodeURIComponent(name)}`
    await fetch(url, { method: 'PUT', headers, body })
    return { name, site: load, baseline: { url, status: 200 }, bar: 0.3 }
  }
  const authorization = `Bearer ${token}`
  const scenarios: Scenario[] = [
    {
      name: 'launch',
      site: { url: site.url + link, method: 'POST', status: 303 },
      baseline: { ...insert, method: 'POST' },
      bar: 0.4,
    },
    {
      name: 'notice in',
      site: newNotices(`${site.url}/webhooks/360dialog`),
      baseline: newNotices(`${bare.url}/notice`),
      bar: 0.5,
    },
    { name: 'return', site: await returns(), baseline: insert, bar: 0.4 },
    await sameBytes('status page', { url: site.url + status, status: 200 }),
    await sameBytes('channel read', {
      url: `${site.url}/api/v1/channels/ch1`,
      headers: { authorization },
      status: 200,
    }),
    {
      name: 'key read',
      site: { url: `${site.url}/api/v1/channels/ch1/api-key`, headers: { authorization }, status: 200 },
      baseline: insert,
      bar: 0.5,
    },
  ]
  return {
    scenarios,
    settle: () => settle(`http://localhost:${hubPort}/control/counters`),
    /** From here on 360dialog takes 30 seconds for every answer. */
    stall: async () => {
      await control('faults', { endpoint: '*', kind: 'slow', ms: 30_000, times: 0 })
      return { site: await returns(), baseline: insert }
    },
    /** From here on nobody listens at 360dialog's address. */
    kill: async () => {
      await hub.stop()
      return { site: await returns(), baseline: insert }
    },
    close: () => Promise.all([site, bare, hub].map((server) => server.stop())),
  }
}

/** The settings of a live site beside a simulated 360dialog. */
export function settings(port: number, hubPort: number, databaseUrl: string): Record<string, string> {
  const hub = `http://localhost:${hubPort}`
  return {
    PORT: String(port),
    DATABASE_URL: databaseUrl,
    D360_PARTNER_ID: 'BenchPA',
    D360_PARTNER_API_KEY: PARTNER_API_KEY,
    D360_PLATFORM_SECRET: PLATFORM_SECRET,
    D360_API_URL: `${hub}/api/v2`,
    D360_LAUNCH_URL: `${hub}/dashboard/app/{partner_id}/permissions`,
    D360_MESSAGING_HOSTS: 'localhost',
    VAULT_KEYS: newVaultKey(),
    SESSION_SECRET: 'a-sample-of-a-session-secret-0123456789',
    BRAND_NAME: 'Nordlicht',
    SUPPORT_EMAIL: 'help@nordlicht.example',
    RATE_LIMIT_PUBLIC: '1000000',
  }
}

/** A connect link's path and an API token, made beside the serving site as an operator makes them. */
async function makeAccess(env: Record<string, string>): Promise<{ link: string; token: string }> {
  const order = ['--tenant', 't1', '--name', 'Shop', '--email', 'a@shop.example', '--email-verified']
  const link = new URL(await runCommand(env, ['link', 'create', ...order])).pathname
  const scopes = ['--scope', 'channels:read', '--scope', 'keys:read']
  const token = await runCommand(env, ['token', 'create', '--name', 'bench', ...scopes])
  return { link, token }
}

interface Launched {
  readonly screen: string
  readonly cookie: string
}

async function launch(siteUrl: string, link: string, browser?: string): Promise<Launched> {
  const headers = browser ? { cookie: browser } : {}
  const answer = await fetch(siteUrl + link, { method: 'POST', redirect: 'manual', headers })
  const cookie =
    browser ??
    answer.headers
      .getSetCookie()
      .map((one) => one.split(';')[0])
      .join('; ')
  return { screen: answer.headers.get('location') ?? '', cookie }
}

/** Connects one number to the end; answers the path of its status page, and whose number it is. */
async function connectOne(
  siteUrl: string,
  link: string,
  control: (path: string, body: object) => Promise<{ location?: string }>,
): Promise<{ status: string; clientId: string }> {
  const { screen, cookie } = await launch(siteUrl, link)
  const { location = '' } = await control('visits', {
    launch_url: screen,
    signup: { name: 'Shop', email: 'a@shop.example' },
    add: [{ id: 'ch1', phone_number: '+49301234567', display_name: 'Shop', running: true }],
  })
  const { pathname, search, searchParams } = new URL(location)
  const back = await fetch(siteUrl + pathname + search, { headers: { cookie }, redirect: 'manual' })
  const status = back.headers.get('location') ?? ''
  for (;;) {
    const seen = await fetch(siteUrl + status, { headers: { accept: 'application/json' } })
    if (((await seen.json()) as { status: string }).status === 'completed')
      return { status, clientId: searchParams.get('client') ?? '' }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/**
 * Returns of one browser that share the number again, each of a launch of its own and stored: a session takes 50, so
 * there are as many sessions as are needed.
 */
async function newReturns(
  env: Record<string, string>,
  siteUrl: string,
  clientId: string,
  count: number,
): Promise<Load> {
  const links = await newLinks(env, Math.ceil(count / RETURNS_OF_SESSION))
  const { cookie } = await launch(siteUrl, links[0] ?? '')
  const nonces: string[] = []
  for (const link of links) {
    const launches = Array.from({ length: RETURNS_OF_SESSION }, () => launch(siteUrl, link, cookie))
    for (const { screen } of await Promise.all(launches))
      nonces.push(new URL(screen).searchParams.get('state') ?? '')
  }
  const nextPath = () => {
    const nonce = nonces.pop()
    return `/callback?nonce=${nonce}&state=${nonce}&client=${clientId}&channels=[ch1]`
  }
  return { url: siteUrl, headers: { cookie }, nextPath, status: 303, amount: RETURNS }
}

/** Paths of connect links, each of a session of its own. */
async function newLinks(env: Record<string, string>, count: number): Promise<string[]> {
  const logger = createLogger('silent', { write() {} })
  const { sessions, db } = await createContext(loadConfig(env), { logger })
  const order = { tenantId: 't1', tenantName: 'Shop', email: 'a@shop.example', emailVerified: true }
  const links: string[] = []
  while (links.length < count) links.push(linkPath(await sessions.createLink(order)))
  await db.destroy()
  return links
}

/** Signed notices, each another one, about the number that is connected. */
function newNotices(url: string): Load {
  let count = 0
  const nextBody = () => {
    count += 1
    const data = { id: 'ch1', client_id: 'clX', status: 'ready', setup_info: { phone_name: 'x'.repeat(800) } }
    const body = JSON.stringify({ id: `evt_${count}`, event: 'channel_live', data })
    const signature = createHmac('sha256', PLATFORM_SECRET).update(body).digest('hex')
    return { body, headers: { 'x-360dialog-signature': signature, 'content-type': 'application/json' } }
  }
  return { url, method: 'POST', nextBody, status: 200 }
}

/** Waits until the worker has nothing left to ask 360dialog. */
async function settle(countersUrl: string): Promise<void> {
  let before = ''
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 500))
    const now = await (await fetch(countersUrl)).text()
    if (now === before) return
    before = now
  }
}

async function post(url: string, body: object): Promise<{ location?: string }> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${await answer.text()}`)
  return (await answer.json()) as { location?: string }
}
