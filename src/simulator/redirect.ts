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
  const query = switches.onboarding_deeplink_add_params ? toParameters(outcome, switches) : []
  const { state } = outcome
  if (state && !switches.drop_state) query.push(`state=${encodeURIComponent(state)}`)
  const [address = '', ...fragment] = redirectUrl.split('#')
  const joined = `${address}${joint(address)}${query.join('&')}`
  return fragment.length > 0 ? `${joined}#${fragment.join('#')}` : joined
}

function toParameters({ clientId, channels, revoked }: Outcome, switches: Switches): string[] {
  const shared = switches.revoked === 'in_both' ? [...channels, ...revoked] : channels
  const isLeftOut = switches.drop_channels || (shared.length === 0 && switches.empty_list === 'left_out')
  return [
    ...(clientId ? [`client=${clientId}`] : []),
    ...(isLeftOut ? [] : toList('channels', shared, switches)),
    ...(revoked.length > 0 || switches.revoked === 'always' ? toList('revoked', revoked, switches) : []),
  ]
}

function joint(address: string): string {
  if (!address.includes('?')) return '?'
  return /[?&]$/.test(address) ? '' : '&'
}

const quoteMarks = { none: '', single: "'", double: '"' }

function toList(name: string, ids: readonly string[], switches: Switches): string[] {
  const { brackets, spaces, empty_list } = switches
  const mark = quoteMarks[switches.quotes]
  const items = ids.map((id) => `${mark}${id}${mark}`)
  if (brackets === 'repeated') return items.map((item) => `${name}[]=${item}`)
  if (items.length === 0 && empty_list === 'blank') return [`${name}=`]
  const [opening, closing] = { raw: '[]', encoded: '[]', none: '', round: '()' }[brackets]
  const list = `${opening ?? ''}${items.join(spaces ? ', ' : ',')}${closing ?? ''}`
  return [`${name}=${brackets === 'encoded' ? encodeURIComponent(list) : list.replaceAll(' ', '+')}`]
}
