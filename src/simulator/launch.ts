import { HubError } from './hub-error.ts'
import { digitsOf } from './records.ts'

/** What a launch URL asks the permission screen for. Empty text where it says nothing. */
export interface Launch {
  partnerId: string
  number: string
  email: string
  name: string
  partnerPayload: string
  state: string
  redirectUrl: string
  login: boolean
  /** The price plan that is preselected. */
  plan: string
  signature: string
  timestamp: string
}

/** Where the permission screen is found: the partner's id is the one part that varies. */
export const launchPath = /^\/(?:dashboard\/app\/([^/]+)(?:\/permissions)?|onboarding\/([^/]+))\/?$/

/**
 * Reads a launch URL. Quotes around the number, spaces and unknown parameters are tolerated.
 * @throws HubError 404 when it is none of the three launch paths
 */
export function readLaunch(url: URL): Launch {
  const [, byDashboard, byOnboarding] = launchPath.exec(url.pathname) ?? []
  const partnerId = byDashboard ?? byOnboarding
  if (!partnerId) throw new HubError(404, 'There is no permission screen at this address.')
  const read = (name: string) => url.searchParams.get(name)?.trim() ?? ''
  return {
    partnerId,
    number: digitsOf(read('number')),
    email: read('email'),
    name: read('name'),
    partnerPayload: read('partner'),
    state: read('state'),
    redirectUrl: read('redirect_url'),
    login: read('next') === 'login',
    plan: read('plan_selection'),
    signature: read('io_signature'),
    timestamp: read('io_timestamp'),
  }
}
