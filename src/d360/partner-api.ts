import { z } from 'zod'
import { PartnerApiError } from '../errors.ts'
import { hashOf } from '../identifiers.ts'
import { type Channel, readChannel } from './channel.ts'
import { type Client, readClient } from './client.ts'
import { type HubAddresses, type Partner, readPartner, readWebhookUrl } from './partner.ts'
import { type LastAnswer, type PartnerCall, PartnerHttp, type PartnerHttpSettings } from './partner-http.ts'
import type { Priority } from './rate-limiter.ts'
import { listRows, PAGE_LIMIT, type RowPage, readRowPage } from './row-pages.ts'
import { readSharedNumbers, type SharedNumber } from './shared-numbers.ts'
import { UnreadDates } from './unread-dates.ts'
import { wireId } from './wire-values.ts'

export interface PartnerApiSettings extends PartnerHttpSettings {
  readonly partnerId: string
  /** Told of each listed row that could not be read and was left out. */
  readonly onUnreadableRow: (list: string) => void
  /** Told of a date, by its list and field, that rows have in a form that cannot be read; once an hour each. */
  readonly onUnreadDate: (field: string) => void
}

/** Without either, every channel of the hub. */
interface ChannelFilter {
  readonly channelId?: string
  readonly clientId?: string
}

/** The calls this site makes to the Partner API (docs/360dialog.md 5). Each throws PartnerApiError. */
export class PartnerApi {
  readonly #http: PartnerHttp
  readonly #settings: PartnerApiSettings
  readonly #unreadDates: UnreadDates

  constructor(settings: PartnerApiSettings) {
    this.#http = new PartnerHttp(settings)
    this.#settings = settings
    this.#unreadDates = new UnreadDates(settings)
  }

  /** A client and all its channels, in two calls; `undefined` when 360dialog does not list it under this hub. */
  async findClientWithChannels(
    clientId: string,
    priority: Priority,
  ): Promise<{ client: Client; channels: Channel[] } | undefined> {
    const client = await this.#findClient(clientId, priority)
    return client && { client, channels: await this.listChannels({ clientId }, priority) }
  }

  async listChannels(filter: ChannelFilter, priority: Priority): Promise<Channel[]> {
    const channels = new Map<string, Channel>()
    for await (const channel of this.#channels(filter, priority)) channels.set(channel.id, channel)
    return [...channels.values()]
  }

  /**
   * The rows of a list from `place` on, as many as 360dialog gives at once; for a walk through the whole hub that can
   * go on after a stop. `mark` is the same for the same rows: a server may ignore where it is asked to begin.
   */
  async readPage(list: List, place: number): Promise<HubPage> {
    if (place > LONGEST_LIST) throw new PartnerApiError('unexpected_answer')
    const { rows, total } = await this.#page(list, place, { sort: 'id' }, 'sync')
    return {
      clients: list === 'clients' ? this.#readable(rows, (row) => this.#readClient(row), list) : [],
      channels: list === 'channels' ? this.#readable(rows, (row) => this.#readChannel(row), list) : [],
      read: rows.length,
      isLast: rows.length === 0 || (total !== undefined && place + rows.length >= total),
      mark: hashOf(JSON.stringify(rows)),
    }
  }

  /**
   * What 360dialog calls each number that a client shares with this partner: ids, numbers, or both. `undefined` when it
   * does not say, or in a form that is not understood (docs/360dialog.md 5): that is never a no.
   */
  async listSharedNumbers(clientId: string): Promise<SharedNumber[] | undefined> {
    const path = this.#path('clients', clientId, 'shared_client_numbers')
    try {
      return readSharedNumbers(
        parse(await this.#http.get({ path, endpoint: 'shared_numbers', priority: 'sync' })),
      )
    } catch (error) {
      if (isRefusedQuestion(error)) return undefined
      throw error
    }
  }

  async findChannel(channelId: string, priority: Priority): Promise<Channel | undefined> {
    for await (const channel of this.#channels({ channelId }, priority)) return channel
    return undefined
  }

  /** The channels of the hub that were made last, in one call: at most 200. */
  async listNewestChannels(): Promise<Channel[]> {
    const { rows } = await this.#page('channels', 0, { sort: '-created_at' }, 'sync')
    return this.#readable(rows, (row) => this.#readChannel(row), 'channels')
  }

  /** Whether there is time for a question that nobody waits for; then it must be asked at once, in the lane `sync`. */
  takeSpareCall(): Promise<boolean> {
    return this.#settings.rateLimiter.takeSpare()
  }

  /** Asks for one row, at the lowest priority, so that 360dialog says whether it takes our credentials. */
  async proveCredentials(list: List = 'channels'): Promise<void> {
    const query = { limit: '1', offset: '0' }
    await this.#readList({ path: this.#path(list), endpoint: list, priority: 'sync', query }, list)
  }

  /** False while nothing that is asked can be answered: what works by itself rests meanwhile. */
  isReady(): Promise<boolean> {
    return this.#settings.trouble.isOver(async (isAway) => {
      const clients = await this.#ask('clients')
      // One answer is enough where there was none at all.
      return isAway && !clients ? [clients] : [clients, await this.#ask('channels')]
    })
  }

  /** What 360dialog answered this process last, whatever was asked. */
  get lastAnswer(): LastAnswer | undefined {
    return this.#http.lastAnswer
  }

  /** The hub itself. A webhook URL that its description leaves out is asked for by the call of its own. */
  async readPartner(): Promise<Partner> {
    const partner = await this.#read(this.#ofPartner('partner'), readPartner)
    if (partner.webhookUrl !== undefined) return partner
    return { ...partner, webhookUrl: await this.#findWebhookUrl() }
  }

  /** An answer below the hub as it came, for what no reader of ours knows; undefined when it is not JSON. */
  async peek(path: readonly string[], query: Readonly<Record<string, string>>): Promise<unknown> {
    const call = { path: this.#path(...path), endpoint: 'facts', priority: 'sync', query } as const
    return parse(await this.#http.get(call))
  }

  /** What 360dialog slows us down until, after a 429. */
  findSlowedUntil(): Promise<Date | undefined> {
    return this.#settings.rateLimiter.findSlowedUntil()
  }

  /** Sets both addresses together: one that is left out may be emptied (docs/360dialog.md 5). */
  async setAddresses({ redirectUrl, webhookUrl }: HubAddresses): Promise<void> {
    const addresses = { partner_redirect_url: redirectUrl, webhook_url: webhookUrl }
    await this.#http.patch(this.#ofPartner('set_partner'), addresses)
  }

  /** The call of its own for the webhook URL. */
  async setWebhookUrl(webhookUrl: string): Promise<void> {
    await this.#http.post(this.#ofPartner('set_webhook_url', 'webhook_url'), { webhook_url: webhookUrl })
  }

  /**
   * Creates a channel's API key. The channel's earlier key dies, so this is sent once, and the raw answer
   * is handed back unread: the caller seals it before anything can go wrong. `beforeSending` is the caller's
   * last word: it ends before the request leaves, and what it throws stops the request.
   *
   * @throws PartnerApiError `refused` or `never_sent` when it surely did not happen, `unknown` when it may
   *   have; any other error is of `beforeSending` or of the rate limit's store, and then too it did not happen
   */
  createApiKey(channelId: string, beforeSending = async () => {}): Promise<string> {
    const call = {
      path: this.#path('channels', channelId, 'api_keys'),
      endpoint: 'create_key',
      priority: 'mint',
    } as const
    return this.#http.post(call, {}, beforeSending)
  }

  /**
   * The ids of a channel's key records; what else they hold never leaves this function.
   * @throws PartnerApiError `unexpected_answer` also when a record has no id: an empty list must mean no key
   */
  listApiKeyIds(channelId: string, priority: Priority): Promise<string[]> {
    const call = { path: this.#path('channels', channelId, 'api_keys'), endpoint: 'list_keys', priority }
    return this.#read(call, readKeyIds)
  }

  /** Not every hub may have the call: one that refuses it has said nothing. */
  async #findWebhookUrl(): Promise<string | undefined> {
    try {
      return await this.#read(this.#ofPartner('webhook_url', 'webhook_url'), readWebhookUrl)
    } catch (error) {
      if (error instanceof PartnerApiError) return undefined
      throw error
    }
  }

  #ofPartner(endpoint: string, ...segments: string[]): PartnerCall {
    return { path: this.#path(...segments), endpoint, priority: 'known' }
  }

  #path(...segments: string[]): string[] {
    return ['partners', this.#settings.partnerId, ...segments]
  }

  async #findClient(clientId: string, priority: Priority): Promise<Client | undefined> {
    for await (const row of this.#rows('clients', { id: clientId }, priority)) {
      const client = this.#readClient(row)
      if (client?.id === clientId) return client
      if (!client) this.#settings.onUnreadableRow('clients')
    }
    return undefined
  }

  // A server may ignore a filter, so its rows are compared again.
  async *#channels(filter: ChannelFilter, priority: Priority): AsyncGenerator<Channel> {
    const wireFilter = { id: filter.channelId, client_id: filter.clientId }
    for await (const row of this.#rows('channels', wireFilter, priority)) {
      const channel = this.#readChannel(row)
      if (!channel) this.#settings.onUnreadableRow('channels')
      else if (matches(channel, filter)) yield channel
    }
  }

  /** Rows may come twice, and rows that do not match may be among them. */
  async *#rows(list: List, filter: WireFilter, priority: Priority): AsyncGenerator<unknown> {
    const filters = JSON.stringify(filter)
    try {
      yield* this.#pages(list, filters === '{}' ? {} : { filters }, priority)
    } catch (error) {
      if (filters === '{}' || !isRefusedFilter(error)) throw error
      yield* this.#pages(list, {}, priority)
    }
  }

  #pages(list: List, filter: Record<string, string>, priority: Priority): AsyncGenerator<unknown> {
    const readPage = (offset: number) => this.#readRows(list, offset, filter, priority)
    return listRows(readPage, () => new PartnerApiError('unexpected_answer'))
  }

  #readRows(list: List, offset: number, more: Record<string, string>, priority: Priority): Promise<RowPage> {
    const query = { limit: String(PAGE_LIMIT), offset: String(offset), ...more }
    return this.#readList({ path: this.#path(list), endpoint: list, priority, query }, list)
  }

  /** An answer to this that is not understood may be one of many. */
  async #readList(call: PartnerCall, list: List): Promise<RowPage> {
    try {
      return await this.#read(call, (answer) => readRowPage(answer, [`partner_${list}`, list, 'data']))
    } catch (error) {
      if (error instanceof PartnerApiError && error.failure === 'unexpected_answer')
        this.#settings.trouble.suspect()
      throw error
    }
  }

  async #ask(list: List): Promise<PartnerApiError | undefined> {
    try {
      return await this.proveCredentials(list).then(() => undefined)
    } catch (error) {
      if (error instanceof PartnerApiError) return error
      throw error
    }
  }

  /** Without what it refuses, a list is still a list. */
  async #page(list: List, place: number, more: Record<string, string>, priority: Priority): Promise<RowPage> {
    try {
      return await this.#readRows(list, place, more, priority)
    } catch (error) {
      if (!isRefusedFilter(error)) throw error
      return this.#readRows(list, place, {}, priority)
    }
  }

  #readClient(row: unknown): Client | undefined {
    const client = readClient(row)
    this.#unreadDates.note('clients', client?.unreadDates)
    return client
  }

  #readChannel(row: unknown): Channel | undefined {
    const channel = readChannel(row, this.#settings.clock.now())
    this.#unreadDates.note('channels', channel?.facts.unreadDates)
    return channel
  }

  #readable<T>(rows: readonly unknown[], read: (row: unknown) => T | undefined, list: List): T[] {
    return rows.flatMap((row) => {
      const found = read(row)
      if (!found) this.#settings.onUnreadableRow(list)
      return found ? [found] : []
    })
  }

  /** @throws PartnerApiError `unexpected_answer` when the answer is not JSON, or `read` finds nothing in it */
  async #read<T>(call: PartnerCall, read: (answer: unknown) => T | undefined): Promise<T> {
    const found = read(parse(await this.#http.get(call)))
    if (found === undefined) throw new PartnerApiError('unexpected_answer')
    return found
  }
}

type List = 'clients' | 'channels'

/** Rows of one list; those of the other are none. */
export interface HubPage {
  readonly clients: readonly Client[]
  readonly channels: readonly Channel[]
  /** How many rows came, readable or not. */
  readonly read: number
  readonly isLast: boolean
  readonly mark: string
}

/** Far more than any hub has: a list that goes on longer is no list. */
const LONGEST_LIST = 100_000
type WireFilter = Readonly<Record<string, string | undefined>>

const keyRecord = z.object({ id: wireId })

function readKeyIds(answer: unknown): string[] | undefined {
  const records = readRowPage(answer, ['api_keys', 'data'])?.rows ?? [answer]
  const ids = records.map((record) => keyRecord.safeParse(record).data?.id)
  return ids.every((id) => typeof id === 'string') ? ids : undefined
}

function matches(channel: Channel, { channelId, clientId }: ChannelFilter): boolean {
  return (channelId ?? channel.id) === channel.id && (clientId ?? channel.clientId) === channel.clientId
}

/** 4xx that says nothing of our credentials or our pace: this hub does not answer that. */
function isRefusedQuestion(error: unknown): boolean {
  if (!(error instanceof PartnerApiError)) return false
  return error.failure === 'refused' && ![401, 429].includes(error.upstreamStatus ?? 0)
}

function isRefusedFilter(error: unknown): boolean {
  return error instanceof PartnerApiError && error.upstreamStatus === 400
}

/** `undefined` when it is not JSON. */
function parse(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}
