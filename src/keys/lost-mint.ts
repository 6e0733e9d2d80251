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
  /** So long after sending that nobody should go on without being told. */
  readonly overdue: boolean
}

export type LostMintVerdict =
  /** Nothing that anybody holds can still be alive: mint once more. */
  | 'mint_again'
  /** The records may still change, or could not be read. */
  | 'look_again'
  /** A key that somebody uses may be alive: an admin decides. */
  | 'needs_decision'

/**
 * Judges a mint whose answer was lost by the ids of the channel's key records before and after it.
 * A new record means that 360dialog carried it out: every earlier key is dead, and nobody holds the new one.
 * No new record, after a while, means that it did not happen, and then earlier keys live on (docs/360dialog.md 8).
 */
export function judgeLostMint(lost: LostMint): LostMintVerdict {
  const { before, after, isReplacement, isSecond, settled, overdue } = lost
  if (after === undefined) return overdue ? 'needs_decision' : 'look_again'
  // What was there before nobody knows, so no record tells whether it is old or new.
  if (before === undefined && isReplacement && after.length > 0) return 'needs_decision'
  // Unread before can else only be a channel newer than its launch: there was nothing.
  const known = before ?? []
  const added = after.filter((id) => !known.includes(id))
  if (added.length > 1) return 'needs_decision'
  if (added.length === 0 && !settled) return 'look_again'
  if (added.length === 0 && known.length > 0) return 'needs_decision'
  return isSecond ? 'needs_decision' : 'mint_again'
}
