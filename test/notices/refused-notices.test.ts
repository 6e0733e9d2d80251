import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import request from 'supertest'
import { engines } from '../databases.ts'
import { dumpOf } from '../dump.ts'
import { comeBack, grant, newClient } from '../journey.ts'
import { startTimedSite, type TimedSite } from '../keys/timed-site.ts'
import { PLATFORM_SECRET, type Site, startSite } from '../site.ts'
import { envelope, PATH, post, signatureOf, stopSync } from './notice-sender.ts'

const body = envelope('channel_permission_revoked', { id: 'ch1' })
const signature = signatureOf(body)
const MB = 1024 * 1024

describe.each(engines)('what is no notice of 360dialog, on %s', (engine) => {
  let site: Site
  let before: string
  beforeAll(async () => {
    site = await startSite({ engine, settings: { METRICS_TOKEN: 'q7Wd1RzKx4Nf8TbVm2Yc6HgP' } })
    await site.context.runner.stop()
    before = await dumpOf(site.context.db, engine)
  })
  afterEach(async () => {
    expect(await dumpOf(site.context.db, engine)).toBe(before)
  })
  afterAll(() => site.stop())

  it.each([
    ['without a signature', ''],
    ['with another secret', signatureOf(body, 'another')],
    ['with no secret', signatureOf(body, '')],
    ['of other bytes', signatureOf(`${body} `)],
    ['in capitals', signature.toUpperCase()],
    ['cut short', signature.slice(0, 63)],
    ['with more behind it', `${signature}00`],
    ['of another algorithm', `sha512=${signature}`],
    ['twice', `${signature}, ${signature}`],
    ['with bytes that are no hex', 'z'.repeat(64)],
  ])('is refused, and changes nothing: signed %s', async (_, wrong) => {
    const { headers, body: problem } = await post(site, body, wrong).expect(401)
    expect(headers['content-type']).toContain('application/problem+json')
    expect(problem).toMatchObject({
      code: 'unauthenticated',
      detail: expect.stringContaining('platform secret'),
    })
  })

  it.each([
    ['nothing', ''],
    ['no JSON', 'event=channel_live'],
    ['half of one', body.slice(0, -1)],
    ['two', body + body],
    ['a text', '"channel_live"'],
    ['a number', '7'],
    ['an empty list', '[]'],
    ['a list of texts', `["channel_live"]`],
    ['a list in a list', `[[${body}]]`],
    ['one in a list that does not end', `[${body}`],
    ['something that is nested without an end', '['.repeat(100_000)],
    ['a byte that no text may have', `{"event":"channel_live","data":{"id":"a\u0000"}}`],
  ])('is refused, and changes nothing: %s', async (_, sent) => {
    const { body: problem } = await post(site, sent).expect(400)
    expect(problem).toMatchObject({ code: 'invalid_request' })
  })

  it('is refused, and changes nothing: more than 64 MB, or a thousand events', async () => {
    const large = `{"event":"history","data":"${'x'.repeat(64 * MB)}"}`
    await post(site, large).expect(413)
    await post(site, `[${Array(1_001).fill(body)}]`).expect(413)
  })

  it.each(['get', 'head', 'put', 'delete', 'options'] as const)('is not sent by %s', async (method) => {
    const answer = await request(site.url)[method](PATH).set('x-360dialog-signature', signature).expect(405)
    expect(answer.headers.allow).toBe('POST')
  })

  it('is counted', async () => {
    const counts = await site.context.metrics.read()
    expect(counts).toMatch(/latchkey_notices_total\{outcome="refused"\} [1-9]/)
    expect(counts).not.toMatch(/latchkey_notices_total\{outcome="stored/)
  })
})

describe.each(engines)('a notice that nobody signed, on %s', (engine) => {
  let site: TimedSite
  beforeEach(async () => {
    site = await startTimedSite({
      engine,
      settings: { D360_WEBHOOK_SIGNATURE: 'warn', RATE_LIMIT_PUBLIC: '5' },
    })
    await stopSync(site)
    await comeBack(await grant(site, 'ch1', newClient('ch1')))
    await site.untilQuiet()
  })
  afterEach(() => site.stop())

  const signatures = async () =>
    (await site.context.db.selectFrom('notice').select('signature').orderBy('id').execute()).map(
      (row) => row.signature,
    )

  it('is kept, marked and logged where that is only warned of', async () => {
    await post(site, body, '').expect(200)
    await post(site, body, signatureOf(body, 'another')).expect(200)
    await post(site, body).expect(200)
    expect(await signatures()).toEqual(['missing', 'invalid', 'valid'])
    expect(site.log.filter((line) => line.includes('not signed by 360dialog'))).toHaveLength(2)
  })

  it('is kept where nothing is checked, and needs no secret', async () => {
    site = await site.restart({ D360_WEBHOOK_SIGNATURE: 'off', D360_PLATFORM_SECRET: '' })
    await post(site, body, '').expect(200)
    await post(site, envelope('channel_live', { id: 'ch1' }), 'whatever').expect(200)
    expect(await signatures()).toEqual(['unchecked', 'unchecked'])
    expect(site.log.filter((line) => line.includes('not signed by 360dialog'))).toEqual([])
  })

  it('makes us look once a minute at most, and says nothing of a permission', async () => {
    site.clock.advance(60_000)
    const before = site.hub.calls.channels
    for (const _ of [1, 2, 3]) {
      await post(site, body, '').expect(200)
      await site.untilQuiet()
    }
    expect(site.hub.calls.channels - before).toBe(1)
    await site.pass(60_000)
    expect(site.hub.calls.channels - before).toBe(2)
    expect(await site.context.channels.find('ch1')).toMatchObject({
      permission: 'shared',
      keyStatus: 'stored',
    })
    const observed = await site.context.channels.listObservations('ch1')
    expect(observed.map(({ source }) => source)).not.toContain('notice')
    expect(await site.context.db.selectFrom('notice').select('outcome').execute()).toEqual([
      { outcome: 'read' },
    ])
  })

  it('is limited by address, and what is signed is not', async () => {
    for (let n = 0; n < 5; n += 1)
      await post(site, envelope('channel_live', { id: 'x' }, `e${n}`), '').expect(200)
    await post(site, envelope('channel_live', { id: 'x' }, 'e5'), '').expect(429)
    for (let n = 0; n < 7; n += 1)
      await post(site, envelope('channel_live', { id: 'ch1' }, `e${n}`)).expect(200)
    expect((await signatures()).filter((one) => one === 'missing')).toHaveLength(5)
  })

  it('is refused during a change of the secret, unless one of both has made it', async () => {
    site = await site.restart({ D360_PLATFORM_SECRET: `next ${PLATFORM_SECRET}` })
    await post(site, body, signatureOf(body, `next ${PLATFORM_SECRET}`)).expect(401)
    await post(site, body).expect(200)
  })
})
