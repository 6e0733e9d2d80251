import type { AuditLog } from '../audit/audit-log.ts'
import type { ChannelService } from '../channels/channel-service.ts'
import type { Clock } from '../clock.ts'
import type { Channel } from '../d360/channel.ts'
import { type Database, inTransaction, isUniqueViolation } from '../database/database.ts'
import { ConflictError, InvalidInputError } from '../errors.ts'
import type { KeyProof, KnownKey } from './key-proof.ts'
import { fingerprintOf, type KeyStore, type StoreKey } from './key-store.ts'
import type { Mint, MintLedger } from './mint-ledger.ts'
import type { ProbeService } from './probe-service.ts'

/** Who hands a key in, and what comes with it. */
export interface KeyTakeover {
  readonly actor: string
  readonly action: 'api_key.pasted' | 'api_key.imported'
  /** Finds the mint that waits for this key, when it is stored; `any`: one that has not begun, if there is one. */
  readonly mint: ((trx: Database) => Promise<Pick<Mint, 'id'>>) | 'any'
  /** What 360dialog has just said of the channel. */
  readonly listed?: Channel
  /** Whose the channel is; added when missing. Undefined: it stays whose it is. */
  readonly tenant?: { readonly id: string; readonly name: string }
}

export type TakeoverResult = 'stored' | 'already_there'

interface Dependencies {
  readonly db: Database
  readonly proof: KeyProof
  readonly keys: KeyStore
  readonly ledger: MintLedger
  readonly channels: ChannelService
  readonly probes: Pick<ProbeService, 'planProbeOnly'>
  readonly audit: AuditLog
  readonly clock: Clock
}

interface NewKey {
  readonly channelId: string
  readonly version: number
  readonly fingerprint: string
  readonly wanted: Pick<Mint, 'id'> | 'any'
}

/** What somebody else has done meanwhile was faster. */
export function changed(): ConflictError {
  return new ConflictError(
    'version_conflict',
    'Something else has happened to this number meanwhile. Nothing was changed: check it again.',
  )
}

/** Takes over keys that are in use: each is proven by its number and stored. Nothing is ever minted. */
export class KnownKeyService {
  readonly #dependencies: Dependencies

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  /**
   * Proves a key and stores it as the channel's next version. A key that is stored already changes nothing.
   *
   * @throws InvalidInputError when the key is not proven, the channel is another tenant's, or a key is being created;
   *   ConflictError when something else was faster; nothing has changed then, and the message says what to do
   */
  async take(known: KnownKey, takeover: KeyTakeover): Promise<TakeoverResult> {
    const { proof, keys, db, clock } = this.#dependencies
    const { channelId } = known
    const newest = await keys.findNewest(channelId)
    const fingerprint = fingerprintOf(channelId, known.apiKey)
    const isThere = newest?.status === 'stored' && newest.fingerprint === fingerprint
    if (isThere && (await this.#isOf(channelId, takeover.tenant?.id))) return 'already_there'

    const access = await proof.prove(known)
    const key = { channelId, version: (newest?.version ?? 0) + 1, fingerprint }
    const about = { appId: undefined, recordId: undefined, createdAt: clock.now() }
    const storeKey = isThere ? undefined : await keys.prepare({ ...key, ...access, ...about })
    try {
      await inTransaction(db, async (trx) => {
        // As it is before anything is changed here.
        const wanted = takeover.mint === 'any' ? takeover.mint : await takeover.mint(trx)
        await this.#bind(channelId, takeover, trx)
        if (storeKey) await this.#store({ ...key, wanted }, takeover, storeKey, trx)
      })
    } catch (error) {
      // Of two who store the same version at once, the database lets one.
      throw isUniqueViolation(error) ? changed() : error
    }
    return storeKey ? 'stored' : 'already_there'
  }

  async #isOf(channelId: string, tenantId: string | undefined): Promise<boolean> {
    if (tenantId === undefined) return true
    return (await this.#dependencies.channels.tenantsOf([channelId])).get(channelId) === tenantId
  }

  async #bind(channelId: string, { actor, listed, tenant }: KeyTakeover, trx: Database): Promise<void> {
    const { channels, audit, clock } = this.#dependencies
    const now = clock.now()
    if (listed) await channels.describe(undefined, [listed], now, trx)
    if (!tenant || (await channels.tenantsOf([channelId], trx)).get(channelId) === tenant.id) return
    await channels.addTenant(tenant, now, trx)
    if (!(await channels.bind(channelId, tenant.id, now, trx)))
      throw new InvalidInputError('This channel belongs to another tenant.')
    const detail = { rule: 'key_import' }
    await audit.record({ actor, action: 'channel.bound', channelId, tenantId: tenant.id, detail }, trx)
  }

  async #store(
    { channelId, version, fingerprint, wanted }: NewKey,
    { actor, action }: KeyTakeover,
    storeKey: StoreKey,
    trx: Database,
  ): Promise<void> {
    const { keys, channels, probes, audit, clock } = this.#dependencies
    // First, since it locks the channel's row: a return that would open a mint for it waits, and then sees this key.
    await channels.setKeyStatus(channelId, 'stored', trx, version)
    await this.#cancelMint(channelId, wanted, trx)
    if (((await keys.findNewest(channelId, trx))?.version ?? 0) !== version - 1) throw changed()
    await storeKey(trx)
    await channels.observe(channelId, { source: 'probe', says: 'shared', observedAt: clock.now() }, trx)
    await probes.planProbeOnly(channelId, version, trx)
    const tenantId = (await channels.tenantsOf([channelId], trx)).get(channelId)
    await audit.record({ actor, action, channelId, tenantId, detail: { version, fingerprint } }, trx)
  }

  /** A mint that has begun may end the key at any moment, so it is waited for. */
  async #cancelMint(channelId: string, wanted: NewKey['wanted'], trx: Database): Promise<void> {
    const { ledger } = this.#dependencies
    if (wanted !== 'any') {
      if (await ledger.cancel(wanted, ['needs_decision'], trx)) return
      throw changed()
    }
    const open = await ledger.findOpen(channelId, trx)
    if (!open || (await ledger.cancel(open, ['waiting', 'needs_decision'], trx))) return
    throw new InvalidInputError('A key is being created for this channel right now. Try again in a minute.')
  }
}
