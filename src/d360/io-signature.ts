import { createHmac } from 'node:crypto'

export interface IoSignature {
  readonly signature: string
  /** Unix time in seconds. */
  readonly timestamp: number
}

interface SignLaunch {
  readonly platformSecret: string
  readonly partnerId: string
  readonly now: Date
}

/**
 * Signs one launch (contract 2.4): HMAC-SHA512 over `{partnerId}|{unix_seconds}`, lower-case hex.
 * A signature serves one attempt only: make it at the click, and keep it nowhere.
 */
export function signLaunch({ platformSecret, partnerId, now }: SignLaunch): IoSignature {
  const timestamp = Math.floor(now.getTime() / 1000)
  const signature = createHmac('sha512', platformSecret).update(`${partnerId}|${timestamp}`).digest('hex')
  return { signature, timestamp }
}
