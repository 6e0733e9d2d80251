import type { Switches } from './switches.ts'

/** What the permission screen tells the partner's site. */
export interface Outcome {
  clientId?: string | undefined
  channels: readonly string[]
  revoked: readonly string[]
  state: string
}

/** Adds the outcome to a redirect URL, which keeps its own query, in the spelling that the switches ask for. */
export function toRedirect(redirectUrl: string, outcome: Outcome, switches: Switches): string {
  const { clientId, channels, revoked, state } = outcome
  const query: string[] = []
  if (clientId) query.push(`client=${clientId}`)
  if (!switches.drop_channels) query.push(`channels=${toList(channels, switches)}`)
  if (revoked.length > 0) query.push(`revoked=${toList(revoked, switches)}`)
  if (state && !switches.drop_state) query.push(`state=${encodeURIComponent(state)}`)
  const [address = '', ...fragment] = redirectUrl.split('#')
  const joined = `${address}${joint(address)}${query.join('&')}`
  return fragment.length > 0 ? `${joined}#${fragment.join('#')}` : joined
}

function joint(address: string): string {
  if (!address.includes('?')) return '?'
  return /[?&]$/.test(address) ? '' : '&'
}

function toList(ids: readonly string[], { brackets, quotes, spaces }: Switches): string {
  const items = ids.map((id) => (quotes ? `"${id}"` : id))
  const list = `[${items.join(spaces ? ', ' : ',')}]`
  return brackets === 'encoded' ? encodeURIComponent(list) : list.replaceAll(' ', '+')
}
