import { argon2, randomBytes, timingSafeEqual } from 'node:crypto'
import { InvalidInputError } from '../errors.ts'

/** OWASP's choice for argon2id: 19 MiB, two passes, one lane. */
const COST = { memory: 19_456, passes: 2, parallelism: 1, tagLength: 32 }
const AT_ONCE = 2
const MIN_LENGTH = 12
const MAX_LENGTH = 200

const PHC = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/

/** A hash that no password has: verifying against it takes as long as against a real one. */
export const HASH_OF_NOTHING = toPhc(Buffer.alloc(16), Buffer.alloc(COST.tagLength))

/**
 * Hashes a new password with argon2id, as a PHC string.
 *
 * @throws InvalidInputError when it is shorter than 12 or longer than 200 characters
 */
export async function hashPassword(password: string): Promise<string> {
  const normal = normalise(password)
  const length = [...normal].length
  if (length < MIN_LENGTH || length > MAX_LENGTH)
    throw new InvalidInputError(`A password has ${MIN_LENGTH} to ${MAX_LENGTH} characters.`)
  const salt = randomBytes(16)
  return toPhc(salt, await derive(normal, salt, COST))
}

/** Whether this is the password behind a PHC string; takes the same time whether it is or not. */
export async function verifyPassword(password: string, stored: string): Promise<boolean> {
  const [, memory, passes, parallelism, salt, hash] = PHC.exec(stored) ?? []
  if (salt === undefined || hash === undefined) return false
  const expected = Buffer.from(hash, 'base64')
  const cost = {
    memory: Number(memory),
    passes: Number(passes),
    parallelism: Number(parallelism),
    tagLength: expected.length,
  }
  const found = await derive(normalise(password.slice(0, MAX_LENGTH * 20)), Buffer.from(salt, 'base64'), cost)
  return timingSafeEqual(found, expected)
}

/** The same characters typed on another keyboard or system are the same password. */
function normalise(password: string): string {
  return password.normalize('NFKC')
}

function toPhc(salt: Buffer, hash: Buffer): string {
  const { memory, passes, parallelism } = COST
  return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${unpadded(salt)}$${unpadded(hash)}`
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('=', '')
}

let running = 0
const waiting: (() => void)[] = []

/** Each takes 19 MiB: two at a time, so that many sign-ins at once cannot take all the memory. */
async function derive(message: string, nonce: Buffer, cost: typeof COST): Promise<Buffer> {
  if (running >= AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve))
  else running += 1
  try {
    return await compute(message, nonce, cost)
  } finally {
    // The slot goes straight to the next in the queue; no later one can take it.
    const next = waiting.shift()
    if (next) next()
    else running -= 1
  }
}

function compute(message: string, nonce: Buffer, cost: typeof COST): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    argon2('argon2id', { message, nonce, ...cost }, (error, hash) => (error ? reject(error) : resolve(hash)))
  })
}
