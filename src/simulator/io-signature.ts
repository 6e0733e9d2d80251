import { createHmac } from 'node:crypto'
import { HubError } from './hub-error.ts'
import { isSameSecret } from './tokens.ts'

const longestAge = 5 * 60

interface SignedLaunch {
  partnerId: string
  signature: string
  timestamp: string
}

/** Lets each correctly signed launch in once. The age limit is this simulator's own: 360dialog names none. */
export class IoSignatures {
  readonly #used = new Set<string>()

  /** @throws HubError 403 when the signature is missing, wrong, old or used */
  admit({ partnerId, signature, timestamp }: SignedLaunch, secret: string | undefined, now: Date): void {
    if (!signature || !timestamp)
      throw new HubError(403, 'This link is not signed. Start again at your partner.')
    const expected = createHmac('sha512', secret ?? '')
      .update(`${partnerId}|${timestamp}`)
      .digest('hex')
    if (!secret || !isSameSecret(signature, expected))
      throw new HubError(403, 'The signature of this link is wrong. Start again at your partner.')
    if (!(Math.abs(now.getTime() / 1000 - Number(timestamp)) <= longestAge))
      throw new HubError(403, 'This link is too old. Start again at your partner.')
    if (this.#used.has(signature))
      throw new HubError(403, 'This link was used before. Start again at your partner.')
    this.#used.add(signature)
  }
}
