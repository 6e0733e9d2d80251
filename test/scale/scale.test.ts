import { readFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { loadConfig } from '../../src/config/config.ts'
import { createContext } from '../../src/context.ts'
import { createLogger } from '../../src/logger.ts'
import { noCalls } from '../../src/simulator/faults.ts'
import type { Simulator } from '../../src/simulator/simulator.ts'
import { type Child, startChild } from '../child-process.ts'
import { createDatabase, type EmptyDatabase, engines } from '../databases.ts'
import { freePort } from '../free-port.ts'
import { settingsFor, startTestSimulator } from '../site.ts'

/** `npm run scale` takes a hub of 20,000. */
const MANY = Number(process.env.SCALE_CHANNELS ?? 600)
const FEW = MANY / 10
const PAGE_ROWS = 200
const PASSWORD = 'a sample of a password'

/** Of one walk, as the site's process says it. */
interface Walk {
  readonly clients: number
  readonly channels: number
  readonly pages: number
  /** MB that were in use, at most. */
  readonly held: number
  /** The longest that the process did not answer, in ms. */
  readonly lag: number
  readonly ms: number
}

/** What an admin saw while it went on. */
interface Seen {
  looks: number
  longestMs: number
  mostRows: number
  mostBytes: number
}

describe.each(engines)(`a hub with ${MANY} numbers of other systems, on %s`, (engine) => {
  let simulator: Simulator
  let database: EmptyDatabase
  let settings: Record<string, string>
  let site: Child
  beforeEach(async () => {
    simulator = await startTestSimulator()
    database = await createDatabase(engine)
    settings = settingsFor({ port: await freePort(), databaseUrl: database.url, simulator, more: {} })
    const context = await openContext()
    await context.admins.create('anna', PASSWORD)
    await context.db.destroy()
    site = startChild('scale/site-process.ts', settings)
    await site.said('serving')
  })
  afterEach(async () => {
    site.process.kill()
    await site.ended
    await simulator.close()
    await database.drop()
  })

  const openContext = () =>
    createContext(loadConfig(settings), { logger: createLogger('silent', { write() {} }) })

  /** Numbers that run, two for each client, each with a key that another system uses. */
  function growTo(count: number): void {
    const { hub } = simulator
    for (let nth = hub.listChannels().length; nth < count; nth += 1) {
      const client = `cl${Math.floor(nth / 2)}`
      if (nth % 2 === 0) hub.addClient({ id: client, name: `Shop ${nth}`, email: `${client}@x.example` })
      const phoneNumber = `+49301${String(nth).padStart(6, '0')}`
      const channel = { id: `ch${nth}`, clientId: client, phoneNumber, displayName: `Shop ${nth}` }
      hub.addChannel({ ...channel, running: true, permitted: true })
      hub.mintForeignKey(channel.id)
    }
  }

  /** The next walk, and an admin who looks at the lists meanwhile, again and again. */
  async function walk(cookie: string): Promise<{ walk: Walk; seen: Seen; peak: number }> {
    simulator.hub.resetCounters()
    const seen: Seen = { looks: 0, longestMs: 0, mostRows: 0, mostBytes: 0 }
    let isOver = false
    const { length } = simulator.hub.listChannels()
    site.tell(String(Math.ceil(length / PAGE_ROWS) + Math.ceil(length / 2 / PAGE_ROWS)))
    const said = site.said('walked').finally(() => {
      isOver = true
    })
    while (!isOver)
      for (const path of [
        '/admin',
        `/admin?after=ch${length / 2}`,
        '/admin/search?q=Shop%201',
        '/admin/audit',
      ])
        await look(path, cookie, seen)
    const walked = JSON.parse((await said).replace('walked ', ''))
    return { walk: walked, seen, peak: mostMemoryOf(site.process.pid) }
  }

  async function look(path: string, cookie: string, seen: Seen): Promise<void> {
    const began = performance.now()
    const answer = await fetch(settings.PUBLIC_URL + path, { headers: { cookie }, redirect: 'manual' })
    const page = await answer.text()
    expect([path, answer.status]).toEqual([path, 200])
    seen.looks += 1
    seen.longestMs = Math.max(seen.longestMs, performance.now() - began)
    seen.mostRows = Math.max(seen.mostRows, page.split('<tr').length - 1)
    seen.mostBytes = Math.max(seen.mostBytes, page.length)
  }

  async function signIn(): Promise<string> {
    const body = new URLSearchParams({ name: 'anna', password: PASSWORD })
    const answer = await fetch(`${settings.PUBLIC_URL}/admin/sign-in`, {
      method: 'POST',
      body,
      redirect: 'manual',
    })
    const cookies = answer.headers.getSetCookie().map((cookie) => cookie.split(';')[0])
    return cookies.join('; ')
  }

  it(
    'is read in one walk that holds no more than of a small one, kills no key, and leaves the admin area usable',
    async () => {
      const cookie = await signIn()
      growTo(FEW)
      const small = await walk(cookie)
      growTo(MANY)
      const keys = simulator.hub.listChannels().map(({ key }) => key)
      const large = await walk(cookie)
      const again = await walk(cookie)
      if (process.env.SCALE_CHANNELS)
        process.stdout.write(`${JSON.stringify({ engine, small, large, again })}\n`)

      for (const { walk, seen } of [large, again]) {
        expect(walk).toMatchObject({ clients: MANY / 2, channels: MANY })
        expect(walk.held - small.walk.held).toBeLessThan(10)
        expect(walk.lag).toBeLessThan(500)
        expect(seen.longestMs).toBeLessThan(2_000)
        expect(seen.mostRows).toBeLessThanOrEqual(1 + 50)
        expect(seen.mostBytes).toBeLessThan(100_000)
      }
      // Nothing was asked but the partner, once, and the pages themselves: no key, no record of one, no health.
      const clients = Math.ceil(MANY / 2 / PAGE_ROWS)
      expect(simulator.hub.calls).toEqual({
        ...{ ...noCalls(), partner: 1 },
        ...{ clients, channels: Math.ceil(MANY / PAGE_ROWS) },
      })
      expect(simulator.hub.minted).toEqual([])
      expect(simulator.hub.listChannels().map(({ key }) => key)).toEqual(keys)
      await expectUntouched()
    },
    60_000 + MANY * 20,
  )

  async function expectUntouched(): Promise<void> {
    const { db } = await openContext()
    try {
      const channels = db.selectFrom('channel').select(({ fn }) => fn.countAll<number>().as('count'))
      const foreign = channels.where('keyStatus', '=', 'none').where('permission', '=', 'unknown')
      expect(Number((await foreign.executeTakeFirstOrThrow()).count)).toBe(MANY)
      const jobs = await db.selectFrom('job').select('kind').orderBy('kind').execute()
      expect(jobs.map(({ kind }) => kind)).toEqual(['retention', 'sync'])
      for (const table of ['mint', 'apiKey', 'observation', 'channelChange', 'channelHealth'] as const)
        expect(await db.selectFrom(table).selectAll().execute()).toEqual([])
    } finally {
      await db.destroy()
    }
  }
})

/** The most that a process ever had, in MB. */
function mostMemoryOf(pid: number | undefined): number {
  const [, kilobytes] = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) / 1024
}
