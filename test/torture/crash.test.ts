import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import request from 'supertest'
import { loadConfig } from '../../src/config/config.ts'
import { type Context, createContext } from '../../src/context.ts'
import { type Engine, sqliteFile } from '../../src/database/database.ts'
import { type CrashPointName, crashPoints } from '../../src/jobs/crash-points.ts'
import { LEASE_MS } from '../../src/jobs/jobs.ts'
import { createLogger } from '../../src/logger.ts'
import { linkPath, paths } from '../../src/paths.ts'
import type { Simulator } from '../../src/simulator/simulator.ts'
import { startChild } from '../child-process.ts'
import { createEmptyDatabase, type EmptyDatabase, engines } from '../databases.ts'
import { dumpOf } from '../dump.ts'
import { freePort } from '../free-port.ts'
import { type Mailbox, openMailbox } from '../mailbox.ts'
import { type Browser, eventually, launchFrom, pathOf, settingsFor, startTestSimulator } from '../site.ts'

/** Kills for each step and each engine. */
const KILLS = Number(process.env.TORTURE_KILLS ?? 1)
/** Between a death and the next start: leases have run out, and a lost answer has settled. */
const PAUSE_MS = LEASE_MS + 60_000
/** Where a key that 360dialog made is surely lost; at any other step a second one would be a mistake. */
const LOSES_THE_ANSWER: readonly CrashPointName[] = ['mint.answered']
/** Where the site cannot know whether 360dialog acted, and has to look. */
const LEAVES_IN_DOUBT: readonly CrashPointName[] = ['mint.intended', 'mint.answered']

describe('a site that is killed', () => {
  it(
    `loses nothing and mints nothing twice, ${KILLS} times at each of ${crashPoints.length} steps, on either database`,
    async () => {
      await Promise.all(engines.map(torture))
    },
    30_000 + KILLS * crashPoints.length * 10_000,
  )
})

/** One client's way: which number it grants, where the site dies, and how far the browser came. */
interface Journey {
  readonly step: CrashPointName
  readonly channelId: string
  readonly browser: Browser
  /** The address that 360dialog sent the browser back to. */
  readonly back: string
  /** The status page, when the return was acknowledged before the site died. */
  readonly acknowledged: string | undefined
}

interface Infrastructure {
  readonly engine: Engine
  readonly settings: Readonly<Record<string, string>>
  readonly simulator: Simulator
  /** Of the owners that are asked: where the site dies while it sends a mail. */
  readonly mailbox: Mailbox
  /** One for each client. */
  readonly links: readonly string[]
  /** Of the product: reads keys. */
  readonly token: string
  readonly log: string[]
}

/**
 * One site on one database beside one 360dialog. Each process brings the way to its end that its predecessor
 * died on, then dies itself while it works for a new client.
 */
async function torture(engine: Engine): Promise<void> {
  const database = await createEmptyDatabase(engine)
  const simulator = await startTestSimulator()
  const mailbox = await openMailbox()
  const more = { SMTP_URL: mailbox.url, MAIL_FROM: 'connect@nordlicht.example' }
  const settings = settingsFor({ port: await freePort(), databaseUrl: database.url, simulator, more })
  // None comes again when another process is to die at it.
  simulator.hub.setSwitches({ send_notices: false, notice_retries: 0 })
  simulator.hub.webhookUrl = `${settings.PUBLIC_URL}${paths.notices}`
  const deaths = Array.from({ length: KILLS }, () => crashPoints).flat()
  const prepared = await prepare(settings, deaths)
  const infrastructure = { engine, settings, simulator, mailbox, log: [], ...prepared }

  let journeys: readonly Journey[] = []
  for (const step of [...deaths, undefined]) {
    journeys = await liveOnce(journeys, step, infrastructure)
    simulator.hub.advance(PAUSE_MS / 1000)
  }
  expect(journeys.map(({ step }) => step)).toEqual(deaths)
  await examine(database, journeys, infrastructure)
  await simulator.close()
  await mailbox.close()
  await database.drop()
}

/** The life of one process: it finishes the last journey, and dies on a new one at `step`. */
async function liveOnce(
  journeys: readonly Journey[],
  step: CrashPointName | undefined,
  infrastructure: Infrastructure,
): Promise<readonly Journey[]> {
  const round = journeys.length
  const last = journeys.at(-1)
  const site = startChild('torture/site-process.ts', {
    ...infrastructure.settings,
    TORTURE_PUSHED_MS: String(round * PAUSE_MS),
  })
  try {
    await site.said('serving')
    if (last) await finish(last, infrastructure)
    if (!step) return journeys
    site.tell(`arm ${step}`)
    await site.said('arm done')
    const journey = { step, ...(await travelUntilDeath(round, step, infrastructure)) }
    expect(await eventually(() => site.process.signalCode ?? undefined)).toBe('SIGKILL')
    return [...journeys, journey]
  } catch (error) {
    const story = `${infrastructure.engine}, round ${round}: after ${last?.step}, before ${step}\n${site.errors.join('')}`
    throw new Error(`${story}\n${error}`, { cause: error })
  } finally {
    site.process.kill('SIGKILL')
    await site.ended
    infrastructure.log.push(...site.errors)
  }
}

/** A connect link for each client and an API token, as an operator makes them. */
async function prepare(
  settings: Infrastructure['settings'],
  deaths: readonly CrashPointName[],
): Promise<{ links: string[]; token: string }> {
  const context = await open(settings)
  const links: string[] = []
  for (const [round, step] of deaths.entries()) {
    const order = { tenantId: `t${round}`, tenantName: `Shop ${round}`, email: emailOf(`ch${round}`) }
    links.push(linkPath(await context.sessions.createLink({ ...order, emailVerified: step !== 'mail.sent' })))
  }
  const product = {
    name: 'product',
    scopes: ['keys:read'] as const,
    tenantId: undefined,
    expiresAt: undefined,
  }
  const { secret } = await context.tokens.create(product)
  await context.db.destroy()
  return { links, token: secret }
}

async function travelUntilDeath(
  round: number,
  step: CrashPointName,
  infrastructure: Infrastructure,
): Promise<Omit<Journey, 'step'>> {
  const { settings, links } = infrastructure
  const { hub } = infrastructure.simulator
  const channelId = `ch${round}`
  const isOfNotice = step.startsWith('notice.')
  const browser = request.agent(settings.PUBLIC_URL)
  const screen = await launchFrom(browser, String(links[round]))
  const number = { id: channelId, phoneNumber: phoneNumberOf(channelId), displayName: channelId }
  const back = hub.visit(screen, {
    signup: { name: channelId, email: emailOf(channelId) },
    add: [{ ...number, running: !isOfNotice }],
  })
  const answer = await browser.get(pathOf(back)).catch(() => undefined)
  const acknowledged = answer && statusPageIn(answer)
  if (isOfNotice) await beToldThatItRuns(channelId, infrastructure)
  return { channelId, browser, back, acknowledged }
}

/** The only notice of all that is sent: of a number that is bound and was found not to run, when no mint is under way. */
async function beToldThatItRuns(
  channelId: string,
  { settings, simulator: { hub } }: Infrastructure,
): Promise<void> {
  const { db } = await open(settings)
  const mints = db.selectFrom('mint').select('mint.id').where('channelId', '=', channelId)
  const rests = mints.where('state', '=', 'waiting').where('problem', '=', 'not_running')
  const job = db
    .selectFrom('job')
    .select('leasedUntil')
    .where('kind', '=', 'mint')
    .where('subject', '=', channelId)
  await eventually(
    async () => (await rests.executeTakeFirst()) && !(await job.executeTakeFirst())?.leasedUntil,
  )
  await db.destroy()
  hub.setSwitches({ send_notices: true })
  hub.makeRun(channelId)
  hub.setSwitches({ send_notices: false })
}

/** What the client sees after the crash: the same status page as before, and in the end a connected number. */
async function finish(
  { step, channelId, browser, back, acknowledged }: Journey,
  { token, mailbox, simulator: { hub } }: Infrastructure,
): Promise<void> {
  // Who got no answer reloads; who got one only ever looks at the status page.
  const status = acknowledged ?? statusPageIn(await browser.get(pathOf(back)))
  const readStatus = async () => (await browser.get(status).set('accept', 'application/json')).body
  if (step === 'mail.sent') await sayYes(channelId, browser, mailbox)
  await eventually(async () => (await readStatus()).status === 'completed')

  expect(hub.minted.filter((id) => id === channelId)).toHaveLength(LOSES_THE_ANSWER.includes(step) ? 2 : 1)
  const address = `/api/v1/channels/${channelId}/api-key`
  const key = await browser.get(address).set('authorization', `Bearer ${token}`)
  expect(key.body).toMatchObject({ channel_id: channelId, api_key: hub.liveKeyOf(channelId) })
  expect(hub.liveKeyOf(channelId)).toBeDefined()
}

/** The mail that had left comes once more: it was not known that it had. Both have the one link. */
async function sayYes(channelId: string, browser: Browser, mailbox: Mailbox): Promise<void> {
  const mails = () => mailbox.mails.filter(({ to }) => to === emailOf(channelId))
  await eventually(() => mails().length === 2)
  const [link = '', ...others] = new Set(mails().map((mail) => mail.link))
  expect(others).toEqual([])
  await browser.post(link).type('form').send({ answer: 'yes', channels: channelId }).expect(303)
}

/** What the dead sites left behind: every journey whole, each step of it audited once, no key in clear. */
async function examine(
  { url }: EmptyDatabase,
  journeys: readonly Journey[],
  { engine, settings, simulator: { hub }, log }: Infrastructure,
): Promise<void> {
  // Before anything opens it: the write-ahead log of the last process that was killed is still beside it.
  const bytes = engine === 'sqlite' ? bytesBeside(sqliteFile(url)) : ''
  const context = await open(settings)
  try {
    const left = `${bytes}${await dumpOf(context.db, engine)}${log.join('')}`
    for (const { channelId, step } of journeys) {
      const audited = LEAVES_IN_DOUBT.includes(step)
        ? ['api_key.read', 'api_key.stored', 'mint.repeated', 'channel.bound']
        : ['api_key.read', 'api_key.stored', 'channel.bound']
      expect([step, ...(await actionsOn(channelId, context))]).toEqual([step, ...audited])
      expect(await context.channels.find(channelId)).toMatchObject({
        permission: 'shared',
        keyStatus: 'stored',
        keyVersion: 1,
        mintId: undefined,
        probeState: 'ok',
      })
      expect(left).toContain(channelId)
      expect(left.includes(String(hub.liveKeyOf(channelId)))).toBe(false)
    }
    const returns = await context.db.selectFrom('connectReturn').select('state').execute()
    expect(returns).toEqual(journeys.map(() => ({ state: 'bound' })))
    const ofNotices = journeys.filter(({ step }) => step.startsWith('notice.'))
    const notices = await context.db
      .selectFrom('notice')
      .select(['channelId', 'outcome'])
      .orderBy('id')
      .execute()
    expect(notices).toEqual(ofNotices.map(({ channelId }) => ({ channelId, outcome: 'read' })))
  } finally {
    await context.db.destroy()
  }
}

async function actionsOn(channelId: string, { audit }: Context): Promise<string[]> {
  return (await audit.list({ channelId, limit: 100 })).map(({ action }) => action)
}

function bytesBeside(file: string): string {
  const folder = dirname(file)
  return readdirSync(folder)
    .map((name) => readFileSync(join(folder, name), 'latin1'))
    .join('\n')
}

function open(settings: Infrastructure['settings']): Promise<Context> {
  return createContext(loadConfig(settings), { logger: createLogger('silent', { write() {} }) })
}

function statusPageIn({ status, headers }: { status: number; headers: Record<string, unknown> }): string {
  expect(status).toBe(303)
  expect(headers.location).toMatch(/^\/status\/[\w-]{43}$/)
  return String(headers.location)
}

const emailOf = (channelId: string) => `${channelId}@shop.example`
const phoneNumberOf = (channelId: string) => `+4930${channelId.slice(2).padStart(7, '0')}`
