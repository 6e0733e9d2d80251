import { afterEach, describe, expect, it } from '@jest/globals'
import type { CrashPointName } from '../../src/jobs/crash-points.ts'
import { type NumberState, numberStates } from '../../src/onboarding/number-state.ts'
import { type Situation, situations } from '../../src/onboarding/progress.ts'
import type { VisitActs } from '../../src/simulator/visits.ts'
import { loadTranslations } from '../../src/web/translations.ts'
import { refuseCredentials, untilTrouble } from '../hub-faults.ts'
import { codeOn, comeBack, emailOf, newClient, type Returned } from '../journey.ts'
import { DAY_MS, HOUR_MS, startTimedSite, type TimedSite } from '../keys/timed-site.ts'
import { eventually, launchFrom, pathOf } from '../site.ts'

let site: TimedSite
afterEach(() => site.stop())

/** Where a client finds its page, once it is in the state that the test is about. */
type Way = () => Promise<Returned>

/** Resolves when the worker has ended, at the point that the test named. */
let stopped: Promise<void> | undefined
const untilStopped = async (returned: Returned): Promise<Returned> => {
  await eventually(() => stopped !== undefined)
  await stopped
  return returned
}

const open = async ({
  stopAt,
  settings = {},
}: {
  stopAt?: CrashPointName
  settings?: Record<string, string>
} = {}) => {
  site = await startTimedSite({
    engine: 'sqlite',
    settings,
    // A worker that is told to stop takes nothing new: what comes next stays due.
    crashPoint: (name) => {
      if (name === stopAt) stopped = site.context.runner.stop()
    },
  })
  stopped = undefined
}

const shared = async (acts = newClient('ch1'), order = {}): Promise<Returned> => {
  const browser = site.newBrowser()
  const base = { tenantId: 't-ch1', tenantName: 'Shop ch1', email: emailOf('ch1') }
  const screen = await launchFrom(browser, await site.link({ ...base, ...order }))
  return comeBack({ browser, back: pathOf(site.hub.visit(screen, acts)) })
}

const quiet = async (returned: Returned): Promise<Returned> => {
  await site.untilQuiet()
  return returned
}

/** Left for the permission screen, and has not come back: the page is there already. */
const left = async (): Promise<Returned & { screen: string }> => {
  const browser = site.newBrowser()
  const order = { tenantId: 't-ch1', tenantName: 'Shop ch1', email: emailOf('ch1') }
  const link = await site.link(order)
  // What came back without a grant leads to the page, and is then as if it had not come.
  const nonce = new URL(await launchFrom(browser, link)).searchParams.get('state')
  const { status } = await comeBack({ browser, back: `/callback?nonce=${nonce}` })
  await site.context.db.deleteFrom('connectReturn').execute()
  return { browser, screen: await launchFrom(browser, link), back: '', status }
}

/** 360dialog lists nothing of what comes back. */
const unlisted = async (): Promise<Returned> => {
  const { browser, screen } = await left()
  const nonce = new URL(screen).searchParams.get('state')
  return comeBack({ browser, back: `/callback?nonce=${nonce}&client=later&channels=[later]` })
}

const reviewed = async (decide: 'refuse' | 'leave', acts = newClient('ch1'), order = {}) => {
  const returned = await quiet(await shared(acts, { email: 'other@shop.example', ...order }))
  const [review] = await site.context.reviews.listOpen({ limit: 1 })
  if (decide === 'refuse') await site.context.reviews.refuse(review?.id ?? '', 'cli')
  return returned
}

/** The mail itself does not leave: nobody listens there. */
const mails = { SMTP_URL: 'smtp://127.0.0.1:1', MAIL_FROM: 'connect@nordlicht.example' }

const webhooks = { CHANNEL_WEBHOOK_URL: 'https://product.example/{channel_id}' }

/** Its key was replaced by somebody else, and that was found out. */
const rejected = async () => {
  await open()
  const returned = await quiet(await shared())
  site.hub.mintForeignKey('ch1')
  await site.settleKey('ch1')
  return quiet(returned)
}

const inUse = async () => {
  await open()
  const createdAt = new Date(site.clock.now().getTime() - 90 * DAY_MS)
  site.hub.addClient({ id: 'cl1', email: emailOf('ch1'), name: 'Shop ch1', createdAt })
  const number = { clientId: 'cl1', phoneNumber: numberOf(), displayName: 'Shop ch1', running: true }
  site.hub.addChannel({ id: 'ch1', ...number, createdAt })
  site.hub.mintForeignKey('ch1')
  return quiet(await shared({ clientId: 'cl1', channels: ['ch1'] }, { emailVerified: true }))
}

const cancelled = async () => {
  await open()
  const returned = await quiet(await shared())
  site.hub.change('ch1', { endsAt: site.clock.now().toISOString().replace(/^..../, '2099') })
  await site.pass(HOUR_MS)
  return returned
}

const ended = async () => {
  await open()
  const returned = await quiet(await shared(newClient('ch1', { running: false })))
  site.hub.end('ch1')
  await site.pass(DAY_MS)
  return returned
}

/** By another visit of the same client: nothing of it shows on the page of this one. */
const takenBack = async () => {
  await open()
  site.hub.setSwitches({ revoke_kills_key: true })
  const returned = await quiet(await shared())
  const { clientId } = site.hub.channel('ch1')
  await quiet(await shared({ clientId, revoke: ['ch1'] }))
  await site.pass(DAY_MS)
  return returned
}

const linking = async () => {
  await open({ stopAt: 'return.bound' })
  return untilStopped(await shared())
}

const finishing = async () => {
  await open({ settings: webhooks })
  site.hub.setFault({ endpoint: 'webhook_set', kind: 'status', status: 500 })
  return quiet(await shared())
}

const noAccess = async () => {
  await open()
  refuseCredentials(site.hub)
  const returned = await shared()
  await untilTrouble(site)
  return returned
}

const ways: Record<Situation, Way> = {
  launched: async () => {
    await open()
    return left()
  },
  elsewhere: async () => {
    await open()
    const launched = await left()
    await site
      .newBrowser()
      .get(pathOf(site.hub.visit(launched.screen, newClient('ch1'))))
      .expect(303)
    return launched
  },
  no_place: async () => {
    await open()
    const launched = await left()
    site.hub.setSwitches({ allow_client_to_add_phone_no: false })
    await site.context.sync.complete()
    return launched
  },
  returned: async () => {
    await open()
    await site.context.runner.stop()
    return shared()
  },
  not_listed_yet: async () => {
    await open()
    return quiet(await unlisted())
  },
  not_listed: async () => {
    await open()
    const returned = await unlisted()
    await site.pass(DAY_MS)
    return returned
  },
  waiting: async () => {
    await open()
    return quiet(await shared(newClient('ch1', { running: false })))
  },
  owner: async () => {
    await open({ settings: mails })
    return quiet(await shared(newClient('ch1'), { email: 'other@shop.example' }))
  },
  completed: async () => {
    await open()
    return quiet(await shared())
  },
  needs_review: async () => {
    await open()
    return reviewed('leave')
  },
  declined: async () => {
    await open()
    return shared({ ...newClient('ch1'), cancel: true })
  },
  revoked: async () => {
    await open()
    await quiet(await shared())
    const { clientId } = site.hub.channel('ch1')
    return quiet(await shared({ clientId, revoke: ['ch1'] }))
  },
  refused: async () => {
    await open()
    return reviewed('refuse')
  },
  failed: takenBack,
  permission: rejected,
  deletion: cancelled,
  with_support: inUse,
  no_access: noAccess,
  linking,
  finishing,
  ended,
  expired: async () => {
    await open()
    const launched = await left()
    await site.pass(DAY_MS + HOUR_MS)
    return launched
  },
}

const two = (acts = newClient('ch1')) => ({
  ...acts,
  add: [...(acts.add ?? []), ...(newClient('ch2').add ?? [])],
})
const numberOf = () => newClient('ch1').add?.[0]?.phoneNumber ?? ''

const waysOfNumbers: Record<NumberState, Way> = {
  activating: ways.waiting,
  preparing: linking,
  proving: async () => {
    await open({ stopAt: 'key.stored' })
    return untilStopped(await shared())
  },
  connected: ways.completed,
  retrying: async () => {
    await open()
    site.hub.setFault({ endpoint: 'create_key', kind: 'status', status: 500 })
    return quiet(await shared())
  },
  no_permission: async () => {
    await open()
    site.hub.setFault({ endpoint: 'create_key', kind: 'status', status: 403 })
    return quiet(await shared())
  },
  with_support: inUse,
  no_access: async () => {
    const returned = await ways.waiting()
    refuseCredentials(site.hub)
    site.clock.advance(HOUR_MS)
    await untilTrouble(site)
    return returned
  },
  awaiting_owner: async () => {
    await open({ settings: mails })
    const link = await site.link({ tenantId: 't-ch1', tenantName: 'Shop ch1', email: emailOf('ch1') })
    const browser = site.newBrowser()
    const go = async (acts: VisitActs) =>
      quiet(await comeBack({ browser, back: pathOf(site.hub.visit(await launchFrom(browser, link), acts)) }))
    await go(newClient('ch1'))
    return go(newClient('ch2'))
  },
  in_review: async () => {
    await open()
    return reviewed('leave', two(), { email: emailOf('ch1'), number: numberOf() })
  },
  refused: async () => {
    await open()
    return reviewed('refuse', two(), { email: emailOf('ch1'), number: numberOf() })
  },
  rejected,
  ended,
  revoked: takenBack,
  deletion: cancelled,
  finishing,
  checking: async () => {
    const { browser, status } = await rejected()
    await site.context.runner.stop()
    const { headers } = await browser.post(status).expect(303)
    const { clientId } = site.hub.channel('ch1')
    const acts = { clientId, channels: ['ch1'] }
    return comeBack({ browser, back: pathOf(site.hub.visit(String(headers.location), acts)) })
  },
  listing: async () => {
    const returned = await ways.waiting()
    site.hub.forget('ch1')
    await site.pass(HOUR_MS)
    return returned
  },
  unlinked: async () => {
    await open({ settings: { ...mails } })
    const returned = await quiet(await shared(newClient('ch1', { running: false })))
    await site.context.db
      .updateTable('mint')
      .set({ state: 'not_needed', closedAt: site.clock.now() })
      .execute()
    await site.context.db.updateTable('channel').set({ keyStatus: 'none' }).execute()
    return returned
  },
}

const words = await loadTranslations()
const wordsOf = (lang: string) => {
  const translate = words.getFixedT(lang)
  // As EJS prints them.
  return (key: string) =>
    translate(key, { brand: 'Nordlicht', tenant: 'Shop ch1', email: 'c•••@shop.example' }).replaceAll(
      /['"]/g,
      (mark) => (mark === '"' ? '&#34;' : '&#39;'),
    )
}

async function read({ browser, status }: Returned, lang: string): Promise<string> {
  return (await browser.get(`${status}?refresh=off`).set('accept-language', lang).expect(200)).text
}

/** Support types in what the page says to quote, and is at the case. */
async function expectCaseBehindCode(page: string): Promise<void> {
  const code = codeOn(page)
  const admin = site.newBrowser()
  await admin.get(`/admin/first/${await site.context.admins.createFirstCode()}`).expect(303)
  const found = await admin.get(`/admin/search?q=${code.toLowerCase()}`).expect(303)
  expect((await admin.get(String(found.headers.location)).expect(200)).text).toContain('Shop ch1')
}

describe('every state that a client can be in has its page', () => {
  it.each(situations)('%s: what is, what is next, how long it takes, and a code', async (situation) => {
    const returned = await ways[situation]()
    for (const lang of ['en', 'de']) {
      const t = wordsOf(lang)
      const page = await read(returned, lang)
      for (const part of ['title', 'text', 'next', 'wait'])
        expect(page).toContain(t(`status.${situation}.${part}`))
    }
    await expectCaseBehindCode(await read(returned, 'en'))
  })

  it.each(numberStates)('a number that is %s', async (state) => {
    const returned = await waysOfNumbers[state]()
    for (const lang of ['en', 'de'])
      expect(await read(returned, lang)).toContain(wordsOf(lang)(`number.${state}`))
    await expectCaseBehindCode(await read(returned, 'en'))
  })
})
