import { z } from 'zod'
import type { HealthFinding } from '../database/schema.ts'
import { wireObject, wireText } from './wire-values.ts'

/** Whether a number can send messages, in the order of how bad it is. */
export const healthStates = ['available', 'unknown', 'limited', 'blocked'] as const
type HealthState = (typeof healthStates)[number]

export interface Health {
  readonly state: HealthState
  readonly findings: readonly HealthFinding[]
}

const MOST_FINDINGS = 20
const LONGEST_TEXT = 300

const wireList = z.array(z.unknown()).nullish().catch(undefined)
const verdict = { can_send_message: wireText, can_send_messages: wireText }
const wireEntity = z.object({
  ...verdict,
  entity_type: wireText,
  errors: wireList,
  additional_info: wireList,
})
const wireError = z.object({
  ...{ error_code: wireText, error_description: wireText, possible_solution: wireText },
  ...{ code: wireText, title: wireText, details: wireText },
})
const wireHealth = wireObject({ ...verdict, entities: wireList })
const wireNode = z.object({ gateway_status: wireText })

/**
 * Reads health as the cloud or a gateway tells it (docs/360dialog.md 9). Of a shape that is not known it is `unknown`:
 * it never throws. `apiKey` is in none of its texts, even if 360dialog sends it back.
 */
export function readHealth(answer: Readonly<Record<string, unknown>>, apiKey: string): Health {
  const cloud = wireHealth.parse(answer.health_status)
  const { state, findings } = cloud ? readCloud(cloud) : readGateway(answer.health)
  return { state, findings: findings.slice(0, MOST_FINDINGS).map((one) => toPlain(one, apiKey)) }
}

function readCloud(health: NonNullable<z.infer<typeof wireHealth>>): Health {
  const entities = readAll(health.entities, wireEntity)
  const states = [health, ...entities].map(stateOf).filter((state) => state !== undefined)
  const findings = entities.flatMap((entity) => {
    const about = entity.entity_type ?? ''
    const state = stateOf(entity) ?? 'unknown'
    const errors = readAll(entity.errors, wireError).map(toFinding)
    const infos = readAll(entity.additional_info, wireText).map((text) => ({ ...(text && { text }) }))
    const told: Partial<HealthFinding>[] = [...errors, ...infos]
    if (told.length === 0 && state !== 'available') told.push({})
    return told.map((one) => ({ about, state, ...one }))
  })
  return { state: worst(states) ?? 'unknown', findings }
}

function stateOf(said: { can_send_message?: unknown; can_send_messages?: unknown }): HealthState | undefined {
  const word = said.can_send_message ?? said.can_send_messages
  if (word === undefined || word === null) return undefined
  return healthStates.find((state) => state === String(word).toLowerCase()) ?? 'unknown'
}

function toFinding(error: z.infer<typeof wireError>): Partial<HealthFinding> {
  const code = error.error_code ?? error.code
  const text = error.error_description ?? error.title ?? error.details
  const solution = error.possible_solution
  return { ...(code && { code }), ...(text && { text }), ...(solution && { solution }) }
}

const gatewayStates: ReadonlyMap<string, HealthState> = new Map([
  ['connected', 'available'],
  ['connecting', 'limited'],
  ['disconnected', 'blocked'],
  ['uninitialized', 'blocked'],
  ['unregistered', 'blocked'],
])

/** One machine, or several under their names. Of several one is enough: the others say that they are disconnected. */
function readGateway(health: unknown): Health {
  const whole = wireNode.safeParse(health).data
  const nodes = whole?.gateway_status ? { gateway: health } : (z.looseObject({}).safeParse(health).data ?? {})
  const findings = Object.entries(nodes).flatMap(([about, node]) => {
    const text = wireNode.safeParse(node).data?.gateway_status
    return text ? [{ about, text, state: gatewayStates.get(text.toLowerCase()) ?? 'unknown' }] : []
  })
  const state = healthStates.find((one) => findings.some((finding) => finding.state === one)) ?? 'unknown'
  return { state, findings: state === 'available' ? [] : findings }
}

function worst(states: readonly HealthState[]): HealthState | undefined {
  return healthStates.findLast((state) => states.includes(state))
}

function readAll<T>(list: readonly unknown[] | null | undefined, shape: z.ZodType<T>): T[] {
  return (list ?? []).slice(0, MOST_FINDINGS).flatMap((value) => {
    const read = shape.safeParse(value).data
    return read === undefined || read === null ? [] : [read]
  })
}

/** Without what cannot be seen, such as signs that turn the order of letters round. */
function toPlain(finding: HealthFinding, apiKey: string): HealthFinding {
  const plain = Object.entries(finding).map(([name, text]: [string, string]) => {
    const seen = text.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, '').replaceAll(apiKey, '•••')
    return [name, Array.from(seen).slice(0, LONGEST_TEXT).join('')]
  })
  return Object.fromEntries(plain)
}
