import { randomUUID } from 'node:crypto'
import { HubError } from './hub-error.ts'
import { IoSignatures } from './io-signature.ts'
import { type Launch, readLaunch } from './launch.ts'
import {
  type Channel,
  type Client,
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

type SignUp = Pick<NewClient, 'name' | 'email'>

/** What a visit needs of the hub. */
interface VisitedHub {
  readonly url: string
  readonly settings: { partnerId: string; platformSecret?: string; redirectUrl?: string }
  readonly switches: Switches
  now(): Date
  listClients(): readonly Client[]
  listChannels(): readonly Channel[]
  client(id: string): Client
  channel(id: string): Channel
  addClient(client: NewClient): Client
  addChannel(channel: NewChannel): Channel
  grant(channelId: string): void
  revoke(channelId: string): void
}

/** The permission screen's rules: who may open it, what it changes, where it sends the browser. */
export class Visits {
  readonly #hub: VisitedHub
  readonly #visits = new Map<string, Visit>()
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
    if (switches.io_signature_required)
      this.#signatures.admit(launch, settings.platformSecret, this.#hub.now())
    this.#store(visit)
    return visit
  }

  /** @throws HubError 404 */
  find(id: string): Visit {
    const visit = this.#visits.get(id)
    if (!visit) throw new HubError(404, 'This visit has ended. Start again at your partner.')
    return visit
  }

  /** @throws HubError 422 when a field is empty or the address is in use */
  signUp(visit: Visit, { name, email }: SignUp): void {
    if (!name || !/^[^\s@]+@[^\s@]+$/.test(email))
      throw new HubError(422, 'Enter a company name and an email address, like name@example.com.')
    if (this.#hub.listClients().some((client) => client.email.toLowerCase() === email.toLowerCase()))
      throw new HubError(422, 'There is an account with this email address. Log in.')
    const partnerPayload = visit.launch.partnerPayload || null
    visit.clientId = this.#hub.addClient({ name, email, partnerPayload }).id
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
    const channel = this.#hub.addChannel({ ...given, phoneNumber: `+${digits}`, clientId: clientOf(visit) })
    visit.added.push(channel.id)
  }

  /** Shares and revokes; answers the partner's redirect. Ids of other clients are refused before anything changes. */
  share(visit: Visit, channels: readonly string[], revoked: readonly string[]): string {
    const clientId = clientOf(visit)
    for (const id of [...channels, ...revoked])
      if (this.#hub.channel(id).clientId !== clientId) throw new HubError(404, 'Channel not found')
    for (const id of channels) this.#hub.grant(id)
    for (const id of revoked) this.#hub.revoke(id)
    return this.#redirect(visit, channels, revoked)
  }

  cancel(visit: Visit): string {
    return this.#redirect(visit, [], [])
  }

  /** @see Hub.visit */
  perform(launchUrl: string, acts: VisitActs): string {
    if (!URL.canParse(launchUrl, this.#hub.url))
      throw new HubError(400, 'The launch URL is not a web address.')
    const visit = this.open(new URL(launchUrl, this.#hub.url))
    if (acts.signup) this.signUp(visit, acts.signup)
    else if (acts.clientId) this.logIn(visit, acts.clientId)
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
    return toRedirect(redirectUrl, { clientId, channels, revoked, state: launch.state }, this.#hub.switches)
  }

  #redirectUrlOf({ redirectUrl }: Launch): string {
    const { settings, switches } = this.#hub
    if (redirectUrl && switches.refuse_redirect_url)
      throw new HubError(400, 'This redirect URL is not allowed for the partner.')
    const chosen = (!switches.drop_redirect_url && redirectUrl) || settings.redirectUrl
    if (!chosen) throw new HubError(400, 'The partner has not set a redirect URL, so nothing can be shared.')
    if (!URL.canParse(chosen) || !/^https?:$/.test(new URL(chosen).protocol))
      throw new HubError(400, 'The redirect URL is not a web address.')
    return new URL(chosen).href
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
