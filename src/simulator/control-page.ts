import { Router } from 'express'
import type { Fault } from './faults.ts'
import type { Hub } from './hub.ts'
import { renderPage } from './render-page.ts'

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

/** The page where a person makes numbers run, revokes permissions and lets calls fail. */
export function createControlPage(hub: Hub): Router {
  const router = Router()
  router.get('/', (_req, res) => {
    renderPage(res, 'control', {
      title: '360dialog, simulated',
      partner: hub.partnerName,
      clients: hub.listClients().map((client) => ({ ...client, channels: hub.listChannels(client.id) })),
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
