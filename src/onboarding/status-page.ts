import type { Request, Response } from 'express'
import { maskPhoneNumber } from '../phone-number.ts'
import { pageContext, renderCached } from '../web/render-page.ts'
import type { ConnectSession, SessionEnd } from './connect-session-service.ts'
import { maskEmail } from '../email-address.ts'
import type { Progress, Situation } from './progress.ts'

export type PaidBy = 'direct' | 'partner'

/** Seconds until the page looks again, without a script; a page that cannot change by itself does not. */
const REFRESH_SECONDS: Partial<Record<Situation, number>> = {
  returned: 3,
  linking: 3,
  waiting: 10,
  owner: 10,
  finishing: 10,
  not_listed_yet: 60,
  with_support: 60,
  no_access: 60,
  needs_review: 60,
}

export interface StatusPage {
  readonly session: Pick<ConnectSession, 'code' | 'tenantName'>
  readonly progress: Progress
  readonly end: SessionEnd | undefined
  readonly paidBy: PaidBy
  readonly canContinue?: boolean
}

/** The client's page: what `Progress` tells, in words. */
export function showStatus(req: Request, res: Response, page: StatusPage): void {
  const { situation } = page.progress
  const seconds = REFRESH_SECONDS[situation]
  const stopped = req.query.refresh === 'off'
  // A header, not a meta element: whoever reads slowly can stop it by the link on the page.
  if (seconds !== undefined && !stopped) res.set('refresh', String(seconds))
  const title = pageContext(res).t(`status.${situation}.title`)
  const values = { title, refreshes: seconds !== undefined, stopped, ...statusValues(page) }
  renderCached(res, 'onboarding/status', values)
}

/** What the view prints, but for what the request says. */
export function statusValues({ session, progress, end, paidBy, canContinue = false }: StatusPage) {
  const { situation, canStartAgain, refusals, requirements, steps, numbers, ownerEmail } = progress
  const [first] = requirements
  // What is connected stays; another number may join it.
  const startsAgain = canStartAgain || (situation === 'completed' && !end)
  return {
    ...{ situation, end, paidBy },
    canStartAgain: startsAgain,
    refusals: startsAgain && !end ? refusals : [],
    code: session.code,
    tenantName: session.tenantName,
    lateWho: first?.isLate ? first.who : undefined,
    canContinue: canContinue && situation === 'needs_review' && !end,
    steps: steps.map(({ name, state }) => ({ name, state })),
    numbers: numbers.map(({ phoneNumber, state, requirement }) => ({
      number: maskPhoneNumber(phoneNumber),
      ...{ state, isLate: requirement?.isLate ?? false },
    })),
    ownerEmail: ownerEmail && maskEmail(ownerEmail),
  }
}

/** The same for programs. */
export function toJson({ status, steps, numbers, requirements }: Progress): object {
  return {
    status,
    steps: steps.map(({ name, state, at }) => ({ name, state, at: at ?? null })),
    numbers: numbers.map(({ phoneNumber }) => maskPhoneNumber(phoneNumber)),
    requirements: requirements.map(({ code, who, since, normallyUntil, action }) => ({
      ...{ code, who },
      since: since ?? null,
      normally_until: normallyUntil ?? null,
      action: action ?? null,
    })),
  }
}
