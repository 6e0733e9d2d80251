import { globSync, readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { badgeOf, tones } from '../../src/admin/badge.ts'
import { channelFacts } from '../../src/admin/channel-facts.ts'
import { channelNotes } from '../../src/admin/channel-routes.ts'
import { reviewNotes } from '../../src/admin/review-routes.ts'
import type { SessionStage } from '../../src/admin/session-stage.ts'
import { standings } from '../../src/channels/standing.ts'
import type { Arrival, Row } from '../../src/database/schema.ts'
import { loadTranslations } from '../../src/web/translations.ts'

type Words = { readonly [key: string]: string | Words }
/** Each value of a union, as the compiler knows it. */
type Each<T extends string> = Readonly<Record<T, true>>

const words = flatten(JSON.parse(readFileSync('locales/admin.en.json', 'utf8')), 'admin.')
const files = globSync(['views/admin/**/*.ejs', 'src/admin/*.ts']).map((file) => readFileSync(file, 'utf8'))
const t = (await loadTranslations()).getFixedT('en')

const reasons: Each<NonNullable<Row<'returnedChannel'>['reason']>> = {
  ...{ client_not_listed: true, another_client: true, channel_not_listed: true, bound_elsewhere: true },
  ...{
    launch_expired: true,
    no_cookie: true,
    no_nonce: true,
    owner_refused: true,
    owner_silent: true,
    nothing_matches: true,
  },
  ...{ another_number: true, no_session: true },
}
const arrivals: Each<Arrival> = {
  ...{ launch: true, other_browser: true, expired_launch: true, open_launch: true, resumed: true },
  ...{ no_cookie: true, no_nonce: true, unknown_nonce: true, two_nonces: true },
}
const statuses: Each<Row<'channel'>['status']> = {
  ...{ draft: true, in_setup: true, live: true, pending_deletion: true, terminated: true, unknown: true },
}
const sources: Each<Row<'observation'>['source']> = {
  ...{ return: true, mint: true, probe: true, api: true, notice: true, admin: true },
}
const says: Each<Row<'observation'>['says']> = {
  ...{ shared: true, missing: true, grant_reported: true, revocation_reported: true },
  ...{ key_works: true, key_rejected: true },
}
const signatures: Each<Row<'notice'>['signature']> = {
  ...{ valid: true, invalid: true, missing: true, unchecked: true },
}
const noticeOutcomes: Each<NonNullable<Row<'notice'>['outcome']>> = {
  ...{ read: true, not_listed: true, kept: true },
}
const failures: Each<Row<'failedPage'>['what']> = {
  ...{
    unreadable: true,
    unreadable_return: true,
    forbidden: true,
    not_found: true,
    too_many: true,
    busy: true,
    upstream: true,
  },
  ...{ bug: true, out_of_order: true, link_unknown: true, link_expired: true, link_used_up: true },
  ...{ no_launch: true, question_unknown: true, question_expired: true },
}
const troubles: Each<Row<'hubTrouble'>['kind']> = {
  away: true,
  credentials_refused: true,
  not_understood: true,
}
const decisions: Each<NonNullable<Row<'review'>['decision']>> = {
  accepted: true,
  moved: true,
  refused: true,
  settled: true,
}
const mintReasons: Each<Exclude<Row<'mint'>['reason'], 'return'>> = { lost_answer: true, replace: true }
const origins: Each<Row<'connectSession'>['origin']> = { link: true, self_signup: true }
const states = {
  turn: { client: true, owner: true, admin: true, whatsapp: true, '360dialog': true, nobody: true },
  sessionStage: {
    ...{ made: true, opened: true, left: true, back: true, done: true, expired: true },
  } satisfies Each<SessionStage>,
  permission: { shared: true, missing: true, unknown: true } satisfies Each<Row<'channel'>['permission']>,
  key: {
    ...{ none: true, waiting: true, minting: true, stored: true },
    ...{ needs_decision: true, unknown: true, rejected: true, retired: true },
  } satisfies Each<Row<'channel'>['keyStatus']>,
  mint: {
    ...{ waiting: true, minting: true, sealed: true, stored: true },
    ...{ unknown: true, needs_decision: true, refused: true, not_needed: true },
  } satisfies Each<Row<'mint'>['state']>,
  task: { due: true, ok: true, failed: true } satisfies Each<Row<'channelTask'>['state']>,
  return: {
    ...{
      received: true,
      bound: true,
      pending: true,
      awaiting_owner: true,
      needs_review: true,
      refused: true,
      declined: true,
      unreadable: true,
    },
  } satisfies Each<Row<'connectReturn'>['state']>,
  check: { yes: true, no: true, unknown: true },
  health: { available: true, unknown: true, limited: true, blocked: true } satisfies Each<
    Row<'channelHealth'>['state']
  >,
} as const
const problems =
  `not_listed not_running never_sent refused no_permission upstream_failed credentials_refused answer_lost another_key_appeared
  key_in_use key_records_unreadable answer_unreadable answer_masked answer_host_not_allowed another_number
  key_doubted key_rejected another_system unreachable unexpected_answer not_openable internal`.split(/\s+/)

/** The keys that are put together while a page is rendered. */
const built = [
  ...standings.flatMap((standing) => whatAndTodo(`standing.${standing}`)),
  ...Object.keys(reasons).flatMap((reason) => whatAndTodo(`review.${reason}`)),
  ...Object.keys(troubles).flatMap((kind) => whatAndTodo(`trouble.${kind}`)),
  ...['one', 'other'].map((count) => `admin.trouble.waiting_${count}`),
  ...Object.entries(states).flatMap(([kind, each]) => keysOf(kind, each)),
  ...problems.map((problem) => `admin.problem.${problem}`),
  ...Object.keys(states.permission).flatMap((permission) => keysOf(`permissionFrom.${permission}`, sources)),
  ...keysOf('arrival', arrivals),
  ...keysOf('channelStatus', statuses),
  ...keysOf('source', sources),
  ...keysOf('says', says),
  ...keysOf('fact', { status: true, messagingLimit: true, quality: true } satisfies Each<
    Row<'channelChange'>['fact']
  >),
  ...channelFacts.map((fact) => `admin.channelFact.${fact}`),
  ...keysOf('failedPage', failures),
  ...keysOf('decision', decisions),
  ...keysOf('reviewState', { open: true, ...decisions }),
  ...keysOf('mintReason', mintReasons),
  ...keysOf('origin', origins),
  ...keysOf('ownerAnswer', { unsent: true, open: true, yes: true, no: true, none: true }),
  ...['unreadable', 'no_cookie'].flatMap((why) => whatAndTodo(`stuck.${why}`)),
  ...keysOf('returnTodo', { pending: true, refused: true }),
  ...keysOf('noticeSignature', signatures),
  ...keysOf('noticeOutcome', { waits: true, ...noticeOutcomes }),
  ...channelNotes.map((note) => `admin.channelNote.${note}`),
  ...reviewNotes.map((note) => `admin.reviewNote.${note}`),
  ...['Seconds', 'Minutes'].flatMap((unit) =>
    ['one', 'other'].map((count) => `admin.signIn.nameWaits${unit}_${count}`),
  ),
]
const named = files.flatMap((text) =>
  [...text.matchAll(/\bt\((?:\[[^\]]*?)?'(admin\.[\w.]+)'/g)].map(([, key = '']) => key),
)

describe('the words of the admin area', () => {
  it('are there for every key that a page names or puts together', () => {
    expect(named.length).toBeGreaterThan(5)
    const all = [...built, ...named]
    expect(all.filter((key) => !words.has(key))).toEqual([])
  })

  it('are put together only from groups that are known here', () => {
    const groups = files.flatMap((text) =>
      [...text.matchAll(/`admin\.([\w]+)[.$]/g)].map(([, group = '']) => group),
    )
    const known = new Set(built.map((key) => key.split('.')[1]))
    expect(groups.filter((group) => group !== '' && !known.has(group))).toEqual([])
  })

  it('are all used', () => {
    expect([...words.keys()].filter((key) => !built.includes(key) && !named.includes(key))).toEqual([])
  })

  it.each(Object.keys(tones) as (keyof typeof tones)[])('name and colour every state of a %s', (kind) => {
    expect(Object.keys(tones[kind]).toSorted()).toEqual(Object.keys(states[kind]).toSorted())
    for (const state of Object.keys(tones[kind])) {
      const { word } = badgeOf((key, values) => t(key, { ...values }), kind, state)
      expect(word).toMatch(/^[A-Z\d]/i)
      expect(word).not.toMatch(/[._]/)
    }
  })

  it.each(problems)('say what happened and what to do about %s', (problem) => {
    const text = t(`admin.problem.${problem}`)
    expect(text).toMatch(/^\S.*\.$/)
    expect(text).not.toMatch(/undefined|_[a-z]|\$t/)
  })

  it.each(['from_the_future', 'constructor', '__proto__', 'toString'])(
    'show a problem that is new: %s',
    (problem) => {
      expect(t([`admin.problem.${problem}`, 'admin.problem.unknown'], { problem })).toBe(
        `Something new happened: ${problem}. Look in the log for it.`,
      )
    },
  )
})

function keysOf(group: string, each: Readonly<Record<string, true>>): string[] {
  return Object.keys(each).map((name) => `admin.${group}.${name}`)
}

function whatAndTodo(key: string): string[] {
  return [`admin.${key}.what`, `admin.${key}.todo`]
}

function flatten(texts: Words, prefix: string): Map<string, string> {
  return new Map(
    Object.entries(texts).flatMap(([name, value]) =>
      typeof value === 'string' ? [[`${prefix}${name}`, value]] : [...flatten(value, `${prefix}${name}.`)],
    ),
  )
}
