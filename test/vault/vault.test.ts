import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { CompactEncrypt } from 'jose'
import { type SealContext, Vault, VaultError } from '../../src/vault/vault.ts'
import { proveVaultKeys, WrongVaultKeyError } from '../../src/vault/vault-check.ts'
import { eachDatabase, type OpenedDatabase } from '../databases.ts'
import { TestClock } from '../test-clock.ts'

const newKey = (kid: string) => ({ kid, key: new Uint8Array(randomBytes(32)) })
const context: SealContext = {
  ...{ hubId: 'hub1', kind: 'api_key', subject: 'ch1', version: 1 },
  address: 'https://waba.example',
}

describe('the vault', () => {
  const first = newKey('a')
  const vault = new Vault([first])

  it('opens what it sealed, in its context', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string(), async (text) => {
        const { jwe } = await vault.seal(context, text)
        expect(await vault.open(context, jwe)).toBe(text)
      }),
      { numRuns: 50 },
    )
  })

  it.each<[string, Partial<SealContext>]>([
    ['another channel', { subject: 'ch2' }],
    ['another version', { version: 2 }],
    ['another partner hub', { hubId: 'hub2' }],
    ['another use', { kind: 'mint_answer' }],
    ['another address', { address: 'https://evil.example' }],
    ['no address', { address: undefined as never }],
  ])('does not open a row that was moved to %s', async (_, moved) => {
    const { jwe } = await vault.seal(context, 'secret')
    await expect(vault.open({ ...context, ...moved }, jwe)).rejects.toMatchObject({ reason: 'wrong_context' })
  })

  it('does not open a row whose place was written over in the header', async () => {
    const { jwe } = await vault.seal(context, 'secret')
    const [header = '', ...rest] = jwe.split('.')
    const forged = { ...JSON.parse(Buffer.from(header, 'base64url').toString()), sub: 'ch2' }
    const moved = [Buffer.from(JSON.stringify(forged)).toString('base64url'), ...rest].join('.')
    await expect(vault.open({ ...context, subject: 'ch2' }, moved)).rejects.toMatchObject({
      reason: 'not_openable',
    })
  })

  it('opens no other algorithm, even under the right key', async () => {
    const jwe = await new CompactEncrypt(new TextEncoder().encode('secret'))
      .setProtectedHeader({
        alg: 'A256KW',
        enc: 'A256GCM',
        kid: 'a',
        hub: 'hub1',
        use: 'api_key',
        sub: 'ch1',
        ver: 1,
      })
      .encrypt(first.key)
    await expect(vault.open(context, jwe)).rejects.toMatchObject({ reason: 'not_openable' })
  })

  it('says which key is missing', async () => {
    const { jwe } = await vault.seal(context, 'secret')
    await expect(new Vault([newKey('b')]).open(context, jwe)).rejects.toMatchObject({
      reason: 'unknown_key',
      kid: 'a',
    })
  })

  it('seals with the first key and opens with all', async () => {
    const { jwe } = await vault.seal(context, 'secret')
    const changed = new Vault([newKey('b'), first])
    expect(await changed.open(context, jwe)).toBe('secret')
    expect((await changed.seal(context, 'x')).kid).toBe('b')
  })

  it('answers rubbish with its own error', async () => {
    await expect(vault.open(context, 'rubbish')).rejects.toThrow(VaultError)
  })
})

eachDatabase('the check value', (open) => {
  const clock = new TestClock()
  let opened: OpenedDatabase
  beforeEach(async () => {
    opened = await open()
  })
  afterEach(() => opened.close())

  it('accepts the right keys again, and a new one in front of them', async () => {
    const a = newKey('a')
    await proveVaultKeys(opened.db, 'hub1', new Vault([a]), clock)
    await proveVaultKeys(opened.db, 'hub1', new Vault([a]), clock)
    await proveVaultKeys(opened.db, 'hub1', new Vault([newKey('b'), a]), clock)
    const kids = await opened.db.selectFrom('vaultCheck').select('kid').orderBy('kid').execute()
    expect(kids.map((row) => row.kid)).toEqual(['a', 'b'])
  })

  it('refuses a missing key and a wrong one by its id, and changes nothing', async () => {
    await proveVaultKeys(opened.db, 'hub1', new Vault([newKey('a')]), clock)
    const missing = proveVaultKeys(opened.db, 'hub1', new Vault([newKey('b')]), clock)
    await expect(missing).rejects.toThrow(/lacks the key "a"/)
    const wrong = proveVaultKeys(opened.db, 'hub1', new Vault([newKey('a')]), clock)
    await expect(wrong).rejects.toThrow(WrongVaultKeyError)
    expect(await opened.db.selectFrom('vaultCheck').select('kid').execute()).toEqual([{ kid: 'a' }])
  })
})
