import type { Channel } from '../d360/channel.ts'
import { toWireSecond } from '../d360/wire-values.ts'
import type { Mint } from './mint-repository.ts'

export type MintObstacle = 'key_in_use' | 'key_records_unreadable' | 'another_key_appeared'

/**
 * Why a mint must not begin: a key of somebody else's that works, or may work, would die by it. `foreign` are the
 * ids of the key records that are not ours, undefined when they could not be read (docs/360dialog.md 8).
 */
export function findObstacle(
  mint: Pick<Mint, 'reason' | 'launchedAt' | 'recordsBefore'>,
  channel: Pick<Channel, 'createdAt'>,
  foreign: readonly string[] | undefined,
): MintObstacle | undefined {
  const { reason, launchedAt, recordsBefore } = mint
  if (reason === 'return') {
    if (isNewer(channel, launchedAt)) return undefined
    if (foreign === undefined) return 'key_records_unreadable'
    return foreign.length > 0 ? 'key_in_use' : undefined
  }
  // An admin who decided while the records could not be read decided about whatever is there.
  if (reason === 'replace' && recordsBefore === undefined) return undefined
  if (reason === 'replace' && foreign === undefined) return 'key_records_unreadable'
  // The keys that were known when it was opened may end, and no other.
  return foreign?.some((id) => !recordsBefore?.includes(id)) ? 'another_key_appeared' : undefined
}

/**
 * The records of keys that were known when a mint stopped; undefined when they could not be read, so that nobody
 * knows what is there.
 */
export function recordsKnownOf({
  problem,
  recordsBefore,
  recordsAfter,
}: Pick<Mint, 'problem' | 'recordsBefore' | 'recordsAfter'>): readonly string[] | undefined {
  if (problem === 'key_records_unreadable') return undefined
  // Once a mint was sent and its answer lost, only what was read after it counts.
  return problem === 'answer_lost' ? recordsAfter : (recordsAfter ?? recordsBefore)
}

/** A channel that came after the launch had no key before it. One of unknown age counts as older. */
function isNewer({ createdAt }: Pick<Channel, 'createdAt'>, launchedAt: Date | undefined): boolean {
  return createdAt !== undefined && launchedAt !== undefined && createdAt >= toWireSecond(launchedAt)
}
