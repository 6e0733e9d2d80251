import type { PartnerApi } from '../d360/partner-api.ts'
import { LatchkeyError } from '../errors.ts'
import type { KnownKeyService, TakeoverResult } from './known-key-service.ts'

/** A key of a running customer. */
export interface ImportedKey {
  readonly channelId: string
  readonly tenant: { readonly id: string; readonly name: string }
  readonly apiKey: string
  readonly address: string | undefined
}

export type ImportOutcome =
  | { readonly outcome: TakeoverResult; readonly reason?: never }
  | { readonly outcome: 'not_listed' | 'refused'; readonly reason: string }

interface Dependencies {
  readonly partnerApi: Pick<PartnerApi, 'listChannels'>
  readonly knownKeys: Pick<KnownKeyService, 'take'>
}

/** How a partner with running customers starts: their keys are proven and stored, one after the other. */
export class KeyImportService {
  readonly #dependencies: Dependencies

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  /**
   * Yields what became of each key, in order. Each is stored whole or not at all, and one that is stored already
   * stays as it is: an import that was interrupted goes on when it is run again.
   *
   * @throws PartnerApiError when 360dialog does not list the channels; nothing has changed then
   */
  async *run<K extends ImportedKey>(keys: readonly K[]): AsyncGenerator<{ key: K } & ImportOutcome> {
    const listed = await this.#dependencies.partnerApi.listChannels({}, 'sync')
    const channels = new Map(listed.map((channel) => [channel.id, channel]))
    for (const key of keys) yield { key, ...(await this.#take(key, channels.get(key.channelId))) }
  }

  async #take(
    { channelId, apiKey, address, tenant }: ImportedKey,
    channel: Awaited<ReturnType<PartnerApi['listChannels']>>[number] | undefined,
  ): Promise<ImportOutcome> {
    if (!channel) return { outcome: 'not_listed', reason: '360dialog does not list this channel for you.' }
    try {
      const outcome = await this.#dependencies.knownKeys.take(
        { channelId, phoneNumber: channel.phoneNumber, apiKey, address },
        { actor: 'cli', action: 'api_key.imported', mint: 'any', listed: channel, tenant },
      )
      return { outcome }
    } catch (error) {
      if (!(error instanceof LatchkeyError)) throw error
      return { outcome: 'refused', reason: error.message }
    }
  }
}
