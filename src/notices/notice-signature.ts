import { createHmac, timingSafeEqual } from 'node:crypto'

/** Who sent a notice, as far as its signature says; `unchecked`: D360_WEBHOOK_SIGNATURE is off. */
export type Signature = 'valid' | 'invalid' | 'missing' | 'unchecked'

/**
 * Checks `x-360dialog-signature` over bytes as they arrive: HMAC-SHA256 of the platform secret in lower-case hex, with
 * or without `sha256=` (docs/360dialog.md 11). During a change of the secret there are two.
 */
export class SignatureCheck {
  readonly #signature: Buffer | undefined
  readonly #hmacs

  constructor(header: string | undefined, secrets: readonly string[]) {
    const [, hex] = /^(?:sha256=)?([0-9a-f]{64})$/.exec(header ?? '') ?? []
    this.#signature = hex === undefined ? undefined : Buffer.from(hex, 'hex')
    this.#hmacs = this.#signature ? secrets.map((secret) => createHmac('sha256', secret)) : []
  }

  /** Whether there is anything to check: a header that no secret could have made is as good as none. */
  get isMissing(): boolean {
    return this.#signature === undefined
  }

  update(chunk: Uint8Array): void {
    for (const hmac of this.#hmacs) hmac.update(chunk)
  }

  /** Once, after the last byte. Takes the same time whichever byte differs, and whichever secret it was. */
  end(): Signature {
    const signature = this.#signature
    if (!signature) return 'missing'
    const matches = this.#hmacs.map((hmac) => timingSafeEqual(hmac.digest(), signature))
    return matches.includes(true) ? 'valid' : 'invalid'
  }
}
