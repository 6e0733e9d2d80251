import { BlockList, isIP } from 'node:net'

/** Fewer different steps from one character to the next, and it is a word, a repetition or a row of the keyboard. */
const LEAST_STEPS = 10

/**
 * Whether a secret of 20 and more characters is a filler rather than random: steps within a row (`abc`, `aaa`, `321`)
 * do not count, and repeating a text adds none. 16 random bytes in hex have about 24.
 */
export function isGuessable(secret: string): boolean {
  if (/change.?me|passw[o0]rd|example|qwert|asdf|letmein/i.test(secret)) return true
  const steps = new Set<string>()
  for (let at = 1; at < secret.length; at += 1) {
    const distance = Math.abs(secret.charCodeAt(at) - secret.charCodeAt(at - 1))
    if (distance > 1) steps.add(secret.slice(at - 1, at + 1))
  }
  return steps.size < LEAST_STEPS
}

/** Under these anybody can register a name. A complete list has 10,000 entries and would be loaded at every start. */
const SECOND_LEVEL =
  /^(ac|co|com|edu|firm|gen|go|gob|gouv|gov|govt|id|in|ind|info|ltd|me|mil|ne|net|nom|or|org|plc|pro|sch|web)\.[a-z]{2}$/
const SHARED_HOSTING =
  /(^|\.)(amazonaws\.com|appspot\.com|azurewebsites\.net|cloudfront\.net|firebaseapp\.com|fly\.dev|github\.io|gitlab\.io|herokuapp\.com|netlify\.app|ngrok(-free)?\.(app|dev|io)|onrender\.com|pages\.dev|run\.app|trycloudflare\.com|vercel\.app|web\.app|workers\.dev)$/

/** Whether strangers can get a host that this pattern names: a `*.` needs a domain of one owner behind it. */
export function namesStrangers(pattern: string): boolean {
  if (!pattern.startsWith('*.')) return false
  const domain = pattern.slice(2).replace(/:\d+$/, '')
  return !domain.includes('.') || SECOND_LEVEL.test(domain) || SHARED_HOSTING.test(domain)
}

const privateNetworks = new BlockList()
privateNetworks.addSubnet('10.0.0.0', 8)
privateNetworks.addSubnet('172.16.0.0', 12)
privateNetworks.addSubnet('192.168.0.0', 16)
privateNetworks.addSubnet('100.64.0.0', 10)
privateNetworks.addSubnet('127.0.0.0', 8)
privateNetworks.addSubnet('fc00::', 7, 'ipv6')
privateNetworks.addSubnet('fe80::', 10, 'ipv6')

const mapped = new BlockList()
mapped.addSubnet('::ffff:0:0', 96, 'ipv6')
const aroundMapped = new BlockList()
aroundMapped.addSubnet('::', 80, 'ipv6')

/**
 * Whether a network is wider than any set of proxies: who is in it may say from where a request comes. Private ones
 * may be whole; others begin at /12 and /24. `::ffff:0:0/96` is all of IPv4.
 */
export function isTooWide(ip: string, prefix: number): boolean {
  if (isIP(ip) === 4) return prefix < (privateNetworks.check(ip) ? 8 : 12)
  if (mapped.check(ip, 'ipv6')) return prefix - 96 < 12
  if (aroundMapped.check(ip, 'ipv6') && prefix < 96) return true
  return prefix < (privateNetworks.check(ip, 'ipv6') ? 7 : 24)
}
