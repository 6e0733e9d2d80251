import type { RequestHandler, Response } from 'express'
import type { Language } from '../database/schema.ts'
import { statusPath } from '../paths.ts'
import { failedPage } from '../web/failed-page.ts'
import { pageContext, renderPage } from '../web/render-page.ts'
import type { ConnectSession, ConnectSessionService } from './connect-session-service.ts'

/** Nobody else's copy, and in no search: who knows the address sees the page. */
export const privatePage: RequestHandler = (_req, res, next) => {
  res.set({ 'cache-control': 'no-store', 'x-robots-tag': 'noindex' })
  next()
}

export function languageOf(res: Response): Language {
  return pageContext(res).lang === 'de' ? 'de' : 'en'
}

/** Why a link, or a page that launches as it does, leads nowhere; and in the browser that used it, where it led. */
export function showUnusableLink(
  res: Response,
  sessions: ConnectSessionService,
  session: ConnectSession | undefined,
  used?: { readonly id: string; readonly isConnected: boolean },
): void {
  const { t } = pageContext(res)
  const why = session ? (sessions.endOf(session) ?? 'used_up') : 'unknown'
  renderPage(res.status(session ? 410 : 404), 'onboarding/link-unusable', {
    title: t(`linkEnd.${why}.title`),
    why,
    isConnected: used?.isConnected ?? false,
    statusHref: used && statusPath(used.id),
    code: failedPage(res, `link_${why}`, session),
  })
}
