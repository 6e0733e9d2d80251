import type { Endpoint, Fault } from '../src/simulator/faults.ts'
import type { Hub } from '../src/simulator/hub.ts'
import type { TimedSite } from './keys/timed-site.ts'
import { eventually } from './site.ts'

const partnerCalls: readonly Endpoint[] = [
  ...(['partner', 'partner_webhook_get', 'clients', 'client', 'shared_numbers', 'balance'] as const),
  ...(['channels', 'channel', 'create_key', 'list_keys'] as const),
]

/** 360dialog refuses every call with the partner's credentials, until the faults are cleared. */
export function refuseCredentials(hub: Hub, status: 401 | 403 = 401): void {
  setOnAll(hub, { kind: 'status', status })
}

/** Lists come in a form that nobody knows, until the faults are cleared. */
export function answerOddly(hub: Hub, shape: 'null_rows' | 'not_json' | 'empty'): void {
  for (const endpoint of ['clients', 'channels'] as const)
    hub.setFault({ endpoint, kind: 'odd_answer', shape, times: 0 })
}

/** Lets a second pass, and another, until the site has made sure that its hub is in trouble, or that this is over. */
export async function untilTrouble({ context, clock }: TimedSite, isOn = true): Promise<void> {
  await eventually(async () => {
    if (((await context.trouble.find()) !== undefined) === isOn) return true
    clock.advance(1_000)
    return false
  })
}

/** The calls of the Partner API that 360dialog has received. */
export function countCalls({ calls }: Hub): number {
  return [...partnerCalls, 'token' as const].reduce((sum, endpoint) => sum + calls[endpoint], 0)
}

function setOnAll(hub: Hub, fault: { kind: 'status'; status: number }): void {
  for (const endpoint of partnerCalls) hub.setFault({ endpoint, ...fault, times: 0 } satisfies Fault)
}
