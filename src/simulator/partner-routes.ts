import { type Request, Router } from 'express'
import { type Act, type Answer, createEndpoint, metaAnswer, ok } from './endpoint.ts'
import type { Endpoint, OddShape } from './faults.ts'
import type { Hub } from './hub.ts'
import { listPage } from './listing.ts'
import { type Channel, mask } from './records.ts'
import { isSameSecret } from './tokens.ts'
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
  const logInHere = createEndpoint(hub, 'token', (req) => logIn(hub, req))
  const on = (method: 'get' | 'post', path: string, name: Endpoint, act: Act) => {
    const signedIn: Act = (req, shape) => refusalOf(hub, req) ?? act(req, shape)
    router[method](`/partners/:partner${path}`, createEndpoint(hub, name, signedIn))
  }

  router.post('/token', logInHere)
  on('get', '', 'partner', () => ok(toWirePartner(hub)))
  on('get', '/clients', 'clients', (req, shape) => listClients(hub, req, shape))
  on('get', '/channels', 'channels', (req, shape) => listChannels(hub, req, shape))
  on('get', '/channels/:channel', 'channel', (req) => ok(toWire(hub, channelOf(hub, req))))
  on('get', '/channels/:channel/api_keys', 'list_keys', (req) => listKeys(hub, channelOf(hub, req)))
  on('post', '/channels/:channel/api_keys', 'create_key', (req) => createKey(hub, channelOf(hub, req)))
  return router
}

function listClients(hub: Hub, req: Request, shape?: OddShape): Answer {
  const rules = { filterable: clientFilters, ignoreFilters: shape === 'filter_ignored' }
  const { rows, fields } = listPage(hub.listClients().map(toWireClient), queryOf(req), rules)
  return ok({ ...fields, clients: rows })
}

function listChannels(hub: Hub, req: Request, shape?: OddShape): Answer {
  const rules = { filterable: channelFilters, ignoreFilters: shape === 'filter_ignored' }
  const channels = hub.listChannels().map((channel) => toWire(hub, channel))
  const { rows, fields } = listPage(channels, queryOf(req), rules)
  return ok({ ...fields, partner_channels: rows })
}

function createKey(hub: Hub, channel: Channel): Answer {
  const key = hub.mintKey(channel.id)
  return { status: 201, body: toWireKey(hub, channel, key.id, key.value) }
}

function listKeys(hub: Hub, channel: Channel): Answer {
  if (!channel.permitted) return metaAnswer(403, 'No permission for the API keys of this channel')
  const { key } = channel
  return ok({ api_keys: key ? [toWireKey(hub, channel, key.id, mask(key.value))] : [] })
}

function refusalOf(hub: Hub, req: Request): Answer | undefined {
  const apiKey = req.get('x-api-key')
  const bearer = /^Bearer (.+)$/i.exec(req.get('authorization') ?? '')?.[1]
  const isKnown =
    apiKey === undefined
      ? bearer !== undefined && hub.tokens.isLive(bearer)
      : isSameSecret(apiKey, hub.settings.partnerApiKey)
  if (!isKnown) return metaAnswer(401, 'Missing or invalid credentials')
  if (req.params.partner !== hub.settings.partnerId) return metaAnswer(403, 'This is another partner')
  return undefined
}

function logIn(hub: Hub, req: Request): Answer {
  const { username, password } = hub.settings
  const given: { username?: unknown; password?: unknown } = req.body ?? {}
  const isRight = username && password && given.username === username && given.password === password
  if (!isRight)
    return { status: 401, body: { error: 'invalid_grant', error_description: 'Wrong username or password' } }

  const seconds = hub.switches.token_seconds
  const tokens = { access_token: hub.tokens.issue(seconds), refresh_token: 'no-endpoint-takes-this' }
  return ok({ ...tokens, token_type: 'Bearer', expires_in: seconds })
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

function toWireKey(hub: Hub, channel: Channel, id: string, shown: string) {
  return { id, address: hub.keyAddress(), api_key: shown, app_id: channel.appId }
}

function toWirePartner(hub: Hub) {
  return {
    id: hub.settings.partnerId,
    brand_name: hub.partnerName,
    partner_redirect_url: hub.settings.redirectUrl ?? null,
    ...{ logo_url: null, webhook_url: null, publishable_key: null, settings: null },
    ...{ country: 'DE', billing_system: 'direct', payment_required: false, payment_plan: {} },
    ...{ allow_client_to_add_phone_no: true, onboarding_deeplink_add_params: true },
    blocked_new_submission: false,
  }
}
