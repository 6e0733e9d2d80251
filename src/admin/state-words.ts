import type { ChannelState, TaskState } from '../channels/channel-repository.ts'
import type { KeyStatus, MintRow, ObservationRow, ObservationSource } from '../database/schema.ts'
import type { ReviewReason } from '../onboarding/belonging.ts'
import type { Return } from '../onboarding/return-repository.ts'
import type { Turn } from './problem-words.ts'

export type Tone = 'good' | 'waiting' | 'bad' | 'quiet'

/** A state as a page shows it: the word says it, the colour only helps. */
export interface Badge {
  readonly word: string
  readonly tone: Tone
}

const badge = (word: string, tone: Tone): Badge => ({ word, tone })

export const permissionBadges: Readonly<Record<ChannelState['permission']['status'], Badge>> = {
  shared: badge('Shared', 'good'),
  missing: badge('Missing', 'bad'),
  unknown: badge('Unknown', 'waiting'),
}

export const keyBadges: Readonly<Record<KeyStatus, Badge>> = {
  none: badge('None', 'quiet'),
  waiting: badge('Waiting', 'waiting'),
  minting: badge('Being made', 'waiting'),
  stored: badge('Stored', 'good'),
  needs_decision: badge('Needs a decision', 'bad'),
  unknown: badge('Answer lost', 'bad'),
  rejected: badge('Rejected', 'bad'),
  retired: badge('Retired', 'quiet'),
}

export const mintBadges: Readonly<Record<MintRow['state'], Badge>> = {
  waiting: badge('Waiting', 'waiting'),
  minting: badge('Asked for', 'waiting'),
  sealed: badge('Answer kept', 'waiting'),
  stored: badge('Key stored', 'good'),
  unknown: badge('Answer lost', 'bad'),
  needs_decision: badge('Needs a decision', 'bad'),
  refused: badge('Refused', 'bad'),
  not_needed: badge('Not needed', 'quiet'),
}

export const taskBadges: Readonly<Record<TaskState['state'], Badge>> = {
  due: badge('Planned', 'waiting'),
  ok: badge('Worked', 'good'),
  failed: badge('Failed', 'bad'),
}

export const turnBadges: Readonly<Record<Turn, Badge>> = {
  client: badge('Customer', 'waiting'),
  '360dialog': badge('360dialog', 'waiting'),
  admin: badge('You', 'bad'),
  latchkey: badge('Latchkey', 'waiting'),
  nobody: badge('Nobody', 'quiet'),
}

export const returnBadges: Readonly<Record<Return['state'], Badge>> = {
  received: badge('Being checked', 'waiting'),
  bound: badge('Bound', 'good'),
  needs_review: badge('Needs a review', 'bad'),
  declined: badge('Nothing shared', 'quiet'),
}

/** How we know: completes "shared, says …". */
export const sourceWords: Readonly<Record<ObservationSource, string>> = {
  return: 'the redirect',
  mint: 'the making of a key',
  probe: 'a probe with the key',
  api: 'the Partner API',
  notice: 'a notice from 360dialog',
}

export const saysWords: Readonly<Record<ObservationRow['says'], string>> = {
  shared: 'The permission is shared',
  missing: 'The permission is missing',
  revocation_reported: 'The permission is said to be taken back',
  key_rejected: 'The key was rejected',
}

/** What does not match in a return, and what to ask for. */
export const reviewWords: Readonly<Record<ReviewReason, string>> = {
  client_not_listed:
    '360dialog does not list this client for you. Ask the customer to grant the permission again, to your company.',
  another_client:
    'Another client came back with this link before. Ask the customer which account at 360dialog is theirs, ' +
    'and make them a new link.',
  channel_not_listed:
    'At least one number does not belong to this client at 360dialog. Ask the customer to open the link again.',
  bound_elsewhere:
    'At least one number belongs to another customer of yours. Ask the customer to show that it is theirs.',
  nothing_matches:
    'The e-mail of this client at 360dialog is not one that you know for the customer. Ask the customer to use ' +
    'the e-mail at 360dialog that you have verified, and make them a new link with it.',
  another_number:
    'Another number was granted than the link is for. Ask the customer to grant the number in the link.',
}
