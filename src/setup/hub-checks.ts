import type { HubAddresses, Partner } from '../d360/partner.ts'
import type { LastAnswer } from '../d360/partner-http.ts'
import type { Row } from '../database/schema.ts'
import type { Asked } from './access-checks.ts'
import { type Check, ok, PARTNER_HUB_PAGE, unknown, wrong } from './check.ts'

type Sync = Pick<Row<'sync'>, 'completedAt'>

/** A launch may be signed, and what came back is compared by time: more than this is too much. */
const MOST_SKEW_S = 60
/** A large hub that 360dialog slows down takes its time. */
const LONGEST_WITHOUT_SYNC_MS = 6 * 60 * 60_000

/** Whether 360dialog's clock and ours agree, by the `Date` of its last answer. */
export function judgeClock(last: LastAnswer | undefined): Check {
  const name = 'clock'
  if (!last?.theirTime) return unknown(name, '360dialog did not say what time it is.')
  const seconds = Math.round((last.at.getTime() - last.theirTime.getTime()) / 1000)
  if (Math.abs(seconds) <= MOST_SKEW_S) return ok(name, `Within ${MOST_SKEW_S} seconds of 360dialog's.`)
  const way = seconds > 0 ? 'ahead of' : 'behind'
  return wrong(name, `The clock of this machine is ${Math.abs(seconds)} seconds ${way} 360dialog's.`, {
    remedy: 'Let NTP set it: signed launches and connect links depend on it.',
  })
}

/** What 360dialog answered last, and whether it slows us down meanwhile. */
export function judgeLastAnswer(last: LastAnswer | undefined, slowedUntil: Date | undefined): Check {
  const name = 'last answer'
  const slowed = slowedUntil ? ` 360dialog slows us down until ${slowedUntil.toISOString()}.` : ''
  if (!last) return unknown(name, `There was none.${slowed}`)
  return ok(name, `${last.status} at ${last.at.toISOString()}.${slowed}`)
}

/** Whether the hub is read every 15 minutes. */
export function judgeSync(sync: Sync | undefined, now: Date): Check {
  const name = 'last sync'
  if (!sync?.completedAt)
    return unknown(name, 'The hub was not read yet: that begins a minute after the start.')
  const at = sync.completedAt.toISOString()
  if (now.getTime() - sync.completedAt.getTime() <= LONGEST_WITHOUT_SYNC_MS)
    return ok(name, `The whole hub was last read at ${at}.`)
  return wrong(name, `The whole hub was last read at ${at}, and should be every 15 minutes.`, {
    remedy:
      'Start the site if it is stopped; else run "npm run --silent latchkey -- sync" and see what it says.',
  })
}

const NAMES = ['redirect URL', 'webhook URL', 'new numbers', 'new clients']

/** What 360dialog holds of the hub, against what this site needs. */
export function judgePartner(asked: Asked<Partner>, ours: HubAddresses): Check[] {
  if (!('answer' in asked)) return NAMES.map((name) => unknown(name, 'Not known: the hub could not be read.'))
  const { answer: partner } = asked
  return [
    judgeAddress('redirect URL', ours.redirectUrl, partner.redirectUrl),
    judgeAddress('webhook URL', ours.webhookUrl, partner.webhookUrl),
    judgeFlag('new numbers', partner.allowsNewNumbers, {
      right: 'Clients may add numbers.',
      bad: 'Clients cannot add numbers: allow_client_to_add_phone_no is false.',
    }),
    judgeFlag('new clients', partner.isBlocked === undefined ? undefined : !partner.isBlocked, {
      right: '360dialog takes new clients of this hub.',
      bad: '360dialog takes nothing new of this hub: blocked_new_submission is true.',
    }),
  ]
}

function judgeAddress(name: string, ours: string, theirs: string | undefined): Check {
  if (theirs === undefined) return unknown(name, '360dialog does not say it.', { address: PARTNER_HUB_PAGE })
  if (leadsTo(ours, theirs)) return ok(name, `${ours}, as it should be.`)
  return wrong(name, `360dialog has ${publicPart(theirs, ours)}, not ${ours}.`, {
    remedy: 'Run "npm run --silent latchkey -- doctor --set", or set it in the Partner Hub.',
    address: PARTNER_HUB_PAGE,
  })
}

function judgeFlag(name: string, isRight: boolean | undefined, words: { right: string; bad: string }): Check {
  if (isRight === undefined) return unknown(name, '360dialog does not say it.')
  if (isRight) return ok(name, words.right)
  return wrong(name, words.bad, {
    remedy: 'Ask the support of 360dialog to change it.',
    address: PARTNER_HUB_PAGE,
  })
}

/** Whether an address at 360dialog is ours; it may have a query of its own. */
export function leadsTo(ours: string, theirs: string | undefined): boolean {
  const address = URL.parse(theirs ?? '')
  return address !== null && `${address.origin}${address.pathname}` === new URL(ours).href
}

/** Of an address at 360dialog what anybody may read: paths and queries of other systems may hold their secrets. */
export function publicPart(theirs: string, ours: string): string {
  const url = URL.parse(theirs)
  if (!url) return theirs === '' ? 'none' : 'something that is no web address'
  return url.origin === new URL(ours).origin ? `${url.origin}${url.pathname}` : `one at ${url.origin}`
}
