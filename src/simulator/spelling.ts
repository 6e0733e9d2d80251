import type { Switches } from './switches.ts'
import type { toWireChannel, toWireClient } from './wire-objects.ts'

type WireChannel = ReturnType<typeof toWireChannel>
type WireClient = ReturnType<typeof toWireClient>

/** Writes a channel as the switches ask: the same facts, in other fields and words. */
export function spellChannel(channel: WireChannel, switches: Switches): object {
  const { client, client_id, is_owned, integration, ...others } = {
    ...channel,
    ...spellRunning(channel, switches),
  }
  const { app_id, ...hosting } = integration
  const ends = switches.ended_field === 'terminated_at' ? 'terminated_at' : 'cancelled_at'
  return spellTimes(switches, {
    ...others,
    ...(switches.channel_client !== 'object' && { client_id }),
    ...(switches.channel_client !== 'id' && { client }),
    ...(switches.app_id_place === 'channel' ? { integration: hosting, app_id } : { integration }),
    ...{ terminated_at: null, cancelled_at: null, [ends]: channel.terminated_at },
    ...(switches.access_field === 'is_owned' && { is_owned }),
    ...(switches.access_field === 'access' && { access: is_owned ? 'owned' : 'shared' }),
    ...(switches.quality_words === 'word' &&
      channel.current_quality_rating && { current_quality_rating: 'High' }),
    ...spellNumber(channel, switches),
  })
}

function spellNumber({ setup_info: { phone_number, ...info } }: WireChannel, switches: Switches) {
  const number = spellPhone(phone_number, switches)
  if (switches.phone_place === 'setup_info') return { setup_info: { ...info, phone_number: number } }
  return { setup_info: info, [switches.phone_place]: number }
}

/** Writes a client as the switches ask. */
export function spellClient(client: WireClient, switches: Switches): object {
  const { meta_info, contact_info, contact_user, ...bare } = client
  if (switches.client_details === 'full') return spellTimes(switches, client)
  const details = { meta_info: null, contact_info: null, contact_user: null }
  return spellTimes(switches, switches.client_details === 'null' ? { ...bare, ...details } : bare)
}

export function spellPhone(phoneNumber: string, { phone_plus }: Switches): string {
  return phone_plus ? phoneNumber : phoneNumber.replace(/^\+/, '')
}

// A classic channel has its own word, and no `account_mode` beside it.
function spellRunning(channel: WireChannel, { running_field: field }: Switches) {
  if (field === 'all' || channel.account_mode !== 'live') return undefined
  const { account_mode, status, hub_status, integration } = channel
  const silent = { account_mode: null, status: 'created', hub_status: 'pending', availability_status: null }
  const says = {
    account_mode,
    status,
    hub_status,
    availability_status: 'running',
    integration,
    none: undefined,
  }
  return { ...silent, integration: { ...integration, state: 'pending' }, [field]: says[field] }
}

function spellTimes(switches: Switches, row: object): object {
  if (!switches.milliseconds) return row
  const withMilliseconds = (_name: string, value: unknown) =>
    typeof value === 'string' ? value.replace(/^(\d{4}-\d\d-\d\dT[\d:]+)Z$/, '$1.821Z') : value
  return JSON.parse(JSON.stringify(row), withMilliseconds)
}
