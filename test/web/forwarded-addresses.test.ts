import { describe, expect, it } from '@jest/globals'
import { readAddress } from '../../src/web/forwarded-addresses.ts'

describe('an address in X-Forwarded-For', () => {
  it.each([
    ['203.0.113.5', '203.0.113.5'],
    [' 203.0.113.5:40001 ', '203.0.113.5'],
    ['"203.0.113.5:40001"', '203.0.113.5'],
    ['[2001:db8::1]:443', '2001:db8::1'],
    ['"[2001:db8::1]"', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['2001:DB8:0:0::1', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['::ffff:203.0.113.5', '203.0.113.5'],
    ['[::ffff:203.0.113.5]:80', '203.0.113.5'],
  ])('%s is %s', (entry, address) => {
    expect(readAddress(entry)).toBe(address)
  })

  it.each([
    'unknown',
    '_hidden',
    '',
    '"',
    '[',
    '[]:1',
    '[203.0.113.5]',
    '203.0.113.5:x',
    '203.0.113',
    '999.1.1.1',
  ])('%s is none', (entry) => {
    expect(readAddress(entry)).toBe('unknown')
  })
})
