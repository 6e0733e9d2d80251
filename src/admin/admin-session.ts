import type { Request, RequestHandler } from 'express'
import session from 'express-session'
import { newSecret } from '../identifiers.ts'
import { cookieName, isSecure } from '../web/browser-id.ts'
import { type Admin, passwordMarkOf } from './admin-service.ts'
import { type AdminSessionStore, IDLE_MS } from './admin-session-store.ts'

export interface AdminSessionSettings {
  readonly publicUrl: URL
  /** The first signs, all verify. */
  readonly secrets: readonly string[]
  readonly store: AdminSessionStore
}

/** The session of the admin area; no other page uses it. */
export function createAdminSession({ publicUrl, secrets, store }: AdminSessionSettings): RequestHandler {
  const secure = isSecure(publicUrl)
  const sessions = session({
    name: cookieName('admin', publicUrl),
    secret: [...secrets],
    store,
    genid: newSecret,
    // Lax, since an admin follows links out of mails and tickets; forms are held to our own origin anyway.
    cookie: { httpOnly: true, sameSite: 'lax', secure, path: '/', maxAge: IDLE_MS },
    resave: false,
    saveUninitialized: false,
    rolling: true,
  })
  if (!secure) return sessions
  return (req, res, next) => {
    // PUBLIC_URL says how browsers come here. express-session asks the connection instead, and sets no
    // cookie behind a proxy that is not trusted.
    Object.defineProperty(req, 'secure', { value: true, configurable: true })
    sessions(req, res, next)
  }
}

/** Begins an admin's session under a new id: one that was planted in the browser before stays worthless. */
export async function startSession(req: Request, admin: Admin, now: Date): Promise<void> {
  await settled((done) => req.session.regenerate(done))
  req.session.adminId = admin.id
  req.session.adminName = admin.name
  req.session.passwordMark = passwordMarkOf(admin)
  req.session.signedInAt = now.toISOString()
  // Before the redirect leaves: the browser may follow it faster than a save at the end.
  await settled((done) => req.session.save(done))
}

export function endSession(req: Request): Promise<void> {
  return settled((done) => req.session.destroy(done))
}

function settled(act: (done: (error: unknown) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => act((error) => (error ? reject(error) : resolve())))
}
