import { z } from 'zod'
import { type Clock, systemClock } from '../clock.ts'
import { PartnerApiError } from '../errors.ts'
import type { CallBudget, Lane } from './call-budget.ts'
import { type Channel, readChannel } from './channel.ts'
import { type Client, readClient } from './client.ts'
import type { OnCall } from './on-call.ts'
import { type Partner, readPartner } from './partner.ts'
import { type PartnerCall, PartnerHttp } from './partner-http.ts'
import { listRows, PAGE_LIMIT, type RowPage, readRowPage } from './row-pages.ts'
import { wireId } from './wire-values.ts'

export interface PartnerApiSettings {
  readonly baseUrl: URL
  readonly partnerId: string
  readonly credentials: { readonly apiKey: string } | { readonly username: string; readonly password: string }
  readonly budget: CallBudget
  readonly userAgent?: string
  /** Per request; 10 seconds unless said. */
  readonly timeoutMs?: number
  readonly clock?: Clock
  readonly onCall?: OnCall
  /** Told of each listed row that could not be read and was left out. */
  readonly onUnreadableRow?: (endpoint: string) => void
}

export type ChannelFilter =
  | { readonly clientId: string }
  | { readonly channelId: string }
  | Record<string, never>

/** The calls this site makes to the Partner API (contract 4.2). Each throws PartnerApiError. */
export class PartnerApi {
  readonly #http: PartnerHttp
  readonly #partnerPath: readonly string[]
  readonly #clock: Clock
  readonly #onUnreadableRow: (endpoint: string) => void

  constructor({ partnerId, clock = systemClock, ...settings }: PartnerApiSettings) {
    const { baseUrl, credentials, budget } = settings
    const { userAgent = 'latchkey', timeoutMs = 10_000, onCall = () => {} } = settings
    this.#http = new PartnerHttp({ baseUrl, credentials, budget, clock, userAgent, timeoutMs, onCall })
    this.#partnerPath = ['partners', partnerId]
    this.#clock = clock
    this.#onUnreadableRow = settings.onUnreadableRow ?? (() => {})
  }

  async readPartner(lane: Lane): Promise<Partner> {
    return known(readPartner(await this.#getJson({ endpoint: 'partner', lane, path: this.#partnerPath })))
  }

  async findClient(clientId: string, lane: Lane): Promise<Client | undefined> {
    for await (const row of this.#rows('clients', { id: clientId }, lane)) {
      const client = readClient(row)
      if (client?.id === clientId) return client
      if (!client) this.#onUnreadableRow('clients')
    }
    return undefined
  }

  async listChannels(filter: ChannelFilter, lane: Lane): Promise<Channel[]> {
    const channels = new Map<string, Channel>()
    for await (const channel of this.#channels(filter, lane)) channels.set(channel.id, channel)
    return [...channels.values()]
  }

  async findChannel(channelId: string, lane: Lane): Promise<Channel | undefined> {
    for await (const channel of this.#channels({ channelId }, lane)) return channel
    return undefined
  }

  /**
   * Creates a channel's API key. The channel's earlier key dies, so this is sent once, and the raw answer
   * is handed back unread: the caller seals it before anything can go wrong. `beforeSending` is the caller's
   * last word: it ends before the request leaves, and what it throws stops the request.
   *
   * @throws PartnerApiError `refused` or `never_sent` when it surely did not happen, `unknown` when it may
   *   have; any other error is of `beforeSending` or the budget's store, and then too it did not happen
   */
  createApiKey(channelId: string, beforeSending = async () => {}): Promise<string> {
    const call = { ...this.#apiKeys(channelId), endpoint: 'create_key', lane: 'mint' } as const
    return this.#http.post(call, {}, beforeSending)
  }

  /**
   * The ids of a channel's key records; what else they hold never leaves this function.
   * @throws PartnerApiError `unexpected_answer` also when a record has no id: an empty list must mean no key
   */
  async listApiKeyIds(channelId: string, lane: Lane): Promise<string[]> {
    const answer = await this.#getJson({ ...this.#apiKeys(channelId), endpoint: 'list_keys', lane })
    return known(readKeyIds(answer))
  }

  #apiKeys(channelId: string) {
    return { path: [...this.#partnerPath, 'channels', channelId, 'api_keys'] }
  }

  // A server may ignore a filter, so that what it lists is compared again.
  async *#channels(wanted: Wanted, lane: Lane): AsyncGenerator<Channel> {
    const filter = { id: wanted.channelId, client_id: wanted.clientId }
    for await (const row of this.#rows('channels', filter, lane)) {
      const channel = readChannel(row, this.#clock.now())
      if (!channel) this.#onUnreadableRow('channels')
      else if (matches(channel, wanted)) yield channel
    }
  }

  /** Rows may come twice, and rows that do not match may be among them. */
  async *#rows(list: List, filter: WireFilter, lane: Lane): AsyncGenerator<unknown> {
    const filters = JSON.stringify(filter)
    try {
      yield* this.#pages(list, filters === '{}' ? {} : { filters }, lane)
    } catch (error) {
      if (filters === '{}' || !isRefusedFilter(error)) throw error
      yield* this.#pages(list, {}, lane)
    }
  }

  #pages(list: List, filter: Record<string, string>, lane: Lane): AsyncGenerator<unknown> {
    const path = [...this.#partnerPath, list]
    const readPage = async (offset: number): Promise<RowPage> => {
      const query = { limit: String(PAGE_LIMIT), offset: String(offset), ...filter }
      const answer = await this.#getJson({ endpoint: list, lane, path, query })
      return known(readRowPage(answer, [`partner_${list}`, list, 'data']))
    }
    return listRows(readPage, () => new PartnerApiError('unexpected_answer'))
  }

  async #getJson(call: PartnerCall): Promise<unknown> {
    const body = await this.#http.get(call)
    try {
      return JSON.parse(body)
    } catch {
      throw new PartnerApiError('unexpected_answer')
    }
  }
}

type List = 'clients' | 'channels'
type Wanted = { readonly channelId?: string; readonly clientId?: string }
type WireFilter = Readonly<Record<string, string | undefined>>

const keyRecord = z.object({ id: wireId })

function readKeyIds(answer: unknown): string[] | undefined {
  const records = readRowPage(answer, ['api_keys', 'data'])?.rows ?? [answer]
  const ids = records.map((record) => keyRecord.safeParse(record).data?.id)
  return ids.every((id) => typeof id === 'string') ? ids : undefined
}

function matches(channel: Channel, { channelId, clientId }: Wanted): boolean {
  return (channelId ?? channel.id) === channel.id && (clientId ?? channel.clientId) === channel.clientId
}

function isRefusedFilter(error: unknown): boolean {
  return error instanceof PartnerApiError && error.upstreamStatus === 400
}

function known<T>(read: T | undefined): T {
  if (read === undefined) throw new PartnerApiError('unexpected_answer')
  return read
}
