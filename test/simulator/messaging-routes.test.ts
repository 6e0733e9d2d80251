import { describe, expect, it } from '@jest/globals'
import { addReadyChannel, withSimulator } from './running-simulator.ts'

const simulator = withSimulator()
const { messaging } = simulator

describe('the Messaging API', () => {
  it('answers health in both styles', async () => {
    const channel = addReadyChannel(simulator.hub)
    const key = simulator.hub.mintForeignKey(channel.id)
    const cloud = await messaging('/waba-v2/health_status', key)
    expect(cloud.body).toMatchObject({ id: channel.metaId, health_status: { can_send_message: 'AVAILABLE' } })
    const onPremise = await messaging('/waba/v1/health', key)
    expect(onPremise.body).toEqual({ health: { gateway_status: 'connected' } })
  })

  it('keeps a webhook per channel and echoes it', async () => {
    const channel = addReadyChannel(simulator.hub)
    const key = simulator.hub.mintForeignKey(channel.id)
    const path = '/waba-v2/v1/configs/webhook'
    expect((await messaging(path, key)).body).toEqual({ url: '', headers: {} })
    const webhook = { url: 'https://product.example/in', headers: { authorization: 'Basic x' } }
    expect((await messaging(path, key, { method: 'POST', body: JSON.stringify(webhook) })).body).toEqual(
      webhook,
    )
    expect((await messaging(path, key)).body).toEqual(webhook)
    expect(simulator.hub.channel(channel.id).webhook).toEqual(webhook)
  })

  it.each(['{}', '{"url":"nonsense"}', '{"url":"https://a.example","headers":{"a":1}}', '[]'])(
    'refuses the webhook %s',
    async (body) => {
      const key = simulator.hub.mintForeignKey(addReadyChannel(simulator.hub).id)
      const answer = await messaging('/waba/v1/configs/webhook', key, { method: 'POST', body })
      expect(answer.body.meta.http_code).toBe(400)
    },
  )

  it.each([
    '/waba-v2/v1/configs/phone_number',
    '/waba-v2/health_status',
    '/waba/v1/health',
    '/waba/v1/configs/webhook',
  ])('refuses the partner key and dead keys at %s', async (path) => {
    for (const key of ['partner-key', 'x'.repeat(31)])
      expect((await messaging(path, key)).body).toEqual({
        meta: { success: false, http_code: 401, developer_message: 'Invalid api key' },
      })
  })
})
