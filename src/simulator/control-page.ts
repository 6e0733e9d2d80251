import { Router } from 'express'
import type { Fault } from './faults.ts'
import { healthStates } from './health.ts'
import type { Hub } from './hub.ts'
import { channelEvents } from './notice-data.ts'
import { renderPage } from './render-page.ts'
import { wordsOf } from './words.ts'

const presets: readonly { label: string; fault: Fault }[] = [
  { label: 'Lose the next key answer', fault: { endpoint: 'create_key', kind: 'lost_after_commit' } },
  {
    label: 'Garble the next key answer',
    fault: { endpoint: 'create_key', kind: 'odd_answer', shape: 'not_json' },
  },
  {
    label: 'Answer 429 to the next 5 calls',
    fault: { endpoint: '*', kind: 'status', status: 429, retry_after: 5, times: 5 },
  },
  { label: 'Answer 500 until cleared', fault: { endpoint: '*', kind: 'status', status: 500, times: 0 } },
  { label: 'Answer after 15 s until cleared', fault: { endpoint: '*', kind: 'slow', ms: 15_000, times: 0 } },
]

/** The words for a channel's status (docs/360dialog.md 7), and one that nobody knows. */
const statuses = [
  ...['', ...wordsOf('created unverified verified certificate_declined new_name_requested ready error')],
  ...wordsOf('imported porting_ready waiting_for_migration_code a_new_word'),
]

const jumps = [
  { label: '5 minutes', seconds: 300 },
  { label: '1 day', seconds: 86_400 },
  { label: '31 days', seconds: 31 * 86_400 },
]

/** The page where a person makes numbers run, revokes permissions and lets calls fail. */
export function createControlPage(hub: Hub): Router {
  const router = Router()
  router.get('/', (_req, res) => {
    renderPage(res, 'control', {
      title: '360dialog, simulated',
      ...{ partner: hub.partnerName, healthStates, statuses, channelEvents, jumps },
      time: { now: hub.now().toUTCString(), isFrozen: hub.clock.isFrozen },
      partnerSite: hub.settings.redirectUrl && new URL(hub.settings.redirectUrl).origin,
      clients: hub.listClients().map((client) => ({
        ...{ ...client, channels: hub.listChannels(client.id) },
        wayBack: hub.visits.findRedirect(client.id),
      })),
      mails: hub.listMails().map((mail) => ({ ...mail, parts: mail.text.split(/(https?:\/\/\S+)/) })),
      notices: hub.outbox.list(),
      sendsNotices: hub.switches.send_notices,
      hasWebhook: hub.webhookUrl !== undefined,
      calls: Object.entries(hub.calls),
      minted: hub.minted.length,
      faults: hub.faults.list().map(describe),
      presets: presets.map(({ label, fault }) => ({ label, fields: Object.entries(fault) })),
    })
  })
  return router
}

function describe(fault: Fault): string {
  const { endpoint, kind, times, ...details } = fault
  const what = Object.entries(details).map(([name, value]) => `${name} ${value}`)
  if (kind !== 'status') what.unshift(kind)
  const left = times ? `${times} more` : 'until cleared'
  return [endpoint === '*' ? 'any call' : endpoint, ...what, left].join(', ').replaceAll('_', ' ')
}
