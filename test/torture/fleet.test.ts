import { describe, expect, it } from '@jest/globals'
import request from 'supertest'
import { systemClock } from '../../src/clock.ts'
import { loadConfig } from '../../src/config/config.ts'
import { type Context, createContext } from '../../src/context.ts'
import type { Engine } from '../../src/database/database.ts'
import { crashPoints } from '../../src/jobs/crash-points.ts'
import { LEASE_MS } from '../../src/jobs/jobs.ts'
import { keyFactsOf } from '../../src/keys/key-facts.ts'
import { createLogger } from '../../src/logger.ts'
import { linkPath, paths } from '../../src/paths.ts'
import { shownOf } from '../../src/shown-facts.ts'
import type { Fault } from '../../src/simulator/faults.ts'
import type { Simulator } from '../../src/simulator/simulator.ts'
import type { VisitActs } from '../../src/simulator/visits.ts'
import { createEmptyDatabase } from '../databases.ts'
import { dumpOf } from '../dump.ts'
import { freePort } from '../free-port.ts'
import { emailOf, newClient } from '../journey.ts'
import { eventually, pathOf, settingsFor, startTestSimulator } from '../site.ts'
import { Fleet } from './fleet.ts'

/** Kills for each crowd of processes. */
const ROUNDS = 2 * Number(process.env.TORTURE_KILLS ?? 1) + 2
const HALF_AN_HOUR_MS = 30 * 60_000
const crowds = [
  ['sqlite', 1],
  ['postgres', 2],
  ['postgres', 3],
] as const

/** What 360dialog does meanwhile: answers are lost, come late and so out of order, or say that it has failed. */
const misfortunes: readonly (Fault | undefined)[] = [
  { endpoint: 'create_key', kind: 'lost_after_commit' },
  { endpoint: 'channels', kind: 'slow', ms: 150, times: 2 },
  undefined,
  { endpoint: 'create_key', kind: 'status', status: 500, committed: true },
  { endpoint: '*', kind: 'status', status: 503, times: 3 },
  { endpoint: 'channels', kind: 'lost_after_commit', times: 2 },
  { endpoint: 'list_keys', kind: 'slow', ms: 150, times: 2 },
]

describe('a site of one, two and three processes, killed one after the other', () => {
  it(
    `loses nothing, mints nothing twice and knows every permission, ${ROUNDS} times each, whatever 360dialog does`,
    async () => {
      await Promise.all(crowds.map(([engine, processes]) => torture(engine, processes)))
    },
    60_000 + ROUNDS * 15_000,
  )
})

interface Scene {
  readonly engine: Engine
  readonly settings: Readonly<Record<string, string>>
  readonly simulator: Simulator
  readonly fleet: Fleet
  /** A process of its own beside the others, as an operator's command is one. */
  readonly context: Context
}

/** A client's number, and where its page is. */
interface Customer {
  readonly channelId: string
  readonly status: string
}

async function torture(engine: Engine, processes: number): Promise<void> {
  const database = await createEmptyDatabase(engine)
  const port = await freePort()
  const simulator = await startTestSimulator()
  simulator.hub.webhookUrl = `http://127.0.0.1:${port}${paths.notices}`
  simulator.hub.setSwitches({ revoke_kills_key: true })
  const settings = settingsFor({ port, databaseUrl: database.url, simulator, more: {} })
  const fleet = await Fleet.open(settings, processes)
  const context = await createContext(loadConfig(settings), {
    clock: { now: () => simulator.hub.now(), sleep: systemClock.sleep },
    logger: createLogger('silent', { write() {} }),
  })
  const scene = { engine, settings, simulator, fleet, context }
  try {
    const customers: Customer[] = []
    for (let round = 0; round < ROUNDS; round += 1) customers.push(...(await kill(round, processes, scene)))
    await heal(customers, scene)
    await examine(customers, scene)
  } catch (error) {
    throw new Error(`${engine}, ${processes} processes\n${fleet.log.slice(-40).join('')}\n${error}`, {
      cause: error,
    })
  } finally {
    await fleet.close()
    await context.db.destroy()
    await simulator.close()
    await database.drop()
  }
}

/** One process dies while two clients come back, a number begins to run, and an earlier client changes its mind. */
async function kill(round: number, processes: number, scene: Scene): Promise<Customer[]> {
  const { fleet, simulator } = scene
  const { hub } = simulator
  const step = crashPoints[(round * 7 + processes * 5) % crashPoints.length]
  const misfortune = misfortunes[round % misfortunes.length]
  const victim = await fleet.arm(round, step ?? 'return.stored')
  hub.clearFaults()
  if (misfortune) hub.setFault(misfortune)
  // Every fourth time no notice comes at all.
  hub.setSwitches({ send_notices: round % 4 !== 3 })

  const [early, late] = [`ch${2 * round}`, `ch${2 * round + 1}`]
  const customers = await Promise.all([
    connect(early, newClient(early), scene),
    connect(late, newClient(late, { running: false }), scene),
  ])
  hub.makeRun(late)
  if (round > 0) await changeMind(round, scene)
  repeatNotices(scene)
  await quiet(scene)

  // Where its step was never reached, it dies wherever it is.
  victim.process.kill('SIGKILL')
  await victim.ended
  await fleet.whole()
  await pass(LEASE_MS + 60_000, scene)
  return customers
}

/** The early client of the round before takes its permission back, and that of the round before it grants again. */
async function changeMind(round: number, scene: Scene): Promise<void> {
  const { hub } = scene.simulator
  const leaving = `ch${2 * (round - 1)}`
  // In its own Hub, of which nobody is told, or with a notice.
  if (round % 2 === 0) hub.removeAccess(leaving)
  else hub.revoke(leaving)
  if (round < 2) return
  const back = `ch${2 * (round - 2)}`
  await connect(back, { clientId: hub.channel(back).clientId, channels: [back] }, scene)
}

/** The newest ones come twice, and after them one that is older. */
function repeatNotices({ simulator: { hub } }: Scene): void {
  const notices = hub.outbox.list()
  for (const notice of [...notices.slice(0, 2), ...notices.slice(4, 5)]) hub.outbox.sendAgain(notice.id)
}

/** A visit to the permission screen and back. Who gets no answer asks again. */
async function connect(channelId: string, acts: VisitActs, scene: Scene): Promise<Customer> {
  const { context, settings, simulator } = scene
  const tenant = { tenantId: `t-${channelId}`, tenantName: `Shop ${channelId}` }
  const link = { ...tenant, email: emailOf(channelId), emailVerified: true }
  const path = linkPath(await context.sessions.createLink(link))
  const browser = request.agent(String(settings.PUBLIC_URL))
  const screen = await redirectOf(() => browser.post(path))
  const back = pathOf(simulator.hub.visit(screen, acts))
  const status = await redirectOf(() => browser.get(back))
  expect(status).toMatch(/^\/status\/[\w-]{43}$/)
  return { channelId, status }
}

/** Where the site sends the browser, once it answers. */
async function redirectOf(ask: () => request.Test): Promise<string> {
  const { status, headers } = await eventually(() => ask().catch(() => undefined))
  expect(status).toBe(303)
  return String(headers.location)
}

/** Resolves when nothing is due, and nobody works any more on what is taken: that is what the dead had taken. */
async function quiet({ context, simulator: { hub } }: Scene): Promise<void> {
  await hub.outbox.settled()
  let before = ''
  let looks = 0
  await eventually(async () => {
    const jobs = await context.db
      .selectFrom('job')
      .select(['id', 'dueAt', 'leasedUntil'])
      .orderBy('id')
      .execute()
    const taken = jobs.filter(({ leasedUntil }) => leasedUntil && leasedUntil > hub.now())
    if (jobs.some(({ dueAt }) => dueAt <= hub.now())) return false
    const seen = JSON.stringify([taken, hub.calls])
    looks = seen === before ? looks + 1 : 0
    before = seen
    return taken.length === 0 || looks === 25
  })
}

async function pass(ms: number, scene: Scene): Promise<void> {
  scene.simulator.hub.advance(ms / 1000)
  await scene.fleet.push(ms)
  await quiet(scene)
}

/** With 360dialog well again and no more deaths, time alone brings every client to its key; then comes one sync. */
async function heal(customers: readonly Customer[], scene: Scene): Promise<void> {
  const { context, settings, simulator } = scene
  simulator.hub.clearFaults()
  const isConnected = async ({ status }: Customer) => {
    const page = await request(String(settings.PUBLIC_URL))
      .get(status)
      .set('accept', 'application/json')
      .expect(200)
    return page.body.status === 'completed'
  }
  let waiting = customers.filter(({ channelId }) => simulator.hub.channel(channelId).permitted)
  for (let passed = 0; passed < 48 && waiting.length > 0; passed += 1) {
    await pass(HALF_AN_HOUR_MS, scene)
    for (const { channelId } of waiting) await decide(channelId, scene)
    const connected = await Promise.all(waiting.map(isConnected))
    waiting = waiting.filter((_, place) => !connected[place])
  }
  const stuck = waiting.map(async ({ channelId }) => ({
    channel: await context.channels.find(channelId),
    mints: await context.mints.listOfChannel(channelId),
  }))
  expect(await Promise.all(stuck)).toEqual([])
  await context.jobs.plan({ kind: 'sync', subject: 'hub' }, context.db)
  await quiet(scene)
}

/** Where two answers in a row are lost, an admin says that there may be a third. */
async function decide(channelId: string, { context: { channels, mints, decisions } }: Scene): Promise<void> {
  const channel = await channels.find(channelId)
  if (channel?.mintProblem !== 'answer_lost' || channel.mintState !== 'needs_decision') return
  const [open, ...others] = await mints.listOfChannel(channelId)
  expect(others.filter(({ version, sentAt }) => version === open?.version && sentAt)).not.toEqual([])
  const shown = shownOf(keyFactsOf(channel, open))
  await decisions.replace({ channelId, adminName: 'anna', shown })
}

async function examine(customers: readonly Customer[], scene: Scene): Promise<void> {
  const { engine, simulator, fleet, context } = scene
  const left = `${await dumpOf(context.db, engine)}${fleet.log.join('')}`
  for (const { channelId } of customers) {
    const { permitted } = simulator.hub.channel(channelId)
    const channel = await context.channels.find(channelId)
    expect([channelId, channel?.permission]).toEqual([channelId, permitted ? 'shared' : 'missing'])
    const key = simulator.hub.liveKeyOf(channelId)
    if (permitted) expect((await context.keys.open(channelId))?.apiKey).toBe(key)
    if (key) expect(left).not.toContain(key)
    await examineMints(channelId, scene)
  }
  const returns = await context.db.selectFrom('connectReturn').select('state').execute()
  expect(new Set(returns.map(({ state }) => state))).toEqual(new Set(['bound']))
  const untold = await context.db.selectFrom('notice').select('event').where('outcome', 'is', null).execute()
  expect(untold).toEqual([])
}

/** A key is made again for a version only where the answer with the one before is lost. */
async function examineMints(channelId: string, { context, simulator: { hub } }: Scene): Promise<void> {
  const mints = (await context.mints.listOfChannel(channelId)).toReversed()
  const made = hub.minted.filter((id) => id === channelId).length
  expect([channelId, made <= mints.filter(({ sentAt }) => sentAt).length]).toEqual([channelId, true])
  for (const ofOne of Map.groupBy(mints, ({ version }) => version).values()) {
    const given = ofOne.slice(0, -1).filter(({ state, sealedAnswer }) => state === 'stored' || sealedAnswer)
    expect([channelId, given]).toEqual([channelId, []])
  }
}
