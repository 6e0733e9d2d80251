import { type Channel, type Client, DEFAULT_MAX_CHANNELS } from './records.ts'

const system = { user_id: 'system', user_name: 'system' }

/** A client as the Partner API lists it. */
export function toWireClient(client: Client) {
  const { id, name, email, userEmail = email, partnerPayload, createdAt } = client
  const { maxChannels = DEFAULT_MAX_CHANNELS } = client
  const noBusiness = { business_vertical: null, about: null, business_description: null, use_case: null }
  const noAddress = { city: null, street_name: null, zip_code: null, webpage_url: null }
  return {
    ...{ id, name, status: 'active', organisation: name, max_channels: maxChannels },
    ...{ partner_payload: partnerPayload, suspicious: false },
    meta_info: { timezone: 'Europe/Berlin', ...noBusiness },
    contact_info: { email, full_name: name, phone: null, country: 'DE', language: 'en', ...noAddress },
    contact_user: { name, email: userEmail, phone: null },
    ...{ created_at: createdAt, created_by: system, modified_at: createdAt, modified_by: system },
  }
}

/** A channel as the Partner API lists it. `account_mode` says whether it is live; of a classic one, `status` does. */
export function toWireChannel(channel: Channel, client: Client) {
  const running = channel.running && channel.endedAt === undefined
  const { id, name, email, partnerPayload, waba } = client
  return {
    id: channel.id,
    client_id: id,
    client: { id, name, partner_payload: partnerPayload, contact_info: { email } },
    waba_account_id: waba.id,
    account_mode: running && !channel.isClassic ? 'live' : null,
    status: channel.status || (running ? 'ready' : 'created'),
    hub_status: running && !channel.isClassic ? 'live' : 'pending',
    billing_started_at: channel.runningSince,
    terminated_at: channel.endedAt ?? channel.endsAt ?? null,
    cancelled_at: null,
    created_at: channel.createdAt,
    modified_at: channel.runningSince ?? channel.createdAt,
    current_limit: running ? (channel.isOnBizApp ? 'TIER_250' : 'TIER_1K') : null,
    current_quality_rating: running ? 'GREEN' : null,
    ...{ is_oba: false, has_inbox: false, is_on_biz_app: channel.isOnBizApp ?? false },
    is_owned: !channel.isSharedAccess,
    setup_info: {
      ...{ phone_number: channel.phoneNumber, phone_name: channel.displayName, verification_method: 'sms' },
      ...{ was_in_use: false, ivr: false, new_name_status: null, error: null, region: 'eu' },
    },
    waba_account: toWireWaba(client, channel, running),
    integration: {
      enabled: channel.endedAt === undefined,
      app_id: channel.endedAt === undefined ? channel.appId : null,
      state: running && !channel.isClassic ? 'running' : 'pending',
    },
  }
}

function toWireWaba({ id: clientId, name, createdAt, waba }: Client, channel: Channel, approved: boolean) {
  const { id, externalId, businessId } = waba
  const status = approved ? 'approved' : 'submitted'
  const business = { id: businessId, name, status, type: channel.isClassic ? 'OBO' : 'SELF' }
  return {
    ...{ id, client_id: clientId, name, namespace: `${externalId}_${businessId}` },
    ...{ external_id: externalId, fb_business_id: businessId },
    fb_account_status: approved ? 'verified' : 'pending',
    ...{ status: 'created', consents: {}, created_at: createdAt, created_by: system },
    on_behalf_of_business_info: business,
  }
}
