import type { Request, Response } from 'express'
import { paths } from '../paths.ts'
import { renderPage } from '../web/render-page.ts'

const links = [
  { href: paths.admin, label: 'Permissions' },
  { href: paths.adminReviews, label: 'Reviews' },
  { href: paths.adminAudit, label: 'Audit' },
]

/** Renders a page of the admin area: in English, with its navigation when somebody is signed in. */
export function renderAdminPage(
  res: Response,
  view: string,
  locals: { readonly title: string; [name: string]: unknown },
): void {
  const { req } = res
  renderPage(res, `admin/${view}`, {
    layout: 'admin',
    lang: 'en',
    adminName: req.session?.adminName,
    navigation: links.map((link) => ({ ...link, isCurrent: link.href === req.path })),
    signOutPath: paths.adminSignOut,
    ...locals,
  })
}

/** The name of who is signed in. */
export function adminNameOf(req: Pick<Request, 'session'>): string {
  const { adminName } = req.session
  if (adminName === undefined) throw new Error('an admin page was reached without a session')
  return adminName
}

/** A short text of the address, without control characters; empty when it is missing or given twice. */
export function readQueryText(value: unknown): string {
  return typeof value === 'string'
    ? value
        .replaceAll(/\p{Cc}/gu, '')
        .trim()
        .slice(0, 100)
    : ''
}
