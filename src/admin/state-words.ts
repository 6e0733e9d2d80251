import type { ChannelState, TaskState } from '../channels/channel-repository.ts'
import type { Came, KeyStatus, MintRow, ObservationRow, ObservationSource } from '../database/schema.ts'
import type { ReviewReason } from '../onboarding/belonging.ts'
import type { Return } from '../onboarding/return-repository.ts'
import type { Review } from '../onboarding/review-repository.ts'
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

/** Why a mint was opened, where that needs a word beside who asked. */
export const reasonWords: Readonly<Record<MintRow['reason'], string | undefined>> = {
  return: undefined,
  lost_answer: 'again, after a lost answer',
  replace: 'in place of the key that was there',
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
  pending: badge('Waits for the customer', 'waiting'),
  needs_review: badge('Needs a review', 'bad'),
  refused: badge('Not connected', 'quiet'),
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

/** Why a number waits for a decision, and what to ask for. */
export const reviewWords: Readonly<Record<ReviewReason, { readonly what: string; readonly todo: string }>> = {
  client_not_listed: {
    what: '360dialog does not list this client for you.',
    todo: 'Ask the customer to grant the permission again, to your company.',
  },
  another_client: {
    what: 'Another client came back with this link before.',
    todo: 'Ask the customer which account at 360dialog is theirs, and make them a new link.',
  },
  channel_not_listed: {
    what: 'At least one number does not belong to this client at 360dialog.',
    todo: 'Ask the customer to open the link again.',
  },
  bound_elsewhere: {
    what: 'At least one number belongs to another customer of yours.',
    todo: 'Ask the customer to show that it is theirs.',
  },
  launch_expired: {
    what: 'The customer came back more than a day after leaving for 360dialog.',
    todo: 'Ask them to press "Continue here" on the page that they came back to: then it is checked again.',
  },
  no_nonce: {
    what: 'The customer came back without the code of this attempt: only the browser tells who it was.',
    todo: 'Ask them to press "Continue here" on the page that they came back to: then it is checked again.',
  },
  another_sign_up: {
    what: 'Somebody else asked with the same e-mail at the same time, so it is not certain who made the client.',
    todo: 'Ask the customer, at an address that you know already, whether the number is theirs.',
  },
  nothing_matches: {
    what: 'The e-mail of this client at 360dialog is not one that you know for the customer.',
    todo:
      'Ask the customer to use the e-mail at 360dialog that you have verified, and make them a new link ' +
      'with it.',
  },
  another_number: {
    what: 'Another number was granted than the link is for.',
    todo: 'Ask the customer to grant the number in the link.',
  },
  no_session: {
    what: 'Somebody shared this number, and nothing says for which customer.',
    todo: 'Ask who it was. Give the number to that customer, or refuse it.',
  },
}

export const decisionWords: Readonly<Record<NonNullable<Review['decision']>, string>> = {
  accepted: 'Accepted',
  refused: 'Refused',
  settled: 'Not needed any more',
}

/** How a return came, with which code and in which browser. */
export const cameWords: Readonly<Record<Came, string>> = {
  launch: 'with the code of this attempt, in the browser that left',
  other_browser: 'with the code of this attempt, in another browser',
  expired_launch: 'with a code that had ended: more than a day after leaving',
  open_launch: 'without a code, in a browser that had left',
  taken_up: 'in another way first, then once more by "Continue here"',
  no_nonce: 'without a code, in a browser that nobody knows',
  unknown_nonce: 'with a code that nobody knows',
  two_nonces: 'with two codes that contradict each other',
}
