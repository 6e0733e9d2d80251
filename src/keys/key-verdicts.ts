import type { AuditLog } from '../audit/audit-log.ts'
import type { ChannelService } from '../channels/channel-service.ts'
import type { Clock } from '../clock.ts'
import { MessagingApiError } from '../d360/messaging-api.ts'
import { type Database, inTransaction } from '../database/database.ts'
import type { Row } from '../database/schema.ts'
import type { Jobs } from '../jobs/jobs.ts'
import type { KeyStore, StoredApiKey } from './key-store.ts'
import type { MintLedger } from './mint-ledger.ts'

type Task = Row<'channelTask'>
export type KeyVersion = Pick<StoredApiKey, 'channelId' | 'version'>

const MINUTE_MS = 60_000
/** How long after each refusal in a row 360dialog is asked again. */
const ASKED_AGAIN_MS = [MINUTE_MS, 5 * MINUTE_MS, 15 * MINUTE_MS] as const
/** So many in a row: the key is dead. 360dialog is asked once more all the same. */
const REFUSALS_OF_A_DEAD_KEY = 3

/** What a refusal came to. */
export interface Refusal {
  readonly problem: 'key_doubted' | 'key_rejected' | 'another_system'
  /** When 360dialog is asked again; undefined: not any more. */
  readonly askAt: Date | undefined
}

interface Dependencies {
  readonly db: Database
  readonly jobs: Jobs
  readonly keys: KeyStore
  readonly ledger: Pick<MintLedger, 'retryNow'>
  readonly channels: ChannelService
  readonly audit: AuditLog
  readonly clock: Clock
}

/**
 * What calls with a key say of the key itself. One that works is in use; one that is refused is doubted, asked about
 * again by the probe, and rejected after three refusals in a row, or one that 360dialog explains (decision 33).
 */
export class KeyVerdicts {
  readonly #dependencies: Dependencies

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  /** It works: a doubt ends, and one that was rejected is in use again. One that an admin retired stays so. */
  async confirm({ channelId, version }: KeyVersion, observedAt: Date): Promise<void> {
    const { db, keys, channels } = this.#dependencies
    await inTransaction(db, async (trx) => {
      const newest = await keys.findNewest(channelId, trx)
      if (newest?.version !== version) return
      if (newest.refusals > 0) {
        if (!(await this.#restore(newest, trx))) return
      } else if (newest.status !== 'stored') return
      await channels.observe(channelId, { source: 'probe', says: 'key_works', observedAt }, trx)
    })
  }

  /**
   * 401 or 403 from a key that was ours: it was replaced, or the permission was revoked, or 360dialog errs for a
   * moment. Refusals count when they are as far apart as planned, and are never a reason to mint. The probe
   * asks again, unless the caller is the probe and does so itself (`asksAgain`).
   */
  async refuse({ channelId, version }: KeyVersion, { asksAgain = false } = {}): Promise<Refusal> {
    const { db, jobs, keys, clock } = this.#dependencies
    const now = clock.now()
    return inTransaction(db, async (trx) => {
      const newest = await keys.findNewest(channelId, trx)
      if (newest?.version !== version) return { problem: 'key_rejected', askAt: undefined }
      const askAt = askAgainAt(newest)
      if (askAt && askAt > now) return { problem: await this.#problemOf(newest, trx), askAt }
      const refused = await keys.countRefusal(newest, now, trx)
      if (refused.refusals === 1) await this.#record('api_key.doubted', refused, trx)
      const isDead = refused.refusals >= REFUSALS_OF_A_DEAD_KEY || (await this.#isUnshared(channelId, trx))
      if (isDead && refused.status === 'stored') await this.#reject(refused, now, trx)
      const problem = await this.#problemOf(refused, trx)
      const next = askAgainAt(refused)
      await this.#note(refused, problem, now, trx)
      if (next && !asksAgain) await jobs.plan({ kind: 'probe', subject: channelId, dueAt: next }, trx)
      return { problem, askAt: next }
    })
  }

  /** 360dialog's own records say that the key is gone: that needs no second word. */
  async reject({ channelId, version }: KeyVersion): Promise<void> {
    const { db, keys, clock } = this.#dependencies
    const now = clock.now()
    await inTransaction(db, async (trx) => {
      const newest = await keys.findNewest(channelId, trx)
      if (newest?.version !== version || newest.status !== 'stored') return
      await this.#reject(newest, now, trx)
      await this.#note(newest, await this.#problemOf(newest, trx), now, trx)
    })
  }

  async #reject({ channelId, version }: KeyVersion, now: Date, trx: Database): Promise<void> {
    const { keys, ledger, channels } = this.#dependencies
    await keys.reject(channelId, version, now, trx)
    await channels.setKeyStatus(channelId, 'rejected', trx)
    await channels.observe(channelId, { source: 'probe', says: 'key_rejected', observedAt: now }, trx)
    await this.#record('api_key.rejected', { channelId, version }, trx)
    // One that waited for this verdict looks now.
    await ledger.retryNow(channelId, trx)
  }

  /** 360dialog itself says that the permission is gone, and so explains the refusal. */
  async #isUnshared(channelId: string, trx: Database): Promise<boolean> {
    return (await this.#dependencies.channels.find(channelId, trx))?.permission === 'missing'
  }

  /** False when the key was retired for good. */
  async #restore({ channelId, version }: KeyVersion, trx: Database): Promise<boolean> {
    const { keys, channels, clock } = this.#dependencies
    if ((await channels.find(channelId, trx))?.keyStatus === 'retired') return false
    await keys.restore(channelId, version, trx)
    await channels.setKeyStatus(channelId, 'stored', trx)
    await this.#note({ channelId, version }, undefined, clock.now(), trx)
    await this.#record('api_key.works_again', { channelId, version }, trx)
    return true
  }

  /** As it is now: the row that the caller holds may be older than what it did. */
  async #problemOf({ channelId }: KeyVersion, trx: Database): Promise<Refusal['problem']> {
    const { keys } = this.#dependencies
    if ((await keys.findNewest(channelId, trx))?.status === 'stored') return 'key_doubted'
    return (await keys.isFoughtOver(channelId, trx)) ? 'another_system' : 'key_rejected'
  }

  #note(key: KeyVersion, problem: Refusal['problem'] | undefined, now: Date, trx: Database): Promise<void> {
    return noteTask({ ...key, name: 'probe' }, { problem, isOver: problem !== 'key_doubted' }, now, trx)
  }

  #record(action: string, { channelId, version }: KeyVersion, trx: Database): Promise<void> {
    return this.#dependencies.audit.record({ actor: 'latchkey', action, channelId, detail: { version } }, trx)
  }
}

/** When the next refusal counts; undefined: 360dialog is not asked again. */
function askAgainAt({ refusals, refusedAt }: StoredApiKey): Date | undefined {
  const wait = ASKED_AGAIN_MS[refusals - 1]
  return refusedAt && wait !== undefined ? new Date(refusedAt.getTime() + wait) : undefined
}

/** 401 or 403, and nothing else, says that a key is dead. */
export function isRejection(error: unknown): boolean {
  return error instanceof MessagingApiError && error.failure === 'key_rejected'
}

/** Writes down what became of a task of this key; one that a newer key has planned anew stays as it is. */
export async function noteTask(
  { channelId, name, version }: Pick<Task, 'channelId' | 'name' | 'version'>,
  { problem, isOver }: { readonly problem: string | undefined; readonly isOver: boolean },
  now: Date,
  trx: Database,
): Promise<void> {
  const state = problem === undefined ? 'ok' : 'failed'
  await trx
    .updateTable('channelTask')
    .set((set) => ({
      ...{ state, problem: problem ?? null, ...(isOver && { doneAt: now }) },
      sinceAt: set
        .case()
        .when(
          set.and([
            set('state', '=', state),
            set(set.fn.coalesce('problem', set.val('')), '=', problem ?? ''),
          ]),
        )
        .then(set.ref('sinceAt'))
        .else(now)
        .end(),
    }))
    .where('channelId', '=', channelId)
    .where('name', '=', name)
    .where('version', '=', version)
    .execute()
}
