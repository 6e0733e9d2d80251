import type { Channel } from '../d360/channel.ts'
import { toWireSecond } from '../d360/wire-values.ts'
import type { Row } from '../database/schema.ts'

type Mint = Row<'mint'>

export type MintObstacle = 'key_in_use' | 'key_records_unreadable' | 'another_key_appeared' | 'another_system'

/**
 * Why a mint must not begin: another system's key that works, or may work, would be ended by it. `foreign` are the
 * ids of the key records that are not ours, undefined when they could not be read (docs/360dialog.md 8). A channel is
 * fought over when our last two keys did not live for a day: another system creates keys for it, and we would end its.
 */
export function findObstacle(
  mint: Pick<Mint, 'reason' | 'launchedAt' | 'recordsBefore' | 'version'>,
  channel: Pick<Channel, 'createdAt'>,
  foreign: readonly string[] | undefined,
  isFoughtOver = false,
): MintObstacle | undefined {
  const { reason, recordsBefore } = mint
  if (reason === 'return') {
    if (isFoughtOver) return 'another_system'
    if (foreign === undefined) return hadNoKey(mint, channel) ? undefined : 'key_records_unreadable'
    return foreign.length > 0 ? 'key_in_use' : undefined
  }
  // An admin who decided while the records could not be read decided about whatever is there.
  if (reason === 'replace' && recordsBefore === undefined) return undefined
  if (reason === 'replace' && foreign === undefined) return 'key_records_unreadable'
  // The keys that were known when it was opened may end, and no other.
  return foreign?.some((id) => !recordsBefore?.includes(id)) ? 'another_key_appeared' : undefined
}

/**
 * A channel that came after the launch, and never had a key of ours, had none when the customer left: that much is
 * known without its records. One of unknown age counts as older.
 */
function hadNoKey(
  { launchedAt, version }: Pick<Mint, 'launchedAt' | 'version'>,
  { createdAt }: Pick<Channel, 'createdAt'>,
): boolean {
  const isNewer = createdAt !== undefined && launchedAt !== undefined && createdAt >= toWireSecond(launchedAt)
  return isNewer && version === 1
}

/** The key records that were known when a mint stopped; undefined when they could not be read. */
export function recordsKnownOf({
  problem,
  recordsBefore,
  recordsAfter,
}: Pick<Mint, 'problem' | 'recordsBefore' | 'recordsAfter'>): readonly string[] | undefined {
  if (problem === 'key_records_unreadable') return undefined
  // Once a mint was sent and its answer lost, only what was read after it counts.
  return problem === 'answer_lost' ? recordsAfter : (recordsAfter ?? recordsBefore)
}

/** What is known of a mint whose answer never came. `undefined`: the key records could not be read. */
export interface LostMint {
  readonly before: readonly string[] | undefined
  readonly after: readonly string[] | undefined
  /** An admin let it end keys whose records may not have been read before. */
  readonly isReplacement: boolean
  /** This mint already stood in for another one whose answer was lost. */
  readonly isSecond: boolean
  /** Long enough after sending that 360dialog has surely finished, one way or the other. */
  readonly settled: boolean
  /** So long after sending that an admin must be told. */
  readonly overdue: boolean
}

export type LostMintVerdict =
  /** Nothing that anybody holds can still be alive: mint once more. */
  | 'mint_again'
  /** The records may still change, or could not be read. */
  | 'look_again'
  /** A key that another system uses may be alive: an admin decides. */
  | 'needs_decision'

/**
 * Judges a mint whose answer was lost by the ids of the channel's key records before and after it.
 * A new record means that 360dialog carried it out: every earlier key is dead, and the new one is lost.
 * No new record, after a while, means that it did not happen, and then earlier keys live on.
 */
export function judgeLostMint(lost: LostMint): LostMintVerdict {
  const { before, after, isReplacement, isSecond, settled, overdue } = lost
  if (after === undefined) return overdue ? 'needs_decision' : 'look_again'
  // What was there before is not known, so no record tells whether it is old or new.
  if (before === undefined && isReplacement && after.length > 0) return 'needs_decision'
  // Unread before can else only be a channel newer than its launch: there was nothing.
  const known = before ?? []
  const added = after.filter((id) => !known.includes(id))
  if (added.length > 1) return 'needs_decision'
  if (added.length === 0 && !settled) return 'look_again'
  if (added.length === 0 && known.length > 0) return 'needs_decision'
  return isSecond ? 'needs_decision' : 'mint_again'
}
