import { describe, expect, it } from '@jest/globals'
import { SignInAttempts } from '../../src/admin/sign-in-attempts.ts'
import { TestClock } from '../test-clock.ts'

const MINUTE = 60_000

function tenTries(clock: TestClock): SignInAttempts {
  const attempts = new SignInAttempts(clock)
  for (let tries = 0; tries < 10; tries += 1) expect(attempts.begin('Anna')).toBe(0)
  return attempts
}

describe('tries at one name', () => {
  it('wait after ten failures until the oldest is 15 minutes old', () => {
    const clock = new TestClock()
    const attempts = tenTries(clock)
    clock.advance(MINUTE)
    expect(attempts.begin(' anna')).toBe(14 * MINUTE)
    clock.advance(14 * MINUTE)
    expect(attempts.begin('anna')).toBe(0)
  })

  it('do not hold up another name', () => expect(tenTries(new TestClock()).begin('bert')).toBe(0))

  it('are forgotten by a success', () => {
    const attempts = tenTries(new TestClock())
    attempts.succeed('anna')
    expect(attempts.begin('anna')).toBe(0)
  })
})
