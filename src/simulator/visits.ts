import { randomUUID } from 'node:crypto'
import { CLIENT_DOMAINS } from '@360dialog/tpp-restricted-email-domains'
import { HubError } from './hub-error.ts'
import { IoSignatures } from './io-signature.ts'
import { type Launch, readLaunch } from './launch.ts'
import type { Outbox } from './outbox.ts'
import {
  type Channel,
  type Client,
  DEFAULT_MAX_CHANNELS,
  digitsOf,
  type NewChannel,
  type NewClient,
  type NewNumber,
} from './records.ts'
import { toRedirect } from './redirect.ts'
import type { Switches } from './switches.ts'

const mostVisits = 1_000

/** One person on the permission screen, from the launch to the redirect. */
export interface Visit {
  id: string
  launch: Launch
  redirectUrl: string
  clientId?: string
  /** The channels added in this visit. */
  added: string[]
}

/** What a person does in one visit: who they are, which numbers they add, share, revoke. */
export interface VisitActs {
  clientId?: string | undefined
  /** Makes a new client. */
  signup?: SignUp | undefined
  /** A number to add under the client's name; short for `add`. */
  number?: string | undefined
  /** Numbers to add; each is shared as well. */
  add?: NewNumber[]
  /** Ids of known channels to share. */
  channels?: string[]
  revoke?: string[]
  /** Leaves by the Cancel button. */
  cancel?: boolean
}

export type SignUp = Pick<NewClient, 'name' | 'email'>

/** What a visit needs of the hub. */
interface VisitedHub {
  readonly url: string
  readonly settings: {
    partnerId: string
    platformSecret?: string | undefined
    redirectUrl?: string | undefined
  }
  readonly switches: Switches
  readonly outbox: Pick<Outbox, 'tell'>
  now(): Date
  listClients(): readonly Client[]
  listChannels(): readonly Channel[]
  client(id: string): Client
  channel(id: string): Channel
  addClient(client: NewClient): Client
  changeClient(clientId: string, changes: { owesPayment: boolean }): void
  addChannel(channel: NewChannel): Channel
  grant(channelId: string): void
  revoke(channelId: string): void
}

/** The permission screen's rules: who may open it, what it changes, where it sends the browser. */
export class Visits {
  readonly #hub: VisitedHub
  readonly #visits = new Map<string, Visit>()
  readonly #redirects = new Map<string, string>()
  readonly #signatures = new IoSignatures()

  constructor(hub: VisitedHub) {
    this.#hub = hub
  }

  /** @throws HubError when the launch is refused */
  open(url: URL): Visit {
    const { settings, switches } = this.#hub
    const launch = readLaunch(url)
    if (launch.partnerId !== settings.partnerId) throw new HubError(404, 'There is no partner with this id.')
    const visit = { id: randomUUID(), launch, redirectUrl: this.#redirectUrlOf(launch), added: [] }
    if (switches.io_signature_required) {
      const { io_signature_encoding: encoding, io_signature_seconds: longestAge } = switches
      this.#signatures.admit(
        launch,
        { secret: settings.platformSecret, encoding, longestAge },
        this.#hub.now(),
      )
    }
    this.#store(visit)
    return visit
  }

  /** Where a client was sent when it left this screen last. */
  findRedirect(clientId: string): string | undefined {
    return this.#redirects.get(clientId)
  }

  /** @throws HubError 404 */
  find(id: string): Visit {
    const visit = this.#visits.get(id)
    if (!visit) throw new HubError(404, 'This visit has ended. Start again at your partner.')
    return visit
  }

  /** @throws HubError 422 when a field is empty, or the address in use or refused */
  signUp(visit: Visit, { name, email }: SignUp): void {
    if (!name || !/^[^\s@]+@[^\s@]+$/.test(email))
      throw new HubError(422, 'Enter a company name and an email address, like name@example.com.')
    const { payment, price_page, restricted_emails, partner_domain } = this.#hub.switches
    const domain = email.split('@')[1]?.toLowerCase() ?? ''
    this.refuseBlocked()
    if (restricted_emails && CLIENT_DOMAINS.has(domain))
      throw new HubError(422, 'This email domain is not accepted. Use an address of your company.')
    if (domain === partner_domain)
      throw new HubError(422, 'This address belongs to your partner. Use an address of your company.')
    if (this.#hub.listClients().some((client) => client.email.toLowerCase() === email.toLowerCase()))
      throw new HubError(422, 'There is an account with this email address. Log in.')
    const partnerPayload = visit.launch.partnerPayload || null
    const owesPayment = payment === 'direct' && price_page
    visit.clientId = this.#hub.addClient({ name, email, partnerPayload, owesPayment }).id
    this.#hub.outbox.tell('client_created', visit.clientId)
  }

  /** Accepts the prices. The card is made up, and forgotten. @throws HubError 422 when it or the consent is missing */
  pay(visit: Visit, { card, isAgreed }: { card: string; isAgreed: boolean }): void {
    if (!card || !isAgreed) throw new HubError(422, 'Enter a card, and accept the prices and terms.')
    this.#hub.changeClient(clientOf(visit), { owesPayment: false })
  }

  /** @throws HubError 422 when there is no such client */
  logIn(visit: Visit, clientId: string): void {
    if (!this.#hub.listClients().some(({ id }) => id === clientId))
      throw new HubError(422, 'Choose an account.')
    visit.clientId = clientId
  }

  /** @throws HubError 422 when the number cannot be used or is taken */
  addNumber(visit: Visit, given: NewNumber): void {
    const digits = digitsOf(given.phoneNumber)
    if (digits.length < 7 || digits.length > 15)
      throw new HubError(422, 'Enter the number with its country code, like +49 30 1234567.')
    if (!given.displayName) throw new HubError(422, 'Enter the name that people see in WhatsApp.')
    if (this.#hub.listChannels().some((channel) => digitsOf(channel.phoneNumber) === digits))
      throw new HubError(422, 'This number belongs to an account already.')
    const client = this.#payingClientOf(visit)
    this.refuseMore(client)
    const { payment, signup, coexistence } = this.#hub.switches
    if (given.isOnBizApp && coexistence === 'not_eligible')
      throw new HubError(422, 'This number is not eligible.')
    const channel = this.#hub.addChannel({
      ...{ isClassic: signup === 'classic', ...given, phoneNumber: `+${digits}`, clientId: client.id },
      permitted: given.permitted || payment === 'partner',
    })
    visit.added.push(channel.id)
    this.#hub.outbox.tell('channel_created', channel.id)
    if (!channel.isOnBizApp) return
    this.#hub.outbox.tell('smb_app_state_sync', channel.id)
    this.#hub.outbox.tell('history', channel.id)
  }

  /** @throws HubError 422 when the partner is blocked */
  refuseBlocked(): void {
    if (this.#hub.switches.blocked_new_submission)
      throw new HubError(422, 'Your partner cannot take new numbers at the moment.')
  }

  /** @throws HubError 422 when the client may add no number, whichever it is */
  refuseMore({ id, maxChannels = DEFAULT_MAX_CHANNELS }: Client): void {
    this.refuseBlocked()
    if (!this.#hub.switches.allow_client_to_add_phone_no)
      throw new HubError(422, 'Your partner does not let you add numbers.')
    const standing = this.#hub.listChannels().filter(({ clientId, endedAt }) => clientId === id && !endedAt)
    if (standing.length >= maxChannels)
      throw new HubError(422, `Your account may have ${maxChannels} numbers. Ask your partner to raise that.`)
  }

  /** Shares and revokes; answers the partner's redirect. Ids of other clients are refused before anything changes. */
  share(visit: Visit, channels: readonly string[], revoked: readonly string[]): string {
    const { id: clientId } = this.#payingClientOf(visit)
    for (const id of [...channels, ...revoked])
      if (this.#hub.channel(id).clientId !== clientId) throw new HubError(404, 'Channel not found')
    const isNew = (id: string) => visit.added.includes(id) || !this.#hub.channel(id).permitted
    const named = this.#hub.switches.repeat_unchanged ? channels : channels.filter(isNew)
    for (const id of channels) this.#hub.grant(id)
    for (const id of revoked) this.#hub.revoke(id)
    return this.#redirect(visit, named, revoked)
  }

  cancel(visit: Visit): string {
    const { redirectUrl, launch } = visit
    if (this.#hub.switches.cancel_says === 'empty_choice') return this.#redirect(visit, [], [])
    const silent = { ...this.#hub.switches, onboarding_deeplink_add_params: false }
    return toRedirect(redirectUrl, { channels: [], revoked: [], state: launch.state }, silent)
  }

  /** @see Hub.visit */
  perform(launchUrl: string, acts: VisitActs): string {
    if (!URL.canParse(launchUrl, this.#hub.url))
      throw new HubError(400, 'The launch URL is not a web address.')
    const visit = this.open(new URL(launchUrl, this.#hub.url))
    if (acts.signup) this.signUp(visit, acts.signup)
    else if (acts.clientId) this.logIn(visit, acts.clientId)
    if (visit.clientId && this.#hub.client(visit.clientId).owesPayment)
      this.pay(visit, { card: 'made up', isAgreed: true })
    if (acts.number) {
      const { name } = this.#hub.client(clientOf(visit))
      this.addNumber(visit, { phoneNumber: acts.number, displayName: name })
    }
    for (const number of acts.add ?? []) this.addNumber(visit, number)
    if (acts.cancel) return this.cancel(visit)
    return this.share(visit, [...(acts.channels ?? []), ...visit.added], acts.revoke ?? [])
  }

  #redirect(visit: Visit, channels: readonly string[], revoked: readonly string[]): string {
    const { redirectUrl, clientId, launch } = visit
    const outcome = { clientId, channels, revoked, state: launch.state }
    const redirect = toRedirect(redirectUrl, outcome, this.#hub.switches)
    if (clientId) this.#redirects.set(clientId, redirect)
    return redirect
  }

  #redirectUrlOf({ redirectUrl }: Launch): string {
    const { settings, switches } = this.#hub
    if (redirectUrl && switches.refuse_redirect_url)
      throw new HubError(400, 'This redirect URL is not allowed for the partner.')
    const fallback = switches.no_redirect_url === 'default' ? `${this.#hub.url}/hub` : undefined
    const chosen = (!switches.drop_redirect_url && redirectUrl) || settings.redirectUrl || fallback
    if (!chosen) throw new HubError(400, 'The partner has not set a redirect URL, so nothing can be shared.')
    if (!URL.canParse(chosen) || !/^https?:$/.test(new URL(chosen).protocol))
      throw new HubError(400, 'The redirect URL is not a web address.')
    return new URL(chosen).href
  }

  #payingClientOf(visit: Visit): Client {
    const client = this.#hub.client(clientOf(visit))
    if (client.owesPayment) throw new HubError(422, 'Accept the prices first.')
    return client
  }

  #store(visit: Visit): void {
    this.#visits.set(visit.id, visit)
    const [oldest] = this.#visits.keys()
    if (oldest && this.#visits.size > mostVisits) this.#visits.delete(oldest)
  }
}

function clientOf({ clientId }: Visit): string {
  if (!clientId) throw new HubError(422, 'Sign up or log in first.')
  return clientId
}
