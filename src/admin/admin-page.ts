import type { Request, RequestHandler, Response } from 'express'
import type { Clock } from '../clock.ts'
import { paths, pathTo } from '../paths.ts'
import { englishContext, renderPage } from '../web/render-page.ts'
import { showTime } from '../web/time.ts'
import { type BadgeKind, badgeOf } from './badge.ts'

const links = [
  { href: paths.admin, label: 'Permissions' },
  { href: paths.adminReviews, label: 'Reviews' },
  { href: paths.adminAudit, label: 'Audit' },
]

/** What the views of the admin area call beside `t`: a time, a state and an address as a page shows them. */
export function prepareAdminPages(clock: Clock): RequestHandler {
  return (_req, res, next) => {
    const { t } = englishContext(res)
    res.locals.time = (at: Date) => showTime(at, clock.now())
    res.locals.badge = (kind: BadgeKind, state: string) => badgeOf(t, kind, state)
    res.locals.link = (page: keyof typeof paths, parameter = '') => pathTo(page, parameter)
    next()
  }
}

/** Renders a page of the admin area: in English, with its navigation for an admin who is signed in. */
export function renderAdminPage(
  res: Response,
  view: string,
  locals: { readonly title: string; [name: string]: unknown },
): void {
  const { req } = res
  const page = {
    layout: 'admin',
    adminName: req.session?.adminName,
    navigation: links.map((link) => ({ ...link, isCurrent: link.href === req.path })),
    ...locals,
  }
  renderPage(res, `admin/${view}`, page, englishContext(res))
}

/** What a page says once about the form that led to it; undefined when the address names none of these. */
export function noteOf(
  res: Response,
  group: 'channelNote' | 'reviewNote',
  names: readonly string[],
  name: unknown,
) {
  return names.some((known) => known === name) ? englishContext(res).t(`admin.${group}.${name}`) : undefined
}

/** The name of the admin who is signed in. */
export function adminNameOf(req: Pick<Request, 'session'>): string {
  const { adminName } = req.session
  if (adminName === undefined) throw new Error('an admin page was reached without a session')
  return adminName
}

/** A short text of the address; empty when it is missing or given twice. */
export function readQueryText(value: unknown): string {
  return typeof value === 'string' ? value.trim().slice(0, 100) : ''
}
