import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { json } from './setting-values.ts'

const jwk = z.object({
  kty: z.literal('oct'),
  kid: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/),
  // 43 base64url characters are 256 bits.
  k: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
})
const jwkSet = z.object({ keys: z.array(jwk).min(1) })

/** Reads a JWK Set of 256-bit `oct` keys. The problems repeat nothing of what was given. */
export const vaultKeys = json(jwkSet, 'is not a JWK Set (JSON) of oct keys, each with a kid and a 256-bit k')
  .transform(({ keys }) =>
    keys.map(({ kid, k }) => ({ kid, key: new Uint8Array(Buffer.from(k, 'base64url')) })),
  )
  .refine(
    (keys) => new Set(keys.map(({ kid }) => kid)).size === keys.length,
    'has two keys with the same kid',
  )

/** A JWK Set as JSON with one fresh key, whose kid names the month of its creation: `k2026-11-a1b2c3`. */
export function newVaultKey(now = new Date()): string {
  const kid = `k${now.toISOString().slice(0, 7)}-${randomBytes(3).toString('hex')}`
  const k = randomBytes(32).toString('base64url')
  return JSON.stringify({ keys: [{ kty: 'oct', kid, alg: 'A256GCM', k }] })
}
