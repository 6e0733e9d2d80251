import type { ChannelFacts } from '../database/schema.ts'
import type { Translate } from '../web/render-page.ts'
import { showTime } from '../web/time.ts'

const told = ['messagingLimit', 'quality', 'hosting', 'ownership'] as const
/** By what 360dialog calls them. */
const dates = {
  createdAt: ['created_at'],
  billingStartedAt: ['billing_started_at'],
  endsAt: ['terminated_at', 'cancelled_at'],
} as const
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

interface Told {
  readonly createdAt: Date | undefined
  readonly facts: ChannelFacts
}

/** What else 360dialog tells of a channel, in words; what it does not tell is left out. */
export function showFacts(channel: Told, now: Date, t: Translate): ShownFact[] {
  const { waba, isOnBusinessApp, ...facts } = channel.facts
  const onApp =
    isOnBusinessApp === undefined
      ? undefined
      : t(`admin.channelFact.onBusinessApp${isOnBusinessApp ? 'Yes' : 'No'}`)
  const values = [
    ...told.map((fact) => [fact, facts[fact]] as const),
    ...dateNames.map((fact) => [fact, showDate(channel, fact, now, t)] as const),
    ['onBusinessApp', onApp] as const,
    ...wabaTold.map((fact) => [`waba_${fact}`, waba?.[fact]] as const),
  ]
  return values.flatMap(([fact, value]) =>
    value === undefined ? [] : [{ name: t(`admin.channelFact.${fact}`), value }],
  )
}

/** One of its dates: a time, or that it cannot be read; undefined when 360dialog says none. */
export function showDate(
  { createdAt, facts }: Told,
  fact: keyof typeof dates,
  now: Date,
  t: Translate,
): string | undefined {
  const said = fact === 'createdAt' ? createdAt : facts[fact]
  if (said) return showTime(new Date(said), now).exact
  const isUnread = dates[fact].some((name) => facts.unreadDates?.includes(name))
  return isUnread ? t('admin.channelFact.notRead') : undefined
}

const dateNames = Object.keys(dates) as (keyof typeof dates)[]

/** Every name that a fact can have. */
export const channelFacts = [
  ...told,
  ...dateNames,
  'notRead' as const,
  ...(['onBusinessApp', 'onBusinessAppYes', 'onBusinessAppNo'] as const),
  ...wabaTold.map((fact) => `waba_${fact}` as const),
]
