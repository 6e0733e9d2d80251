import type { ChannelFacts } from '../database/schema.ts'
import type { Translate } from '../web/render-page.ts'

const told = ['messagingLimit', 'quality', 'hosting', 'ownership', 'billingStartedAt', 'endsAt'] as const
const wabaTold = [
  'name',
  'id',
  'external_id',
  'fb_business_id',
  'namespace',
  'fb_account_status',
  'type',
] as const

export interface ShownFact {
  readonly name: string
  readonly value: string
}

/** What else 360dialog tells of a channel, in words; what it does not tell is left out. */
export function showFacts({ waba, isOnBusinessApp, ...facts }: ChannelFacts, t: Translate): ShownFact[] {
  const onApp =
    isOnBusinessApp === undefined
      ? undefined
      : t(`admin.channelFact.onBusinessApp${isOnBusinessApp ? 'Yes' : 'No'}`)
  const values = [
    ...told.map((fact) => [fact, facts[fact]] as const),
    ['onBusinessApp', onApp] as const,
    ...wabaTold.map((fact) => [`waba_${fact}`, waba?.[fact]] as const),
  ]
  return values.flatMap(([fact, value]) =>
    value === undefined ? [] : [{ name: t(`admin.channelFact.${fact}`), value }],
  )
}

/** Every name that a fact can have. */
export const channelFacts = [
  ...told,
  ...(['onBusinessApp', 'onBusinessAppYes', 'onBusinessAppNo'] as const),
  ...wabaTold.map((fact) => `waba_${fact}` as const),
]
