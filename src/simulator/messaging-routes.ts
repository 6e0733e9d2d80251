import { type Request, Router } from 'express'
import { type Answer, createEndpoint, metaAnswer } from './endpoint.ts'
import type { Endpoint } from './faults.ts'
import type { Hub } from './hub.ts'
import { type Channel, type ChannelWebhook, digitsOf } from './records.ts'

type ChannelAct = (channel: Channel, req: Request) => Answer

/** The Messaging API calls around a key, to be mounted at `/waba-v2` and `/waba`. The key selects the channel. */
export function createMessagingRoutes(hub: Hub): Router {
  const router = Router()
  const withKey = (name: Endpoint, act: ChannelAct) =>
    createEndpoint(hub, name, (req) => {
      const channel = hub.channelOfKey(req.get('D360-API-KEY') ?? '')
      return channel ? act(channel, req) : metaAnswer(401, 'Invalid api key')
    })

  router.get(
    '/v1/configs/phone_number',
    withKey('phone_number', (channel) => ok({ phone_number: digitsOf(channel.phoneNumber) })),
  )
  router.get(
    '/health_status',
    withKey('health_status', (channel) =>
      ok(toHealth(channel, hub.client(channel.clientId).waba.externalId)),
    ),
  )
  router.get(
    '/v1/health',
    withKey('health_status', () => ok({ health: { gateway_status: 'connected' } })),
  )
  router.get(
    '/v1/configs/webhook',
    withKey('webhook_get', (channel) => ok(channel.webhook ?? { url: '', headers: {} })),
  )
  router.post(
    '/v1/configs/webhook',
    withKey('webhook_set', (channel, req) => {
      const webhook = readWebhook(req.body)
      if (!webhook) return metaAnswer(400, 'url must be a web address, headers an object of texts')
      hub.change(channel.id, { webhook })
      return ok(webhook)
    }),
  )
  router.use((_req, res) => {
    res.status(404).json(metaAnswer(404, 'Not found').body)
  })
  return router
}

function ok(body: unknown): Answer {
  return { status: 200, body }
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
  const texts = Object.entries(headers).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  )
  return texts.length === Object.keys(headers).length
    ? { url, headers: Object.fromEntries(texts) }
    : undefined
}
