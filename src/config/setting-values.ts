import { isIP } from 'node:net'
import { z } from 'zod'
import { isForEveryServer, readEmailAddress } from '../email-address.ts'
import { isLoopback } from '../loopback.ts'
import { withoutQuotes } from './quotes.ts'
import { isGuessable, isTooWide, namesStrangers } from './too-weak.ts'

/**
 * A schema from a function that answers undefined to what it cannot read.
 * The problem is a fixed sentence, here and below: what the operator typed may be a secret.
 */
export function reader<T>(problem: string, read: (text: string) => T | undefined) {
  return z.string().transform((text, context): T => {
    const value = read(text)
    if (value !== undefined) return value
    context.addIssue({ code: 'custom', message: problem, continue: false })
    return z.NEVER
  })
}

export function json<T>(schema: z.ZodType<T>, problem: string) {
  return reader(problem, (text) => {
    try {
      return schema.safeParse(JSON.parse(text)).data
    } catch {
      return undefined
    }
  })
}

export function wholeNumber(least: number, most: number) {
  return reader(`is not a whole number from ${least} to ${most}`, (text) => {
    const number = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
    return number >= least && number <= most ? number : undefined
  })
}

export function oneOf<const Word extends string>(...words: Word[]) {
  return z.enum(words, { error: `is not one of: ${words.join(', ')}` })
}

export const hostName = z
  .string()
  .refine((text) => isIP(text) !== 0 || /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(text), {
    error: 'is not an IP address or a host name',
  })

/** An https address; plain http for loopback only. */
export const webAddress = reader('is not a web address', (text) =>
  /^https?:\/\//i.test(text) ? (URL.parse(text) ?? undefined) : undefined,
)
  .refine(isEncryptedOrLocal, { error: 'is not https (plain http is for loopback only)', abort: true })
  .refine((url) => !url.username && !url.password, {
    error: 'contains a user name or a password',
    abort: true,
  })
  .refine((url) => !url.hash, { error: 'contains a fragment (#)', abort: true })
  .refine((url) => !/[{}]/.test(url.hostname), { error: 'has a placeholder in its host name', abort: true })

export const origin = webAddress
  .refine((url) => url.pathname === '/' && !url.search, 'is not an origin: it has a path or a query')
  .transform((url) => new URL(url.origin))

/** An address that others are resolved against: always with a slash at its end. */
export const baseAddress = webAddress
  .refine((url) => !url.search, 'has a query')
  .transform((url) => new URL(url.href.replace(/\/*$/, '/')))

/** An address as text, with some of these `{placeholders}` still in it. */
export function addressTemplate(...placeholders: string[]) {
  const known = new RegExp(`\\{(${placeholders.join('|')})\\}`, 'g')
  return z
    .string()
    .superRefine((text, context) => {
      const problem = webAddress.safeParse(text).error?.issues[0]?.message
      if (problem) context.addIssue({ code: 'custom', message: problem, continue: false })
    })
    .refine((text) => !/[{}]/.test(text.replace(known, '')), 'has an unknown placeholder')
}

/** `sqlite:PATH` or the address of a PostgreSQL; a database in memory would lose what was accepted. */
export const databaseUrl = z
  .string()
  .regex(/^(sqlite:(?!:memory:).*[^/\s]|postgres(ql)?:\/\/\S+)$/, {
    error: 'is not sqlite:PATH or postgres://…',
    abort: true,
  })
  .refine((text) => text.startsWith('sqlite:') || isPostgresAddress(text), {
    error: 'has characters in its user or password that have to be encoded',
  })

/** What is not encoded ends the host too early: then an `@` is left behind it, or the port is none. */
function isPostgresAddress(text: string): boolean {
  // A socket needs no host.
  const url = URL.parse(text.replace('@/', '@localhost/'))
  if (!url || url.hash || url.pathname.includes('@')) return false
  try {
    return (
      decodeURIComponent(`${url.username}${url.password}`.replace(/%(?![0-9a-f]{2})/gi, '')) !== undefined
    )
  } catch {
    return false
  }
}

const MOST_PROXIES = 5

/** `false`, the number of proxies in front, or their addresses: what Express calls `trust proxy`. */
export const trustProxy = reader('is not a number of proxies, a list of addresses, or off', readTrustProxy)
  .refine((proxies) => typeof proxies !== 'number' || proxies <= MOST_PROXIES, {
    error: `is more than ${MOST_PROXIES} proxies: with one too many, anybody may say from where a request comes`,
  })
  .refine((proxies) => !Array.isArray(proxies) || !proxies.some(isTooWideNetwork), {
    error:
      'has a network that is wider than your proxies: whoever is in it may say from where a request comes',
  })

export const callRate = reader('is not auto or a number of calls in seconds', (text) => {
  if (text === 'auto') return 'auto' as const
  const [, calls, seconds] = /^([1-9]\d{0,5})\/([1-9]\d{0,5})s?$/.exec(text) ?? []
  return calls && seconds ? { calls: Number(calls), seconds: Number(seconds) } : undefined
})

const label = '[a-z0-9]([a-z0-9-]*[a-z0-9])?'
const hostPattern = new RegExp(`^((\\*\\.)?${label}(\\.${label})*|\\[[0-9a-f:.]+\\])(:\\d{1,5})?$`)

export const hostPatterns = reader('is not a list of host names', (text) => {
  const hosts = splitList(text.toLowerCase())
  return hosts.length > 0 && hosts.every((host) => hostPattern.test(host)) ? hosts : undefined
}).refine((hosts) => !hosts.some(namesStrangers), 'has a *. with hosts of strangers behind it')

/** An SMTP server with its login; a port is optional. */
export const smtpAddress = reader('is not smtp://… or smtps://…', (text) => {
  const url = /^smtps?:\/\/\S+$/i.test(text) ? URL.parse(text) : null
  return url?.hostname && /^\/?$/.test(url.pathname) && !url.search && !url.hash ? url : undefined
})

export const emailAddress = reader('is not an e-mail address', readEmailAddress)

/** `name@example.com`, or `Name <name@example.com>`. Whoever gets a mail of it has to be able to take the address. */
export const mailbox = reader('is not an e-mail address that every mail server takes', (text) => {
  const [, name = '', written = text] = /^"?([^"<>\p{C}]*?)"?\s*<([^<>]*)>$/u.exec(text) ?? []
  const address = readEmailAddress(written)
  if (address === undefined || !isForEveryServer(address)) return undefined
  return name ? `"${withoutQuotes(name)}" <${address}>` : address
})

/** One secret, or two during a change: new ones are made with the first, both are accepted. */
export function oneOrTwoSecrets(leastLength = 1) {
  return z
    .string()
    .transform((text) => text.split(/\s+/).filter(Boolean))
    .refine((secrets) => secrets.length <= 2, {
      error: 'has more than two values (a space separates them)',
      abort: true,
    })
    .refine((secrets) => secrets.every((secret) => secret.length >= leastLength), {
      error: `has a value shorter than ${leastLength} characters`,
      abort: true,
    })
}

/** Tokens that anybody may try at /metrics: random, 20 characters and more. */
export const metricsTokens = oneOrTwoSecrets(20).refine((secrets) => !secrets.some(isGuessable), {
  error: 'has a value that can be guessed',
})

/** Becomes a header as it is: an HTTP client that refuses it would print it. */
export const headerSecret = z
  .string()
  .regex(/^[\x21-\x7e]+$/, 'contains spaces or characters that are not allowed in a header')
  .regex(/^[^"'`].*[^"'`]$|^[^"'`]$/, 'has a quote at one end only')

/** Text that people read. A `"` at one end without its partner was cut off from it. */
export const shownText = z
  .string()
  .refine((text) => !/^"[^"]*$|^[^"]*"$/.test(text), 'has a quote at one end only')

const headerMap = z.record(z.string().regex(/^[\w!#$%&'*+.^`|~-]+$/), z.string().regex(/^[\x20-\x7e]*$/))

export const headers = json(headerMap, 'is not a JSON object of header names and their texts')

function readTrustProxy(text: string): false | number | string[] | undefined {
  if (text === 'off') return false
  if (/^[1-9]\d?$/.test(text)) return Number(text)
  const addresses = splitList(text)
  return addresses.length > 0 && addresses.every(isAddressOrNetwork) ? addresses : undefined
}

function isTooWideNetwork(text: string): boolean {
  const [ip = '', prefix] = text.split('/')
  return prefix !== undefined && isTooWide(ip, Number(prefix))
}

function isAddressOrNetwork(text: string): boolean {
  const [ip = '', prefix = '1', ...more] = text.split('/')
  const family = ip.includes('%') ? 0 : isIP(ip)
  return (
    family > 0 && more.length === 0 && /^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128)
  )
}

function isEncryptedOrLocal({ protocol, hostname }: URL): boolean {
  return protocol === 'https:' || isLoopback(hostname)
}

function splitList(text: string): string[] {
  return text.split(/[\s,]+/).filter(Boolean)
}
