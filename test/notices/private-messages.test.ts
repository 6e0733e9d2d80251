import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { request } from 'node:http'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { sql } from 'kysely'
import { type Database, type Engine, sqliteFile } from '../../src/database/database.ts'
import { startChild } from '../child-process.ts'
import { createDatabase, engines } from '../databases.ts'
import { readCells } from '../dump.ts'
import { freePort } from '../free-port.ts'
import {
  eventually,
  PLATFORM_SECRET,
  type Site,
  settingsFor,
  startSite,
  startTestSimulator,
} from '../site.ts'
import { envelope, PATH, post, signatureOf } from './notice-sender.ts'

const MB = 1024 * 1024
/** What a customer once wrote to a business. */
const CHAT = 'canary-Mein-Befund-ist-da-4d1f'
const PEOPLE = 'canary-Frau-Doktor-Lind-9b7e'

const thread = (bytes: number) => {
  const message = { from: '4915112345678', timestamp: '1739230955', type: 'text', text: { body: CHAT } }
  return Array(Math.ceil(bytes / JSON.stringify(message).length)).fill(message)
}
/** One phase of the past chats of a number that keeps its app, as docs/360dialog.md 11 has them. */
const historyOf = (phase: number, bytes: number) => ({
  id: '104000000000001',
  metadata: { display_phone_number: '4930123456', phone_number_id: '204000000000002' },
  history: [
    { metadata: { phase, chunk_order: 1, progress: 50 }, threads: [{ id: 'x', messages: thread(bytes) }] },
  ],
})

describe.each(engines)('what people write to each other, on %s', (engine) => {
  let site: Site
  beforeEach(async () => {
    site = await startSite({ engine })
  })
  afterEach(() => site.stop())

  /** Nothing of it is in a cell, in a file of the database, in the log, or in an answer. */
  async function expectNowhere(answers: readonly string[]): Promise<void> {
    const { db } = site.context
    const cells = (await readCells(db, engine)).map(({ table, column, text }) => [`${table}.${column}`, text])
    const files = await databaseFiles(db, engine, site.config.databaseUrl)
    const places = [
      ...cells,
      ...files,
      ...site.log.map((line) => ['log', line]),
      ...answers.map((one) => ['answer', one]),
    ]
    for (const canary of [CHAT, PEOPLE])
      expect(places.filter(([, text]) => text?.includes(canary)).map(([place]) => place)).toEqual([])
    // The search finds what is there.
    expect(places.some(([, text]) => text?.includes('channel_live'))).toBe(true)
  }

  it('is answered, and kept nowhere, however it comes', async () => {
    const phases = [0, 1, 2].map((phase) => envelope('history', historyOf(phase, 5 * MB), `evt_${phase}`))
    const contacts = { type: 'contact', contact: { full_name: PEOPLE, phone_number: '4915112345678' } }
    const people = envelope('smb_app_state_sync', { id: '104000000000001', state_sync: [contacts] })
    const change = {
      field: 'messages',
      value: { messages: thread(100), contacts: [{ profile: { name: PEOPLE } }] },
    }
    const taken = [
      ...phases,
      people,
      `[${people},${envelope('history', historyOf(1, 100))}]`,
      envelope('history', { id: '104000000000001', errors: [{ message: PEOPLE }] }),
      JSON.stringify({ object: 'whatsapp_business_account', entry: [{ id: '1', changes: [change] }] }),
      JSON.stringify({ data: historyOf(0, MB), event: 'smb_message_echoes' }),
      envelope(`${CHAT} `, { id: `${PEOPLE} ${CHAT}` }, `${CHAT} `),
      // An account event with what does not belong into it, by its name or by its size.
      envelope('channel_live', { id: 'ch1', messages: thread(100) }),
      envelope('channel_live', { id: 'ch1', about: { contacts: [PEOPLE] } }),
      envelope('channel_live', { id: 'ch1', notes: thread(70_000) }),
    ]
    const refused = [
      post(site, phases[0] ?? '', ''),
      post(site, phases[1] ?? '', signatureOf('another')),
      post(site, (phases[2] ?? '').slice(0, -9)),
      post(site, `"${CHAT}"`),
      post(site, `[${'['.repeat(70)}"${CHAT}"`),
      post(site, `[${Array(1_001).fill(people)}]`),
    ]
    const answers: string[] = []
    for (const body of taken) answers.push((await post(site, body).expect(200)).text)
    for (const [n, sent] of refused.entries()) {
      const answer = await sent
      expect([n, answer.status]).toEqual([n, [401, 401, 400, 400, 400, 413][n]])
      answers.push(answer.text)
    }
    await hangUpWithin(site, phases[0] ?? '')

    const rows = await site.context.db
      .selectFrom('notice')
      .selectAll()
      .orderBy('id')
      .orderBy('place')
      .execute()
    expect(rows).toHaveLength(taken.length + 1)
    expect(rows.map(({ body }) => body).filter(Boolean)).toEqual([])
    expect(rows[0]).toMatchObject({
      ...{ event: 'history', envelopeId: 'evt_0', dataId: '104000000000001', outcome: 'kept' },
      ...{ size: Buffer.byteLength(phases[0] ?? ''), signature: 'valid' },
    })
    await expectNowhere(answers)
  })
})

describe('deliveries of 64 MB', () => {
  it('are read without being held', async () => {
    const simulator = await startTestSimulator()
    const database = await createDatabase('sqlite')
    const port = await freePort()
    const settings = settingsFor({ port, databaseUrl: database.url, simulator, more: { LOG_LEVEL: 'warn' } })
    const site = startChild('torture/site-process.ts', settings)
    await site.said('serving')
    const url = `http://localhost:${port}`
    try {
      await postInPieces(url, MB)
      const before = mostMemoryOf(site.process.pid)
      await Promise.all([1, 2, 3].map(() => postInPieces(url, 64 * MB - 1_000)))
      // What Node reads from sockets is freed when there are 64 MB of it; who holds it all needs three times as much.
      expect(mostMemoryOf(site.process.pid) - before).toBeLessThan(128)
    } finally {
      site.process.kill()
      await site.ended
      await simulator.close()
      await database.drop()
    }
  })
})

/** Sends chats of this size piece by piece, signed, and waits for the answer. */
async function postInPieces(url: string, bytes: number): Promise<void> {
  const piece = Buffer.from(`{"text":{"body":"${CHAT} ${'x'.repeat(60_000)}"}},`)
  const begin = '{"event":"history","data":{"id":"1","history":[{"messages":['
  function* pieces() {
    yield Buffer.from(begin)
    for (let sent = 0; sent < bytes - piece.length; sent += piece.length) yield piece
    yield Buffer.from('{}]}]}}')
  }
  const whole = createHmac('sha256', PLATFORM_SECRET)
  for (const one of pieces()) whole.update(one)
  const headers = { 'x-360dialog-signature': whole.digest('hex') }
  const sending = request(url + PATH, { method: 'POST', headers })
  const answered = once(sending, 'response')
  await pipeline(Readable.from(pieces()), sending)
  const [answer] = await answered
  expect(answer.statusCode).toBe(200)
  answer.resume()
}

/** The most that a process ever had, in MB. */
function mostMemoryOf(pid: number | undefined): number {
  const [, kilobytes] = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) / 1024
}

/** Sends the half of it, and breaks the connection. */
async function hangUpWithin({ url, log }: Site, body: string): Promise<void> {
  const headers = { 'content-length': body.length, 'x-360dialog-signature': signatureOf(body) }
  const sending = request(url + PATH, { method: 'POST', headers })
  sending.on('error', () => {})
  const lines = log.length
  sending.write(body.slice(0, body.length / 2), () => sending.destroy())
  await eventually(() => log.slice(lines).some((line) => line.includes('"aborted":true')))
  expect(log.slice(lines).filter((line) => line.includes('"level":"error"'))).toEqual([])
}

/** The files in which the engine keeps this database, its log of changes included. */
async function databaseFiles(db: Database, engine: Engine, url: string): Promise<string[][]> {
  if (engine === 'sqlite') return filesIn(dirname(sqliteFile(url)))
  const ask = sql<{ folder: string; oid: string }>`select current_setting('data_directory') as folder,
    (select oid::text from pg_database where datname = current_database()) as oid`
  await sql`checkpoint`.execute(db)
  const [found] = (await ask.execute(db.withoutPlugins())).rows
  return [...filesIn(`${found?.folder}/base/${found?.oid}`), ...filesIn(`${found?.folder}/pg_wal`)]
}

function filesIn(folder: string): string[][] {
  const files = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile())
  return files.map(({ name }) => [`file ${name}`, readFileSync(join(folder, name), 'latin1')])
}
