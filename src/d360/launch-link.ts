import { createHmac } from 'node:crypto'
import { digitsOf } from '../phone-number.ts'

export interface IoSignature {
  readonly signature: string
  /** Unix time in seconds. */
  readonly timestamp: number
}

interface SignLaunch {
  readonly platformSecret: string
  readonly partnerId: string
  readonly now: Date
}

interface LaunchLink {
  /** The permission screen's address; `{partner_id}` in it is replaced, its own query is kept. */
  readonly template: string
  readonly partnerId: string
  readonly email?: string | undefined
  readonly name?: string | undefined
  readonly number?: string | undefined
  /** Opens the log-in form in place of the sign-up form. */
  readonly login?: boolean | undefined
  readonly state?: string | undefined
  readonly redirectUrl?: string | undefined
  readonly ioSignature?: IoSignature | undefined
}

/**
 * The address of 360dialog's permission screen for one launch (docs/360dialog.md 2): `number` first and digits
 * only, since a `+` would arrive as a space; values percent-encoded; empty values left out.
 */
export function launchLink({ template, partnerId, number, ...launch }: LaunchLink): URL {
  const url = new URL(template.replaceAll('{partner_id}', () => encodeURIComponent(partnerId)))
  const first = toPairs({ number: number && digitsOf(number) })
  const others = toPairs({
    email: launch.email,
    name: launch.name,
    state: launch.state,
    redirect_url: launch.redirectUrl,
    next: launch.login ? 'login' : undefined,
    io_signature: launch.ioSignature?.signature,
    io_timestamp: launch.ioSignature?.timestamp.toString(),
  })
  const ours = new Set([...first, ...others].map(nameOf))
  const kept = url.search
    .slice(1)
    .split('&')
    .filter((pair) => pair && !ours.has(nameOf(pair)))
  url.search = [...first, ...kept, ...others].join('&')
  return url
}

/**
 * Signs one launch (docs/360dialog.md 3): HMAC-SHA512 over `{partnerId}|{unix_seconds}`, lower-case hex.
 * A signature serves one attempt only: make it at the click, and store it nowhere.
 */
export function signLaunch({ platformSecret, partnerId, now }: SignLaunch): IoSignature {
  const timestamp = Math.floor(now.getTime() / 1000)
  const signature = createHmac('sha512', platformSecret).update(`${partnerId}|${timestamp}`).digest('hex')
  return { signature, timestamp }
}

// Not URLSearchParams: it writes a space as `+`, and the permission screen is only known to read `%20`.
function toPairs(parameters: Record<string, string | undefined>): string[] {
  return Object.entries(parameters).flatMap(([name, value]) =>
    value ? [`${name}=${encodeURIComponent(value)}`] : [],
  )
}

function nameOf(pair: string): string {
  return pair.split('=', 1)[0] ?? ''
}
