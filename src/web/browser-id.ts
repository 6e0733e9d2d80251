import { parseCookie } from 'cookie'
import type { Request, Response } from 'express'
import { derivedSecret, hashOf, type KnownBrowser, newSecret } from '../identifiers.ts'

const LIFE_MS = 180 * 24 * 60 * 60_000
const SECRET = /^[A-Za-z0-9_-]{43}$/

/** The name of a cookie that only this origin can set, as far as the scheme allows it. */
export function cookieName(name: string, publicUrl: URL): string {
  return isSecure(publicUrl) ? `__Host-${name}` : name
}

/** Cookies follow the scheme of PUBLIC_URL. */
export function isSecure(publicUrl: URL): boolean {
  return publicUrl.protocol === 'https:'
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
    return toKnown(value)
  }

  /** Gives the browser an id when it has none. */
  ensure(req: Request, res: Response): KnownBrowser {
    const known = this.read(req)
    if (known) return known
    const secret = newSecret()
    const options = { httpOnly: true, sameSite: 'lax', path: '/', maxAge: LIFE_MS } as const
    res.cookie(this.#name, secret, { ...options, secure: this.#secure })
    return toKnown(secret)
  }
}

function toKnown(secret: string): KnownBrowser {
  return { hash: hashOf(secret), secretFor: (subject) => derivedSecret(secret, subject) }
}
