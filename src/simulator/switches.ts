import { HubError } from './hub-error.ts'

/** How this 360dialog behaves where the real one varies or is not documented. */
export interface Switches {
  /** Life of a bearer token. */
  token_seconds: number
  /** The `address` that key answers name; empty: the simulator's own. */
  key_address: string
  /** Whether a removed permission also ends the channel's key; not documented. */
  revoke_kills_key: boolean
  /** How the redirect spells `channels` and `revoked`. */
  brackets: 'raw' | 'encoded'
  quotes: boolean
  /** A blank after each comma: `+` in raw brackets, `%20` in encoded ones. */
  spaces: boolean
  drop_channels: boolean
  drop_state: boolean
  /** Ignores the launch's `redirect_url` and uses the stored one. */
  drop_redirect_url: boolean
  /** Shows an error for a launch that brings a `redirect_url`. */
  refuse_redirect_url: boolean
  io_signature_required: boolean
  /** A launch is sent on to the other host name, `localhost` or `127.0.0.1`, before it is answered. */
  launch_hop: boolean
}

export const defaultSwitches: Readonly<Switches> = {
  token_seconds: 86_400,
  key_address: '',
  revoke_kills_key: false,
  brackets: 'raw',
  quotes: false,
  spaces: false,
  drop_channels: false,
  drop_state: false,
  drop_redirect_url: false,
  refuse_redirect_url: false,
  io_signature_required: false,
  launch_hop: false,
}

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
