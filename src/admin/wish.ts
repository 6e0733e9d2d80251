import { paths } from '../paths.ts'

const HERE = 'http://here.invalid'
const DOORS = [paths.adminSignIn, paths.adminSignOut, '/admin/first/']

/** Where to go after sign-in: a page of the admin area that was asked for, else its first page. */
export function readWish(text: unknown): string {
  if (typeof text !== 'string' || text.length > 1000 || !URL.canParse(text, HERE)) return paths.admin
  // Read as a browser would: `//evil.example`, `/\evil.example` and `/admin/../x` show what they are.
  const { origin, pathname, search } = new URL(text, HERE)
  const isOurs = origin === HERE && `${pathname}/`.startsWith(`${paths.admin}/`)
  const isDoor = DOORS.some((door) => pathname.startsWith(door))
  return isOurs && !isDoor ? `${pathname}${search}` : paths.admin
}

/** The address of the sign-in page for somebody who is signed in, and has to show again who they are. */
export function signInAgainFor(wish: string): string {
  return `${paths.adminSignIn}?${new URLSearchParams({ again: '1', next: readWish(wish) })}`
}

/** The address of the sign-in page that remembers what was asked for. */
export function signInFor(wish: string): string {
  const safe = readWish(wish)
  return safe === paths.admin ? paths.adminSignIn : `${paths.adminSignIn}?next=${encodeURIComponent(safe)}`
}
