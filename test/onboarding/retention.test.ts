import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { sql } from 'kysely'
import { hashOf } from '../../src/identifiers.ts'
import { forgetOnboarding } from '../../src/onboarding/retention.ts'
import { eachDatabase, type OpenedDatabase } from '../databases.ts'
import { browserOf, type Onboarding, openOnboarding } from './onboarding-services.ts'

const DAY_MS = 24 * 60 * 60_000

eachDatabase('what onboarding forgets', (open) => {
  let opened: OpenedDatabase
  let onboarding: Onboarding
  beforeEach(async () => {
    opened = await open()
    onboarding = openOnboarding(opened)
  })
  afterEach(() => opened.close())

  const forgetAfter = async (days: number) => {
    onboarding.clock.advance(days * DAY_MS)
    await forgetOnboarding(onboarding.clock.now(), onboarding.db, onboarding.channels)
  }
  const count = async (
    table: 'launch' | 'connectSession' | 'launchSignature' | 'returnedChannel' | 'ownerConfirmationChannel',
  ) => (await onboarding.db.selectFrom(table).selectAll().execute()).length
  /** Whom the search finds, and who is there. */
  const expectOnlyRowsFound = async () => {
    const { db } = onboarding
    for (const [kind, table] of [
      ['session', 'connectSession'],
      ['tenant', 'tenant'],
    ] as const) {
      const rows = await db.selectFrom(table).select('id').orderBy('id').execute()
      const found = db.selectFrom('searchTerm').select('subject as id').distinct().where('kind', '=', kind)
      expect(await found.orderBy('id').execute()).toEqual(rows)
    }
  }
  const statesOf = async () => (await onboarding.listReturns()).map(({ state }) => state)

  /** One return of each state; 360dialog lists `cl` with ch1, whose e-mail only the sessions of `bound` have. */
  const fill = async () => {
    onboarding.list('cl', 'ch1', 'ch2', 'ch3')
    const bound = await onboarding.leave('bound', 'a', 'cl@shop.example')
    await onboarding.comeBack('a', `nonce=${bound}&client=cl&channels=[ch1]`)
    await onboarding.comeBack('a', `nonce=${bound}`)
    await onboarding.comeBack('b', `nonce=${bound}&client=cl&channels=[ch1]`)
    const other = await onboarding.leave('other', 'o')
    await onboarding.comeBack('o', `nonce=${other}&client=cl&channels=[ch2]`)
    const third = await onboarding.leave('third', 't')
    await onboarding.comeBack('t', `nonce=${third}&client=cl&channels=[ch3]`)
    await onboarding.runner.workUntilIdle()
    const [review] = await onboarding.reviews.listOfChannel('ch3')
    await onboarding.reviews.refuse(review?.id ?? '', 'cli')
    await onboarding.comeBack('x', 'client=cl&channels=[ch3]')
    await onboarding.runner.workUntilIdle()
    await onboarding.comeBack('x', 'client=cl&channels=[ch4]')
    await onboarding.leave('lost', 'l')
    await onboarding.sessions.createLink({ tenantId: 'unused', tenantName: 'Unused' })
  }

  it('is nothing within its time', async () => {
    await fill()
    const before = [await onboarding.listReturns(), await count('launch'), await count('connectSession')]
    await forgetAfter(30)
    expect([await onboarding.listReturns(), await count('launch'), await count('connectSession')]).toEqual(
      before,
    )
  })

  it('is a launch that did not come back, 30 days after it expired', async () => {
    await fill()
    await forgetAfter(32)
    expect([await count('launch'), await count('connectSession')]).toEqual([3, 5])
  })

  it('is after 90 days what came raw, and each return of a session that connected nothing', async () => {
    await fill()
    expect((await statesOf()).toSorted()).toEqual(
      ['bound', 'declined', 'needs_review', 'needs_review', 'pending', 'received', 'refused'].toSorted(),
    )
    await forgetAfter(91)
    const left = await onboarding.listReturns()
    expect(left.map(({ state, raw, sessionId }) => [state, raw, sessionId !== undefined])).toEqual([
      ['bound', undefined, true],
      ['declined', undefined, true],
      ['pending', undefined, true],
      ['needs_review', undefined, true],
    ])
    expect(await count('returnedChannel')).toBe(3)
    const open = await onboarding.reviews.listOpen({ limit: 10 })
    expect(open.map(({ channelId, returnId }) => [channelId, returnId !== undefined])).toEqual([
      ['ch2', true],
      ['ch3', false],
    ])
    expect((await onboarding.reviews.read(open[0]?.id ?? '')).claimants).toHaveLength(1)
  })

  it('is a session that nothing followed, 90 days after it expired', async () => {
    await fill()
    await forgetAfter(98)
    // Of `third` the review is left that refused it.
    const tenants = await onboarding.db
      .selectFrom('connectSession')
      .select('tenantId')
      .orderBy('id')
      .execute()
    expect(tenants.map(({ tenantId }) => tenantId)).toEqual(['bound', 'other', 'third'])
    expect(await count('launch')).toBe(2)
    await expectOnlyRowsFound()
  })

  it('is a question to an owner, 90 days after it was closed, with its session; a stop stays with its customer', async () => {
    const { db, clock, sessions } = onboarding
    const asks = async (id: string, closedAt: Date | null) => {
      const session = await db
        .selectFrom('connectSession')
        .selectAll()
        .orderBy('id', 'desc')
        .executeTakeFirstOrThrow()
      const life = { createdAt: clock.now(), expiresAt: new Date(clock.now().getTime() + 7 * DAY_MS) }
      const question = { sessionId: session.id, clientId: 'cl', email: 'cl@shop.example', ...life, closedAt }
      await db
        .insertInto('ownerConfirmation')
        .values({
          ...question,
          id,
          language: 'en',
          askedBy: 'latchkey',
          linkHash: hashOf(id),
          answer: closedAt && 'no',
        })
        .execute()
      await db
        .insertInto('ownerConfirmationChannel')
        .values({ confirmationId: id, channelId: 'ch1' })
        .execute()
      await db
        .insertInto('ownerMailStop')
        .values({ tenantId: session.tenantId, stoppedAt: clock.now() })
        .execute()
    }
    await fill()
    await asks('of the product', clock.now())
    await sessions.signUp(
      { company: 'Eve', email: 'eve@else.example', number: undefined, form: undefined },
      browserOf('e'),
      {},
    )
    await asks('of itself', clock.now())
    await onboarding.leave('open', 'o')
    await asks('open', null)
    const questions = async () =>
      (await db.selectFrom('ownerConfirmation').select('id').execute()).map(({ id }) => id)

    await forgetAfter(90)
    expect(await questions()).toHaveLength(3)
    await forgetAfter(10)
    expect(await questions()).toEqual(['open'])
    const stops = await db.selectFrom('ownerMailStop').select('tenantId').orderBy('tenantId').execute()
    expect(stops).toEqual([{ tenantId: 'open' }, { tenantId: 'unused' }])
    expect(await count('ownerConfirmationChannel')).toBe(1)
    await expectOnlyRowsFound()
  })

  it('is the second of a signature after a day', async () => {
    for (const hours of [0, 23, 25]) {
      const second = new Date(onboarding.clock.now().getTime() - hours * 60 * 60_000).toISOString()
      await onboarding.db.insertInto('launchSignature').values({ second }).execute()
    }
    await forgetAfter(0)
    expect(await count('launchSignature')).toBe(2)
  })

  it('is all of it, however much: a statement changes a thousand rows', async () => {
    const seconds = Array.from({ length: 2_500 }, (_, nth) => ({
      second: new Date(nth * 1000).toISOString(),
    }))
    for (const part of [seconds.slice(0, 1_250), seconds.slice(1_250)])
      await onboarding.db.insertInto('launchSignature').values(part).execute()
    await forgetAfter(0)
    expect(await count('launchSignature')).toBe(0)
  })

  describe('is found by an index', () => {
    it.each([
      ['owner_confirmation_closed', `closed_at < 'x'`],
      [
        'connect_return_unconnected',
        `received_at < 'x' and state in ('pending', 'refused', 'declined', 'unreadable')`,
      ],
      ['connect_return_raw', `received_at < 'x' and raw is not null`],
    ])('%s', async (index, condition) => {
      if (opened.engine === 'postgres') return
      const table = index.replace(/_[a-z]+$/, '')
      const query = sql.raw(`explain query plan select id from ${table} where ${condition} limit 1000`)
      const { rows } = await sql<{ detail: string }>`${query}`.execute(onboarding.db.withoutPlugins())
      expect(rows[0]?.detail).toContain(index)
    })
  })
})
