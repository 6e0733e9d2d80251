import type { Switches } from './switches.ts'

interface Health {
  /** On-premise. */
  gateway: string
  /** In the cloud: what stands in the way, and how much. */
  entity?: 'PHONE_NUMBER' | 'WABA' | 'BUSINESS'
  verdict?: 'LIMITED' | 'BLOCKED'
  details?: object
}

const notRegistered: Omit<Health, 'gateway'> = {
  entity: 'PHONE_NUMBER',
  verdict: 'BLOCKED',
  details: problem(133_010, 'The phone number is not registered.', 'Register the phone number.'),
}

/** The states of a number's health (docs/360dialog.md 9), by the names under which they are set. */
const states = {
  available: { gateway: 'connected' },
  name_not_approved: {
    ...{ gateway: 'connected', entity: 'PHONE_NUMBER', verdict: 'LIMITED' },
    details: { additional_info: ['Your display name has not been approved yet.'] },
  },
  business_not_verified: {
    ...{ gateway: 'connected', entity: 'BUSINESS', verdict: 'LIMITED' },
    details: problem(
      141_010,
      'The Business has not passed business verification.',
      'Visit business settings and start or resolve the business verification request.',
    ),
  },
  payment_failed: {
    ...{ gateway: 'connected', entity: 'WABA', verdict: 'BLOCKED' },
    details: problem(
      141_006,
      'There is an error with the payment method. This will block business initiated conversations.',
      'Please add a new payment method to the account.',
    ),
  },
  connecting: { gateway: 'connecting', ...notRegistered },
  disconnected: { gateway: 'disconnected', ...notRegistered },
  uninitialized: { gateway: 'uninitialized', ...notRegistered },
  unregistered: { gateway: 'unregistered', ...notRegistered },
  /** The call itself is refused with 400, though the key is right. */
  account_problem: { gateway: 'disconnected', ...notRegistered },
} satisfies Record<string, Health>

export type HealthState = keyof typeof states

export const healthStates = Object.keys(states) as HealthState[]

function problem(code: number, description: string, solution: string): object {
  const error = { error_code: code, error_description: description, possible_solution: solution }
  return { errors: [error] }
}

interface Probed {
  metaId: string
  appId: string
  health?: HealthState
}

/** `GET /health_status` of the cloud: the worst entity is the verdict. */
export function toCloudHealth(
  number: Probed,
  waba: { externalId: string; businessId: string },
  { health_word, health_id }: Switches,
) {
  const { entity, verdict, details }: Health = states[number.health ?? 'available']
  const ids = {
    PHONE_NUMBER: number.metaId,
    WABA: waba.externalId,
    BUSINESS: waba.businessId,
    APP: number.appId,
  }
  const entities = Object.entries(ids).map(([entity_type, id]) => ({
    ...{ entity_type, id },
    ...(entity_type === entity ? { [health_word]: verdict, ...details } : { [health_word]: 'AVAILABLE' }),
  }))
  return {
    ...(health_id && { id: number.metaId }),
    health_status: { [health_word]: verdict ?? 'AVAILABLE', entities },
  }
}

/** `GET /v1/health` on-premise. Of several core apps only one is ever connected. */
export function toGatewayHealth({ health = 'available' }: Probed, { health_nodes }: Switches) {
  const gateway_status = states[health].gateway
  if (health_nodes === 'single') return { health: { gateway_status } }
  const nodes = {
    'host-1:master-1': { gateway_status: 'disconnected', role: 'primary_master' },
    'host-2:coreapp-1': { gateway_status, role: 'coreapp' },
    'host-3:coreapp-2': { gateway_status: 'disconnected', role: 'coreapp' },
  }
  return { health: nodes }
}
