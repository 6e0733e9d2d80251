import { parseCookie } from 'cookie'
import type { Request, Response } from 'express'
import { hashOf, newSecret } from '../identifiers.ts'
import { cookieName, isSecure } from '../web/browser-id.ts'
import { type Admin, type AdminService, BROWSER_LIFE_MS } from './admin-service.ts'

const SECRET = /^[A-Za-z0-9_-]{43}$/

interface Dependencies {
  readonly publicUrl: URL
  readonly admins: AdminService
}

/** Knows a browser again in which an admin has signed in. It opens nothing: it only keeps the admin's place. */
export class AdminBrowser {
  readonly #name: string
  readonly #secure: boolean
  readonly #admins: AdminService

  constructor({ publicUrl, admins }: Dependencies) {
    this.#name = cookieName('admin-browser', publicUrl)
    this.#secure = isSecure(publicUrl)
    this.#admins = admins
  }

  /** The SHA-256 of the browser's secret, if this name has signed in with it; undefined for any other browser. */
  async findFor(req: Request, name: string): Promise<string | undefined> {
    const secret = this.#read(req)
    if (secret === undefined) return undefined
    const hash = hashOf(secret)
    return (await this.#admins.knowsBrowser(name, hash)) ? hash : undefined
  }

  /** After a sign-in. */
  async remember(req: Request, res: Response, admin: Admin): Promise<void> {
    const secret = this.#read(req) ?? newSecret()
    await this.#admins.rememberBrowser(admin, hashOf(secret))
    const options = { httpOnly: true, sameSite: 'strict', path: '/', maxAge: BROWSER_LIFE_MS } as const
    res.cookie(this.#name, secret, { ...options, secure: this.#secure })
  }

  #read(req: Request): string | undefined {
    const value = parseCookie(req.headers.cookie ?? '')[this.#name]
    return value !== undefined && SECRET.test(value) ? value : undefined
  }
}
