import type { AuditLog } from '../audit/audit-log.ts'
import type { ChannelRepository } from '../channels/channel-repository.ts'
import type { TenantRepository } from '../channels/tenant-repository.ts'
import type { Clock } from '../clock.ts'
import type { Channel } from '../d360/channel.ts'
import { type Database, inTransaction, isUniqueViolation } from '../database/database.ts'
import { InvalidInputError } from '../errors.ts'
import type { PermissionService } from '../permissions/permission-service.ts'
import type { WorkName } from '../worker/worker.ts'
import { type ApiKeyRepository, fingerprintOf } from './api-key-repository.ts'
import type { KeyProof, KnownKey } from './key-proof.ts'
import type { MintRepository } from './mint-repository.ts'
import type { ProbeService } from './probe-service.ts'

/** Who hands a key in, and what comes with it. */
export interface Handover {
  readonly actor: string
  readonly action: 'api_key.pasted' | 'api_key.imported'
  /** The mint that waits for this key; `any`: one that has not begun, if there is one. */
  readonly mint: { readonly id: string } | 'any'
  /** What 360dialog has just said of the channel. */
  readonly listed?: Channel
  /** Whose the channel is; made when missing. Nothing: it stays whose it is. */
  readonly tenant?: { readonly id: string; readonly name: string }
}

export type Taken = 'stored' | 'already_there'

interface Given {
  readonly db: Database
  readonly proof: KeyProof
  readonly keys: ApiKeyRepository
  readonly mints: MintRepository
  readonly channels: ChannelRepository
  readonly tenants: TenantRepository
  readonly permissions: PermissionService
  readonly probes: Pick<ProbeService, 'planProbeOnly'>
  readonly audit: AuditLog
  readonly clock: Clock
  readonly wake: (name: WorkName) => void
}

interface StoredKey {
  readonly version: number
  readonly fingerprint: string
}

export const CHANGED =
  'Something else has happened to this number meanwhile. Nothing was changed: look at it again.'

/** Takes over keys that are in use: each is proven by its number and stored. Nothing is ever minted. */
export class KnownKeyService {
  readonly #given: Given

  constructor(given: Given) {
    this.#given = given
  }

  /**
   * Proves a key and stores it as the channel's next version. A key that is stored already changes nothing.
   *
   * @throws InvalidInputError when the key is not proven, the channel is another tenant's, or a key is being made;
   *   nothing has changed then, and the message says what to do
   */
  async take(known: KnownKey, handover: Handover): Promise<Taken> {
    const { proof, keys, clock, wake } = this.#given
    const { channelId } = known
    const newest = await keys.findNewest(channelId)
    const fingerprint = fingerprintOf(channelId, known.apiKey)
    const isThere = newest?.status === 'stored' && newest.fingerprint === fingerprint
    if (isThere && (await this.#isOf(channelId, handover.tenant?.id))) return 'already_there'

    const access = await proof.prove(known)
    const key = { version: (newest?.version ?? 0) + 1, fingerprint }
    const about = { appId: undefined, recordId: undefined, createdAt: clock.now() }
    const store = isThere
      ? undefined
      : await keys.prepare({ channelId, version: key.version, ...access, ...about })
    await this.#carryOut(channelId, handover, async (trx) => {
      if (store) await this.#store(channelId, key, { handover, store }, trx)
    })
    wake('probes')
    return store ? 'stored' : 'already_there'
  }

  async #isOf(channelId: string, tenantId: string | undefined): Promise<boolean> {
    if (tenantId === undefined) return true
    return (await this.#given.channels.tenantsOf([channelId])).get(channelId) === tenantId
  }

  async #carryOut(
    channelId: string,
    handover: Handover,
    storeKey: (trx: Database) => Promise<void>,
  ): Promise<void> {
    try {
      await inTransaction(this.#given.db, async (trx) => {
        await this.#bind(channelId, handover, trx)
        await storeKey(trx)
      })
    } catch (error) {
      // Two who store the same version at once: the database lets one of them.
      throw isUniqueViolation(error) ? new InvalidInputError(CHANGED) : error
    }
  }

  async #bind(channelId: string, { actor, listed, tenant }: Handover, trx: Database): Promise<void> {
    const { channels, tenants, audit, clock } = this.#given
    const now = clock.now()
    if (listed) await channels.describe(undefined, [listed], now, trx)
    if (!tenant || (await channels.tenantsOf([channelId], trx)).get(channelId) === tenant.id) return
    await tenants.add(tenant, now, trx)
    if (!(await channels.bind(channelId, tenant.id, now, trx)))
      throw new InvalidInputError('This channel belongs to another tenant.')
    const detail = { rule: 'key_import' }
    await audit.record({ actor, action: 'channel.bound', channelId, tenantId: tenant.id, detail }, trx)
  }

  async #store(
    channelId: string,
    key: StoredKey,
    { handover, store }: { handover: Handover; store: (trx: Database) => Promise<void> },
    trx: Database,
  ): Promise<void> {
    const { keys, channels, permissions, probes, audit, clock } = this.#given
    const now = clock.now()
    // First, since it locks the channel's row: a return that would open a mint for it waits, and then sees this key.
    await channels.setKeyStatus(channelId, 'stored', trx, key.version)
    await this.#settleMint(channelId, handover.mint, now, trx)
    if (((await keys.findNewest(channelId, trx))?.version ?? 0) !== key.version - 1)
      throw new InvalidInputError(CHANGED)
    await store(trx)
    await permissions.observe(channelId, { source: 'probe', says: 'shared', observedAt: now }, trx)
    await probes.planProbeOnly(channelId, key.version, now, trx)
    const tenantId = (await channels.tenantsOf([channelId], trx)).get(channelId)
    const { actor, action } = handover
    await audit.record({ actor, action, channelId, ...(tenantId && { tenantId }), detail: { ...key } }, trx)
  }

  /** A mint that has begun may end the key at any moment, so it is waited for. */
  async #settleMint(channelId: string, wanted: Handover['mint'], now: Date, trx: Database): Promise<void> {
    const { mints } = this.#given
    if (wanted !== 'any') {
      if (await mints.dismiss(wanted, ['needs_decision'], now, trx)) return
      throw new InvalidInputError(CHANGED)
    }
    const open = await mints.findOpen(channelId, trx)
    if (!open || (await mints.dismiss(open, ['waiting', 'needs_decision'], now, trx))) return
    throw new InvalidInputError('A key is being made for this channel at this moment. Try again in a minute.')
  }
}
