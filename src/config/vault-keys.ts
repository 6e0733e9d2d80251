import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { reader } from './setting-values.ts'

/** A key that seals (256 bit), and the id that every sealed record names. */
export interface VaultKey {
  kid: string
  key: Uint8Array
}

const jwk = z.object({
  kty: z.literal('oct'),
  kid: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/),
  // 43 base64url characters are 256 bits.
  k: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
})
const jwkSet = z.object({ keys: z.array(jwk).min(1) })

/** Reads a JWK Set of 256-bit `oct` keys. Says what is wrong without a word of what was given. */
export const vaultKeys = reader('is not JSON', parseJson)
  .refine((json) => jwkSet.safeParse(json).success, {
    error: 'is not a JWK Set of oct keys, each with a kid and a 256-bit k',
    abort: true,
  })
  .transform((json): VaultKey[] =>
    jwkSet.parse(json).keys.map(({ kid, k }) => ({ kid, key: new Uint8Array(Buffer.from(k, 'base64url')) })),
  )
  .refine((keys) => new Set(keys.map(({ kid }) => kid)).size === keys.length, 'names one kid twice')

/** A JWK Set as JSON with one fresh key, whose kid tells the month it was made: `k2026-11-a1b2c3`. */
export function newVaultKey(now = new Date()): string {
  const kid = `k${now.toISOString().slice(0, 7)}-${randomBytes(3).toString('hex')}`
  const k = randomBytes(32).toString('base64url')
  return JSON.stringify({ keys: [{ kty: 'oct', kid, alg: 'A256GCM', k }] })
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
