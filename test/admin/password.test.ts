import { describe, expect, it } from '@jest/globals'
import { HASH_OF_NOTHING, hashPassword, verifyPassword } from '../../src/admin/password.ts'
import { InvalidInputError } from '../../src/errors.ts'

const PASSWORD = 'correct horse battery'

describe('passwords', () => {
  it('are stored as argon2id with its cost and a salt of their own', async () => {
    const [one, other] = await Promise.all([hashPassword(PASSWORD), hashPassword(PASSWORD)])
    expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
    expect(one).not.toBe(other)
  })

  it('verify, and no other does', async () => {
    const stored = await hashPassword(PASSWORD)
    expect(await verifyPassword(PASSWORD, stored)).toBe(true)
    expect(await verifyPassword(`${PASSWORD} `, stored)).toBe(false)
    expect(await verifyPassword('', stored)).toBe(false)
    expect(await verifyPassword('x'.repeat(100_000), stored)).toBe(false)
  })

  it('are the same however the characters were composed', async () => {
    const stored = await hashPassword('Zuger Straße 7 für Ängste'.normalize('NFD'))
    expect(await verifyPassword('Zuger Straße 7 für Ängste'.normalize('NFC'), stored)).toBe(true)
  })

  it('open by the cost they were stored with', async () => {
    const { argon2Sync } = await import('node:crypto')
    const cost = { memory: 256, passes: 3, parallelism: 1, tagLength: 16 }
    const salt = Buffer.from('0123456789abcdef')
    const hash = argon2Sync('argon2id', { message: PASSWORD, nonce: salt, ...cost })
    const text = (bytes: Buffer) => bytes.toString('base64').replaceAll('=', '')
    const stored = `$argon2id$v=19$m=256,t=3,p=1$${text(salt)}$${text(hash)}`
    expect(await verifyPassword(PASSWORD, stored)).toBe(true)
  })

  it.each(['eleven char', 'x'.repeat(201), ''])('refuses %j', async (password) => {
    await expect(hashPassword(password)).rejects.toThrow(InvalidInputError)
  })

  it.each(['x'.repeat(12), 'x'.repeat(200), '😀'.repeat(12)])('takes %j', async (password) => {
    expect(await verifyPassword(password, await hashPassword(password))).toBe(true)
  })

  it.each(['', 'plain', '$argon2i$v=19$m=8,t=1,p=1$AAAA$AAAA', HASH_OF_NOTHING])(
    'never verify against %j',
    async (stored) => {
      expect(await verifyPassword(PASSWORD, stored)).toBe(false)
    },
  )

  it('wait for each other, and all come to their turn', async () => {
    const stored = await hashPassword(PASSWORD)
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => verifyPassword(index % 2 ? PASSWORD : 'another one', stored)),
    )
    expect(answers).toEqual(Array.from({ length: 20 }, (_, index) => index % 2 === 1))
  })
})
