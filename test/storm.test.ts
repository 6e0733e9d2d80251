import { Agent, get } from 'node:http'
import { afterEach, describe, expect, it } from '@jest/globals'
import type { Simulator } from '../src/simulator/simulator.ts'
import { startSimulator } from '../src/simulator/simulator.ts'
import { createDatabase, type EmptyDatabase, engines } from './databases.ts'
import { FastClock } from './fast-clock.ts'
import { comeBack, grant, readStatus } from './journey.ts'
import { eventually, PARTNER_API_KEY, PARTNER_ID, type Site, startSite, startTestSimulator } from './site.ts'

const RETURNS = 1_000
const AT_ONCE = 50
const GRANTS = 20

describe.each(engines)('a storm on %s', (engine) => {
  let database: EmptyDatabase
  let simulator: Simulator
  let sites: Site[] = []
  afterEach(async () => {
    await Promise.all(sites.map((site) => site.stop()))
    await simulator.close()
    await database.drop()
  })

  it(`of ${RETURNS} times the same return leads to one status page, one row and one mint`, async () => {
    database = await createDatabase(engine)
    simulator = await startTestSimulator()
    const start = () => startSite({ databaseUrl: database.url, simulator })
    // On SQLite one process serves a file; on PostgreSQL many share the work.
    sites = engine === 'sqlite' ? [await start()] : await Promise.all([start(), start()])
    const [site] = sites
    if (!site) throw new Error('there is no site')
    const granted = await grant(site, 'ch1')
    const { browser, back } = granted

    const storm = await returnOften(sites, back, await cookieOf(browser))

    const answers = new Set(storm.map(({ status, location }) => `${status} ${location}`))
    expect([...answers]).toEqual([expect.stringMatching(/^303 \/status\/[\w-]{43}$/)])
    const returned = await comeBack(granted)
    expect([...answers]).toEqual([`303 ${returned.status}`])
    await eventually(async () => (await readStatus(returned)) === 'completed')
    expect(simulator.hub.minted).toEqual(['ch1'])
    expect(simulator.hub.calls.create_key).toBe(1)
    const rows = await site.context.db.selectFrom('connectReturn').select('state').execute()
    expect(rows).toEqual([{ state: 'bound' }])
  })

  it(`of ${GRANTS} grants while 360dialog is slow and says 429 leads to one mint for each`, async () => {
    database = await createDatabase(engine)
    const clock = new FastClock()
    simulator = await startSimulator({
      port: 0,
      partnerId: PARTNER_ID,
      partnerApiKey: PARTNER_API_KEY,
      redirectUrl: 'http://localhost:1/callback',
      now: () => clock.now(),
    })
    const start = () =>
      startSite({ databaseUrl: database.url, simulator, clock, settings: { D360_RATE: '200/1s' } })
    sites = engine === 'sqlite' ? [await start()] : await Promise.all([start(), start()])
    const [site] = sites
    if (!site) throw new Error('there is no site')
    const { hub } = simulator
    const ids = Array.from({ length: GRANTS }, (_, n) => `ch${n}`)
    const granted = await Promise.all(ids.map((id) => grant(site, id)))
    hub.setFault({ endpoint: 'clients', times: 10, kind: 'status', status: 429 })
    hub.setFault({ endpoint: 'create_key', times: 10, kind: 'status', status: 429, retry_after: 3 })
    hub.setFault({ endpoint: 'create_key', times: 10, kind: 'slow', ms: 100 })
    hub.setFault({ endpoint: 'channels', times: 10, kind: 'slow', ms: 100 })
    hub.setFault({ endpoint: 'phone_number', times: 10, kind: 'status', status: 429 })

    const returned = await Promise.all(granted.map(comeBack))

    for (const one of returned) await eventually(async () => (await readStatus(one)) === 'completed')
    expect(hub.minted.toSorted()).toEqual(ids.toSorted())
    expect(hub.calls.create_key).toBe(GRANTS + 10)
    for (const id of ids) {
      const found = await site.context.channels.find(id)
      expect(found).toMatchObject({ tenantId: `t-${id}`, keyStatus: 'stored', keyVersion: 1 })
    }
  })
})

interface ShortAnswer {
  readonly status: number | undefined
  readonly location: string | undefined
}

/** Brings the same browser back RETURNS times, AT_ONCE at a time, to all the sites in turn. */
async function returnOften(sites: readonly Site[], back: string, cookie: string): Promise<ShortAnswer[]> {
  const agent = new Agent({ keepAlive: true })
  const answers: ShortAnswer[] = []
  let left = RETURNS
  const comeBackAgain = async () => {
    while (left > 0) {
      left -= 1
      const { url } = sites[left % sites.length] ?? {}
      answers.push(await ask(new URL(back, url), { agent, headers: { cookie } }))
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, comeBackAgain))
  agent.destroy()
  return answers
}

function ask(url: URL, options: object): Promise<ShortAnswer> {
  return new Promise((resolve, reject) => {
    const request = get(url, options, (answer) => {
      answer.resume()
      answer.once('end', () => resolve({ status: answer.statusCode, location: answer.headers.location }))
    })
    request.once('error', reject)
  })
}

/** What the browser sends as its cookie. */
async function cookieOf(browser: Awaited<ReturnType<Site['newBrowser']>>): Promise<string> {
  return browser.jar
    .getCookies({ domain: 'localhost', path: '/', secure: false, script: false })
    .toValueString()
}
