import type { Translate } from '../web/render-page.ts'

export type Tone = 'good' | 'waiting' | 'bad' | 'quiet'

/** A state as a page shows it: the word says it, the colour only helps. */
export interface Badge {
  readonly word: string
  readonly tone: Tone
}

/** The colours of each kind of state; its texts are `admin.<kind>.<state>` in locales/admin.en.json. */
export const tones = {
  turn: {
    client: 'waiting',
    owner: 'waiting',
    admin: 'bad',
    whatsapp: 'waiting',
    '360dialog': 'waiting',
    nobody: 'quiet',
  },
  sessionStage: {
    made: 'waiting',
    opened: 'waiting',
    left: 'waiting',
    back: 'waiting',
    done: 'good',
    expired: 'quiet',
  },
  permission: { shared: 'good', missing: 'bad', unknown: 'waiting' },
  key: {
    none: 'quiet',
    waiting: 'waiting',
    minting: 'waiting',
    stored: 'good',
    needs_decision: 'bad',
    unknown: 'bad',
    rejected: 'bad',
    retired: 'bad',
  },
  mint: {
    waiting: 'waiting',
    minting: 'waiting',
    sealed: 'waiting',
    stored: 'good',
    unknown: 'bad',
    needs_decision: 'bad',
    refused: 'bad',
    not_needed: 'quiet',
  },
  task: { due: 'waiting', ok: 'good', failed: 'bad' },
  health: { available: 'good', unknown: 'quiet', limited: 'waiting', blocked: 'bad' },
  return: {
    received: 'waiting',
    bound: 'good',
    pending: 'waiting',
    awaiting_owner: 'waiting',
    needs_review: 'bad',
    refused: 'quiet',
    declined: 'quiet',
    unreadable: 'bad',
  },
  check: { yes: 'good', no: 'bad', unknown: 'waiting' },
} as const satisfies Readonly<Record<string, Readonly<Record<string, Tone>>>>

export type BadgeKind = keyof typeof tones

export function badgeOf(t: Translate, kind: BadgeKind, state: string): Badge {
  const ofKind: Readonly<Record<string, Tone>> = tones[kind]
  return { word: t(`admin.${kind}.${state}`), tone: ofKind[state] ?? 'quiet' }
}
