import { type Channel, type Client, digitsOf } from './records.ts'
import { spellChannel, spellClient } from './spelling.ts'
import type { Switches } from './switches.ts'
import { toWireChannel, toWireClient } from './wire-objects.ts'
import { wordsOf } from './words.ts'

/** What the partner's webhook is told of a number. Nobody has ever seen `channel_permission_revoked`. */
export const channelEvents = [
  ...wordsOf('channel_created channel_submitted channel_ready channel_running channel_live'),
  ...wordsOf('channel_permission_granted channel_permission_revoked history smb_app_state_sync'),
  ...wordsOf('cancellation_request cancellation_revoke cancellation_processed account_violation'),
  ...wordsOf('account_restriction waba_template_status_changed template_messaging_enabled'),
  ...wordsOf('template_messaging_disabled'),
]

export type NoticeEvent = 'client_created' | (typeof channelEvents)[number]

interface KnowingHub {
  readonly switches: Switches
  client(id: string): Client
  channel(id: string): Channel
}

/** What the notices of an event carry, about a channel or a new client (docs/360dialog.md 11). */
export function toNoticeData(event: NoticeEvent, id: string, hub: KnowingHub): readonly object[] {
  const { switches } = hub
  if (event === 'client_created') return [spellClient(toWireClient(hub.client(id)), switches)]
  const channel = hub.channel(id)
  const client = hub.client(channel.clientId)
  const { externalId } = client.waba
  switch (event) {
    case 'history':
      return toHistory(switches).map((history) => ({ ...ofApp(channel, externalId), history: [history] }))
    case 'smb_app_state_sync':
      return [{ ...ofApp(channel, externalId), state_sync: [{ type: 'contact', contact, action: 'add' }] }]
    case 'account_violation':
    case 'account_restriction':
      return [{ phone_number: channel.phoneNumber, violation_type: 'SPAM' }]
    case 'waba_template_status_changed':
      return [{ id: externalId, template: { name: 'welcome', language: 'en', new_status: 'approved' } }]
    default:
      return [spellChannel(toWireChannel(channel, client), switches)]
  }
}

const contact = { full_name: 'Simulated Customer', phone_number: '4915112345678' }

function ofApp({ phoneNumber, metaId }: Channel, wabaId: string) {
  return {
    id: wabaId,
    metadata: { display_phone_number: digitsOf(phoneNumber), phone_number_id: metaId },
  }
}

function toHistory({ history_phases, history_kilobytes, history_shared }: Switches): object[] {
  const title = 'History sync is turned off by the business from the WhatsApp Business App'
  if (!history_shared) return [{ errors: [{ code: 2_593_109, title, message: title }] }]
  const message = {
    from: contact.phone_number,
    timestamp: '1739230955',
    type: 'text',
    text: { body: 'Hello' },
  }
  const messages = Array(Math.ceil((history_kilobytes * 1024) / JSON.stringify(message).length)).fill(message)
  return Array.from({ length: history_phases }, (_, phase) => ({
    metadata: { phase, chunk_order: 1, progress: Math.round((100 * (phase + 1)) / history_phases) },
    threads: [{ id: contact.phone_number, messages }],
  }))
}
