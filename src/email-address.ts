import { domainToASCII, domainToUnicode } from 'node:url'
import { withoutInvisible } from './plain-text.ts'

// An e-mail binds a number, so what only looks the same stays different: no letter of one alphabet is taken for one of
// another, and nothing is folded that a mail server or a registry may tell apart (decision 28).

/** The longest name between two dots, and the longest domain. */
const MAX_LABEL = 63
const MAX_DOMAIN = 253
/** The longest address that a mail server has to take, and of it what stands before the `@`. */
const MAX_LENGTH = 254
const MAX_LOCAL_BYTES = 64
const JOINER = /([\u200c-\u200d])/
/** Letters, digits and signs that need no quotes, and single dots between them. */
const LOCAL_PART = /^(?!\.|.*\.\.|.*\.$)[\p{L}\p{M}\p{N}\u200c-\u200d!#$%&'*+/=?^_`{|}~.-]+$/u
const LABEL = `[a-z0-9]([a-z0-9-]{0,${MAX_LABEL - 2}}[a-z0-9])?`
const HOST = new RegExp(`^(?=.{1,${MAX_DOMAIN}}$)${LABEL}(\\.${LABEL})*$`)
/** The end of a domain that mail goes to. */
const TOP_LEVEL = /\.([a-z]{2,}|xn--[a-z0-9-]+)$/

/** Whether both are one address; what is not known is the same as nothing. */
export function isSameEmail(one: string | undefined, other: string | undefined): boolean {
  return Boolean(one && other) && emailForm(one ?? '') === emailForm(other ?? '')
}

/**
 * The one form in which addresses are compared and kept of 360dialog: small letters, composed (NFC), without marks that
 * nobody sees, the domain in Unicode. What is no address has one, too.
 */
export function emailForm(email: string): string {
  const [local, domain] = partsOf(withoutMarks(email).trim())
  return domain === undefined ? fold(local) : `${fold(local)}@${unicodeOf(domain) ?? fold(domain)}`
}

/** One address as somebody typed it, without marks that came along; undefined when it is none. */
export function readEmailAddress(typed: string): string | undefined {
  const email = withoutMarks(typed).normalize('NFC').trim()
  return isEmailAddress(email) ? email : undefined
}

/** One address that mail can go to, and nothing else: a list of them would be several recipients. */
export function isEmailAddress(text: string): boolean {
  const [local, domain = ''] = partsOf(text)
  if (text.length > MAX_LENGTH || Buffer.byteLength(local) > MAX_LOCAL_BYTES) return false
  return LOCAL_PART.test(local) && TOP_LEVEL.test(asciiOf(domain) ?? '') && withoutMarks(text) === text
}

/** Whether any mail server can be given it: letters beyond ASCII before the `@` need one that knows them. */
export function isForEveryServer(email: string): boolean {
  return /^\p{ASCII}*$/u.test(partsOf(email)[0])
}

/** The domain of an address as hosts are written: in ASCII and small letters. */
export function domainOf(email: string): string {
  const [, domain = ''] = partsOf(withoutMarks(email).trim())
  return asciiOf(domain) ?? fold(domain)
}

/** Whether a host is this domain, or one below it. */
export function isWithinDomain(host: string, domain: string): boolean {
  return domain !== '' && (host === domain || host.endsWith(`.${domain}`))
}

/** A text with the domains in it as people read them: `xn--mller-kva.example` is `müller.example`. */
export function withReadableDomains(text: string): string {
  return text.replaceAll(
    /(?<![a-z0-9.-])[a-z0-9.-]*xn--[a-z0-9.-]*[a-z0-9]/gi,
    (domain) => unicodeOf(domain) ?? domain,
  )
}

/** An e-mail address of which its owner recognises their own, and others learn little: `a•••@shop.example`. */
export function maskEmail(email: string): string {
  const [local, domain = ''] = partsOf(email)
  return `${[...local][0] ?? ''}•••@${domain}`
}

/** What stands before the last `@`, and what behind it. */
function partsOf(email: string): [string, string?] {
  const at = email.lastIndexOf('@')
  return at < 0 ? [email] : [email.slice(0, at), email.slice(at + 1)]
}

function unicodeOf(domain: string): string | undefined {
  const ascii = asciiOf(domain)
  return ascii?.includes('xn--') ? domainToUnicode(ascii) : ascii
}

/** A domain as DNS has it; undefined for what can be none. */
function asciiOf(domain: string): string | undefined {
  const text = withoutMarks(domain).normalize('NFC')
  // What follows reads a host of a web address: percent signs, slashes and numbers mean something there.
  if (text.length > MAX_DOMAIN || !/^[\p{L}\p{M}\p{N}\u200c-\u200d.-]+$/u.test(text)) return undefined
  const isPlain = /^\p{ASCII}*$/u.test(text) && !/xn--/i.test(text)
  const ascii = isPlain ? text.toLowerCase() : internationalOf(text)
  return ascii !== undefined && HOST.test(ascii) ? ascii : undefined
}

function internationalOf(domain: string): string | undefined {
  // It would take letters for each other that only have a compatible meaning, and no registry knows such names.
  if (domain.normalize('NFKC') !== domain) return undefined
  const ascii = domainToASCII(domain)
  const unicode = domainToUnicode(ascii)
  // Not everything that begins with `xn--` is the spelling of something: `xn--example-`, `xn--a`.
  const isSpelling = ascii !== '' && !unicode.includes('xn--') && domainToASCII(unicode) === ascii
  return isSpelling ? ascii : undefined
}

function fold(text: string): string {
  return withoutMarks(text).toLowerCase().normalize('NFC')
}

/** Two marks that join or part letters spell another word in some languages: IDNA knows where, and there they stay. */
function withoutMarks(text: string): string {
  const parts = text.split(JOINER)
  if (parts.length === 1) return withoutInvisible(text)
  const visible = parts.map((part, at) => (at % 2 === 1 ? part : withoutInvisible(part))).join('')
  return visible.replaceAll(/[\p{L}\p{M}\u200c-\u200d]+/gu, (word) =>
    word.length <= MAX_LABEL && domainToASCII(word) ? word : withoutInvisible(word),
  )
}
