import { PartnerApiError } from '../errors.ts'
import { type Check, ok, PARTNER_HUB_PAGE, unknown, wrong } from './check.ts'

/** What one question to 360dialog brought, or why it was not asked. */
export type Asked<T> =
  | { readonly answer: T }
  | { readonly failure: PartnerApiError }
  | { readonly notAsked: string }

/** Asks once. What 360dialog does is an outcome; every other error is thrown on. */
export async function ask<T>(question: () => Promise<T>): Promise<Asked<T>> {
  try {
    return { answer: await question() }
  } catch (error) {
    if (error instanceof PartnerApiError) return { failure: error }
    throw error
  }
}

/** Whether it makes sense to ask for anything else: credentials that are refused are refused everywhere. */
export function endsAll(asked: Asked<unknown>): boolean {
  if (!('failure' in asked)) return false
  const { failure, upstreamStatus } = asked.failure
  return upstreamStatus === 401 || (upstreamStatus === undefined && failure !== 'unexpected_answer')
}

const capabilities = {
  hub: { name: 'read the hub', without: 'Its addresses and flags cannot be checked.' },
  clients: { name: 'read clients', without: 'No return can be checked.' },
  numbers: { name: 'read numbers', without: 'No return can be checked.' },
  keys: { name: 'read key records', without: 'Numbers that may have a key wait for your decision.' },
}

interface Capability {
  readonly name: string
  /** What does not work without it. */
  readonly without: string
}

/** Whether the credentials may do each thing: a 403 says nothing about the others (docs/360dialog.md 5). */
export function judgeAccess(access: Readonly<Record<keyof typeof capabilities, Asked<unknown>>>): Check[] {
  const asked = Object.values(access).filter((one) => !('notAsked' in one))
  const isAnotherHub = asked.every((one) => 'failure' in one && one.failure.upstreamStatus === 403)
  return Object.entries(capabilities).map(([key, capability]) => {
    const one = access[key as keyof typeof capabilities]
    if ('notAsked' in one) return unknown(capability.name, one.notAsked)
    if ('answer' in one) return ok(capability.name, '360dialog allows it.')
    return isAnotherHub ? anotherHub(capability) : judgeFailure(capability, one.failure)
  })
}

function anotherHub({ name }: Capability): Check {
  return wrong(name, '360dialog refuses everything (403): these credentials are of another hub.', {
    remedy: 'Check that D360_PARTNER_ID and the API key are of the same Partner Hub.',
    address: PARTNER_HUB_PAGE,
  })
}

function judgeFailure({ name, without }: Capability, { failure, upstreamStatus }: PartnerApiError): Check {
  if (upstreamStatus === 401)
    return wrong(name, '360dialog refuses the credentials (401).', {
      remedy: 'Copy an API key that is not revoked into D360_PARTNER_API_KEY.',
      address: PARTNER_HUB_PAGE,
    })
  if (upstreamStatus === 403)
    return wrong(name, `360dialog refuses this one thing to the credentials (403). ${without}`, {
      remedy: 'Use an API key that may do it; what else it may do is in the other lines.',
      address: PARTNER_HUB_PAGE,
    })
  if (failure === 'never_sent')
    return wrong(name, 'There is no connection to 360dialog.', {
      remedy: 'Check D360_API_URL, and that this machine reaches it.',
    })
  if (failure === 'unexpected_answer')
    return wrong(name, 'What answers is not the Partner API of 360dialog.', { remedy: 'Check D360_API_URL.' })
  if (failure === 'unknown' || upstreamStatus === 429) return tooBusy(name, upstreamStatus)
  return wrong(name, `360dialog does not know what was asked for (${upstreamStatus}). ${without}`, {
    remedy: 'Check D360_PARTNER_ID and D360_API_URL.',
    address: PARTNER_HUB_PAGE,
  })
}

function tooBusy(name: string, status: number | undefined): Check {
  const says = status === undefined ? '360dialog did not answer in time.' : `360dialog answered ${status}.`
  return unknown(name, says, { remedy: 'Nothing to do here: try again in some minutes.' })
}
