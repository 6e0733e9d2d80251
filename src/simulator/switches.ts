import { HubError } from './hub-error.ts'

/** How this 360dialog behaves where the real one varies or is not documented. */
export const defaultSwitches = {
  /** Life of a bearer token. */
  token_seconds: 86_400,
  /** The `address` that key answers name; empty: the simulator's own. */
  key_address: '',
  /** Whether a removed permission also ends the channel's key; not documented. */
  revoke_kills_key: false,
  /** How the redirect spells `channels` and `revoked`. */
  brackets: 'raw' as 'raw' | 'encoded',
  quotes: false,
  /** A space after each comma: `+` in raw brackets, `%20` in encoded ones. */
  spaces: false,
  drop_channels: false,
  drop_state: false,
  /** Ignores the launch's `redirect_url` and uses the stored one. */
  drop_redirect_url: false,
  /** Shows an error for a launch that brings a `redirect_url`. */
  refuse_redirect_url: false,
  io_signature_required: false,
  /** A launch is sent on to the other host name, `localhost` or `127.0.0.1`, before it is answered. */
  launch_hop: false,
}

export type Switches = typeof defaultSwitches

/**
 * Reads switches that came as JSON.
 * @throws HubError 400 when a name is unknown or a value has the wrong type
 */
export function readSwitches(given: Record<string, unknown>): Partial<Switches> {
  const known = new Map<string, unknown>(Object.entries(defaultSwitches))
  for (const [name, value] of Object.entries(given)) {
    if (!known.has(name)) throw new HubError(400, `Unknown switch: ${name}`)
    if (typeof value !== typeof known.get(name)) throw new HubError(400, `Wrong value for switch: ${name}`)
  }
  if ('brackets' in given && given.brackets !== 'raw' && given.brackets !== 'encoded')
    throw new HubError(400, 'brackets is raw or encoded')
  return given
}
