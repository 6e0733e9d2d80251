import { CLIENT_DOMAINS } from '@360dialog/tpp-restricted-email-domains'
import type { Account, PartnerHub } from '../channels/account-service.ts'
import { domainOf, isSameEmail, isWithinDomain } from '../email-address.ts'

/** What 360dialog will not take, whoever asks (docs/360dialog.md 2). */
export type KnownRefusal =
  /** `hub_blocked`: nothing new of this hub; `no_new_numbers`: its clients add none. */
  | { readonly code: 'hub_blocked' | 'no_new_numbers' }
  /** A new account with this address. */
  | { readonly code: 'restricted_email' | 'partner_email' }
  /** Another number of this account. */
  | { readonly code: 'limit_used_up'; readonly used: number; readonly limit: number }

/** By what an e-mail address is told to be the partner's own. */
export interface PartnerAddresses {
  readonly supportEmail: string | undefined
  readonly publicUrl: URL
}

interface Facts {
  readonly email: string | undefined
  /** Of the tenant's own accounts at 360dialog; none is known of a new one. */
  readonly accounts: readonly Account[]
  readonly hub: PartnerHub | undefined
  readonly partner: PartnerAddresses
}

/**
 * What 360dialog will refuse, as far as it can be known before the visit. Nothing here stops somebody who has an
 * account: what is there already can be shared, whatever is refused, and 360dialog's own list may differ from ours.
 */
export function findKnownRefusals({ email, accounts, hub, partner }: Facts): KnownRefusal[] {
  const refusals: KnownRefusal[] = []
  if (hub?.isBlocked) refusals.push({ code: 'hub_blocked' })
  else if (hub?.isAddingRefused) refusals.push({ code: 'no_new_numbers' })
  if (accounts.length === 0 && email !== undefined) {
    if (isOfPartner(email, partner)) refusals.push({ code: 'partner_email' })
    else if (CLIENT_DOMAINS.has(domainOf(email))) refusals.push({ code: 'restricted_email' })
  }
  const [account] = accounts
  if (account?.limit !== undefined && accounts.every(isUsedUp))
    refusals.push({ code: 'limit_used_up', used: account.used, limit: account.limit })
  return refusals
}

/** Only a number that is at 360dialog already can be shared. */
export function takesNothingNew({ code }: KnownRefusal): boolean {
  return code === 'hub_blocked' || code === 'no_new_numbers' || code === 'limit_used_up'
}

/** Nobody gets further than an account that is there already. */
export function stopsEverybodyNew(refusals: readonly KnownRefusal[]): boolean {
  return refusals.some(({ code }) => code === 'hub_blocked' || code === 'no_new_numbers')
}

/** The number that is asked for needs no new place when it has one. */
function isUsedUp({ used, limit, hasNumber }: Account): boolean {
  return limit !== undefined && used >= limit && !hasNumber
}

/**
 * The address of SUPPORT_EMAIL, and every address at the partner's own domains: the one of SUPPORT_EMAIL, unless
 * anybody gets a mailbox there, and each that PUBLIC_URL's host is in, so that no list of public suffixes is needed:
 * nobody has an address at `co.uk`.
 */
function isOfPartner(email: string, { supportEmail, publicUrl }: PartnerAddresses): boolean {
  const domain = domainOf(email)
  if (isSameEmail(supportEmail, email)) return true
  if (domain.includes('.') && isWithinDomain(publicUrl.hostname, domain)) return true
  const own = domainOf(supportEmail ?? '')
  return !isForEverybody(own) && isWithinDomain(domain, own)
}

/** Mailbox providers that 360dialog takes, so that its list does not have them. */
const PROVIDER =
  /^(gmail|googlemail|gmx|outlook|hotmail|msn|icloud|me|mac|yahoo|ymail|t-online|proton|protonmail|zoho)\./

function isForEverybody(domain: string): boolean {
  return CLIENT_DOMAINS.has(domain) || PROVIDER.test(domain)
}
