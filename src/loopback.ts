import { BlockList, isIP } from 'node:net'

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

/** Whether a host, as a URL or a listener names it, is only this machine: localhost, 127.0.0.0/8 or ::1. */
export function isLoopback(host: string): boolean {
  const address = host.toLowerCase().replace(/^\[(.*)\]$/, '$1')
  const family = isIP(address)
  if (family === 0) return address === 'localhost'
  return loopback.check(address, family === 4 ? 'ipv4' : 'ipv6')
}
