import type { ObservationSource, PermissionStatus, Row } from '../database/schema.ts'

export type Observation = Pick<Row<'observation'>, 'source' | 'says' | 'observedAt'>

export interface Permission {
  readonly status: PermissionStatus
  readonly source: ObservationSource | undefined
  readonly observedAt: Date | undefined
}

/**
 * What the observations of one channel add up to. The newest decides, but a hint does not prove: a reported
 * revocation makes the permission unknown, and missing only once the key is rejected too or 360dialog says so.
 * A rejected key alone may have been replaced, so it only makes the permission unknown. Silence changes nothing.
 */
export function derivePermission(observations: readonly Observation[]): Permission {
  const inOrder = observations.toSorted((a, b) => a.observedAt.getTime() - b.observedAt.getTime())
  let status: PermissionStatus = 'unknown'
  let revocationReported = false
  for (const { says } of inOrder) {
    if (says === 'shared' || says === 'missing') status = says
    else if (says === 'key_rejected' && (revocationReported || status === 'missing')) status = 'missing'
    else status = 'unknown'
    revocationReported = says === 'revocation_reported' || (revocationReported && says === 'key_rejected')
  }
  const last = inOrder.at(-1)
  return { status, source: last?.source, observedAt: last?.observedAt }
}
