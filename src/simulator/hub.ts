import { type Endpoint, endpoints, type Fault, Faults } from './faults.ts'
import { HubError } from './hub-error.ts'
import { randomDigits, randomId, randomKey } from './random-id.ts'
import type { Channel, Client, KeyRecord, NewChannel, NewClient } from './records.ts'
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
  /** For the bearer login. */
  username?: string
  password?: string
  /** Verifies `io_signature`. */
  platformSecret?: string
  /** The partner's stored redirect URL. */
  redirectUrl?: string
  stateFile?: string
  now?: () => Date
}

/** The Partner Hub: its clients and numbers, who shared what, and which key lives. Knows nothing of HTTP. */
export class Hub {
  readonly settings: HubSettings
  /** Where the simulator is reached, without a slash at the end. */
  readonly url: string
  readonly tokens: Tokens
  readonly visits: Visits
  readonly faults = new Faults()
  switches: Switches = { ...defaultSwitches }
  /** How often each endpoint was called, refused calls included. */
  calls: Record<Endpoint, number> = noCalls()
  /** The channels of all keys created through the Partner API, in order. */
  minted: string[] = []
  readonly #state: HubState
  #offset = 0

  constructor(settings: HubSettings, url: string) {
    this.settings = settings
    this.url = url
    this.#state = loadState(settings.stateFile)
    this.tokens = new Tokens(() => this.now())
    this.visits = new Visits(this)
  }

  get partnerName(): string {
    return this.settings.partnerName ?? this.settings.partnerId
  }

  now(): Date {
    return new Date((this.settings.now?.() ?? new Date()).getTime() + this.#offset)
  }

  advance(seconds: number): void {
    this.#offset += seconds * 1000
  }

  listClients(): readonly Client[] {
    return this.#state.clients
  }

  listChannels(clientId?: string): readonly Channel[] {
    return this.#state.channels.filter((channel) => !clientId || channel.clientId === clientId)
  }

  /** @throws HubError 404 */
  client(id: string): Client {
    return found(this.#state.clients, id, 'Client')
  }

  /** @throws HubError 404 */
  channel(id: string): Channel {
    return found(this.#state.channels, id, 'Channel')
  }

  addClient({ id = randomId('CL'), email, name, partnerPayload = null, createdAt }: NewClient): Client {
    refuseTaken(this.#state.clients, id)
    const waba = { id: randomId('WA'), externalId: randomDigits(15), businessId: randomDigits(15) }
    const client = { id, email, name, partnerPayload, createdAt: toWireTime(createdAt ?? this.now()), waba }
    this.#state.clients.push(client)
    this.#save()
    return client
  }

  addChannel({ id = randomId('CH'), permitted = false, ...given }: NewChannel): Channel {
    refuseTaken(this.#state.channels, id)
    const createdAt = toWireTime(given.createdAt ?? this.now())
    const channel: Channel = {
      id,
      clientId: this.client(given.clientId).id,
      phoneNumber: given.phoneNumber,
      displayName: given.displayName,
      running: given.running ?? false,
      permitted,
      createdAt,
      runningSince: given.running ? createdAt : null,
      appId: randomDigits(6),
      metaId: randomDigits(15),
      key: null,
      webhook: null,
    }
    this.#state.channels.push(channel)
    this.#save()
    return channel
  }

  grant(channelId: string): void {
    this.change(channelId, { permitted: true })
  }

  revoke(channelId: string): void {
    this.change(channelId, { permitted: false, ...(this.switches.revoke_kills_key && { key: null }) })
  }

  makeRun(channelId: string): void {
    const { runningSince } = this.channel(channelId)
    this.change(channelId, { running: true, runningSince: runningSince ?? toWireTime(this.now()) })
  }

  /** Ends the number for good; its key dies with it. */
  end(channelId: string): void {
    this.change(channelId, { endedAt: toWireTime(this.now()), running: false, permitted: false, key: null })
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
    return this.#state.channels.find((channel) => channel.key?.value === key)
  }

  /** The address of the Messaging API, as key answers name it. */
  keyAddress(): string {
    return this.switches.key_address || `${this.url}/waba-v2`
  }

  change(channelId: string, changes: Partial<Omit<Channel, 'id' | 'clientId'>>): void {
    Object.assign(this.channel(channelId), changes)
    this.#save()
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
    if (!this.channel(channelId).running) throw new HubError(400, 'The channel is not running yet')
    const key = { id: randomDigits(6), value: randomKey() }
    this.change(channelId, { key })
    return key
  }

  #save(): void {
    if (this.settings.stateFile) saveState(this.settings.stateFile, this.#state)
  }
}

function found<T extends { id: string }>(rows: T[], id: string, what: string): T {
  const row = rows.find((candidate) => candidate.id === id)
  if (!row) throw new HubError(404, `${what} not found`)
  return row
}

function refuseTaken(rows: { id: string }[], id: string): void {
  if (rows.some((row) => row.id === id)) throw new HubError(409, `The id is taken: ${id}`)
}

function noCalls(): Record<Endpoint, number> {
  const none = Object.fromEntries(endpoints.map((endpoint) => [endpoint, 0]))
  return none as Record<Endpoint, number>
}

function toWireTime(date: Date): string {
  return date.toISOString().replace(/\.\d{3}Z$/, 'Z')
}
