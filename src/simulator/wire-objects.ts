import type { Channel, Client } from './records.ts'

const system = { user_id: 'system', user_name: 'system' }

/** A client as the Partner API lists it. */
export function toWireClient(client: Client) {
  return {
    id: client.id,
    name: client.name,
    status: 'active',
    organisation: client.name,
    max_channels: 2,
    partner_payload: client.partnerPayload,
    suspicious: false,
    meta_info: {
      business_vertical: null,
      timezone: 'Europe/Berlin',
      about: null,
      business_description: null,
      use_case: null,
    },
    contact_info: {
      email: client.email,
      full_name: client.name,
      phone: null,
      country: 'DE',
      city: null,
      street_name: null,
      zip_code: null,
      language: 'en',
      webpage_url: null,
    },
    contact_user: { name: client.name, email: client.email, phone: null },
    created_at: client.createdAt,
    created_by: system,
    modified_at: client.createdAt,
    modified_by: system,
  }
}

/** A channel as the Partner API lists it: an embedded-signup channel, so `account_mode` says whether it is live. */
export function toWireChannel(channel: Channel, client: Client) {
  const running = channel.running && channel.endedAt === undefined
  return {
    id: channel.id,
    client_id: client.id,
    client: {
      id: client.id,
      name: client.name,
      partner_payload: client.partnerPayload,
      contact_info: { email: client.email },
    },
    waba_account_id: client.waba.id,
    account_mode: running ? 'live' : null,
    status: running ? 'ready' : 'created',
    hub_status: running ? 'live' : 'pending',
    billing_started_at: channel.runningSince,
    terminated_at: channel.endedAt ?? null,
    cancelled_at: null,
    created_at: channel.createdAt,
    modified_at: channel.runningSince ?? channel.createdAt,
    current_limit: running ? 'TIER_1K' : null,
    current_quality_rating: running ? 'GREEN' : null,
    is_oba: false,
    has_inbox: false,
    is_on_biz_app: false,
    setup_info: {
      phone_number: channel.phoneNumber,
      phone_name: channel.displayName,
      was_in_use: false,
      ivr: false,
      verification_method: 'sms',
      new_name_status: null,
      error: null,
      region: 'eu',
    },
    waba_account: toWireWaba(client, running),
    integration: {
      enabled: channel.endedAt === undefined,
      app_id: channel.endedAt === undefined ? channel.appId : null,
      state: running ? 'running' : 'pending',
    },
  }
}

function toWireWaba(client: Client, approved: boolean) {
  const { id, externalId, businessId } = client.waba
  return {
    id,
    client_id: client.id,
    name: client.name,
    namespace: `${externalId}_${businessId}`,
    external_id: externalId,
    fb_business_id: businessId,
    fb_account_status: approved ? 'verified' : 'pending',
    status: 'created',
    consents: {},
    created_at: client.createdAt,
    created_by: system,
    on_behalf_of_business_info: {
      id: businessId,
      name: client.name,
      status: approved ? 'approved' : 'submitted',
      type: 'SELF',
    },
  }
}
