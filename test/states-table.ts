import { readFileSync, writeFileSync } from 'node:fs'
import ejs from 'ejs'
import type { ChannelDetails } from '../src/channels/channel-service.ts'
import { type RequirementCode, requirementTable } from '../src/channels/requirement.ts'
import { type Standing, standings } from '../src/channels/standing.ts'
import { standingTable } from '../src/channels/standing-tables.ts'
import type { KnownRefusal } from '../src/onboarding/known-refusals.ts'
import { deriveProgress, type Progress } from '../src/onboarding/progress.ts'
import type { ReturnDetails } from '../src/onboarding/return-repository.ts'
import { statusValues } from '../src/onboarding/status-page.ts'
import { loadTranslations } from '../src/web/translations.ts'
import { factsOf } from './standing-facts.ts'

export const statesFile = 'docs/states.md'
export const now = new Date('2026-03-04T10:00:00.000Z')

const translate = (await loadTranslations()).getFixedT('en')
const known = new Map<string, string>()
const t = (key: string, values = {}) => {
  const about = key + JSON.stringify(values)
  const text = known.get(about) ?? translate(key, { brand: 'Nordlicht', ...values })
  known.set(about, text)
  return text
}
const view = ejs.compile(readFileSync('views/onboarding/status.ejs', 'utf8'), {
  filename: 'views/onboarding/status.ejs',
})

/** The story of a session whose one return bound these numbers. */
export function progressOf(
  channels: readonly ChannelDetails[],
  refusals: readonly KnownRefusal[] = [],
): Progress {
  const named = channels.map(({ id }) => ({
    ...{ returnId: 'ret1', channelId: id, isRevoked: false, outcome: 'bound' },
    ...{ rule: 'verified_email', reason: undefined },
  }))
  const received = {
    ...{ id: 'ret1', launchId: 'lau1', sessionId: 'ses1', clientId: 'cl', state: 'bound', arrival: 'launch' },
    ...{ browserHash: 'own', receivedAt: now, closedAt: now, channels: named },
  } as unknown as ReturnDetails
  return deriveProgress({
    ...{ now, launchedAt: now, isExpired: false, browserHash: 'own', channels },
    trouble: undefined,
    ...{ returns: [received], refusals, ownerEmails: new Map([['cl', 'anna@shop.example']]) },
  })
}

/** The page of that story, in English. */
export function pageOf(progress: Progress): string {
  const session = { code: 'K7Q-2MD', tenantName: 'Shop A' }
  const brand = { name: 'Nordlicht', supportEmail: 'help@nordlicht.example' }
  const values = statusValues({ session, progress, end: undefined, paidBy: 'direct' })
  const title = t(`status.${progress.situation}.title`)
  const page = view({ ...values, title, t, brand, demo: false, refreshes: false, stopped: false })
  return page.replaceAll('&#39;', "'").replaceAll('&#34;', '"')
}

/** What everybody is told of a number, wherever it stands. */
export function statesTable(): string {
  const rows = standings.map((standing) => {
    const { requirement, needsAdmin, keyStatus } = standingTable[standing]
    const { situation, numbers, status } = progressOf([factsOf(standing, now)])
    const [number] = numbers
    return [
      `\`${standing}\``,
      t(`admin.standing.${standing}.what`),
      t(`status.${situation}.title`),
      t(`number.${number?.state}`),
      `\`${status}\``,
      keyStatus === 'recorded' ? 'as recorded' : `\`${keyStatus}\``,
      requirement ? `\`${requirement}\`` : '–',
      needsAdmin ? 'at once' : requirement ? 'when late' : '–',
    ]
  })
  const codes = Object.entries(requirementTable).map(([code, { who, action, normallyMs }]) => [
    `\`${code}\``,
    who,
    action ?? '–',
    code === 'deletion' ? 'until 360dialog ends it' : showNormally(normallyMs),
    usersOf(code as RequirementCode).join(', ') || 'no number: the session itself',
  ])
  return [
    '# Where a number stands, and what everybody is told',
    '',
    'Written by `npm run states`; a test fails when it is out of date. The words come from `locales/`, the rules from',
    '`src/channels/standing.ts`, `src/channels/standing-tables.ts`, `src/channels/requirement.ts` and `src/onboarding/progress.ts`.',
    '',
    '## Standings',
    '',
    ...table(
      [
        'standing',
        'the admin reads',
        'headline, alone on a page',
        'the client reads of the number',
        'session',
        '`key.status`',
        'needs',
        'under “What needs me”',
      ],
      rows,
    ),
    '',
    '## What can be needed',
    '',
    'The most pressing first: of several things the headline is about the first. Later than is normal, the client is told',
    'so with an address to write to, and the number stands under “What needs me”.',
    '',
    ...table(['code', 'who', 'what they do', 'normally takes', 'standings'], codes),
    '',
  ].join('\n')
}

function usersOf(code: RequirementCode): string[] {
  return standings
    .filter((standing: Standing) => standingTable[standing].requirement === code)
    .map((one) => `\`${one}\``)
}

function showNormally(normally: number | 'working_day'): string {
  if (normally === 'working_day') return '1 working day'
  const minutes = normally / 60_000
  return minutes < 60 ? `${minutes} minutes` : `${minutes / 1440} ${minutes === 1440 ? 'day' : 'days'}`
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)]
}

if (process.argv[1]?.endsWith('states-table.ts')) writeFileSync(statesFile, statesTable())
