import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { inTransaction } from '../../src/database/database.ts'
import { priorities } from '../../src/jobs/jobs.ts'
import { eachDatabase, type OpenedDatabase } from '../databases.ts'
import { browserOf, type Onboarding, openOnboarding } from './onboarding-services.ts'

const withNonce = (nonce: string, client: string, ...channels: string[]) =>
  `nonce=${nonce}&client=${client}&channels=[${channels}]`

eachDatabase('the rows of returns', (open) => {
  let opened: OpenedDatabase
  let onboarding: Onboarding
  beforeEach(async () => {
    opened = await open()
    onboarding = openOnboarding(opened)
  })
  afterEach(() => opened.close())

  const statesOf = async () => (await onboarding.listReturns()).map(({ state, arrival }) => [state, arrival])
  const outcomesOf = async () =>
    (await onboarding.listNamed()).map(({ channelId, outcome, rule, reason }) => [
      channelId,
      outcome,
      rule,
      reason,
    ])
  const openReviewOf = async (channelId: string) =>
    (await onboarding.reviews.listOfChannel(channelId)).find(({ closedAt }) => closedAt === undefined)

  describe('storing', () => {
    it('keeps a return once, with its channels and its job', async () => {
      const nonce = await onboarding.leave('t1', 'a')
      const back = `${withNonce(nonce, 'cl', 'ch2', 'ch1')}&revoked=[ch3]`
      await onboarding.comeBack('a', back)
      await onboarding.comeBack('a', back)
      const [received, ...others] = await onboarding.listReturns()
      expect(others).toEqual([])
      expect(received).toMatchObject({
        state: 'received',
        arrival: 'launch',
        clientId: 'cl',
        pageHash: undefined,
      })
      expect(received?.raw).not.toContain(nonce)
      expect(
        (await onboarding.listNamed()).map(({ channelId, isRevoked }) => [channelId, isRevoked]),
      ).toEqual([
        ['ch1', false],
        ['ch2', false],
        ['ch3', true],
      ])
      expect(await onboarding.listJobs()).toEqual([
        { kind: 'return', subject: received?.id, priority: priorities.first },
      ])
    })

    it('plans nothing for what came in another browser, or named nothing', async () => {
      const nonce = await onboarding.leave('t1', 'a')
      await onboarding.comeBack('b', withNonce(nonce, 'cl', 'ch1'))
      await onboarding.comeBack('a', `nonce=${nonce}`)
      expect(await statesOf()).toEqual([
        ['pending', 'other_browser'],
        ['declined', 'launch'],
      ])
      expect(await onboarding.listJobs()).toEqual([])
    })
  })

  describe('"Continue here"', () => {
    it('resumes what waits in this browser, with its job, and nothing of another', async () => {
      onboarding.list('cl', 'ch1')
      const nonce = await onboarding.leave('t1', 'a', 'cl@shop.example')
      const page = (await onboarding.comeBack('b', withNonce(nonce, 'cl', 'ch1'))) ?? ''
      await onboarding.comeBack('c', withNonce(nonce, 'cl', 'ch1', 'ch2'))
      const waiting = await onboarding.receiver.findWaiting(page)
      expect(waiting).toMatchObject({ state: 'pending', session: { tenantName: 'Shop t1' } })
      if (!waiting) return
      const screen = await onboarding.sessions.launch(waiting.session, browserOf('b'), {
        isContinuation: true,
      })
      const next = screen.searchParams.get('state') ?? ''
      await onboarding.comeBack('b', `nonce=${next}&client=cl&channels=[]`)
      expect(await statesOf()).toEqual([
        ['received', 'resumed'],
        ['pending', 'other_browser'],
        ['declined', 'launch'],
      ])
      expect(await onboarding.listJobs()).toHaveLength(1)

      await onboarding.runner.workUntilIdle()
      expect(await outcomesOf()).toEqual([
        ['ch1', 'bound', 'verified_email', undefined],
        ['ch1', undefined, undefined, undefined],
        ['ch2', undefined, undefined, undefined],
      ])
      expect(onboarding.minted).toEqual(['ch1'])
    })

    it('judges anew what was in review', async () => {
      onboarding.list('cl', 'ch1')
      const nonce = await onboarding.leave('t1', 'a', 'cl@shop.example')
      onboarding.clock.advance(25 * 60 * 60_000)
      const page = (await onboarding.comeBack('a', withNonce(nonce, 'cl', 'ch1'))) ?? ''
      await onboarding.runner.workUntilIdle()
      expect(await outcomesOf()).toEqual([['ch1', 'review', undefined, 'launch_expired']])
      const waiting = await onboarding.receiver.findWaiting(page)
      if (!waiting) throw new Error('nothing waits')
      const screen = await onboarding.sessions.launch(waiting.session, browserOf('a'), {
        isContinuation: true,
      })
      await onboarding.comeBack('a', `nonce=${screen.searchParams.get('state')}&client=cl&channels=[]`)
      await onboarding.runner.workUntilIdle()
      expect(await outcomesOf()).toEqual([['ch1', 'bound', 'verified_email', undefined]])
      expect((await onboarding.reviews.listOfChannel('ch1'))[0]).toMatchObject({ decision: 'settled' })
    })
  })

  describe('a return of no launch', () => {
    const comeFromNowhere = (...channels: string[]) =>
      onboarding.comeBack('x', `client=cl&channels=[${channels}]`)

    it('is one row for a client and channel, without what came raw', async () => {
      await comeFromNowhere('ch1', 'ch2')
      await comeFromNowhere('ch2', 'ch3')
      const rows = await onboarding.listReturns()
      expect(rows.map(({ state, raw, sessionId }) => [state, raw, sessionId])).toEqual([
        ['received', undefined, undefined],
        ['received', undefined, undefined],
        ['received', undefined, undefined],
      ])
      expect((await onboarding.listNamed()).map(({ channelId }) => channelId)).toEqual(['ch1', 'ch2', 'ch3'])
      expect((await onboarding.listJobs()).map(({ kind, subject }) => [kind, subject])).toEqual([
        ['unattached_return', 'cl'],
      ])
    })

    it('finds room for five of a client, and for 200 in all', async () => {
      for (let client = 0; client < 45; client += 1)
        for (const ids of ['[a,b,c]', '[d,e,f]'])
          await onboarding.comeBack('x', `client=c${client}&channels=${ids}`)
      expect(await onboarding.listReturns()).toHaveLength(200)
      expect((await onboarding.listReturns()).filter(({ clientId }) => clientId === 'c0')).toHaveLength(5)
      await onboarding.runner.workUntilIdle()
      expect(await onboarding.listReturns()).toEqual([])
      expect(await onboarding.listNamed()).toEqual([])
    })

    it('leaves nothing unless 360dialog confirms it, or when the channel has a tenant', async () => {
      onboarding.list('cl', 'ch1', 'ch2')
      const nonce = await onboarding.leave('t1', 'a', 'cl@shop.example')
      await onboarding.comeBack('a', withNonce(nonce, 'cl', 'ch1'))
      await onboarding.runner.workUntilIdle()
      await onboarding.comeBack('x', 'client=nobody&channels=[ch2]')
      await comeFromNowhere('ch1', 'invented')
      await onboarding.runner.workUntilIdle()
      expect(await statesOf()).toEqual([['bound', 'launch']])
      expect(await onboarding.reviews.listOpen({ limit: 10 })).toEqual([])
    })

    it('waits for a decision once, which settles it', async () => {
      onboarding.list('cl', 'ch1', 'ch2')
      await onboarding.channels.addTenant({ id: 't1', name: 'Shop' }, onboarding.clock.now(), onboarding.db)
      await comeFromNowhere('ch1', 'ch2')
      await onboarding.runner.workUntilIdle()
      await comeFromNowhere('ch1', 'ch2')
      await onboarding.runner.workUntilIdle()
      expect(await outcomesOf()).toEqual([
        ['ch1', 'review', undefined, 'no_session'],
        ['ch2', 'review', undefined, 'no_session'],
      ])
      const reviews = await onboarding.reviews.listOpen({ limit: 10 })
      expect(
        reviews.map(({ channelId, sessionId, tenantName }) => [channelId, sessionId, tenantName]),
      ).toEqual([
        ['ch1', undefined, undefined],
        ['ch2', undefined, undefined],
      ])
      expect((await onboarding.reviews.read(reviews[0]?.id ?? '')).claimants).toEqual([])
      await onboarding.reviews.accept(reviews[0]?.id ?? '', 't1', 'cli')
      await onboarding.reviews.refuse(reviews[1]?.id ?? '', 'cli')
      expect(await statesOf()).toEqual([
        ['bound', 'no_nonce'],
        ['refused', 'no_nonce'],
      ])
      expect(await outcomesOf()).toEqual([
        ['ch1', 'bound', 'decision', 'no_session'],
        ['ch2', 'refused', undefined, 'no_session'],
      ])
    })

    it('is settled by the return of a launch that binds its channel', async () => {
      onboarding.list('cl', 'ch1')
      await comeFromNowhere('ch1')
      await onboarding.runner.workUntilIdle()
      const nonce = await onboarding.leave('t1', 'a', 'cl@shop.example')
      await onboarding.comeBack('a', withNonce(nonce, 'cl', 'ch1'))
      await onboarding.runner.workUntilIdle()
      expect(await statesOf()).toEqual([
        ['bound', 'no_nonce'],
        ['bound', 'launch'],
      ])
      expect((await onboarding.reviews.listOfChannel('ch1'))[0]).toMatchObject({ decision: 'settled' })
    })
  })

  describe('a decision', () => {
    const shareTwo = async (tenantId: string) => {
      const nonce = await onboarding.leave(tenantId, tenantId)
      await onboarding.comeBack(tenantId, withNonce(nonce, 'cl', 'ch1', 'ch2'))
      await onboarding.runner.workUntilIdle()
    }

    it('settles its channel in each return that waits, and the return with the last of its channels', async () => {
      onboarding.list('cl', 'ch1', 'ch2')
      await shareTwo('t1')
      await shareTwo('t2')
      const first = await onboarding.reviews.read((await openReviewOf('ch1'))?.id ?? '')
      expect(first.claimants.map(({ session, reason }) => [session.tenantId, reason])).toEqual([
        ['t1', 'nothing_matches'],
        ['t2', 'nothing_matches'],
      ])
      await onboarding.reviews.accept(first.review.id, 't2', 'cli')
      expect(await statesOf()).toEqual([
        ['needs_review', 'launch'],
        ['needs_review', 'launch'],
      ])
      await onboarding.reviews.refuse((await openReviewOf('ch2'))?.id ?? '', 'cli')
      expect(await statesOf()).toEqual([
        ['refused', 'launch'],
        ['bound', 'launch'],
      ])
      expect(await outcomesOf()).toEqual([
        ['ch1', 'refused', undefined, 'nothing_matches'],
        ['ch2', 'refused', undefined, 'nothing_matches'],
        ['ch1', 'bound', 'decision', 'nothing_matches'],
        ['ch2', 'refused', undefined, 'nothing_matches'],
      ])
      expect(onboarding.minted).toEqual(['ch1'])
    })

    it('is made once, of two at the same moment', async () => {
      onboarding.list('cl', 'ch1', 'ch2')
      await shareTwo('t1')
      const { id = '' } = (await openReviewOf('ch1')) ?? {}
      const made = await Promise.allSettled([
        onboarding.reviews.accept(id, 't1', 'cli'),
        onboarding.reviews.refuse(id, 'cli'),
      ])
      expect(made.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    })

    it('and another at the same moment about the other channel end the return together', async () => {
      onboarding.list('cl', 'ch1', 'ch2')
      await shareTwo('t1')
      const ids = await Promise.all(['ch1', 'ch2'].map(async (id) => (await openReviewOf(id))?.id ?? ''))
      await Promise.all(ids.map((id) => onboarding.reviews.refuse(id, 'cli')))
      expect(await statesOf()).toEqual([['refused', 'launch']])
    })
  })

  it('a review that is opened while another is decided waits for that, and is there afterwards', async () => {
    // SQLite has one connection: there, one comes after the other.
    if (opened.engine === 'sqlite') return
    const review = { clientId: 'cl', channelId: 'ch1', arrival: 'launch', reason: 'nothing_matches' } as const
    const now = onboarding.clock.now()
    await inTransaction(onboarding.db, (trx) => onboarding.reviews.open(review, now, trx))
    const decision = { decision: 'settled', decidedBy: 'latchkey', closedAt: now } as const
    let opening = Promise.resolve()
    await inTransaction(onboarding.db, async (trx) => {
      await trx.updateTable('review').set(decision).execute()
      opening = inTransaction(onboarding.db, (other) => onboarding.reviews.open(review, now, other))
      await new Promise((resolve) => setTimeout(resolve, 200))
    })
    await opening
    expect((await onboarding.reviews.listOfChannel('ch1')).map((one) => one.decision)).toEqual([
      undefined,
      'settled',
    ])
  })

  it('a channel that is lost in a race keeps its own reason', async () => {
    onboarding.list('cl', 'ch1', 'ch2')
    const nonce = await onboarding.leave('t1', 'a', 'cl@shop.example')
    await onboarding.comeBack('a', withNonce(nonce, 'cl', 'ch1', 'ch2'))
    const bind = onboarding.channels.bind.bind(onboarding.channels)
    onboarding.channels.bind = async (id, ...rest) => id !== 'ch2' && (await bind(id, ...rest))
    await onboarding.runner.workUntilIdle()
    expect(await outcomesOf()).toEqual([
      ['ch1', 'bound', 'verified_email', undefined],
      ['ch2', 'review', undefined, 'bound_elsewhere'],
    ])
    expect(await statesOf()).toEqual([['needs_review', 'launch']])
  })

  it('a number that has moved to another client at 360dialog does not make that client known', async () => {
    onboarding.list('cl', 'ch1')
    const nonce = await onboarding.leave('t1', 'a', 'cl@shop.example')
    await onboarding.comeBack('a', withNonce(nonce, 'cl', 'ch1'))
    await onboarding.runner.workUntilIdle()
    onboarding.list('other', 'ch2')
    const [moved] = onboarding.listed.splice(0, 1)
    if (moved) onboarding.listed.push({ ...moved, clientId: 'other' })
    const next = await onboarding.leave('t1', 'a')
    await onboarding.comeBack('a', withNonce(next, 'other', 'ch1', 'ch2'))
    await onboarding.runner.workUntilIdle()
    expect(await outcomesOf()).toEqual([
      ['ch1', 'bound', 'verified_email', undefined],
      ['ch1', 'review', undefined, 'nothing_matches'],
      ['ch2', 'review', undefined, 'nothing_matches'],
    ])
  })

  it('a return that was worked on is left alone when its job comes again', async () => {
    onboarding.list('cl', 'ch1')
    const nonce = await onboarding.leave('t1', 'a', 'cl@shop.example')
    await onboarding.comeBack('a', withNonce(nonce, 'cl', 'ch1'))
    await onboarding.runner.workUntilIdle()
    const [before] = await onboarding.listReturns()
    onboarding.clock.advance(1000)
    await onboarding.service.works[0]?.run({ subject: before?.id } as never)
    expect(await onboarding.listReturns()).toEqual([before])
    expect(await onboarding.listJobs()).toEqual([])
  })

  it('lists the returns of a session and of a channel, each with what it named', async () => {
    onboarding.list('cl', 'ch1', 'ch2')
    const nonce = await onboarding.leave('t1', 'a', 'cl@shop.example')
    await onboarding.comeBack('a', withNonce(nonce, 'cl', 'ch1'))
    onboarding.clock.advance(1000)
    await onboarding.comeBack('a', withNonce(nonce, 'cl', 'ch1', 'ch2'))
    const [first, second] = await onboarding.listReturns()
    const shown = async (
      found: Promise<readonly { id: string; channels: readonly { channelId: string }[] }[]>,
    ) => (await found).map(({ id, channels }) => [id, ...channels.map(({ channelId }) => channelId)])
    expect(await shown(onboarding.service.listOfSession(first?.sessionId ?? ''))).toEqual([
      [first?.id, 'ch1'],
      [second?.id, 'ch1', 'ch2'],
    ])
    expect(await shown(onboarding.service.listOfChannel('ch1', 1))).toEqual([[second?.id, 'ch1', 'ch2']])
    const [one] = await onboarding.service.listOfSession(first?.sessionId ?? '')
    expect(one).toMatchObject({ browserHash: browserOf('a').hash, receivedAt: expect.any(Date) })
    expect(one).not.toHaveProperty('raw')
  })
})
