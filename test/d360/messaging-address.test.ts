import { describe, expect, it } from '@jest/globals'
import { loadConfig } from '../../src/config/config.ts'
import { readMessagingAddress, standardMessagingAddress } from '../../src/d360/messaging-address.ts'

describe('the address of a key that came without one', () => {
  it.each([
    ['https://hub.360dialog.io/api/v2/', 'https://waba-v2.360dialog.io'],
    ['https://hub.example/api/v2', 'https://waba-v2.360dialog.io'],
    ['http://localhost:3001/api/v2/', 'http://localhost:3001/waba-v2'],
    ['http://127.0.0.1:3001/api/v2', 'http://localhost:3001/waba-v2'],
    ['http://[::1]:3001/api/v2', 'http://localhost:3001/waba-v2'],
  ])('follows from the Partner API: %s', (url, address) =>
    expect(standardMessagingAddress(new URL(url))).toBe(address),
  )

  it('is allowed as it is in the demo', () => {
    const secrets = { partnerApiKey: 'k', vaultKeys: '', sessionSecret: 's'.repeat(43) }
    const vaultKeys = JSON.stringify({
      keys: [{ kty: 'oct', kid: 'k', k: Buffer.alloc(32).toString('base64url') }],
    })
    const { messagingHosts, partnerApi } = loadConfig({}, { demoSecrets: () => ({ ...secrets, vaultKeys }) })
    const address = standardMessagingAddress(partnerApi.baseUrl)
    expect(readMessagingAddress(address, messagingHosts)).toEqual({ address })
  })
})
