// By their own addresses: the start then loads a third of the library.

import type { webcrypto } from 'node:crypto'
import { decodeProtectedHeader } from 'jose/decode/protected_header'
import { compactDecrypt } from 'jose/jwe/compact/decrypt'
import { CompactEncrypt } from 'jose/jwe/compact/encrypt'

export interface VaultKey {
  readonly kid: string
  readonly key: Uint8Array
}

/** What a sealed text belongs to; it is authenticated with the text, which opens with nothing else. */
export interface SealContext {
  readonly hubId: string
  readonly kind: 'api_key' | 'mint_answer' | 'mail_link' | 'check'
  /** The channel's id; of a mail's link, its question's; for a check value the vault key's. */
  readonly subject: string
  readonly version: number
  /** Where the key may be sent; of an API key only. */
  readonly address?: string
}

export interface Sealed {
  readonly kid: string
  /** A compact JWE (`dir`, `A256GCM`) whose protected header names the key and the context. */
  readonly jwe: string
}

/** A sealed text cannot be opened: another context, another key, or changed. Says which, never the text. */
export class VaultError extends Error {
  readonly reason: 'unknown_key' | 'wrong_context' | 'not_openable'
  readonly kid: string | undefined

  constructor(reason: VaultError['reason'], kid?: string) {
    super(`A sealed value does not open: ${reason}${kid ? ` (vault key ${kid})` : ''}`)
    this.name = 'VaultError'
    this.reason = reason
    this.kid = kid
  }
}

/** Seals texts to their context and opens them in it. The first key seals, all open. */
export class Vault {
  readonly #keys: ReadonlyMap<string, Promise<webcrypto.CryptoKey>>
  readonly #sealing: string

  constructor(keys: readonly VaultKey[]) {
    const [first] = keys
    if (!first) throw new VaultError('unknown_key')
    this.#sealing = first.kid
    // Imported once, and not extractable from then on.
    this.#keys = new Map(keys.map(({ kid, key }) => [kid, importKey(key)]))
  }

  get sealingKid(): string {
    return this.#sealing
  }

  has(kid: string): boolean {
    return this.#keys.has(kid)
  }

  async seal(context: SealContext, text: string): Promise<Sealed> {
    const kid = this.#sealing
    const key = await this.#keys.get(kid)
    if (!key) throw new VaultError('unknown_key', kid)
    const jwe = await new CompactEncrypt(new TextEncoder().encode(text))
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', kid, ...toHeader(context) })
      .encrypt(key)
    return { kid, jwe }
  }

  /** @throws VaultError when the text was sealed for another context or with a key that is not here, or was changed */
  async open(context: SealContext, jwe: string): Promise<string> {
    const kid = readKid(jwe)
    const key = await this.#keys.get(kid)
    if (!key) throw new VaultError('unknown_key', kid)
    const opened = await decrypt(jwe, key, kid)
    const expected = Object.entries(toHeader(context))
    if (!expected.every(([name, value]) => opened.protectedHeader[name] === value)) {
      throw new VaultError('wrong_context', kid)
    }
    return new TextDecoder().decode(opened.plaintext)
  }
}

function importKey(key: Uint8Array): Promise<webcrypto.CryptoKey> {
  return crypto.subtle.importKey('raw', new Uint8Array(key), 'AES-GCM', false, ['encrypt', 'decrypt'])
}

/** Without an address `addr` is undefined: left out of a header, and compared when one is opened. */
function toHeader({ hubId, kind, subject, version, address }: SealContext) {
  return { hub: hubId, use: kind, sub: subject, ver: version, addr: address }
}

function readKid(jwe: string): string {
  try {
    const { kid } = decodeProtectedHeader(jwe)
    if (typeof kid === 'string') return kid
  } catch {
    // Not a JWE at all: the same answer as for one without a key id.
  }
  throw new VaultError('not_openable')
}

async function decrypt(jwe: string, key: webcrypto.CryptoKey, kid: string) {
  try {
    return await compactDecrypt(jwe, key, {
      keyManagementAlgorithms: ['dir'],
      contentEncryptionAlgorithms: ['A256GCM'],
    })
  } catch {
    throw new VaultError('not_openable', kid)
  }
}
