import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import request from 'supertest'
import type { Simulator } from '../../src/simulator/simulator.ts'
import { sendJson, startUpstream } from '../d360/upstream.ts'
import { createDatabase, type EmptyDatabase, engines } from '../databases.ts'
import { eventually, launchFrom, pathOf, type Site, startSite, startTestSimulator } from '../site.ts'

describe.each(engines)('the address beside a stored key on %s', (engine) => {
  let database: EmptyDatabase
  let simulator: Simulator
  let site: Site
  let token: string
  const readKey = () =>
    request(site.url).get('/api/v1/channels/ch1/api-key').set('authorization', `Bearer ${token}`)
  const probe = async () => {
    const { jobs, db } = site.context
    await jobs.plan({ kind: 'probe', subject: 'ch1' }, db)
  }
  const problemOfProbe = async () => {
    const task = await site.context.db
      .selectFrom('channelTask')
      .selectAll()
      .where('name', '=', 'probe')
      .executeTakeFirst()
    return task?.problem
  }

  beforeAll(async () => {
    database = await createDatabase(engine)
    simulator = await startTestSimulator()
    site = await startSite({ databaseUrl: database.url, simulator })
    const browser = site.newBrowser()
    const screen = await launchFrom(browser, await site.link())
    const back = site.hub.visit(screen, {
      signup: { name: 'Shop A GmbH', email: 'anna@shop-a.example' },
      add: [{ id: 'ch1', phoneNumber: '+493012340001', displayName: 'ch1', running: true }],
    })
    await browser.get(pathOf(back)).expect(303)
    const order = { name: 'p', scopes: ['keys:read' as const], tenantId: undefined, expiresAt: undefined }
    token = (await site.context.tokens.create(order)).secret
    await eventually(async () => (await readKey()).status === 200)
  })
  afterAll(async () => {
    await site.stop()
    await simulator.close()
    await database.drop()
  })

  it('is proven with the key: one that was written over gets no key, and is reported', async () => {
    const { db } = site.context
    const { body: honest } = await readKey().expect(200)
    const stranger = await startUpstream((_request, response) => sendJson(response, 200, {}))
    // A host that the settings allow: only the seal can tell.
    const address = stranger.url.replace('127.0.0.1', 'localhost')
    await db.updateTable('apiKey').set({ address }).execute()

    const refused = await readKey().expect(500)
    expect(refused.text).not.toContain(honest.api_key)
    await probe()
    await eventually(async () => (await problemOfProbe()) === 'not_openable')
    expect(stranger.received).toEqual([])
    expect(site.log.some((line) => line.includes('wrong_context'))).toBe(true)
    await stranger.close()

    await db.updateTable('apiKey').set({ address: honest.address }).execute()
    expect((await readKey().expect(200)).body.api_key).toBe(honest.api_key)
  })

  it('is held to D360_MESSAGING_HOSTS at every use, also when that became stricter', async () => {
    await site.stop()
    const settings = { D360_MESSAGING_HOSTS: 'waba.example' }
    site = await startSite({ databaseUrl: database.url, simulator, settings })
    const { body } = await readKey().expect(503)
    expect(body).toMatchObject({
      code: 'unavailable',
      detail: expect.stringContaining('D360_MESSAGING_HOSTS'),
    })
    await probe()
    await eventually(async () => (await problemOfProbe()) === 'refused')
  })
})
