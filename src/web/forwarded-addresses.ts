import { isIP, isIPv4, isIPv6 } from 'node:net'
import type { RequestHandler } from 'express'

const HEADER = 'x-forwarded-for'
/** Stands for whatever is no address: all of it counts as one. */
const NO_ADDRESS = 'unknown'
const WITH_PORT = /^(?:\[([^[\]]*)\]|([\d.]+))(?::\d{1,5})?$/

/**
 * Writes X-Forwarded-For anew, first of all, with plain addresses: some proxies add ports, brackets or quotes, and each
 * spelling would count as another address, or as a proxy that is not trusted. Which of them is believed is still
 * TRUST_PROXY's to say: none is added or taken away.
 */
export const forwardedAddresses: RequestHandler = (req, _res, next) => {
  const header = req.headers[HEADER]
  if (header !== undefined)
    req.headers[HEADER] = [header].flat().join(',').split(',').filter(isSomething).map(readAddress).join(', ')
  next()
}

/** Express does not count empty ones either. */
function isSomething(entry: string): boolean {
  return entry.trim() !== ''
}

/** `203.0.113.5:40001`, `"[2001:db8::1]:443"`: the address without what is around it. */
export function readAddress(entry: string): string {
  const text = entry
    .trim()
    .replace(/^"(.*)"$/, '$1')
    .trim()
  const [, inBrackets, beforePort] = WITH_PORT.exec(text) ?? []
  const [address = ''] = (inBrackets ?? beforePort ?? text).split('%')
  if (isIPv4(address) && inBrackets === undefined) return address
  return isIPv6(address) ? canonical(address) : NO_ADDRESS
}

/** One spelling for each address; one that holds an IPv4 address is that. */
function canonical(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (mapped !== undefined && isIP(mapped) === 4) return mapped
  return new URL(`http://[${address}]`).hostname.slice(1, -1)
}
