import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import type { CrashPointName } from '../../src/jobs/crash-points.ts'
import { engines } from '../databases.ts'
import { readStatus } from '../journey.ts'
import { DAY_MS, HOUR_MS } from '../keys/timed-site.ts'
import { type Browser, eventually } from '../site.ts'
import {
  acceptReview,
  LAST_FOUR,
  openReviewSite,
  type ReviewSite,
  sendReview,
  shownOn,
  stranger,
} from './review-site.ts'

const PAGE = '/admin/channels/ch1'
const HOLDER = 'Shop A GmbH'

describe.each(engines)('a number that another customer has, on %s', (engine) => {
  let site: ReviewSite
  let admin: Browser
  /** Called at each crash point of the worker. */
  let onStep: (step: CrashPointName) => void
  beforeEach(async () => {
    onStep = () => {}
    site = await openReviewSite(engine, {
      settings: { CHANNEL_WEBHOOK_URL: 'https://product.example/{tenant_id}' },
      crashPoint: (step) => onStep(step),
    })
    admin = await site.signIn()
  })
  afterEach(() => site.stop())

  const owner = { email: 'boss@ch1.example' }
  const reviewOf = async () => (await site.openReview('ch1')).id
  const move = async (form: object = {}) =>
    sendReview(admin, `${await reviewOf()}/move`, { tenant: 't6', holder: HOLDER, ...form })
  const decide = async (action: 'replace' | 'confirm', form: object = {}) =>
    admin
      .post(`${PAGE}/${action}`)
      .type('form')
      .send({ shown: await shownOn(admin, PAGE), confirm: LAST_FOUR, ...form })
  const read = async () => [await site.readKey('ch1', 't6'), await site.readKey('ch1', 't1')]
  const keyProblem = async () => {
    const order = { name: 'all', scopes: ['keys:read' as const], tenantId: undefined, expiresAt: undefined }
    const { secret } = await site.context.tokens.create(order)
    const call = site.newBrowser().get('/api/v1/channels/ch1/api-key')
    const { status, body } = await call.set('authorization', `Bearer ${secret}`)
    return [status, body.code, body.key_status]
  }
  const actions = async () =>
    (await site.context.audit.list({ channelId: 'ch1', limit: 50 })).map(({ action }) => action)
  const passDay = async () => {
    await site.pass(DAY_MS)
    admin = await site.signIn()
  }
  const HELD_BACK = [404, 'no_key', 'retired']

  /** The customer t1 has the number, with a key that works; t6 asks for it. */
  const connectAndClaim = async () => {
    const first = await site.share('ch1', owner)
    expect([await readStatus(first), await site.readKey('ch1', 't1')]).toEqual(['completed', 200])
    const other = await site.claim('ch1', 't6')
    expect((await site.openReview('ch1')).reason).toBe('bound_elsewhere')
    return { first, other }
  }

  it('is not given away by accepting, from the page or by hand', async () => {
    await connectAndClaim()
    const id = await reviewOf()
    const { text } = await admin.get(`/admin/reviews/${id}`)
    expect(text).not.toContain(`/admin/reviews/${id}/accept`)
    const answer = await acceptReview(admin, id, 't6')
    expect([answer.status, answer.text]).toEqual([409, expect.stringContaining('Only a move takes it')])
    expect([await site.tenantOf('ch1'), await read()]).toEqual(['t1', [404, 200]])
  })

  it.each([
    ['another name', { holder: 'Shop t6' }, 422, 'not the name of the customer'],
    ['no name', { holder: '' }, 422, 'not the name of the customer'],
    ['the id instead', { holder: 't1' }, 422, 'not the name of the customer'],
    ['the name twice', { holder: [HOLDER, HOLDER] }, 422, 'not the name of the customer'],
    ['who has it already', { tenant: 't1' }, 409, 'No other customer has this number'],
    ['somebody unknown', { tenant: 't99' }, 422, 'no customer with this id'],
    ['what another page showed', { shown: 'x' }, 409, 'This changed meanwhile'],
  ])('stays where it is when the form names %s', async (_, form, status, problem) => {
    await connectAndClaim()
    const answer = await move(form)
    expect([answer.status, answer.text]).toEqual([status, expect.stringContaining(problem)])
    expect([await site.tenantOf('ch1'), await read()]).toEqual(['t1', [404, 200]])
    expect(await actions()).not.toContain('channel.moved')
  })

  it('stays where it is when its key appeared after the page was loaded', async () => {
    const { add = [], ...acts } = stranger('ch1')
    const inactive = add.map((number) => ({ ...number, running: false }))
    await site.share('ch1', { ...owner, acts: { ...acts, add: inactive } })
    await site.claim('ch1', 't6')
    const shown = await shownOn(admin, `/admin/reviews/${await reviewOf()}`)
    site.hub.makeRun('ch1')
    await site.pass(HOUR_MS / 4)
    admin = await site.signIn()
    const answer = await move({ shown })
    expect([answer.status, answer.text]).toEqual([409, expect.stringMatching(/meanwhile: .*, its key\./)])
    expect([await site.tenantOf('ch1'), await read()]).toEqual(['t1', [404, 200]])
  })

  it('moves, and its key is served to nobody until an admin confirms it', async () => {
    const { first, other } = await connectAndClaim()
    const answer = await move({ holder: '  shop a GMBH ' })
    expect([answer.status, answer.headers.location]).toEqual([303, `${PAGE}?tried=moved`])
    await passDay()
    expect([await site.tenantOf('ch1'), site.minted('ch1'), await read()]).toEqual(['t6', 1, [404, 404]])
    expect(await keyProblem()).toEqual(HELD_BACK)
    expect(await Promise.all([first, other].map(readStatus))).toEqual(['failed', 'waiting'])
    const [entry] = await site.context.audit.list({ channelId: 'ch1', limit: 1 })
    expect(entry).toMatchObject({
      ...{ action: 'channel.moved', actor: 'admin:anna', tenantId: 't6' },
      detail: { from: 't1', to: 't6' },
    })
    const { text } = await admin.get(PAGE)
    expect(text).toContain('The key of the former holder is served to nobody.')
    expect((await admin.get('/admin')).text).toContain(`${PAGE}#decision`)

    expect((await decide('confirm')).headers.location).toBe(`${PAGE}?tried=confirmed`)
    await site.untilQuiet()
    expect([await read(), site.minted('ch1')]).toEqual([[200, 404], 1])
    expect([await readStatus(other), await actions()]).toEqual([
      'completed',
      expect.arrayContaining(['channel.moved', 'api_key.confirmed']),
    ])
    expect(site.hub.channel('ch1').webhook?.url).toBe('https://product.example/t6')
  })

  it('moves, and an admin replaces its key', async () => {
    await connectAndClaim()
    const before = site.hub.liveKeyOf('ch1')
    await move()
    expect((await decide('replace')).headers.location).toBe(`${PAGE}?tried=replace`)
    await site.untilQuiet()
    expect([await read(), site.minted('ch1')]).toEqual([[200, 404], 2])
    expect(site.hub.liveKeyOf('ch1')).not.toBe(before)
  })

  it('keeps a key that somebody else made since, when an admin replaces the one that was there', async () => {
    await connectAndClaim()
    await move()
    const foreign = site.hub.mintForeignKey('ch1')
    await decide('replace')
    await passDay()
    expect([site.hub.liveKeyOf('ch1'), site.minted('ch1')]).toEqual([foreign, 1])
    expect((await site.context.channels.find('ch1'))?.mintProblem).toBe('another_key_appeared')
    expect(await read()).toEqual([404, 404])
  })

  it('takes no decision about its key by a page that is over, or without the digits', async () => {
    await connectAndClaim()
    const early = await shownOn(admin, PAGE)
    await move()
    const answers = [
      await decide('confirm', { shown: early }),
      await decide('replace', { shown: '' }),
      await decide('confirm', { confirm: '0000' }),
    ]
    expect(answers.map(({ status }) => status)).toEqual([409, 409, 422])
    const shown = await shownOn(admin, PAGE)
    const both = await Promise.all([decide('confirm', { shown }), decide('replace', { shown })])
    expect(both.map(({ status }) => status).toSorted()).toEqual([303, 409])
  })

  it('lets the new holder end no key by coming back', async () => {
    await connectAndClaim()
    await move()
    const { clientId } = site.hub.channel('ch1')
    await site.share('ch1', { tenantId: 't6', acts: { clientId, channels: ['ch1'] } })
    await passDay()
    expect([site.minted('ch1'), await keyProblem()]).toEqual([1, HELD_BACK])
  })

  it('moves without a key, and nothing is created for it', async () => {
    const { add = [], ...acts } = stranger('ch1')
    const inactive = add.map((number) => ({ ...number, running: false }))
    const first = await site.share('ch1', { ...owner, acts: { ...acts, add: inactive } })
    expect(await readStatus(first)).toBe('waiting')
    await site.claim('ch1', 't6')
    await move()
    site.hub.makeRun('ch1')
    await passDay()
    expect([await site.tenantOf('ch1'), site.minted('ch1')]).toEqual(['t6', 0])
    expect(await keyProblem()).toEqual([404, 'no_key', 'none'])
    const { clientId } = site.hub.channel('ch1')
    await site.share('ch1', { tenantId: 't6', acts: { clientId, channels: ['ch1'] } })
    expect([await read(), site.minted('ch1')]).toEqual([[200, 404], 1])
  })

  it.each([
    ['is on its way', { kind: 'slow', ms: 1_500 }],
    ['is lost', { kind: 'lost_after_commit' }],
    ['cannot be read', { kind: 'odd_answer', shape: 'host' }],
  ] as const)('holds back the key whose answer %s while it moves', async (_, fault) => {
    const isAsked = new Promise<void>((resolve) => {
      onStep = (step) => {
        if (step !== 'mint.intended') return
        onStep = () => {}
        site.hub.setFault({ endpoint: 'create_key', ...fault })
        // Whatever becomes of a lost answer waits for the key records.
        site.hub.setFault({ endpoint: 'list_keys', kind: 'status', status: 500, times: 0 })
        resolve()
      }
    })
    await site.share('ch1', { ...owner, waits: false })
    await isAsked
    await site.claim('ch1', 't6', { waits: false })
    await eventually(async () => (await site.context.reviews.listOfChannel('ch1'))[0])
    // The key’s status goes on while the admin looks: then they are told, and send it again.
    await eventually(async () => (await move()).status === 303)
    site.hub.clearFaults()
    await passDay()
    expect([await site.tenantOf('ch1'), await read()]).toEqual(['t6', [404, 404]])
    const [mint] = await site.context.mints.listOfChannel('ch1')
    if (fault.kind === 'odd_answer')
      return expect(mint).toMatchObject({ state: 'needs_decision', isHeldBack: true })
    const keys = await site.context.db.selectFrom('apiKey').select(['status', 'isHeldBack']).execute()
    expect([keys, await keyProblem()]).toEqual([[{ status: 'stored', isHeldBack: true }], HELD_BACK])
    expect((await decide('confirm')).status).toBe(303)
    expect(await read()).toEqual([200, 404])
  })
})
