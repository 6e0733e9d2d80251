import type { Request } from 'express'
import { type Answer, metaAnswer, ok } from './endpoint.ts'
import type { Hub } from './hub.ts'
import type { AddCall } from './partner-endpoint.ts'

/** The partner's own record: where customers and notices are sent, and whether anybody can onboard. */
export function addPartnerSettings(on: AddCall, hub: Hub): void {
  on('get', '', 'partner', () => ok(toWirePartner(hub)))
  on('patch', '', 'set_partner', (req) => setAddresses(hub, req))
  on('get', '/webhook_url', 'partner_webhook_get', () => ok({ webhook_url: hub.webhookUrl ?? null }))
  on('post', '/webhook_url', 'partner_webhook_set', (req) => setWebhook(hub, req))
}

/** An address that is left out is emptied: both have to be sent. */
function setAddresses(hub: Hub, req: Request): Answer {
  const { partner_redirect_url: redirectUrl, webhook_url: webhookUrl } = req.body ?? {}
  if (![redirectUrl, webhookUrl].every(isAddressOrNone)) return notAnAddress
  hub.settings.redirectUrl = redirectUrl ?? undefined
  if (!hub.switches.patch_ignores_webhook) hub.webhookUrl = webhookUrl ?? undefined
  return ok(toWirePartner(hub))
}

function setWebhook(hub: Hub, req: Request): Answer {
  const { webhook_url: webhookUrl } = req.body ?? {}
  if (!isAddressOrNone(webhookUrl)) return notAnAddress
  hub.webhookUrl = webhookUrl ?? undefined
  const { partner_redirect_url: _, ...partner } = toWirePartner(hub)
  return ok(partner)
}

const notAnAddress = metaAnswer(400, 'An address must be a web address')

function isAddressOrNone(value: unknown): value is string | null | undefined {
  return value === undefined || value === null || (typeof value === 'string' && URL.canParse(value))
}

function toWirePartner({ settings, switches, partnerName, webhookUrl }: Hub) {
  return {
    id: settings.partnerId,
    brand_name: partnerName,
    partner_redirect_url: settings.redirectUrl ?? null,
    ...(!switches.partner_hides_webhook && { webhook_url: webhookUrl ?? null }),
    ...{ logo_url: null, publishable_key: null, settings: null },
    ...{ country: 'DE', billing_system: switches.payment, payment_plan: {} },
    payment_required: switches.payment === 'direct' && switches.price_page,
    allow_client_to_add_phone_no: switches.allow_client_to_add_phone_no,
    blocked_new_submission: switches.blocked_new_submission,
    onboarding_deeplink_add_params: switches.onboarding_deeplink_add_params,
  }
}
