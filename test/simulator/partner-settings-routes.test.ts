import { describe, expect, it } from '@jest/globals'
import { withSimulator } from './running-simulator.ts'

const simulator = withSimulator()
const { partner } = simulator

const REDIRECT = 'https://connect.example/callback'
const WEBHOOK = 'https://connect.example/webhooks/360dialog'
const send = (method: string, path: string, body: object) =>
  partner(path, {
    method,
    headers: { 'x-api-key': 'partner-key', 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })

describe('the partner', () => {
  it('is given both addresses, and tells them', async () => {
    const { status, body } = await send('PATCH', '', { partner_redirect_url: REDIRECT, webhook_url: WEBHOOK })
    expect([status, body.partner_redirect_url, body.webhook_url]).toEqual([200, REDIRECT, WEBHOOK])
    expect((await partner('')).body).toEqual(body)
    expect((await partner('/webhook_url')).body).toEqual({ webhook_url: WEBHOOK })
  })

  it('says who pays', async () => {
    simulator.hub.setSwitches({ payment: 'partner' })
    expect((await partner('')).body).toMatchObject({ billing_system: 'partner', payment_required: false })
    simulator.hub.setSwitches({ payment: 'direct', price_page: true })
    expect((await partner('')).body).toMatchObject({ billing_system: 'direct', payment_required: true })
    simulator.hub.setSwitches({ price_page: false })
  })

  it('loses the address that a change leaves out', async () => {
    await send('PATCH', '', { partner_redirect_url: REDIRECT, webhook_url: WEBHOOK })
    await send('PATCH', '', { partner_redirect_url: REDIRECT })
    expect((await partner('/webhook_url')).body).toEqual({ webhook_url: null })
  })

  it('is given a webhook URL by the call of its own, which shows no redirect URL', async () => {
    const { body } = await send('POST', '/webhook_url', { webhook_url: WEBHOOK })
    expect(body.webhook_url).toBe(WEBHOOK)
    expect(body).not.toHaveProperty('partner_redirect_url')
  })

  it('takes no address that is none, and nothing from who is not signed in', async () => {
    expect((await send('PATCH', '', { partner_redirect_url: 'nonsense' })).status).toBe(400)
    expect((await send('POST', '/webhook_url', { webhook_url: 7 })).status).toBe(400)
    expect((await partner('', { method: 'PATCH', headers: {} })).status).toBe(401)
  })

  it('sends browsers to the redirect URL that was set', async () => {
    await send('PATCH', '', { partner_redirect_url: REDIRECT, webhook_url: null })
    const location = simulator.hub.visit('/onboarding/tEstDePA', { cancel: true })
    expect(location).toMatch(/^https:\/\/connect\.example\/callback\?/)
  })

  it('shows its flags as the switches say', async () => {
    simulator.hub.setSwitches({ allow_client_to_add_phone_no: false, blocked_new_submission: true })
    expect((await partner('')).body).toMatchObject({
      allow_client_to_add_phone_no: false,
      blocked_new_submission: true,
    })
  })
})

it('may take the webhook URL by its own call alone, and tell it there alone', async () => {
  simulator.hub.setSwitches({ patch_ignores_webhook: true, partner_hides_webhook: true })
  await send('POST', '/webhook_url', { webhook_url: WEBHOOK })
  const { body } = await send('PATCH', '', { partner_redirect_url: REDIRECT, webhook_url: null })
  expect(body).not.toHaveProperty('webhook_url')
  expect((await partner('/webhook_url')).body).toEqual({ webhook_url: WEBHOOK })
})
