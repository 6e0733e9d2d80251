import { isLoopback } from '../loopback.ts'

/** Why an address may not get a key: it is none, or it leads to a host that is not on the list. */
export type AddressFault = 'unreadable' | 'host_not_allowed'

/**
 * Reads the address of a Messaging API: `address` is origin and path without a trailing slash. The key goes
 * only to https, or to this machine, at a host on the list (docs/360dialog.md 8).
 */
export function readMessagingAddress(
  value: unknown,
  allowedHosts: readonly string[],
): { address: string } | { fault: AddressFault } {
  const url = typeof value === 'string' ? parseAddress(value.trim()) : null
  if (!url?.hostname) return { fault: 'unreadable' }
  const isSafe = url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname))
  const port = url.port || (url.protocol === 'https:' ? '443' : '80')
  if (!isSafe || url.username || url.password || !isAllowedHost(`${url.hostname}:${port}`, allowedHosts))
    return { fault: 'host_not_allowed' }
  return { address: `${url.origin}${url.pathname}`.replace(/\/+$/, '') }
}

/** A bare host is one at https. */
function parseAddress(text: string): URL | null {
  const isBare = /^[\w-]+(\.[\w-]+)+(:\d+)?(\/|$)/.test(text)
  return URL.parse(isBare ? `https://${text}` : text)
}

/**
 * Where a key works that came without an address: the standard Messaging API of 360dialog, or that of a simulator
 * when the Partner API is one on this machine, under the name that its own key answers give (docs/360dialog.md 9).
 */
export function standardMessagingAddress(partnerApiUrl: URL): string {
  if (!isLoopback(partnerApiUrl.hostname)) return 'https://waba-v2.360dialog.io'
  const address = new URL('/waba-v2', partnerApiUrl)
  address.hostname = 'localhost'
  return address.href
}

/** Whether an address is that of 360dialog's gateways, which run numbers on premise (docs/360dialog.md 9). */
export function isOfGateway(address: string): boolean {
  return URL.parse(address)?.hostname === 'waba.360dialog.io'
}

/**
 * Whether a host, with or without a port, is on the list: exact names, or `*.example.org` for its subdomains
 * at any depth and not for itself. A pattern that names a port fits only that port.
 */
export function isAllowedHost(hostname: string, patterns: readonly string[]): boolean {
  const host = readHost(hostname)
  return host !== undefined && patterns.some((pattern) => fits(host, readHost(pattern)))
}

interface Host {
  readonly name: string
  readonly port: string | undefined
}

// Letters, digits, dots and hyphens only, after a `*.` that only a pattern has: whatever else a host name
// may hide (userinfo, a path, letters of another script) is not compared but refused.
const HOST = /^((?:\*\.)?[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?|\[[0-9a-f:.]+\])\.?(?::(\d{1,5}))?$/

function readHost(text: string): Host | undefined {
  const match = HOST.exec(text.trim().toLowerCase())
  return match?.[1] === undefined ? undefined : { name: match[1], port: match[2] }
}

function fits(host: Host, pattern: Host | undefined): boolean {
  if (!pattern || host.name.startsWith('*')) return false
  if (pattern.port !== undefined && pattern.port !== host.port) return false
  if (pattern.name.startsWith('*.')) return host.name.endsWith(pattern.name.slice(1))
  return host.name === pattern.name
}
