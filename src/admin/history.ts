import type { AuditEntry } from '../audit/audit-log.ts'
import type { Mint } from '../keys/mint-repository.ts'
import type { Return } from '../onboarding/return-repository.ts'
import type { Observation } from '../permissions/permission.ts'
import type { ChannelFile } from './channel-desk.ts'
import { type Moment, toMoment } from './moment.ts'
import { mintBadges, returnBadges, saysWords, sourceWords } from './state-words.ts'

/** Something that happened to a channel. */
export interface HistoryRow {
  readonly at: Moment
  readonly what: string
  readonly who: string
  readonly detail: string
}

type Happened = Omit<HistoryRow, 'at'> & { readonly at: Date }

const MOST_ROWS = 200

/** Observations, returns, mints and audit entries of a channel in one list, newest first. */
export function toHistory({ observations, returns, mints, audit }: ChannelFile, now: Date): HistoryRow[] {
  return [
    ...audit.map(fromAudit),
    ...mints.flatMap(fromMint),
    ...observations.toReversed().map(fromObservation),
    ...returns.map(fromReturn),
  ]
    .toSorted((a, b) => b.at.getTime() - a.at.getTime())
    .slice(0, MOST_ROWS)
    .map((row) => ({ ...row, at: toMoment(row.at, now) }))
}

/** `version: 1, mint: min_…` */
export function detailOf({ detail }: AuditEntry): string {
  return Object.entries(detail)
    .map(([name, value]) => `${name}: ${value}`)
    .join(', ')
}

function fromAudit(entry: AuditEntry): Happened {
  return { at: entry.at, what: entry.action, who: entry.actor, detail: detailOf(entry) }
}

function fromMint({ requestedAt, sentAt, closedAt, version, state, askedBy, id }: Mint): Happened[] {
  const detail = `version: ${version}, mint: ${id}`
  return [
    ...(closedAt
      ? [{ at: closedAt, what: `Mint ended: ${mintBadges[state].word}`, who: 'latchkey', detail }]
      : []),
    ...(sentAt ? [{ at: sentAt, what: 'A key was asked for at 360dialog', who: 'latchkey', detail }] : []),
    { at: requestedAt, what: 'A mint was opened', who: askedBy, detail },
  ]
}

function fromObservation({ observedAt, says, source }: Observation): Happened {
  return { at: observedAt, what: saysWords[says], who: sourceWords[source], detail: '' }
}

function fromReturn({ receivedAt, state, id, clientId }: Return): Happened {
  const detail = `return: ${id}${clientId ? `, client: ${clientId}` : ''}`
  return {
    at: receivedAt,
    what: `A customer came back: ${returnBadges[state].word}`,
    who: 'the redirect',
    detail,
  }
}
