import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { sql } from 'kysely'
import type { Context } from '../../src/context.ts'
import type { Check } from '../../src/setup/check.ts'
import { PARTNER_HUB_PAGE } from '../../src/setup/check.ts'
import type { Fault } from '../../src/simulator/faults.ts'
import { findDeadAddress } from '../d360/upstream.ts'
import { engines } from '../databases.ts'
import { openMailbox } from '../mailbox.ts'
import { addSharedNumber, type SetupSite, startSetupSite } from './setup-site.ts'

const refuse = (endpoint: Fault['endpoint'], status: number): Fault => ({
  ...{ endpoint, kind: 'status', status, times: 0 },
})
const lineOf = (checks: readonly Check[], name: string) => checks.find((check) => check.name === name)
const wrongNames = (checks: readonly Check[]) =>
  checks.filter(({ state }) => state === 'wrong').map(({ name }) => name)

const ADDRESS = expect.stringMatching(/^https:\/\/hub\.360dialog\.com\//)
const THIS_ONE = expect.stringMatching(/^360dialog refuses this one thing to the credentials \(403\)\./)
const withKey = {
  state: 'wrong',
  says: THIS_ONE,
  remedy: expect.stringContaining('may do it'),
  address: ADDRESS,
}

interface Case {
  readonly what: string
  readonly arrange: (site: SetupSite) => void
  readonly line: Omit<Partial<Record<keyof Check, unknown>>, 'name'> & { readonly name: string }
  /** Every line that is wrong then. */
  readonly wrong: readonly string[]
}

const fault =
  (...faults: Fault[]) =>
  ({ simulator }: SetupSite) => {
    for (const one of faults) simulator.hub.setFault(one)
  }

const cases: Case[] = [
  {
    what: 'credentials that 360dialog refuses, said once',
    arrange: fault(refuse('*', 401)),
    line: {
      ...{ name: 'read the hub', state: 'wrong', says: '360dialog refuses the credentials (401).' },
      ...{ remedy: expect.stringContaining('D360_PARTNER_API_KEY'), address: PARTNER_HUB_PAGE },
    },
    wrong: ['read the hub'],
  },
  ...(['partner', 'clients', 'channels', 'list_keys'] as const).map((endpoint, at) => {
    const name = ['read the hub', 'read clients', 'read numbers', 'read key records'][at] ?? ''
    return {
      what: `credentials that may not ${name}, and that alone`,
      arrange: fault(refuse(endpoint, 403)),
      line: { name, ...withKey },
      wrong: [name],
    }
  }),
  {
    what: 'credentials of another hub',
    arrange: fault(refuse('*', 403)),
    line: { name: 'read clients', state: 'wrong', remedy: expect.stringContaining('the same Partner Hub') },
    wrong: ['read the hub', 'read clients', 'read numbers', 'read key records'],
  },
  {
    what: 'a hub that 360dialog does not know',
    arrange: fault(refuse('partner', 404)),
    line: { name: 'read the hub', state: 'wrong', remedy: 'Check D360_PARTNER_ID and D360_API_URL.' },
    wrong: ['read the hub'],
  },
  {
    what: 'a 360dialog that fails, which is nothing to fix here',
    arrange: fault(refuse('*', 503)),
    line: { name: 'read the hub', state: 'unknown', says: '360dialog answered 503.' },
    wrong: [],
  },
  {
    what: 'a 360dialog that slows us down',
    arrange: fault({ ...refuse('partner', 429), times: 3 }),
    line: { name: 'last answer', state: 'ok', says: expect.stringContaining('slows us down until 20') },
    wrong: [],
  },
  {
    what: 'something else that answers in its place',
    arrange: fault({ endpoint: 'partner', kind: 'odd_answer', shape: 'not_json', times: 0 }),
    line: { name: 'read the hub', state: 'wrong', remedy: 'Check D360_API_URL.' },
    wrong: ['read the hub'],
  },
  ...[
    { by: 90, way: 'ahead of' },
    { by: -90, way: 'behind' },
  ].map(({ by, way }) => ({
    what: `a clock that is ${way} 360dialog's`,
    arrange: ({ clock }: SetupSite) => {
      clock.ahead = by * 1000
    },
    line: {
      ...{ name: 'clock', state: 'wrong', remedy: expect.stringContaining('NTP') },
      says: expect.stringMatching(RegExp(`machine is (89|9\\d) seconds ${way} 360dialog's`)),
    },
    wrong: ['clock'],
  })),
  ...[['redirect URL', 'redirectUrl'] as const, ['webhook URL', 'webhookUrl'] as const].flatMap(
    ([name, key]) => {
      const put =
        (address: string | undefined) =>
        ({ simulator: { hub } }: SetupSite) => {
          if (key === 'redirectUrl') hub.settings.redirectUrl = address
          else hub.webhookUrl = address
        }
      const line = {
        name,
        state: 'wrong',
        remedy: expect.stringContaining('doctor --set'),
        address: PARTNER_HUB_PAGE,
      }
      return [
        {
          what: `no ${name} at 360dialog`,
          arrange: put(undefined),
          line: { ...line, says: expect.stringMatching(/^360dialog has none, not http:/) },
          wrong: [name],
        },
        {
          what: `another ${name} at 360dialog, and no secret in it`,
          arrange: put('https://canary-user@old.example/canary/hook?secret=canary-query#canary-part'),
          line: {
            ...line,
            says: expect.stringMatching(/^360dialog has one at https:\/\/old\.example, not/),
          },
          wrong: [name],
        },
      ]
    },
  ),
  {
    what: 'a webhook URL that no call tells',
    arrange: (site) => {
      site.simulator.hub.setSwitches({ partner_hides_webhook: true })
      site.simulator.hub.setFault(refuse('partner_webhook_get', 404))
    },
    line: { name: 'webhook URL', state: 'unknown', says: '360dialog does not say it.' },
    wrong: [],
  },
  {
    what: 'a webhook URL that only the call of its own tells',
    arrange: ({ simulator }) => simulator.hub.setSwitches({ partner_hides_webhook: true }),
    line: { name: 'webhook URL', state: 'ok' },
    wrong: [],
  },
  {
    what: 'clients who cannot add numbers',
    arrange: ({ simulator }) => simulator.hub.setSwitches({ allow_client_to_add_phone_no: false }),
    line: {
      name: 'new numbers',
      state: 'wrong',
      says: expect.stringContaining('allow_client_to_add_phone_no'),
    },
    wrong: ['new numbers'],
  },
  {
    what: 'a hub of which 360dialog takes nothing new',
    arrange: ({ simulator }) => simulator.hub.setSwitches({ blocked_new_submission: true }),
    line: { name: 'new clients', state: 'wrong', says: expect.stringContaining('blocked_new_submission') },
    wrong: ['new clients'],
  },
]

describe.each(engines)('the checks on %s', (engine) => {
  let site: SetupSite
  let context: Context
  beforeAll(async () => {
    site = await startSetupSite(engine)
    context = await site.open()
    site.makeRight()
  })
  afterEach(async () => {
    site.makeRight()
    await context.db.deleteFrom('callBudget').execute()
  })
  afterAll(() => site.close())

  it('find nothing wrong where nothing is, before there is a number', async () => {
    const checks = await context.setup.check()
    expect(checks.map(({ name, state }) => `${state} ${name}`)).toEqual([
      ...['ok database', 'ok vault'],
      ...['ok read the hub', 'ok read clients', 'ok read numbers', 'unknown read key records', 'ok clock'],
      ...[
        'ok redirect URL',
        'ok webhook URL',
        'ok new numbers',
        'ok new clients',
        'ok https',
        'unknown proxy',
      ],
      ...['ok mail', 'unknown platform secret', 'ok last answer', 'unknown last sync', 'unknown last notice'],
    ])
    await addSharedNumber(site, context)
    expect(lineOf(await context.setup.check(), 'read key records')?.state).toBe('ok')
  })

  it('change nothing at 360dialog, and create no key', async () => {
    await context.setup.check()
    const { calls, minted } = site.simulator.hub
    expect([minted, calls.create_key, calls.set_partner, calls.partner_webhook_set]).toEqual([[], 0, 0, 0])
  })

  it.each(cases)('find $what', async ({ arrange, line, wrong }) => {
    arrange(site)
    const checks = await context.setup.check()
    expect(lineOf(checks, line.name)).toMatchObject(line)
    expect(wrongNames(checks)).toEqual(wrong)
    expect(JSON.stringify(checks)).not.toContain('canary')
  })

  it('give each wrong line one sentence and one remedy, and no line two', async () => {
    for (const { arrange } of cases) {
      site.makeRight()
      arrange(site)
      for (const { name, state, says, remedy } of await context.setup.check()) {
        expect([name, says]).toEqual([name, expect.stringMatching(/^[^\n]+\.$/)])
        expect([name, state, remedy !== undefined || state !== 'wrong']).toEqual([name, state, true])
      }
    }
  })

  it('find that the hub was not read for long', async () => {
    await context.sync.complete()
    expect(lineOf(await context.setup.check(), 'last sync')).toMatchObject({ state: 'ok' })
    site.clock.ahead = 7 * 60 * 60_000
    expect(lineOf(await context.setup.check(), 'last sync')).toMatchObject({
      state: 'wrong',
      remedy: expect.stringContaining('latchkey -- sync'),
    })
  })

  it('find that there is no connection', async () => {
    const dead = await site.open({ D360_API_URL: `${await findDeadAddress()}/api/v2` })
    const checks = await dead.setup.check()
    expect(lineOf(checks, 'read the hub')).toMatchObject({
      state: 'wrong',
      says: 'There is no connection to 360dialog.',
    })
    expect(wrongNames(checks)).toEqual(['read the hub'])
    expect(lineOf(checks, 'last answer')).toMatchObject({ state: 'unknown' })
  })

  it('find whether the mail server takes us, and send nothing', async () => {
    const mailbox = await openMailbox()
    mailbox.demand({ user: 'user', password: 'canary-right' })
    const check = async (password: string) => {
      const SMTP_URL = mailbox.url.replace('://', `://user:${password}@`)
      return (await site.open({ SMTP_URL, MAIL_FROM: 'a@nordlicht.example' })).setup.check()
    }
    const [refused, taken] = [await check('canary-wrong'), await check('canary-right')]
    await mailbox.close()
    const away = await check('canary-right')
    expect(lineOf(taken, 'mail')).toMatchObject({
      state: 'ok',
      says: expect.stringContaining('Nothing was sent'),
    })
    for (const checks of [refused, away])
      expect(lineOf(checks, 'mail')).toMatchObject({
        state: 'wrong',
        remedy: expect.stringContaining('SMTP_URL'),
      })
    expect(JSON.stringify([refused, taken, away])).not.toContain('canary')
    expect(mailbox.mails).toEqual([])
  })

  it('say of a platform secret that only a notice of 360dialog proves it', async () => {
    const checks = await (await site.open({ D360_PLATFORM_SECRET: 'canary-platform-secret' })).setup.check()
    expect(lineOf(checks, 'platform secret')).toMatchObject({
      state: 'unknown',
      says: expect.stringContaining('signed notice'),
    })
    expect(JSON.stringify(checks)).not.toContain('canary')
  })

  it('find a vault key that is not the one of the database', async () => {
    const [check] = await context.db.selectFrom('vaultCheck').selectAll().execute()
    const seal = (sealed = '') => context.db.updateTable('vaultCheck').set({ sealed }).execute()
    await seal(check?.sealed.replace(/.{4}$/, 'AAAA'))
    expect(lineOf(await context.setup.check(), 'vault')).toMatchObject({
      state: 'wrong',
      remedy: expect.any(String),
    })
    await seal(check?.sealed)
    expect(lineOf(await context.setup.check(), 'vault')?.state).toBe('ok')
  })

  it('find a database that lacks migrations, and ask nobody else then', async () => {
    const { calls } = site.simulator.hub
    const before = { ...calls }
    const row = await context.db.selectFrom('migration').selectAll().executeTakeFirstOrThrow()
    await context.db.deleteFrom('migration').execute()
    const checks = await context.setup.check()
    await context.db.insertInto('migration').values(row).execute()
    expect(checks[0]).toMatchObject({
      name: 'database',
      state: 'wrong',
      remedy: expect.stringContaining('migrate'),
    })
    expect(calls).toEqual(before)
  })

  it('find a database that cannot be written, by its code alone', async () => {
    await sql`alter table installation rename to lost`.execute(context.db)
    const checks = await context.setup.check()
    await sql`alter table lost rename to installation`.execute(context.db)
    expect(checks[0]).toMatchObject({ name: 'database', state: 'wrong' })
    expect(checks[0]?.says).toMatch(/^It cannot be used \((ERR_SQLITE_ERROR|42P01)\)\.$/)
  })
})
