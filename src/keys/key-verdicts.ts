import type { AuditLog } from '../audit/audit-log.ts'
import type { ChannelService } from '../channels/channel-service.ts'
import type { Clock } from '../clock.ts'
import { MessagingApiError } from '../d360/messaging-api.ts'
import { type Database, inTransaction } from '../database/database.ts'
import type { Row } from '../database/schema.ts'
import type { KeyStore, StoredApiKey } from './key-store.ts'

type Task = Row<'channelTask'>
export type KeyVersion = Pick<StoredApiKey, 'channelId' | 'version'>

interface Dependencies {
  readonly db: Database
  readonly keys: KeyStore
  readonly channels: ChannelService
  readonly audit: AuditLog
  readonly clock: Clock
}

/** What a call with a key said of the key itself: it works, or 360dialog rejects it. */
export class KeyVerdicts {
  readonly #dependencies: Dependencies

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  /** Says so of the key in use; a rejected one that works again is for an admin to see, and changes nothing. */
  async confirm({ channelId, version }: KeyVersion, observedAt: Date): Promise<void> {
    const { db, keys, channels } = this.#dependencies
    await inTransaction(db, async (trx) => {
      const newest = await keys.findNewest(channelId, trx)
      if (newest?.version !== version || newest.status !== 'stored') return
      await channels.observe(channelId, { source: 'probe', says: 'key_works', observedAt }, trx)
    })
  }

  /**
   * 401 from a key that was ours: replaced, or the permission was revoked. Never a reason to mint by itself. Answers
   * what the probe's problem is now.
   */
  async reject({ channelId, version }: KeyVersion): Promise<string> {
    const { db, keys, channels, audit, clock } = this.#dependencies
    const now = clock.now()
    return inTransaction(db, async (trx) => {
      const newest = await keys.findNewest(channelId, trx)
      if (newest?.version === version && newest.status === 'stored') {
        await keys.reject(channelId, version, now, trx)
        await channels.setKeyStatus(channelId, 'rejected', trx)
        await channels.observe(channelId, { source: 'probe', says: 'key_rejected', observedAt: now }, trx)
        const rejected = { actor: 'latchkey', action: 'api_key.rejected', channelId, detail: { version } }
        await audit.record(rejected, trx)
      }
      const problem = (await keys.isFoughtOver(channelId, trx)) ? 'another_system' : 'key_rejected'
      await noteTask({ channelId, name: 'probe', version }, { problem, isOver: true }, now, trx)
      return problem
    })
  }
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
