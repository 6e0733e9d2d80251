import { type Request, type Response, Router } from 'express'
import { endDue, requestCancellation, revokeCancellation } from './cancellations.ts'
import {
  readChoice,
  readFields,
  readMail,
  readNewChannel,
  readNewClient,
  readText,
  readVisitActs,
  required,
} from './control-input.ts'
import { readFault } from './faults.ts'
import { healthStates } from './health.ts'
import type { Hub } from './hub.ts'
import { HubError } from './hub-error.ts'
import { channelEvents } from './notice-data.ts'
import { type Channel, mask } from './records.ts'
import { defaultSwitches, readSwitches } from './switches.ts'
import { toWireChannel, toWireClient } from './wire-objects.ts'

/** Refuses all connections for so many seconds. */
export type PauseFor = (seconds: number) => void

type Fields = Record<string, unknown>

/** The control API under `/control`: JSON in and out. The control page's forms use it too and are sent back there. */
export function createControlRoutes(hub: Hub, pauseFor: PauseFor): Router {
  const router = Router()
  router.get('/state', (_req, res) => void res.json(toState(hub)))
  router.get('/counters', (_req, res) => void res.json(toCounters(hub)))

  for (const [path, add] of Object.entries(additions))
    router.post(path, (req, res) => done(req, res.status(201), add(hub, fieldsOf(req))))
  for (const [path, [act, show]] of Object.entries(acts))
    router.post(path, (req, res) => {
      act(hub, fieldsOf(req))
      done(req, res, show(hub))
    })
  for (const [name, change] of Object.entries(channelChanges))
    router.post(`/channels/:id/${name}`, (req, res) => {
      const { id } = hub.channel(String(req.params.id))
      change(hub, id, fieldsOf(req))
      done(req, res, toChannelState(hub, hub.channel(id)))
    })
  router.post('/visits', (req, res) => {
    const fields = fieldsOf(req)
    done(req, res, { location: hub.visit(required(fields, 'launch_url'), readVisitActs(fields)) })
  })
  router.post('/pause', (req, res) => {
    const seconds = readSeconds(fieldsOf(req).seconds, 3_600)
    res.on('finish', () => pauseFor(seconds))
    done(req, res.set('Connection', 'close'), { seconds })
  })
  return router
}

// What the address names is above what the body says.
function fieldsOf(req: Request): Fields {
  return { ...readFields(req.body), ...req.params }
}

const additions: Record<string, (hub: Hub, fields: Fields) => object> = {
  '/clients': (hub, fields) => toWireClient(hub.addClient(readNewClient(fields))),
  '/channels': (hub, fields) => toChannelState(hub, hub.addChannel(readNewChannel(fields))),
  '/channels/:id/foreign-key': (hub, { id }) => ({ api_key: hub.mintForeignKey(String(id)) }),
  '/mails': (hub, fields) => hub.addMail(readMail(fields)),
}

const toFaults = ({ faults }: Hub) => ({ faults: faults.list() })
const toSwitches = ({ switches }: Hub) => switches

/** What is done, and what is answered then. */
const acts: Record<string, [(hub: Hub, fields: Fields) => void, (hub: Hub) => object]> = {
  '/notices/:id/send': [(hub, { id }) => hub.outbox.sendAgain(String(id)), () => ({})],
  '/counters/reset': [(hub) => hub.resetCounters(), toCounters],
  '/faults': [(hub, fields) => hub.setFault(readFault(fields)), toFaults],
  '/faults/clear': [(hub) => hub.clearFaults(), toFaults],
  '/switches': [(hub, fields) => hub.setSwitches(readSwitches(fields)), toSwitches],
  '/switches/reset': [(hub) => hub.setSwitches(defaultSwitches), toSwitches],
  '/time': [moveTime, toTime],
}

type ChannelChange = (hub: Hub, channelId: string, fields: Fields) => void

/** What may happen to a channel, by the last word of the address. */
const channelChanges: Record<string, ChannelChange> = {
  run: (hub, id) => hub.makeRun(id),
  grant: (hub, id) => hub.grant(id),
  revoke: (hub, id) => hub.revoke(id),
  'give-access': (hub, id) => hub.giveAccess(id),
  'remove-access': (hub, id) => hub.removeAccess(id),
  'request-cancellation': requestCancellation,
  'revoke-cancellation': revokeCancellation,
  end: (hub, id) => hub.end(id),
  own: (hub, id) => hub.change(id, { isSharedAccess: false }),
  'share-access': (hub, id) => hub.change(id, { isSharedAccess: true }),
  health: (hub, id, fields) => hub.change(id, { health: readChoice(fields, 'state', healthStates) }),
  status: (hub, id, fields) => hub.setStatus(id, readText(fields, 'status')),
  notice: (hub, id, fields) => hub.outbox.tell(readChoice(fields, 'event', channelEvents), id),
}

/** `{advance_seconds?, frozen?}`. What becomes due ends the number at once. */
function moveTime(hub: Hub, { advance_seconds, frozen }: Fields): void {
  if (advance_seconds !== undefined) hub.advance(readSeconds(advance_seconds, 10 * 366 * 86_400))
  if (frozen !== undefined) hub.clock.freeze(String(frozen) === 'true')
  endDue(hub)
  hub.outbox.sendDue()
}

function toTime(hub: Hub) {
  return { now: hub.now().toISOString(), frozen: hub.clock.isFrozen }
}

function done(req: Request, res: Response, body: object): void {
  const page = req.get('referer')?.endsWith('/switches') ? '/switches' : '/'
  if (req.is('urlencoded')) res.redirect(303, page)
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
    ...toTime(hub),
    clients: hub.listClients().map(toWireClient),
    channels: hub.listChannels().map((channel) => toChannelState(hub, channel)),
    ...toCounters(hub),
    notices: hub.outbox.list().map(({ body: _, ...notice }) => notice),
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
    health: channel.health ?? 'available',
  }
}
