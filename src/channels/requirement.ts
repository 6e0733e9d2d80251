/** What can still be needed so that a number works. */
export const requirementCodes = [
  /** 360dialog takes a new number: the partner sees to it. */
  'place',
  /** The client goes on at 360dialog, or in this browser. */
  'grant',
  /** The client shares the number, once more if it was shared before. */
  'permission',
  /** The client keeps 360dialog from ending the number, if that is not wanted. */
  'deletion',
  /** The owner says yes or no to our mail. */
  'owner_answer',
  /** 360dialog answers this site: the partner sees to it. */
  'access',
  /** 360dialog answers what came back is true. */
  'check',
  /** 360dialog lists the number. */
  'listing',
  /** An admin decides whose number it is. */
  'review',
  /** An admin decides what becomes of the number's key. */
  'key_decision',
  /** WhatsApp activates the number. */
  'activation',
  /** 360dialog creates the key, and the key is proven. */
  'key',
  /** 360dialog says whether the number is still shared. */
  'permission_check',
  /** 360dialog takes the address for the number's messages. */
  'webhook',
] as const
export type RequirementCode = (typeof requirementCodes)[number]

/** Who has to act next so that the number works. */
export const whos = ['client', 'owner', 'admin', 'whatsapp', '360dialog'] as const
export type Who = (typeof whos)[number]

/** What that one does: shares the number by the button, answers our mail, or decides in the admin area. */
export type RequirementAction = 'share' | 'answer_mail' | 'decide'

interface RequirementMeaning {
  readonly who: Who
  readonly action?: RequirementAction
  /** How long it normally takes. */
  readonly normallyMs: number | 'working_day'
}

const MINUTE_MS = 60_000
export const DAY_MS = 24 * 60 * MINUTE_MS
/** How long it normally takes until 360dialog has answered. */
export const ANSWER_MS = 5 * MINUTE_MS
/** How long WhatsApp normally takes to activate a number. */
export const ACTIVATION_MS = 3 * DAY_MS

/** What each requirement means, the most pressing first. */
export const requirementTable: Readonly<Record<RequirementCode, RequirementMeaning>> = {
  place: { who: 'admin', normallyMs: 'working_day' },
  grant: { who: 'client', action: 'share', normallyMs: DAY_MS },
  permission: { who: 'client', action: 'share', normallyMs: DAY_MS },
  deletion: { who: 'client', normallyMs: 30 * DAY_MS },
  owner_answer: { who: 'owner', action: 'answer_mail', normallyMs: 7 * DAY_MS },
  access: { who: 'admin', normallyMs: 'working_day' },
  check: { who: '360dialog', normallyMs: ANSWER_MS },
  listing: { who: '360dialog', normallyMs: DAY_MS },
  review: { who: 'admin', action: 'decide', normallyMs: 'working_day' },
  key_decision: { who: 'admin', action: 'decide', normallyMs: 'working_day' },
  activation: { who: 'whatsapp', normallyMs: ACTIVATION_MS },
  key: { who: '360dialog', normallyMs: ANSWER_MS },
  permission_check: { who: '360dialog', normallyMs: DAY_MS },
  webhook: { who: '360dialog', normallyMs: ANSWER_MS },
}

/** One thing that is still needed. */
export interface Requirement {
  readonly code: RequirementCode
  readonly who: Who
  readonly action: RequirementAction | undefined
  readonly since: Date | undefined
  readonly normallyUntil: Date | undefined
  /** It takes longer than is normal: the client may ask why, and an admin is told. */
  readonly isLate: boolean
}

/** `until`: when it has to be done, where that is known. */
export function requirementOf(
  code: RequirementCode,
  since: Date | undefined,
  now: Date,
  until?: Date,
): Requirement {
  const { who, action, normallyMs } = requirementTable[code]
  const normallyUntil = until ?? (since && endOf(since, normallyMs))
  return {
    code,
    who,
    action,
    since,
    normallyUntil,
    isLate: normallyUntil !== undefined && normallyUntil < now,
  }
}

/** The most pressing first; of several of one kind the one that is due first. */
export function mostPressing(requirements: readonly Requirement[]): Requirement[] {
  const inOrder = requirements.toSorted((a, b) => dueOf(a) - dueOf(b))
  return requirementCodes.flatMap((code) => inOrder.find((one) => one.code === code) ?? [])
}

function dueOf({ normallyUntil }: Requirement): number {
  return normallyUntil?.getTime() ?? Number.MAX_SAFE_INTEGER
}

function endOf(since: Date, normally: RequirementMeaning['normallyMs']): Date {
  if (normally !== 'working_day') return new Date(since.getTime() + normally)
  let end = new Date(since.getTime() + DAY_MS)
  while (end.getUTCDay() % 6 === 0) end = new Date(end.getTime() + DAY_MS)
  return end
}
