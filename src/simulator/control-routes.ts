import { type Request, type Response, Router } from 'express'
import { readFields, readNewChannel, readNewClient, readVisitActs, required } from './control-input.ts'
import { readFault } from './faults.ts'
import type { Hub } from './hub.ts'
import { HubError } from './hub-error.ts'
import { type Channel, mask } from './records.ts'
import { readSwitches } from './switches.ts'
import { toWireChannel, toWireClient } from './wire-objects.ts'

/** Refuses all connections for so many seconds. */
export type PauseFor = (seconds: number) => void

/** The control API under `/control`: JSON in and out. The control page's forms use it too and are sent back there. */
export function createControlRoutes(hub: Hub, pauseFor: PauseFor): Router {
  const router = Router()
  router.get('/state', (_req, res) => void res.json(toState(hub)))

  router.post('/clients', (req, res) => {
    done(req, res.status(201), toWireClient(hub.addClient(readNewClient(readFields(req.body)))))
  })
  router.post('/channels', (req, res) => {
    done(req, res.status(201), toChannelState(hub, hub.addChannel(readNewChannel(readFields(req.body)))))
  })
  const changes = { run: 'makeRun', revoke: 'revoke', grant: 'grant' } as const
  for (const [name, change] of Object.entries(changes))
    router.post(`/channels/:id/${name}`, (req, res) => {
      hub[change](req.params.id)
      done(req, res, toChannelState(hub, hub.channel(req.params.id)))
    })
  router.post('/channels/:id/foreign-key', (req, res) => {
    done(req, res.status(201), { api_key: hub.mintForeignKey(String(req.params.id)) })
  })

  router.get('/counters', (_req, res) => void res.json(toCounters(hub)))
  router.post('/counters/reset', (req, res) => {
    hub.resetCounters()
    done(req, res, toCounters(hub))
  })

  router.post('/faults', (req, res) => {
    hub.setFault(readFault(readFields(req.body)))
    done(req, res, { faults: hub.faults.list() })
  })
  router.post('/faults/clear', (req, res) => {
    hub.clearFaults()
    done(req, res, { faults: [] })
  })
  router.post('/switches', (req, res) => {
    hub.setSwitches(readSwitches(readFields(req.body)))
    done(req, res, hub.switches)
  })
  router.post('/clock', (req, res) => {
    hub.advance(readSeconds(readFields(req.body).advance_seconds, 10 * 366 * 86_400))
    done(req, res, { now: hub.now().toISOString() })
  })
  router.post('/pause', (req, res) => {
    const seconds = readSeconds(readFields(req.body).seconds, 3_600)
    res.on('finish', () => pauseFor(seconds))
    done(req, res.set('Connection', 'close'), { seconds })
  })
  router.post('/visits', (req, res) => {
    const fields = readFields(req.body)
    done(req, res, { location: hub.visit(required(fields, 'launch_url'), readVisitActs(fields)) })
  })
  return router
}

function done(req: Request, res: Response, body: object): void {
  if (req.is('urlencoded')) res.redirect(303, '/')
  else res.json(body)
}

function readSeconds(value: unknown, most: number): number {
  const seconds = Number(value)
  if (value !== undefined && Math.abs(seconds) <= most) return seconds
  throw new HubError(400, 'Enter a number of seconds')
}

function toCounters(hub: Hub) {
  return { calls: hub.calls, minted: hub.minted }
}

function toState(hub: Hub) {
  return {
    partner: { id: hub.settings.partnerId, name: hub.partnerName },
    now: hub.now().toISOString(),
    clients: hub.listClients().map(toWireClient),
    channels: hub.listChannels().map((channel) => toChannelState(hub, channel)),
    ...toCounters(hub),
    faults: hub.faults.list(),
    switches: hub.switches,
  }
}

/** The channel as the Partner API shows it, and beside that what only 360dialog itself knows. */
function toChannelState(hub: Hub, channel: Channel) {
  return {
    ...toWireChannel(channel, hub.client(channel.clientId)),
    running: channel.running,
    permitted: channel.permitted,
    key: channel.key && { id: channel.key.id, api_key: mask(channel.key.value) },
    webhook: channel.webhook,
  }
}
