import type { NextFunction, Request, RequestHandler, Response } from 'express'
import type { i18n } from 'i18next'

export interface Brand {
  readonly name: string
  readonly logoUrl: string | undefined
  readonly supportEmail: string | undefined
  readonly privacyUrl: string | undefined
}

export interface PageSettings {
  readonly brand: Brand
  readonly demo: boolean
  readonly words: i18n
}

/** The words of a key in the page's language; `brand` is always filled in. */
export type Translate = (key: string, values?: object) => string

/** What every page has at hand. */
export interface PageFrame {
  readonly brand: Brand
  readonly demo: boolean
  readonly lang: string
  readonly t: Translate
  /** Pages as they were sent, by view and values. */
  readonly kept: Map<string, string>
}

/** Chooses the language of a page from what the browser asks for, and lays out what every page needs. */
export function preparePages({ brand, demo, words }: PageSettings): RequestHandler {
  const frames = new Map(
    ['en', 'de'].map((lang) => {
      return [
        lang,
        { brand, demo, lang, t: translateInto(lang, words, brand), kept: new Map() } satisfies PageFrame,
      ]
    }),
  )
  return (req: Request, res: Response, next: NextFunction) => {
    const lang = req.acceptsLanguages(['en', 'de']) || 'en'
    res.locals.frame = frames.get(lang)
    res.locals.adminFrame = frames.get('en')
    res.vary('Accept-Language')
    next()
  }
}

/** Words without a value of their own are looked up once: most of every page is. */
function translateInto(lang: string, words: i18n, brand: Brand): Translate {
  const translate = words.getFixedT(lang)
  const known = new Map<string, string>()
  return (key, values) => {
    if (values) return translate(key, { brand: brand.name, ...values })
    const text = known.get(key) ?? translate(key, { brand: brand.name })
    known.set(key, text)
    return text
  }
}

export function frameOf(res: Response): PageFrame {
  return res.locals.frame as PageFrame
}

/** The admin area speaks English. */
export function adminFrameOf(res: Response): PageFrame {
  return res.locals.adminFrame as PageFrame
}

export interface PageLocals {
  readonly title: string
  readonly [name: string]: unknown
}

/** Renders a view inside views/layout.ejs, since EJS has no layouts of its own. */
export function renderPage(res: Response, view: string, locals: PageLocals): void {
  render(res, view, locals, (page) => res.send(page))
}

/**
 * Renders a page that is asked for again and again and hardly ever changes. The same values give the same page,
 * so the last thousand are kept.
 */
export function renderKeptPage(res: Response, view: string, locals: PageLocals): void {
  const { kept } = frameOf(res)
  const values = JSON.stringify([view, locals])
  const page = kept.get(values)
  if (page !== undefined) return void res.type('html').end(page)
  render(res, view, locals, (page) => {
    if (kept.size >= MOST_KEPT) kept.clear()
    kept.set(values, page)
    res.send(page)
  })
}

const MOST_KEPT = 1_000

function render(res: Response, view: string, locals: PageLocals, send: (page: string) => void): void {
  const frame = locals.layout === 'admin' ? adminFrameOf(res) : frameOf(res)
  const all = { layout: 'client', ...frame, ...locals }
  res.render(view, all, (error: Error | null, body?: string) => {
    if (error) return res.req.next?.(error)
    res.render('layout', { ...all, body }, (error: Error | null, page?: string) => {
      if (error || page === undefined) return res.req.next?.(error)
      send(page)
    })
  })
}
