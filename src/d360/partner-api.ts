import { z } from 'zod'
import { PartnerApiError } from '../errors.ts'
import { type Channel, readChannel } from './channel.ts'
import { type Client, readClient } from './client.ts'
import { type PartnerCall, PartnerHttp, type PartnerHttpSettings } from './partner-http.ts'
import type { Priority } from './rate-limiter.ts'
import { listRows, PAGE_LIMIT, type RowPage, readRowPage } from './row-pages.ts'
import { wireId } from './wire-values.ts'

export interface PartnerApiSettings extends PartnerHttpSettings {
  readonly partnerId: string
  /** Told of each listed row that could not be read and was left out. */
  readonly onUnreadableRow: (list: string) => void
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

  constructor(settings: PartnerApiSettings) {
    this.#http = new PartnerHttp(settings)
    this.#settings = settings
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

  async findChannel(channelId: string, priority: Priority): Promise<Channel | undefined> {
    for await (const channel of this.#channels({ channelId }, priority)) return channel
    return undefined
  }

  /** Asks for one row, at the lowest priority, so that 360dialog says whether it takes our credentials. */
  async proveCredentials(): Promise<void> {
    const query = { limit: '1', offset: '0' }
    await this.#http.get({ path: this.#path('channels'), endpoint: 'channels', priority: 'sync', query })
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

  #path(...segments: string[]): string[] {
    return ['partners', this.#settings.partnerId, ...segments]
  }

  async #findClient(clientId: string, priority: Priority): Promise<Client | undefined> {
    for await (const row of this.#rows('clients', { id: clientId }, priority)) {
      const client = readClient(row)
      if (client?.id === clientId) return client
      if (!client) this.#settings.onUnreadableRow('clients')
    }
    return undefined
  }

  // A server may ignore a filter, so its rows are compared again.
  async *#channels(filter: ChannelFilter, priority: Priority): AsyncGenerator<Channel> {
    const wireFilter = { id: filter.channelId, client_id: filter.clientId }
    for await (const row of this.#rows('channels', wireFilter, priority)) {
      const channel = readChannel(row, this.#settings.clock.now())
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
    const readPage = (offset: number): Promise<RowPage> => {
      const query = { limit: String(PAGE_LIMIT), offset: String(offset), ...filter }
      const call = { path: this.#path(list), endpoint: list, priority, query }
      return this.#read(call, (answer) => readRowPage(answer, [`partner_${list}`, list, 'data']))
    }
    return listRows(readPage, () => new PartnerApiError('unexpected_answer'))
  }

  /** @throws PartnerApiError `unexpected_answer` when the answer is not JSON, or `read` finds nothing in it */
  async #read<T>(call: PartnerCall, read: (answer: unknown) => T | undefined): Promise<T> {
    const found = read(parse(await this.#http.get(call)))
    if (found === undefined) throw new PartnerApiError('unexpected_answer')
    return found
  }
}

type List = 'clients' | 'channels'
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
