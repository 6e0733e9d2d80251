import { parseCookie } from 'cookie'
import type { Request, Response } from 'express'
import { derivedSecret, hashOf, newSecret } from '../identifiers.ts'

const LIFE_MS = 30 * 24 * 60 * 60_000
const SECRET = /^[A-Za-z0-9_-]{43}$/

/** The name of a cookie that only this origin can set, as far as the scheme allows it. */
export function cookieName(name: string, publicUrl: URL): string {
  return isSecure(publicUrl) ? `__Host-${name}` : name
}

/** Cookies follow the scheme of PUBLIC_URL. */
export function isSecure(publicUrl: URL): boolean {
  return publicUrl.protocol === 'https:'
}

/** A browser that brought its cookie. */
export interface KnownBrowser {
  /** The SHA-256 of its id. */
  readonly hash: string
  /** A secret about `subject` that only this browser leads to. */
  secretFor(subject: string): string
}

/**
 * Knows a browser again by a random cookie. It says nothing of who uses it: it only ties a return to the
 * browser that left for the permission screen.
 */
export class BrowserId {
  readonly #name: string
  readonly #secure: boolean

  constructor(publicUrl: URL) {
    this.#name = cookieName('browser', publicUrl)
    this.#secure = isSecure(publicUrl)
  }

  /** Undefined when the browser brings no id. */
  read(req: Request): KnownBrowser | undefined {
    const value = parseCookie(req.headers.cookie ?? '')[this.#name]
    if (value === undefined || !SECRET.test(value)) return undefined
    return { hash: hashOf(value), secretFor: (subject) => derivedSecret(value, subject) }
  }

  /** The SHA-256 of the browser's id; gives it one when it has none. */
  ensure(req: Request, res: Response): string {
    const known = this.read(req)
    if (known) return known.hash
    const secret = newSecret()
    const options = { httpOnly: true, sameSite: 'lax', path: '/', maxAge: LIFE_MS } as const
    res.cookie(this.#name, secret, { ...options, secure: this.#secure })
    return hashOf(secret)
  }
}
