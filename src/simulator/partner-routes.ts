import { type Request, Router } from 'express'
import { type Answer, createEndpoint, disguise, metaAnswer, ok } from './endpoint.ts'
import type { OddShape } from './faults.ts'
import type { Hub } from './hub.ts'
import { listPage } from './listing.ts'
import { callsOf } from './partner-endpoint.ts'
import { addPartnerSettings } from './partner-settings-routes.ts'
import { type Channel, type KeyRecord, mask } from './records.ts'
import { spellChannel, spellClient } from './spelling.ts'
import { toWireChannel, toWireClient } from './wire-objects.ts'

const clientFilters = [
  ...['id', 'name', 'status', 'organisation', 'partner_payload'],
  ...under('meta_info', 'business_vertical timezone about business_description use_case'),
  ...under('contact_info', 'webpage_url phone language country street_name city email zip_code'),
  ...under('contact_user', 'phone email name'),
]

const channelFilters = [
  ...['id', 'client_id', 'account_mode', 'status', 'client.contact_info.email'],
  ...['setup_info.phone_number', 'waba_account.id', 'waba_account.fb_account_status'],
]

function under(parent: string, names: string): string[] {
  return names.split(' ').map((name) => `${parent}.${name}`)
}

/** The Partner API, to be mounted at `/api/v2`: login, partner, clients, channels and API keys. */
export function createPartnerRoutes(hub: Hub): Router {
  const router = Router()
  const on = callsOf(hub, router)
  const [one, keys] = ['/channels/:channel', '/channels/:channel/api_keys']

  router.post(
    '/token',
    createEndpoint(hub, 'token', (req) => logIn(hub, req)),
  )
  addPartnerSettings(on, hub)
  on('get', '/clients', 'clients', (req, shape) => listClients(hub, req, shape))
  on('get', '/channels', 'channels', (req, shape) => listChannels(hub, req, shape))
  on('get', one, 'channel', (req) => showChannel(hub, channelOf(hub, req)))
  on('get', keys, 'list_keys', (req) => listKeys(hub, channelOf(hub, req)))
  on('post', keys, 'create_key', (req) => createKey(hub, channelOf(hub, req)))
  on('delete', keys, 'delete_keys', (req) => deleteKeys(hub, channelOf(hub, req)))
  return router
}

function listClients(hub: Hub, req: Request, shape?: OddShape): Answer {
  const { rows, fields } = listPage(hub.listClients().map(toWireClient), queryOf(req), {
    filterable: clientFilters,
    ...listRules(hub, shape),
  })
  const clients = rows.map((client) => spellClient(client, hub.switches))
  return spellList(hub, { ...fields, clients })
}

function listChannels(hub: Hub, req: Request, shape?: OddShape): Answer {
  const { rows, fields } = listPage(
    hub.listChannels().map((channel) => toWire(hub, channel)),
    queryOf(req),
    { filterable: channelFilters, ...listRules(hub, shape) },
  )
  const name = hub.switches.list_envelope === 'channels' ? 'channels' : 'partner_channels'
  return spellList(hub, { ...fields, [name]: rows.map((channel) => spellChannel(channel, hub.switches)) })
}

function listRules({ switches }: Hub, shape?: OddShape) {
  const filters = shape === 'filter_ignored' ? 'ignored' : switches.filters
  return { filters, limit: switches.page_default, mostRows: switches.page_most }
}

function spellList({ switches }: Hub, body: object): Answer {
  return switches.list_envelope === 'bare_array' ? disguise(ok(body), 'bare_array') : ok(body)
}

function showChannel(hub: Hub, channel: Channel): Answer {
  const shown = spellChannel(toWire(hub, channel), hub.switches)
  switch (hub.switches.channel_envelope) {
    case 'list':
      return ok({ count: 1, total: 1, partner_channels: [shown] })
    case 'channel':
      return ok({ channel: shown })
    case 'not_found':
      return metaAnswer(404, 'There is nothing at this address.')
    default:
      return ok(shown)
  }
}

function createKey(hub: Hub, channel: Channel): Answer {
  const key = hub.mintKey(channel.id)
  const { key_answer, key_status } = hub.switches
  const status = Number(key_status)
  const answer = { status, body: toWireKey(hub, channel, key, key.value) }
  return key_answer === 'flat' ? answer : { ...disguise(answer, key_answer), status }
}

function listKeys(hub: Hub, channel: Channel): Answer {
  const { key_records } = hub.switches
  if (!channel.permitted || key_records === 'refused')
    return metaAnswer(403, 'No permission for the API keys of this channel')
  const { key } = channel
  const shown = { masked: mask, without_key: () => undefined, clear: (value: string) => value }[key_records]
  return ok({ api_keys: key ? [toWireKey(hub, channel, key, shown(key.value))] : [] })
}

function deleteKeys(hub: Hub, channel: Channel): Answer {
  if (!hub.switches.delete_keys) return metaAnswer(404, 'There is nothing at this address.')
  if (!channel.permitted) return metaAnswer(403, 'No permission for the API keys of this channel')
  hub.change(channel.id, { key: null })
  return ok({ meta: { success: true, http_code: 200 } })
}

function logIn(hub: Hub, req: Request): Answer {
  const { username, password } = hub.settings
  const given: { username?: unknown; password?: unknown } = req.body ?? {}
  const isRight = username && password && given.username === username && given.password === password
  if (!isRight)
    return { status: 401, body: { error: 'invalid_grant', error_description: 'Wrong username or password' } }

  const { token_seconds: seconds, token_type } = hub.switches
  const tokens = { access_token: hub.tokens.issue(seconds), refresh_token: 'no-endpoint-takes-this' }
  return ok({ ...tokens, token_type, expires_in: seconds })
}

// Not `req.query`: a filter name such as `a[b]` must arrive as it was written.
function queryOf(req: Request): URLSearchParams {
  return new URLSearchParams(req.originalUrl.split('?').slice(1).join('?'))
}

function channelOf(hub: Hub, req: Request): Channel {
  return hub.channel(String(req.params.channel))
}

function toWire(hub: Hub, channel: Channel) {
  return toWireChannel(channel, hub.client(channel.clientId))
}

function toWireKey(hub: Hub, channel: Channel, { id }: KeyRecord, shown: string | undefined) {
  return { id, address: hub.keyAddress(), api_key: shown, app_id: channel.appId }
}
