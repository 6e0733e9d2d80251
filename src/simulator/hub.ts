import { Clock, toWireTime } from './clock.ts'
import { type Endpoint, type Fault, Faults, noCalls } from './faults.ts'
import { HubError } from './hub-error.ts'
import { makeChannel, makeClient } from './make-records.ts'
import { Outbox } from './outbox.ts'
import { randomDigits, randomKey } from './random-id.ts'
import { RateLimit } from './rate-limit.ts'
import type { Channel, Client, KeyRecord, Mail, NewChannel, NewClient } from './records.ts'
import { type HubState, loadState, saveState } from './state-file.ts'
import { defaultSwitches, type Switches } from './switches.ts'
import { Tokens } from './tokens.ts'
import { type VisitActs, Visits } from './visits.ts'

/** The one partner that this 360dialog knows. */
export interface HubSettings {
  partnerId: string
  partnerApiKey: string
  /** Shown to clients; default: the partner id. */
  partnerName?: string
  /** Shown with its name, like `#0f6e63`. */
  partnerColor?: string | undefined
  partnerLogoUrl?: URL | undefined
  /** For the bearer login. */
  username?: string
  password?: string
  /** Verifies `io_signature`, and signs notices. */
  platformSecret?: string | undefined
  /** The partner's stored redirect URL. */
  redirectUrl?: string | undefined
  /** Where notices are sent. */
  webhookUrl?: string
  stateFile?: string
  now?: () => Date
}

const MAX_MAILS = 50

/** The Partner Hub: its clients and numbers, who shared what, and which key lives. Knows nothing of HTTP. */
export class Hub {
  readonly settings: HubSettings
  /** Where the simulator is reached, without a slash at the end. */
  readonly url: string
  readonly tokens: Tokens
  readonly visits: Visits
  readonly outbox: Outbox
  readonly clock: Clock
  readonly rateLimit = new RateLimit()
  readonly faults = new Faults()
  webhookUrl: string | undefined
  switches: Switches = { ...defaultSwitches }
  /** How often each endpoint was called, refused calls included. */
  calls: Record<Endpoint, number> = noCalls()
  /** The channels of all keys created through the Partner API, in order. */
  minted: string[] = []
  readonly #clients: Map<string, Client>
  readonly #channels: Map<string, Channel>
  #mails: HubState['mails']

  constructor(settings: HubSettings, url: string) {
    this.settings = settings
    this.url = url
    this.clock = new Clock(settings.now)
    const { clients, channels, mails } = loadState(settings.stateFile)
    this.#clients = byId(clients)
    this.#channels = byId(channels)
    this.#mails = mails
    this.tokens = new Tokens(() => this.now())
    this.visits = new Visits(this)
    this.webhookUrl = settings.webhookUrl
    this.outbox = new Outbox(this)
  }

  get partnerName(): string {
    return this.settings.partnerName ?? this.settings.partnerId
  }

  now(): Date {
    return this.clock.now()
  }

  advance(seconds: number): void {
    this.clock.advance(seconds)
  }

  listClients(): readonly Client[] {
    return [...this.#clients.values()]
  }

  listChannels(clientId?: string): readonly Channel[] {
    return [...this.#channels.values()].filter((channel) => !clientId || channel.clientId === clientId)
  }

  /** @throws HubError 404 */
  client(id: string): Client {
    return found(this.#clients, id, 'Client')
  }

  /** @throws HubError 404 */
  channel(id: string): Channel {
    return found(this.#channels, id, 'Channel')
  }

  addClient(given: NewClient): Client {
    const client = makeClient(given, this.now())
    refuseTaken(this.#clients, client.id)
    this.#clients.set(client.id, client)
    this.#save()
    return client
  }

  addChannel(given: NewChannel): Channel {
    const channel = makeChannel(given, this.now())
    refuseTaken(this.#channels, channel.id)
    this.client(channel.clientId)
    this.#channels.set(channel.id, channel)
    this.#save()
    return channel
  }

  grant(channelId: string): void {
    this.giveAccess(channelId)
    this.outbox.tell('channel_permission_granted', channelId)
  }

  revoke(channelId: string): void {
    this.removeAccess(channelId)
    this.outbox.tell('channel_permission_revoked', channelId)
  }

  /** As the client does it in its own Hub, of which nobody is told. */
  giveAccess(channelId: string): void {
    this.change(channelId, { permitted: true })
  }

  /** As the client does it in its own Hub, of which nobody is told. */
  removeAccess(channelId: string): void {
    this.change(channelId, { permitted: false, ...(this.switches.revoke_kills_key && { key: null }) })
  }

  makeRun(channelId: string): void {
    const { runningSince, isClassic } = this.channel(channelId)
    const changes = { running: true, runningSince: runningSince ?? toWireTime(this.now()) }
    this.change(channelId, { ...changes, status: isClassic ? 'ready' : '' })
    this.outbox.tell('channel_running', channelId)
  }

  /** Gives the channel another word for its status, or none. A classic one runs when that is `ready`. */
  setStatus(channelId: string, status = ''): void {
    const { isClassic } = this.channel(channelId)
    if (isClassic && status === 'ready') this.makeRun(channelId)
    else this.change(channelId, { status, ...(isClassic && { running: false }) })
  }

  /** Lists the number no more. */
  forget(channelId: string): void {
    this.#channels.delete(this.channel(channelId).id)
    this.#save()
  }

  /** Ends the number for good; its key dies with it. */
  end(channelId: string): void {
    this.change(channelId, { endedAt: toWireTime(this.now()), running: false, permitted: false, key: null })
    this.outbox.tell('cancellation_processed', channelId)
  }

  /**
   * Creates the channel's key as the partner. The earlier key dies at once.
   * @throws HubError 404 unknown, 403 not permitted, 400 not running
   */
  mintKey(channelId: string): KeyRecord {
    if (!this.channel(channelId).permitted)
      throw new HubError(403, 'No permission to create an API key for it')
    const key = this.#newKey(channelId)
    this.minted.push(channelId)
    return key
  }

  /** Creates a key as another party: the client in its own hub, or another product. Answers the key. */
  mintForeignKey(channelId: string): string {
    return this.#newKey(channelId).value
  }

  liveKeyOf(channelId: string): string | undefined {
    return this.channel(channelId).key?.value
  }

  /** The channel that a live key belongs to. */
  channelOfKey(key: string): Channel | undefined {
    return [...this.#channels.values()].find((channel) => channel.key?.value === key)
  }

  /** The address of the Messaging API, as key answers name it. */
  keyAddress(): string {
    const prefix = this.switches.hosting === 'cloud' ? '/waba-v2' : '/waba'
    return this.switches.key_address || `${this.url}${prefix}`
  }

  change(channelId: string, changes: Partial<Omit<Channel, 'id' | 'clientId'>>): void {
    Object.assign(this.channel(channelId), changes)
    this.#save()
  }

  changeClient(clientId: string, changes: Partial<Omit<Client, 'id'>>): void {
    Object.assign(this.client(clientId), changes)
    this.#save()
  }

  /** Newest first. */
  listMails(): readonly Mail[] {
    return this.#mails
  }

  addMail(given: Omit<Mail, 'at'>): Mail {
    const mail = { ...given, at: toWireTime(this.now()) }
    this.#mails = [mail, ...this.#mails].slice(0, MAX_MAILS)
    this.#save()
    return mail
  }

  resetCounters(): void {
    this.calls = noCalls()
    this.minted = []
  }

  setFault(fault: Fault): void {
    this.faults.set(fault)
  }

  clearFaults(): void {
    this.faults.clear()
  }

  setSwitches(switches: Partial<Switches>): void {
    this.switches = { ...this.switches, ...switches }
  }

  /**
   * Does what a person would do on the screen behind a launch URL, and answers where the browser is sent.
   * @throws HubError when the screen would show an error
   */
  visit(launchUrl: string, acts: VisitActs): string {
    return this.visits.perform(launchUrl, acts)
  }

  #newKey(channelId: string): KeyRecord {
    if (!this.channel(channelId).running)
      throw new HubError(Number(this.switches.not_running_status), 'The channel is not running yet')
    const key = { id: randomDigits(6), value: randomKey() }
    this.change(channelId, { key })
    return key
  }

  #save(): void {
    if (this.settings.stateFile) {
      const [clients, channels, mails] = [this.listClients(), this.listChannels(), this.#mails]
      saveState(this.settings.stateFile, { clients: [...clients], channels: [...channels], mails })
    }
  }
}

function byId<T extends { id: string }>(rows: readonly T[]): Map<string, T> {
  return new Map(rows.map((row) => [row.id, row]))
}

function found<T>(rows: ReadonlyMap<string, T>, id: string, what: string): T {
  const row = rows.get(id)
  if (!row) throw new HubError(404, `${what} not found`)
  return row
}

function refuseTaken(rows: ReadonlyMap<string, unknown>, id: string): void {
  if (rows.has(id)) throw new HubError(409, `The id is taken: ${id}`)
}
