import { createHmac } from 'node:crypto'
import { HubError } from './hub-error.ts'
import { isSameSecret } from './tokens.ts'

interface SignedLaunch {
  partnerId: string
  signature: string
  timestamp: string
}

interface SignatureRules {
  secret: string | undefined
  encoding: 'hex' | 'base64' | 'base64url'
  /** In seconds. */
  longestAge: number
}

/** Lets each correctly signed launch in once. The encoding and the age limit are not documented. */
export class IoSignatures {
  readonly #used = new Set<string>()

  /** @throws HubError 403 when the signature is missing, wrong, old or used */
  admit({ partnerId, signature, timestamp }: SignedLaunch, rules: SignatureRules, now: Date): void {
    const { secret, encoding, longestAge } = rules
    if (!signature || !timestamp)
      throw new HubError(403, 'This link is not signed. Start again at your partner.')
    const expected = createHmac('sha512', secret ?? '')
      .update(`${partnerId}|${timestamp}`)
      .digest(encoding)
    if (!secret || !isSameSecret(signature, expected))
      throw new HubError(403, 'The signature of this link is wrong. Start again at your partner.')
    if (!(Math.abs(now.getTime() / 1000 - Number(timestamp)) <= longestAge))
      throw new HubError(403, 'This link is too old. Start again at your partner.')
    if (this.#used.has(signature))
      throw new HubError(403, 'This link was used before. Start again at your partner.')
    this.#used.add(signature)
  }
}
