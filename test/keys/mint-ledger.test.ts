import { afterEach, beforeEach, expect, it } from '@jest/globals'
import { AuditLog } from '../../src/audit/audit-log.ts'
import { ChannelService } from '../../src/channels/channel-service.ts'
import type { Database } from '../../src/database/database.ts'
import { Jobs, LEASE_MS, LeaseLostError } from '../../src/jobs/jobs.ts'
import { KeyStore } from '../../src/keys/key-store.ts'
import { type HeldMint, MintLedger } from '../../src/keys/mint-ledger.ts'
import { createLogger } from '../../src/logger.ts'
import { Vault } from '../../src/vault/vault.ts'
import { eachDatabase, type OpenedDatabase } from '../databases.ts'
import { TestClock } from '../test-clock.ts'

const order = { channelId: 'ch1', reason: 'return', askedBy: 'ret_1', launchedAt: undefined } as const

eachDatabase('the mint ledger', (open) => {
  let opened: OpenedDatabase
  let db: Database
  let clock: TestClock
  let jobs: Jobs
  let ledger: MintLedger
  let channels: ChannelService
  let held: HeldMint

  const lease = async (): Promise<HeldMint> => {
    const job = await jobs.leaseNext('mint')
    const mint = job && (await ledger.find(job.subject))
    if (!job || !mint) throw new Error('nothing was due')
    return { mint, job }
  }
  const current = async () => (await ledger.listOfChannel('ch1'))[0]

  beforeEach(async () => {
    opened = await open()
    db = opened.db
    clock = new TestClock()
    jobs = new Jobs({ db, clock })
    channels = new ChannelService({ db })
    const audit = new AuditLog({ db, clock, logger: createLogger('silent') })
    const vault = new Vault([{ kid: 'k', key: Buffer.alloc(32) }])
    const keys = new KeyStore({ db, hubId: 'hub', vault })
    ledger = new MintLedger({ db, jobs, keys, channels, audit, clock })
    const now = clock.now()
    await db.insertInto('client').values({ id: 'cl1', observedAt: now }).execute()
    const facts = { status: 'live', rawStatus: '', isRunning: true, observedAt: now } as const
    await db
      .insertInto('channel')
      .values({ id: 'ch1', clientId: 'cl1', ...facts })
      .execute()
    await ledger.request(order, db)
    held = await lease()
  })
  afterEach(() => opened.close())

  it('loses a cancelled mint to the worker that holds it, which then must not send', async () => {
    expect(await ledger.cancel(held.mint, ['waiting'], db)).toBe(true)
    await expect(ledger.intend(held, [])).rejects.toThrow(LeaseLostError)
    expect(await ledger.findOpen('ch1')).toBeUndefined()
    clock.advance(3_600_000)
    expect(await jobs.leaseNext('mint')).toBeUndefined()
    expect(await current()).toMatchObject({ state: 'not_needed', sentAt: undefined })
  })

  it('does not cancel a mint that has begun', async () => {
    await ledger.intend(held, [])
    expect(await ledger.cancel(held.mint, ['waiting', 'needs_decision'], db)).toBe(false)
    expect(await ledger.findOpen('ch1')).toMatchObject({ id: held.mint.id, state: 'minting' })
    expect(await jobs.retryNow('mint', held.mint.id, db)).toBe(true)
  })

  it('keeps the answer of a cancelled mint, which is not read again', async () => {
    const sent = await ledger.intend(held, [])
    await ledger.seal(sent, 'sealed')
    await ledger.stop({ ...sent, mint: { ...sent.mint, state: 'sealed' } }, 'answer_masked', {})
    expect(await ledger.cancel(held.mint, ['waiting'], db)).toBe(false)
    expect(await ledger.cancel(held.mint, ['needs_decision'], db)).toBe(true)
    expect(await ledger.cancel(held.mint, ['needs_decision'], db)).toBe(false)
    expect(await ledger.readAgain('ch1', db)).toBe(false)
    expect(await current()).toMatchObject({ problem: 'answer_masked', sealedAnswer: 'sealed' })
  })

  it.each<[string, (mint: HeldMint) => Promise<unknown>]>([
    ['wait', (mint) => ledger.wait(mint, 'refused', 400)],
    [
      'postpone',
      (mint) =>
        ledger.postpone(mint, { problem: 'upstream_failed', upstreamStatus: 503, dueAt: clock.now() }),
    ],
    ['intend', (mint) => ledger.intend(mint, ['1'])],
    ['store', (mint) => ledger.store(mint, async () => {})],
    ['stop', (mint) => ledger.stop(mint, 'key_in_use', { recordsBefore: ['1'] })],
    ['close', (mint) => ledger.close(mint, 'refused')],
    ['lose', (mint) => ledger.lose(mint, clock.now(), {})],
    ['repeat', (mint) => ledger.repeat(mint, ['1'])],
  ])('changes nothing by "%s" of a worker whose lease ran out', async (_, transition) => {
    held = await ledger.intend(held, [])
    clock.advance(LEASE_MS)
    const other = await lease()
    const before = await current()
    await expect(transition(held)).rejects.toThrow(LeaseLostError)
    expect(await current()).toEqual(before)
    expect(await channels.find('ch1')).toMatchObject({ keyStatus: 'minting', keyVersion: 0 })
    await ledger.wait(other, 'not_running', undefined)
    expect(await current()).toMatchObject({ state: 'waiting', problem: 'not_running' })
  })

  it('seals an answer that comes after another worker took over, and has it read', async () => {
    const sent = await ledger.intend(held, [])
    clock.advance(LEASE_MS)
    const other = await lease()
    expect(await ledger.seal(sent, 'late')).toBe(true)
    // The other worker judged the mint as lost; what it found out is no longer true.
    await expect(ledger.repeat(other, ['1'])).rejects.toThrow(LeaseLostError)
    expect(await current()).toMatchObject({ state: 'sealed', sealedAnswer: 'late' })
    clock.advance(LEASE_MS)
    expect((await lease()).mint).toMatchObject({ state: 'sealed' })
  })

  it('keeps an answer that comes when its mint is closed already', async () => {
    const sent = await ledger.intend(held, [])
    clock.advance(LEASE_MS)
    await ledger.repeat(await lease(), ['1'])
    expect(await ledger.seal(sent, 'very late')).toBe(true)
    expect(await ledger.seal(sent, 'second')).toBe(false)
    const [open, closed] = await ledger.listOfChannel('ch1')
    expect(open).toMatchObject({ reason: 'lost_answer', state: 'waiting', recordsBefore: ['1'] })
    expect(closed).toMatchObject({ state: 'unknown', sealedAnswer: 'very late' })
  })

  it('opens one mint for a channel, however often it is asked', async () => {
    await Promise.all(Array.from({ length: 10 }, () => ledger.request(order, db)))
    expect(await ledger.listOfChannel('ch1')).toHaveLength(1)
    await ledger.wait(held, 'not_running', undefined)
    // It was asked for again while it was held, so it is due at once.
    expect((await lease()).job.attempts).toBe(1)
  })
})
