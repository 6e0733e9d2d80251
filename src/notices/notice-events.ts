/** What an account event is about, so that it is asked for again. */
type About = 'channel' | 'client' | 'template'

/**
 * 360dialog's account events (docs/360dialog.md 11): only these keep their body, and the table refuses any other. What
 * people write to each other must never be among them.
 */
const accountEvents: Readonly<Record<string, About>> = {
  client_created: 'client',
  channel_created: 'channel',
  channel_submitted: 'channel',
  channel_ready: 'channel',
  channel_running: 'channel',
  channel_live: 'channel',
  channel_permission_granted: 'channel',
  channel_permission_revoked: 'channel',
  cancellation_request: 'channel',
  cancellation_revoke: 'channel',
  cancellation_processed: 'channel',
  account_violation: 'channel',
  account_restriction: 'channel',
  template_messaging_enabled: 'channel',
  template_messaging_disabled: 'channel',
  waba_template_status_changed: 'template',
}

/** Undefined for every other event, which is kept by name, ids, size and hash alone. */
export function aboutOf(event: string): About | undefined {
  return Object.hasOwn(accountEvents, event) ? accountEvents[event] : undefined
}

/** What an event reports of a permission: a hint, since anything may have happened before it arrived. */
export function hintOf(event: string): 'grant_reported' | 'revocation_reported' | undefined {
  if (event === 'channel_permission_granted') return 'grant_reported'
  return event === 'channel_permission_revoked' ? 'revocation_reported' : undefined
}

/** Whether an event reports that a number runs: then creating its key may be tried, whatever its fields say. */
export function reportsRunning(event: string): boolean {
  return event === 'channel_running' || event === 'channel_live'
}

const MESSAGES = new Set(['messages', 'contacts', 'history', 'state_sync', 'message_echoes'])

/** Whether what stands under this name is what people write to each other, or whom they know. */
export function isOfPeople(key: string): boolean {
  return MESSAGES.has(key)
}
