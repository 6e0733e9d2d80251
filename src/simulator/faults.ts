import { HubError } from './hub-error.ts'
import { wordsOf } from './words.ts'

/** The calls with a channel's key. */
export const messagingEndpoints = wordsOf('phone_number health_status webhook_get webhook_set')

/** The calls that are counted and that can be made to fail. */
export const endpoints = [
  ...wordsOf(
    'token partner set_partner partner_webhook_get partner_webhook_set clients client update_client',
  ),
  ...wordsOf('shared_numbers balance channels channel create_key list_keys delete_keys cancel reactivate'),
  ...messagingEndpoints,
]
export type Endpoint = (typeof endpoints)[number]

/** A counter at zero for each call. */
export function noCalls(): Record<Endpoint, number> {
  const none = Object.fromEntries(endpoints.map((endpoint) => [endpoint, 0]))
  return none as Record<Endpoint, number>
}

export const oddShapes = [
  ...wordsOf('wrapped key masked not_json empty host bare_array filter_ignored no_page_fields'),
  ...wordsOf('no_address address_outside two_keys other_channel null_rows'),
]
export type OddShape = (typeof oddShapes)[number]

/** What goes wrong with the next calls of an endpoint; `*` means any. `times` 0 lasts until cleared. */
export type Fault = { endpoint: Endpoint | '*'; times?: number } & FaultKind

type FaultKind =
  /** Carried out at once, answered `ms` later. */
  | { kind: 'slow'; ms: number }
  /** Answered with `status`; carried out first only when `committed`. */
  | { kind: 'status'; status: number; retry_after?: number; committed?: boolean }
  /** Carried out, then the connection is cut without an answer. */
  | { kind: 'lost_after_commit' }
  /** Carried out, and answered in another shape than documented. */
  | { kind: 'odd_answer'; shape: OddShape }

/** Keeps the faults that were set, in order, and hands each out as often as it was asked for. */
export class Faults {
  #faults: { fault: Fault; left: number }[] = []

  set(fault: Fault): void {
    this.#faults.push({ fault, left: (fault.times ?? 1) || Number.POSITIVE_INFINITY })
  }

  take(endpoint: Endpoint): Fault | undefined {
    const found = this.#faults.find(({ fault }) => fault.endpoint === endpoint || fault.endpoint === '*')
    if (!found) return undefined
    found.left -= 1
    if (found.left <= 0) this.#faults = this.#faults.filter((other) => other !== found)
    return found.fault
  }

  clear(): void {
    this.#faults = []
  }

  list(): Fault[] {
    return this.#faults.map(({ fault, left }) => ({ ...fault, times: Number.isFinite(left) ? left : 0 }))
  }
}

/**
 * Reads a fault that came as JSON or from a form, where numbers are text.
 * @throws HubError 400 when it cannot be read
 */
export function readFault(given: Record<string, unknown>): Fault {
  const endpoint = [...endpoints, '*' as const].find((name) => name === given.endpoint)
  if (!endpoint) throw new HubError(400, `Unknown endpoint: ${given.endpoint}`)
  return { endpoint, times: readNumber(given.times, 1, 0, 1_000_000), ...readKind(given) }
}

function readKind(given: Record<string, unknown>): FaultKind {
  const shape = oddShapes.find((name) => name === given.shape)
  switch (given.kind) {
    case 'slow':
      return { kind: 'slow', ms: readNumber(given.ms, 1_000, 0, 600_000) }
    case 'status':
      return {
        kind: 'status',
        status: readNumber(given.status, 500, 400, 599),
        ...(given.retry_after !== undefined && { retry_after: readNumber(given.retry_after, 0, 0, 86_400) }),
        ...((given.committed === true || given.committed === 'true') && { committed: true }),
      }
    case 'lost_after_commit':
      return { kind: 'lost_after_commit' }
    case 'odd_answer':
      if (shape) return { kind: 'odd_answer', shape }
      throw new HubError(400, `Unknown shape: ${given.shape}`)
    default:
      throw new HubError(400, `Unknown kind of fault: ${given.kind}`)
  }
}

function readNumber(given: unknown, fallback: number, least: number, most: number): number {
  if (given === undefined) return fallback
  const number = Number(given)
  if (Number.isInteger(number) && number >= least && number <= most) return number
  throw new HubError(400, `Not a number from ${least} to ${most}: ${given}`)
}
