import { describe, expect, it } from '@jest/globals'
import { Clock, toWireTime } from '../../src/simulator/clock.ts'

describe('the simulator’s clock', () => {
  it('stops while its source goes on, can still be moved, and goes on from where it stands', () => {
    let source = Date.parse('2026-03-02T09:00:00Z')
    const clock = new Clock(() => new Date(source))
    clock.advance(60)
    clock.freeze(true)
    source += 3_600_000
    expect(toWireTime(clock.now())).toBe('2026-03-02T09:01:00Z')
    clock.advance(60)
    clock.freeze(false)
    expect(toWireTime(clock.now())).toBe('2026-03-02T09:02:00Z')
    source += 1_000
    expect(toWireTime(clock.now())).toBe('2026-03-02T09:02:01Z')
    expect(clock.isFrozen).toBe(false)
  })
})
