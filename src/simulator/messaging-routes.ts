import { type Request, Router } from 'express'
import { type Act, type Answer, createEndpoint, metaAnswer, ok } from './endpoint.ts'
import type { Endpoint } from './faults.ts'
import { toCloudHealth, toGatewayHealth } from './health.ts'
import type { Hub } from './hub.ts'
import { HubError } from './hub-error.ts'
import { type Channel, type ChannelWebhook, digitsOf } from './records.ts'

type ChannelAct = (channel: Channel, req: Request) => Answer

/** The Messaging API calls around a key, to be mounted at `/waba-v2` and `/waba`. The key selects the channel. */
export function createMessagingRoutes(hub: Hub): Router {
  const router = Router()
  const on = (method: 'get' | 'post', path: string, name: Endpoint, act: ChannelAct) => {
    const withKey: Act = (req) => {
      const channel = hub.channelOfKey(req.get('D360-API-KEY') ?? '')
      return channel ? act(channel, req) : metaAnswer(Number(hub.switches.dead_key_status), 'Invalid api key')
    }
    router[method](path, createEndpoint(hub, name, withKey))
  }

  on('get', '/v1/configs/phone_number', 'phone_number', ({ phoneNumber }, req) => {
    refuseUnless(hub.switches.number_check_on_cloud || req.baseUrl === '/waba')
    return ok({ phone_number: digitsOf(phoneNumber) })
  })
  on('get', '/health_status', 'health_status', (channel) => {
    if (channel.health === 'account_problem') return metaAnswer(400, 'There is a problem with the account')
    return ok(toCloudHealth(channel, hub.client(channel.clientId).waba, hub.switches))
  })
  on('get', '/v1/health', 'health_status', (channel) => ok(toGatewayHealth(channel, hub.switches)))

  for (const path of ['/v1/configs/webhook', '/configs/webhook'] as const) {
    on('get', path, 'webhook_get', ({ webhook }) => {
      refuseUnless(hub.switches.webhook_path === path)
      return ok(webhook ?? { url: '', headers: {} })
    })
    on('post', path, 'webhook_set', ({ id }, req) => {
      refuseUnless(hub.switches.webhook_path === path)
      return setWebhook(hub, id, req)
    })
  }
  return router
}

function refuseUnless(isThere: boolean): void {
  if (!isThere) throw new HubError(404, 'There is nothing at this address.')
}

function setWebhook(hub: Hub, channelId: string, req: Request): Answer {
  const webhook = readWebhook(req.body)
  if (!webhook) return metaAnswer(400, 'url must be a web address, headers an object of texts')
  hub.change(channelId, { webhook })
  return ok(webhook)
}

function readWebhook(body: unknown): ChannelWebhook | undefined {
  if (!body || typeof body !== 'object') return undefined
  const { url, headers = {} } = body as { url?: unknown; headers?: unknown }
  if (typeof url !== 'string' || !URL.canParse(url)) return undefined
  if (!headers || typeof headers !== 'object') return undefined
  if (!Object.values(headers).every((value) => typeof value === 'string')) return undefined
  return { url, headers: { ...headers } }
}
