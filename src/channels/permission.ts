import type { ObservationSource, PermissionStatus, Row } from '../database/schema.ts'

export type Observation = Pick<Row<'observation'>, 'source' | 'says' | 'observedAt'>

export interface Permission {
  readonly status: PermissionStatus
  readonly source: ObservationSource | undefined
  readonly observedAt: Date | undefined
  /** Another source says otherwise, and nothing has happened since that would explain it. */
  readonly isDisputed: boolean
}

const DAY_MS = 24 * 60 * 60_000
const acts: ReadonlySet<ObservationSource> = new Set(['return', 'admin', 'mint'])
const yes: ReadonlySet<Observation['says']> = new Set(['shared', 'grant_reported', 'key_works'])

/**
 * What the observations of one channel add up to. The newest decides, but a hint does not prove: a reported
 * revocation makes the permission unknown, and missing only once the key is rejected too or 360dialog says so.
 * A rejected key alone may have been replaced, so it only makes the permission unknown; a key that works has not
 * lost it, and says nothing against a list. A reported grant may be older than it seems, and a reported revocation of
 * what is missing tells nothing new: neither changes it. Nor does silence.
 */
export function derivePermission(observations: readonly Observation[]): Permission {
  const inOrder = observations.toSorted(
    (a, b) => a.observedAt.getTime() - b.observedAt.getTime() || Number(isNotice(b)) - Number(isNotice(a)),
  )
  let status: PermissionStatus = 'unknown'
  let revocationReported = false
  let last: Observation | undefined
  for (const one of inOrder) {
    const { says } = one
    if (says === 'grant_reported' || (says === 'revocation_reported' && status === 'missing')) continue
    // It confirms what is known, and outweighs a rumour. What somebody else says is not its to decide.
    if (says === 'key_works' && status === 'missing') continue
    if (says === 'key_works') status = 'shared'
    else if (says === 'shared' || says === 'missing') status = says
    else if (says === 'key_rejected' && (revocationReported || status === 'missing')) status = 'missing'
    else status = 'unknown'
    revocationReported = says === 'revocation_reported' || (revocationReported && says === 'key_rejected')
    last = one
  }
  return { status, source: last?.source, observedAt: last?.observedAt, isDisputed: isDisputed(inOrder) }
}

/** What a notice reports is a reason to ask: what was answered at the same moment was said after it. */
function isNotice({ source }: Observation): boolean {
  return source === 'notice'
}

/**
 * The newest words of two sources contradict each other, both of the last day. What the client, an admin or we did
 * since is an explanation: then only that counts, and what was said after it.
 */
function isDisputed(inOrder: readonly Observation[]): boolean {
  const newest = inOrder.at(-1)?.observedAt.getTime() ?? 0
  const act = inOrder.findLastIndex(({ source }) => acts.has(source))
  const recent = inOrder.slice(Math.max(act, 0)).filter((one) => newest - one.observedAt.getTime() <= DAY_MS)
  const words = new Map(recent.map(({ source, says }) => [source, yes.has(says)]))
  return new Set(words.values()).size > 1
}
