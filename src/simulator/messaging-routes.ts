import { type Request, Router } from 'express'
import { type Act, type Answer, createEndpoint, metaAnswer, ok } from './endpoint.ts'
import type { Endpoint } from './faults.ts'
import type { Hub } from './hub.ts'
import { type Channel, type ChannelWebhook, digitsOf } from './records.ts'

type ChannelAct = (channel: Channel, req: Request) => Answer

/** The Messaging API calls around a key, to be mounted at `/waba-v2` and `/waba`. The key selects the channel. */
export function createMessagingRoutes(hub: Hub): Router {
  const router = Router()
  const on = (method: 'get' | 'post', path: string, name: Endpoint, act: ChannelAct) => {
    const withKey: Act = (req) => {
      const channel = hub.channelOfKey(req.get('D360-API-KEY') ?? '')
      return channel ? act(channel, req) : metaAnswer(401, 'Invalid api key')
    }
    router[method](path, createEndpoint(hub, name, withKey))
  }

  on('get', '/v1/configs/phone_number', 'phone_number', ({ phoneNumber }) =>
    ok({ phone_number: digitsOf(phoneNumber) }),
  )
  on('get', '/health_status', 'health_status', (channel) =>
    ok(toHealth(channel, hub.client(channel.clientId).waba.externalId)),
  )
  on('get', '/v1/health', 'health_status', () => ok({ health: { gateway_status: 'connected' } }))
  on('get', '/v1/configs/webhook', 'webhook_get', ({ webhook }) => ok(webhook ?? { url: '', headers: {} }))
  on('post', '/v1/configs/webhook', 'webhook_set', ({ id }, req) => {
    const webhook = readWebhook(req.body)
    if (!webhook) return metaAnswer(400, 'url must be a web address, headers an object of texts')
    hub.change(id, { webhook })
    return ok(webhook)
  })
  return router
}

function toHealth({ metaId }: Channel, wabaId: string) {
  const available = { can_send_message: 'AVAILABLE' }
  const entities = [
    { entity_type: 'PHONE_NUMBER', id: metaId, ...available },
    { entity_type: 'WABA', id: wabaId, ...available },
  ]
  return { id: metaId, health_status: { ...available, entities } }
}

function readWebhook(body: unknown): ChannelWebhook | undefined {
  if (!body || typeof body !== 'object') return undefined
  const { url, headers = {} } = body as { url?: unknown; headers?: unknown }
  if (typeof url !== 'string' || !URL.canParse(url)) return undefined
  if (!headers || typeof headers !== 'object') return undefined
  if (!Object.values(headers).every((value) => typeof value === 'string')) return undefined
  return { url, headers: { ...headers } }
}
