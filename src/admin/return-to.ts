import { paths } from '../paths.ts'

const HERE = 'http://here.invalid'
const SIGN_IN_PAGES = [paths.adminSignIn, paths.adminSignOut, '/admin/first/']

/** Where to go after sign-in: a page of the admin area that was asked for, else its first page. */
export function safeReturnTo(text: unknown): string {
  if (typeof text !== 'string' || text.length > 1000 || !URL.canParse(text, HERE)) return paths.admin
  // Read as a browser would: `//evil.example`, `/\evil.example` and `/admin/../x` show what they are.
  const { origin, pathname, search } = new URL(text, HERE)
  const isOurs = origin === HERE && `${pathname}/`.startsWith(`${paths.admin}/`)
  const isSignIn = SIGN_IN_PAGES.some((page) => pathname.startsWith(page))
  return isOurs && !isSignIn ? `${pathname}${search}` : paths.admin
}

/** The address of the sign-in page for an admin who is signed in, and has to show again who they are. */
export function signInAgainFor(returnTo: string): string {
  return `${paths.adminSignIn}?${new URLSearchParams({ again: '1', next: safeReturnTo(returnTo) })}`
}

/** The address of the sign-in page that remembers what was asked for. */
export function signInFor(returnTo: string): string {
  const safe = safeReturnTo(returnTo)
  return safe === paths.admin ? paths.adminSignIn : `${paths.adminSignIn}?next=${encodeURIComponent(safe)}`
}
