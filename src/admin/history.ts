import type { AuditDetail, Row } from '../database/schema.ts'
import type { Translate } from '../web/render-page.ts'
import type { AdminChannel, ReturnDetails } from './channel-admin-service.ts'

/** Something that happened to a channel. */
export interface HistoryEvent {
  readonly at: Date
  readonly what: string
  readonly who: string
  readonly detail: AuditDetail
}

const MAX_EVENTS = 200

/** Observations, changes at 360dialog, returns, mints and audit entries of a channel in one list, newest first. */
export function toHistory(
  { observations, changes, returns, mints, audit }: AdminChannel,
  t: Translate,
): HistoryEvent[] {
  return [
    ...audit.map(({ at, action, actor, detail }) => ({ at, what: action, who: actor, detail })),
    ...mints.flatMap((mint) => fromMint(mint, t)),
    ...observations.map(({ observedAt, says, source }) => {
      return { at: observedAt, what: t(`admin.says.${says}`), who: t(`admin.source.${source}`), detail: {} }
    }),
    ...changes.map(({ changedAt, fact, was, became }) => {
      const what = t(`admin.fact.${fact}`, { was, became })
      return { at: changedAt, what, who: t('admin.source.api'), detail: {} }
    }),
    ...returns.map((received) => fromReturn(received, t)),
  ]
    .toSorted((a, b) => b.at.getTime() - a.at.getTime())
    .slice(0, MAX_EVENTS)
}

function fromMint(mint: Row<'mint'>, t: Translate): HistoryEvent[] {
  const { requestedAt, sentAt, closedAt, version, askedBy, id } = mint
  const detail = { version, mint: id }
  const ended = t('admin.event.mint_ended', { state: t(`admin.mint.${mint.state}`) })
  return [
    ...(closedAt ? [{ at: closedAt, what: ended, who: 'latchkey', detail }] : []),
    ...(sentAt ? [{ at: sentAt, what: t('admin.event.key_asked_for'), who: 'latchkey', detail }] : []),
    { at: requestedAt, what: t('admin.event.mint_opened'), who: askedBy, detail },
  ]
}

function fromReturn({ receivedAt, state, id, clientId }: ReturnDetails, t: Translate): HistoryEvent {
  const what = t('admin.event.returned', { state: t(`admin.return.${state}`) })
  const detail = { return: id, ...(clientId && { client: clientId }) }
  return { at: receivedAt, what, who: t('admin.source.return'), detail }
}
