import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { withStanding } from '../../src/admin/standing-channel.ts'
import type { ChannelDetails } from '../../src/channels/channel-service.ts'
import { DAY_MS, requirementCodes, requirementTable } from '../../src/channels/requirement.ts'
import { standingOf, standings } from '../../src/channels/standing.ts'
import { standingTable } from '../../src/channels/standing-tables.ts'
import { type KnownRefusal, takesNothingNew } from '../../src/onboarding/known-refusals.ts'
import { numberStates, stateOfStanding } from '../../src/onboarding/number-state.ts'
import { toJson } from '../../src/onboarding/status-page.ts'
import { factsOf } from '../standing-facts.ts'
import { now, pageOf, progressOf, statesFile, statesTable } from '../states-table.ts'

const ages = ['fresh', 'over the normal time', 'over a week'] as const
type Age = (typeof ages)[number]
const WEEK_MS = 7 * DAY_MS

/** How long ago it began, so that it is of this age; none is normal for longer than 30 days. */
function msOf(age: Age, standing: (typeof standings)[number]): number {
  if (age === 'fresh') return 1_000
  const code = standingTable[standing].requirement
  const normally = code ? requirementTable[code].normallyMs : 0
  // A working day may have a weekend in it.
  const over = normally === 'working_day' ? 3 * DAY_MS + 1 : normally + 1
  return age === 'over a week' ? Math.max(over, WEEK_MS + 1) : over
}

interface Case {
  readonly name: string
  readonly channel: ChannelDetails
}
const cases: readonly Case[] = standings.flatMap((standing) =>
  ages.map((age) => {
    const channel = factsOf(standing, new Date(now.getTime() - msOf(age, standing)))
    return { name: `${standing}, ${age}`, channel }
  }),
)

const NOTHING_TO_DO = "You don't have to do anything"
const CONNECTED = /<h1[^>]*>\s*Connected/
const DONE = 'Everything is ready'

/** What is wrong with a page, by the rules that hold for every one. */
function contradictionsOf(
  channels: readonly ChannelDetails[],
  refusals: readonly KnownRefusal[] = [],
): string[] {
  const progress = progressOf(channels, refusals)
  const { requirements, numbers, situation } = progress
  const page = pageOf(progress)
  const all = channels.map((channel) => standingOf(channel))
  const forClient = requirements.some(({ who }) => who === 'client')
  const [first] = requirements
  const admin = channels.map((channel) => withStanding(channel, now, undefined))
  const json = toJson(progress) as { requirements: { code: string; who: string }[] }
  const hasButton = page.includes('<form method="post">')
  const rules: readonly [string, boolean][] = [
    ['nothing to do, beside something to do', page.includes(NOTHING_TO_DO) && (forClient || hasButton)],
    [
      'connected, and somebody is needed',
      (CONNECTED.test(page) || page.includes(DONE)) && requirements.length > 0,
    ],
    [
      'being linked, and no work is open',
      page.includes('being linked') &&
        !all.some(
          (standing) =>
            stateOfStanding[standing] === 'preparing' ||
            stateOfStanding[standing] === 'proving' ||
            stateOfStanding[standing] === 'retrying',
        ),
    ],
    ['a button, and 360dialog has ended every number', hasButton && all.every((one) => one === 'ended')],
    [
      'something for the client, and no button',
      requirements.some(({ action }) => action === 'share') && !hasButton,
    ],
    [
      'late, and the client is not told',
      first?.isLate === true &&
        !page.includes('Write to Nordlicht') &&
        !page.includes('write to them') &&
        !page.includes('write to Nordlicht'),
    ],
    [
      'not late, and the client is told so',
      !requirements.some(({ isLate }) => isLate) && page.includes('longer than usual'),
    ],
    [
      'late, and no admin is told',
      admin.some(
        ({ requirement, needsAdmin, standing }) =>
          requirement?.isLate && !needsAdmin && standing !== 'in_review',
      ),
    ],
    [
      'the admin’s turn is not the client’s',
      admin.some(({ turn }, at) => turn !== (numbers[at]?.requirement?.who ?? 'nobody')),
    ],
    [
      'the JSON needs something else',
      JSON.stringify(json.requirements.map(({ code }) => code)) !==
        JSON.stringify(requirements.map(({ code }) => code)),
    ],
    [
      'the headline is not about what is most pressing',
      first !== undefined &&
        !numbers.some(({ requirement, state }) => requirement?.code === first.code && state !== 'connected'),
    ],
    [
      'another number is offered, and 360dialog would refuse it without a word from here',
      hasButton && refusals.some(takesNothingNew) && !page.includes('class="refusals"'),
    ],
    ['no button, and what it would be refused', !hasButton && page.includes('class="refusals"')],
    ['a key instead of its words', /(status|number)\.[a-z]/.test(page)],
    [
      'completed, and a number does not work',
      progress.status === 'completed' && !numbers.some(({ works }) => works),
    ],
    ['no headline', situation === 'launched' || situation === 'expired'],
  ]
  return rules.filter(([, isBroken]) => isBroken).map(([rule]) => rule)
}

describe('the story of a session', () => {
  it('has a way to each standing', () => {
    for (const standing of standings) expect(standingOf(factsOf(standing, now))).toBe(standing)
  })

  it('never contradicts itself, whatever two numbers stand together, and however long', () => {
    const broken: unknown[] = []
    for (const [at, one] of cases.entries())
      for (const other of cases.slice(at)) {
        const found = contradictionsOf([one.channel, { ...other.channel, id: 'ch2' }])
        if (found.length > 0) broken.push([one.name, other.name, found])
      }
    expect(broken.slice(0, 20)).toEqual([])
  })

  it('never contradicts itself about one number', () => {
    expect(
      cases
        .map(({ name, channel }) => [name, contradictionsOf([channel])])
        .filter(([, found]) => found?.length),
    ).toEqual([])
  })

  it.each<KnownRefusal>([
    { code: 'hub_blocked' },
    { code: 'no_new_numbers' },
    { code: 'limit_used_up', used: 2, limit: 2 },
    { code: 'restricted_email' },
  ])('never contradicts itself about one number, when 360dialog refuses: $code', (refusal) => {
    const found = cases.map(({ name, channel }) => [name, contradictionsOf([channel], [refusal])] as const)
    expect(found.filter(([, broken]) => broken.length > 0)).toEqual([])
  })

  it.each(cases.filter(({ name }) => !name.endsWith('fresh')))(
    'tells another thing of a number that is $name, unless that is its end',
    ({ channel }) => {
      const standing = standingOf(channel)
      const fresh = factsOf(standing, now)
      if (standingTable[standing].requirement === undefined) return
      expect(pageOf(progressOf([channel]))).not.toBe(pageOf(progressOf([fresh])))
    },
  )

  it('has a normal time for everything that can be needed, and it can all be needed of a number but for three', () => {
    const used = new Set(standings.map((standing) => standingTable[standing].requirement))
    expect(requirementCodes.filter((code) => !used.has(code))).toEqual(['place', 'grant', 'check'])
    expect(new Set(standings.map((standing) => stateOfStanding[standing])).size).toBe(numberStates.length - 1)
  })

  it('is the table of docs/states.md', () => {
    expect(readFileSync(statesFile, 'utf8')).toBe(statesTable())
  })
})
