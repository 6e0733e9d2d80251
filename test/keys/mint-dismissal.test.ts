import { afterEach, beforeEach, expect, it } from '@jest/globals'
import type { Database } from '../../src/database/database.ts'
import { type Mint, MintRepository } from '../../src/keys/mint-repository.ts'
import { eachDatabase, type OpenedDatabase } from '../databases.ts'

const now = new Date('2026-03-02T09:00:00.000Z')

eachDatabase('a mint that somebody wants to end before it begins', (open) => {
  let opened: OpenedDatabase
  let db: Database
  let mints: MintRepository
  let held: Mint

  beforeEach(async () => {
    opened = await open()
    db = opened.db
    mints = new MintRepository({ db, hubId: 'hub' })
    const order = {
      channelId: 'ch1',
      reason: 'return',
      askedBy: 'ret_1',
      launchedAt: undefined,
      now,
    } as const
    await mints.request(order, db)
    const claimed = await mints.claim(now)
    if (!claimed) throw new Error('nothing was due')
    held = claimed
  })
  afterEach(() => opened.close())

  it('is lost to the worker that holds it, which then must not send', async () => {
    expect(await mints.dismiss(held, ['waiting'], now, db)).toBe(true)
    expect(await mints.renew(held, { state: 'minting' }, now)).toBeUndefined()
    expect(await mints.findOpen('ch1')).toBeUndefined()
    expect(await mints.claim(new Date(now.getTime() + 3_600_000))).toBeUndefined()
    expect(await mints.listOfChannel('ch1')).toMatchObject([{ state: 'not_needed', closedAt: now }])
  })

  it('goes on when it has begun', async () => {
    expect(await mints.renew(held, { state: 'minting' }, now)).toBeDefined()
    expect(await mints.dismiss(held, ['waiting', 'needs_decision'], now, db)).toBe(false)
    expect(await mints.findOpen('ch1')).toMatchObject({ id: held.id, state: 'minting' })
  })

  it('keeps its answer, which nobody reads again', async () => {
    await mints.keepAnswer(held, 'sealed')
    await mints.release(held, { state: 'needs_decision', problem: 'answer_masked', due_at: null })
    expect(await mints.dismiss(held, ['waiting'], now, db)).toBe(false)
    expect(await mints.dismiss(held, ['needs_decision'], now, db)).toBe(true)
    expect(await mints.dismiss(held, ['needs_decision'], now, db)).toBe(false)
    expect(await mints.readAgain('ch1', now, db)).toBe(false)
    expect(await mints.listOfChannel('ch1')).toMatchObject([
      { problem: 'answer_masked', sealedAnswer: 'sealed' },
    ])
  })
})
