import { beforeEach, describe, expect, it } from '@jest/globals'
import { type Answered, HubTrouble, judgeAnswers, type Trouble } from '../../src/d360/hub-trouble.ts'
import { PartnerApiError, type UpstreamFailure } from '../../src/errors.ts'
import { TestClock } from '../test-clock.ts'
import { MemoryTroubles } from './memory-trouble.ts'

const refused = (status: number) => new PartnerApiError('refused', status)
const dead = new PartnerApiError('unknown')
const failed = (status: number) => new PartnerApiError('unknown', status)
const loginAnswered = (status: number) => new PartnerApiError('never_sent', status)
const odd = new PartnerApiError('unexpected_answer')
const ok = undefined

describe('what the answers of two lists say of the hub', () => {
  it.each<[string, Answered, Answered, string | undefined]>([
    ['both answer', ok, ok, undefined],
    ['one list fails: a row of it may be broken', failed(500), ok, undefined],
    ['one list is refused: the credentials may not read it', refused(403), ok, undefined],
    ['one list is not known', refused(404), ok, undefined],
    ['one list has no time', refused(429), ok, undefined],
    ['nobody answers', dead, dead, 'away'],
    ['no connection', new PartnerApiError('never_sent'), new PartnerApiError('never_sent'), 'away'],
    ['only the gateway answers', failed(503), failed(502), 'away'],
    ['the login fails with a gateway', loginAnswered(503), loginAnswered(503), 'away'],
    ['one answers in time and fails, one not', failed(500), dead, 'away'],
    ['both unauthorized', refused(401), refused(401), 'credentials_refused 401'],
    ['one unauthorized', ok, refused(401), 'credentials_refused 401'],
    ['both forbidden: another hub', refused(403), refused(403), 'credentials_refused 403'],
    ['the login is refused', loginAnswered(401), loginAnswered(401), 'credentials_refused 401'],
    [
      'the login is refused as a bad request',
      loginAnswered(400),
      loginAnswered(400),
      'credentials_refused 400',
    ],
    ['the login fails inside', loginAnswered(500), loginAnswered(500), 'credentials_refused 500'],
    ['refused, and the other fails', failed(500), refused(401), 'credentials_refused 401'],
    ['one is not understood', ok, odd, 'not_understood'],
    ['both are not understood', odd, odd, 'not_understood'],
    ['one is forbidden, one is not understood', refused(403), odd, 'not_understood'],
    ['neither has time', refused(429), refused(429), 'unclear'],
    ['one has no time, the other fails', refused(429), failed(500), 'unclear'],
    ['neither is known: that is an answer', refused(404), refused(404), undefined],
  ])('%s', (_, clients, channels, expected) => {
    const found = judgeAnswers([clients, channels])
    const text = typeof found === 'object' ? `${found.kind} ${found.upstreamStatus ?? ''}`.trim() : found
    expect(text?.replace(/^away.*/, 'away')).toBe(expected)
    expect(judgeAnswers([channels, clients])).toEqual(
      typeof found === 'object' ? expect.objectContaining({ kind: found.kind }) : found,
    )
  })
})

describe('which failure is about our credentials', () => {
  it.each<[UpstreamFailure, number | undefined, boolean, string]>([
    ['refused', 401, true, 'credentials_refused'],
    ['refused', 403, false, 'refused'],
    ['refused', 400, false, 'refused'],
    ['refused', 429, false, 'upstream_failed'],
    ['never_sent', undefined, false, 'upstream_failed'],
    ['never_sent', 401, true, 'credentials_refused'],
    ['never_sent', 403, true, 'credentials_refused'],
    ['never_sent', 500, true, 'credentials_refused'],
    ['never_sent', 503, false, 'upstream_failed'],
    ['never_sent', 429, false, 'upstream_failed'],
    ['unknown', 500, false, 'upstream_failed'],
    ['unknown', undefined, false, 'upstream_failed'],
    ['unexpected_answer', undefined, false, 'unexpected_answer'],
  ])('%s %s', (failure, status, isOfCredentials, problem) => {
    const error = new PartnerApiError(failure, status)
    expect([error.refusesCredentials, error.problem]).toEqual([isOfCredentials, problem])
  })
})

describe('trouble of the hub', () => {
  let clock: TestClock
  let store: MemoryTroubles
  let said: string[]
  let asked: number
  let answers: Answered[]
  beforeEach(() => {
    clock = new TestClock()
    store = new MemoryTroubles()
    said = []
    asked = 0
    answers = [ok, ok]
  })
  const start = (name = '') =>
    new HubTrouble({
      store,
      clock,
      onChange: (trouble?: Trouble) => said.push(`${name}${trouble?.kind ?? 'over'}`),
    })
  const ask = async () => {
    asked += 1
    return answers
  }
  const isOver = (trouble: HubTrouble) => trouble.isOver(ask)

  it('asks nothing while nothing looks wrong', async () => {
    const trouble = start()
    trouble.note('channels', 200)
    trouble.note('create_key', 500)
    trouble.note('channels', 'error')
    expect([await isOver(trouble), asked]).toEqual([true, 0])
  })

  it.each<[string, number | 'error', number]>([
    ['channels', 401, 1],
    ['create_key', 401, 1],
    ['token', 401, 1],
    ['token', 500, 1],
    ['token', 400, 1],
    ['channels', 403, 1],
    ['token', 429, 0],
    ['channels', 429, 0],
    ['channels', 404, 0],
    ['channels', 500, 0],
    ['token', 503, 0],
  ])('%s answered %s: %s question', async (endpoint, status, questions) => {
    const trouble = start()
    trouble.note(endpoint, status)
    expect([await isOver(trouble), asked]).toEqual([true, questions])
    // A good answer, and the question is settled.
    expect([await isOver(trouble), asked, said]).toEqual([true, questions, []])
  })

  it('takes a 403 beside good answers for one about what was asked', async () => {
    const trouble = start()
    trouble.note('channels', 200)
    trouble.note('create_key', 403)
    expect([await isOver(trouble), asked]).toEqual([true, 0])
    clock.advance(61_000)
    trouble.note('create_key', 403)
    expect([await isOver(trouble), asked]).toEqual([true, 1])
  })

  it('asks once a minute whether the credentials are taken again, and says each change once', async () => {
    const trouble = start()
    answers = [refused(401), refused(401)]
    trouble.note('channels', 401)
    expect(await isOver(trouble)).toBe(false)
    expect(await trouble.find()).toMatchObject({ kind: 'credentials_refused', upstreamStatus: 401 })
    for (let second = 0; second < 300; second += 1) {
      clock.advance(1_000)
      expect(await isOver(trouble)).toBe(false)
    }
    expect([asked, said]).toEqual([6, ['credentials_refused']])
    answers = [ok, ok]
    clock.advance(60_000)
    expect(await isOver(trouble)).toBe(true)
    expect([await trouble.find(), said]).toEqual([undefined, ['credentials_refused', 'over']])
  })

  it('asks once at a time: who comes meanwhile waits for that answer', async () => {
    const trouble = start()
    answers = [refused(401), refused(401)]
    trouble.note('channels', 401)
    expect(await Promise.all([isOver(trouble), isOver(trouble), isOver(trouble)])).toEqual([
      false,
      false,
      false,
    ])
    expect(asked).toBe(1)
  })

  it('is known to every process, of which one asks, and each hears the end', async () => {
    const [first, second] = [start('1 '), start('2 ')]
    answers = [refused(401), refused(401)]
    first.note('channels', 401)
    await isOver(first)
    clock.advance(5_000)
    expect(await isOver(second)).toBe(false)
    asked = 0
    for (let seconds = 0; seconds < 240; seconds += 5) {
      clock.advance(5_000)
      expect([await isOver(first), await isOver(second)]).toEqual([false, false])
    }
    expect(asked).toBe(4)
    answers = [ok, ok]
    clock.advance(60_000)
    await isOver(first)
    clock.advance(5_000)
    expect([await isOver(first), await isOver(second)]).toEqual([true, true])
    expect(said).toEqual(['1 credentials_refused', '2 credentials_refused', '1 over', '2 over'])
  })

  it('keeps its beginning across a restart, and ends when the dead process asked last', async () => {
    answers = [odd, odd]
    const before = start()
    before.suspect()
    await isOver(before)
    const sinceAt = (await before.find())?.sinceAt
    clock.advance(3_600_000)
    const after = start()
    expect(await after.find()).toMatchObject({ kind: 'not_understood', sinceAt })
    answers = [ok, ok]
    expect(await isOver(after)).toBe(true)
    expect(await after.find()).toBeUndefined()
  })

  it('tells nobody that all is well while it is still being read', async () => {
    await store.begin({ kind: 'not_understood', upstreamStatus: undefined }, clock.now())
    const trouble = start()
    const found = await Promise.all([trouble.find(), trouble.find()])
    expect(found.map((one) => one?.kind)).toEqual(['not_understood', 'not_understood'])
  })

  it('is over for who is away as soon as anybody has an answer', async () => {
    const trouble = start()
    answers = [dead, dead]
    for (let nth = 0; nth < 3; nth += 1) trouble.note('channels', 'error')
    expect(trouble.isOn).toBe(true)
    expect(await isOver(trouble)).toBe(false)
    clock.advance(1_000)
    trouble.note('channels', 404)
    expect(await isOver(trouble)).toBe(true)
    expect([asked, said]).toEqual([1, ['away', 'over']])
  })

  it('asks every five seconds while 360dialog is away', async () => {
    const trouble = start()
    answers = [dead, dead]
    for (let nth = 0; nth < 3; nth += 1) trouble.note('channels', 503)
    for (let second = 0; second < 60; second += 1) {
      await isOver(trouble)
      trouble.note('channels', 503)
      clock.advance(1_000)
    }
    expect(asked).toBe(12)
  })

  it('is not ended by an answer that says nothing new', async () => {
    const trouble = start()
    answers = [refused(401), refused(401)]
    trouble.note('channels', 401)
    await isOver(trouble)
    answers = [refused(429), refused(429)]
    clock.advance(60_000)
    expect(await isOver(trouble)).toBe(false)
    expect(said).toEqual(['credentials_refused'])
  })

  it('survives a clock that was set back', async () => {
    const trouble = start()
    answers = [refused(401), refused(401)]
    trouble.note('channels', 401)
    await isOver(trouble)
    clock.advance(-86_400_000)
    answers = [ok, ok]
    expect(await isOver(trouble)).toBe(true)
  })
})
