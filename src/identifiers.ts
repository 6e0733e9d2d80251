import { createHmac, hash, randomBytes, randomInt } from 'node:crypto'

let newest = { time: 0, sequence: 0 }

/**
 * A row's id: its kind, then the time, a number within the millisecond, and 64 random bits. So ids of one
 * process sort in the order in which they were made, and no two processes make the same.
 */
export function newId(kind: string, now: Date): string {
  const time = now.getTime()
  newest = { time, sequence: time === newest.time ? newest.sequence + 1 : 0 }
  const place = time.toString(36).padStart(9, '0') + newest.sequence.toString(36).padStart(4, '0')
  return `${kind}_${place}${randomBytes(8).toString('hex')}`
}

/** 256 random bits as 43 characters that are safe in URLs and cookies. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url')
}

/** What is stored of a secret that comes back to us: its SHA-256, 64 hex characters. */
export function hashOf(secret: string): string {
  return hash('sha256', secret, 'hex')
}

/** A second secret that follows from a first and does not lead back to it. */
export function derivedSecret(secret: string, purpose: string): string {
  return createHmac('sha256', secret).update(purpose).digest('base64url')
}

/** A browser that is known again by a secret that only it keeps. */
export interface KnownBrowser {
  /** The SHA-256 of its secret. */
  readonly hash: string
  /** A secret about `subject` that only this browser leads to. */
  secretFor(subject: string): string
}

// Without 0/O, 1/I/L, and U: read out on the telephone, typed by hand.
const CODE_LETTERS = '23456789ABCDEFGHJKMNPQRSTVWXYZ'

/** A code that a person quotes and support types in: `K7Q-2MD`. */
export function newCode(): string {
  const letters = Array.from({ length: 6 }, () => CODE_LETTERS[randomInt(CODE_LETTERS.length)])
  return `${letters.slice(0, 3).join('')}-${letters.slice(3).join('')}`
}
