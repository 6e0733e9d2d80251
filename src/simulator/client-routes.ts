import { type Request, Router } from 'express'
import { requestCancellation, revokeCancellation } from './cancellations.ts'
import { toWireTime } from './clock.ts'
import { type Answer, metaAnswer, ok } from './endpoint.ts'
import type { Hub } from './hub.ts'
import { HubError } from './hub-error.ts'
import { callsOf } from './partner-endpoint.ts'
import type { Channel } from './records.ts'
import { spellChannel, spellClient, spellPhone } from './spelling.ts'
import type { Switches } from './switches.ts'
import { toWireChannel, toWireClient } from './wire-objects.ts'

/** The Partner API's calls about one client: limit, balance, shared numbers, cancellation. To be mounted at `/api/v2`. */
export function createClientRoutes(hub: Hub): Router {
  const router = Router()
  const on = callsOf(hub, router)
  const client = '/clients/:client'
  const control = `${client}/channels/:channel/control`

  on('get', client, 'client', (req) => readClient(hub, req))
  on('patch', client, 'update_client', (req) => updateClient(hub, req))
  on('get', `${client}/shared_client_numbers`, 'shared_numbers', (req) =>
    listShared(hub, clientOf(hub, req).id),
  )
  on('get', `${client}/info/balance`, 'balance', (req) => toBalance(hub, clientOf(hub, req).id, req))
  on('get', `${client}/channels/:channel/info/balance`, 'balance', (req) =>
    toBalance(hub, channelOf(hub, req).clientId, req),
  )
  on('get', '/balance', 'balance', () => partnerBalance(hub))
  on('post', `${control}/cancellation_request`, 'cancel', (req) =>
    cancel(hub, channelOf(hub, req), req.body?.enabled !== false),
  )
  on('post', `${control}/reactivate`, 'reactivate', (req) => cancel(hub, channelOf(hub, req), false))
  return router
}

function readClient(hub: Hub, req: Request): Answer {
  const client = clientOf(hub, req)
  switch (hub.switches.client_path) {
    case 'client':
      return ok(spellClient(toWireClient(client), hub.switches))
    case 'balance':
      return toBalance(hub, client.id, req)
    default:
      throw new HubError(404, 'There is nothing at this address.')
  }
}

function updateClient(hub: Hub, req: Request): Answer {
  const { id } = clientOf(hub, req)
  const { max_channels, partner_payload }: { max_channels?: unknown; partner_payload?: unknown } =
    req.body ?? {}
  if (max_channels !== undefined && !(Number.isInteger(max_channels) && Number(max_channels) > 0))
    return metaAnswer(400, 'max_channels must be a number above 0')
  if (partner_payload !== undefined && typeof partner_payload !== 'string')
    return metaAnswer(400, 'partner_payload must be a text')
  hub.changeClient(id, {
    ...(max_channels !== undefined && { maxChannels: Number(max_channels) }),
    ...(partner_payload !== undefined && { partnerPayload: partner_payload }),
  })
  return ok(spellClient(toWireClient(hub.client(id)), hub.switches))
}

function cancel(hub: Hub, { id }: Channel, isRequested: boolean): Answer {
  if (!hub.switches.partner_may_cancel) return metaAnswer(403, 'Only the client may cancel its number')
  if (isRequested) requestCancellation(hub, id)
  else revokeCancellation(hub, id)
  const channel = hub.channel(id)
  return ok(spellChannel(toWireChannel(channel, hub.client(channel.clientId)), hub.switches))
}

/** The one call that tells a permission; the shape of its answer was never seen. */
function listShared(hub: Hub, clientId: string): Answer {
  const shared = hub.listChannels(clientId).filter(({ permitted }) => permitted)
  const ids = shared.map(({ id }) => id)
  const phones = shared.map(({ phoneNumber }) => spellPhone(phoneNumber, hub.switches))
  const under = (name: string) => shared.map(({ id }, n) => ({ [name]: id, phone_number: phones[n] }))
  const page = { count: ids.length, total: ids.length, limit: 20, offset: 0, sort: ['id'], filters: {} }
  const shapes: Record<Switches['shared_numbers'], () => Answer> = {
    keyed_objects: () => ok({ shared_client_numbers: under('id') }),
    objects: () => ok(under('id')),
    channel_id_objects: () => ok(under('channel_id')),
    phone_objects: () => ok(phones.map((phone_number) => ({ phone_number }))),
    ids: () => ok(ids),
    phones: () => ok(phones),
    keyed_ids: () => ok({ numbers: ids }),
    paged: () => ok({ ...page, shared_client_numbers: under('id') }),
    empty: () => ok([]),
    not_found: () => metaAnswer(404, 'There is nothing at this address.'),
    odd: () => ok({ client_id: clientId, shared: 'yes' }),
  }
  return shapes[hub.switches.shared_numbers]()
}

/** Balance and use of a client. With partner payment it has none. */
function toBalance(hub: Hub, clientId: string, req: Request): Answer {
  const { granularity = 'MONTH', start_date } = req.query
  if (granularity !== 'DAY' && granularity !== 'MONTH') return metaAnswer(400, 'granularity is DAY or MONTH')
  const { payment, balance, balance_field } = hub.switches
  const start = start_date === undefined ? hub.now() : new Date(Number(start_date) * 1000)
  if (Number.isNaN(start.getTime())) return metaAnswer(400, 'start_date must be seconds')
  const paid = payment === 'direct' && balance_field === 'number' ? balance : null
  const numbers = hub.listChannels(clientId).length
  const counts = { quantity: 60 * numbers, paid_quantity: 50 * numbers, free_quantity: 10 * numbers }
  const price = Math.round(565 * numbers) / 100
  return ok({
    ...(balance_field !== 'missing' && { balance: paid }),
    ...{ currency: 'eur', granularity, estimated_template_cost: 0 },
    last_renewal: paid === null ? null : { date: start.toISOString(), amount: 52 },
    usage: [{ period_date: toWireTime(start), ...counts, marketing_price: price, total_price: price }],
  })
}

function partnerBalance({ switches }: Hub): Answer {
  if (switches.payment === 'direct') return metaAnswer(404, 'There is nothing at this address.')
  return ok([{ currency: 'usd', total: switches.balance }])
}

function clientOf(hub: Hub, req: Request) {
  return hub.client(String(req.params.client))
}

/** @throws HubError 404 also when the channel is of another client */
function channelOf(hub: Hub, req: Request): Channel {
  const channel = hub.channel(String(req.params.channel))
  if (channel.clientId !== clientOf(hub, req).id) throw new HubError(404, 'Channel not found')
  return channel
}
