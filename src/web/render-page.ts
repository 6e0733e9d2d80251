import type { RequestHandler, Response } from 'express'
import type { i18n } from 'i18next'
import { languages } from './translations.ts'

export interface Brand {
  readonly name: string
  readonly logoUrl: string | undefined
  readonly supportEmail: string | undefined
  readonly privacyUrl: string | undefined
}

/** In a demo, where its simulator is. */
type Demo = false | { readonly simulator: string }

export interface PageSettings {
  readonly brand: Brand
  readonly demo: Demo
  readonly translations: i18n
}

/** The text of a key in the page's language; of several keys the first that has one. `brand` is always filled in. */
export type Translate = (key: string | string[], values?: object) => string

/** What every page has at hand. */
export interface PageContext {
  readonly brand: Brand
  readonly demo: Demo
  readonly lang: string
  readonly t: Translate
  /** Pages as they were sent, by view and values. */
  readonly cachedPages: Map<string, string>
}

/** Chooses the language of a page from what the browser asks for, and lays out what every page needs. */
export function preparePages({ brand, demo, translations }: PageSettings): RequestHandler {
  const contexts = Object.fromEntries(
    languages.map((lang) => {
      const t = translateInto(lang, translations, brand)
      return [lang, { brand, demo, lang, t, cachedPages: new Map() } satisfies PageContext]
    }),
  )
  return (req, res, next) => {
    res.locals.pageContext = contexts[req.acceptsLanguages([...languages]) || 'en']
    res.locals.englishContext = contexts.en
    res.vary('Accept-Language')
    next()
  }
}

/** A text without values is looked up once: most of every page is. */
function translateInto(lang: string, translations: i18n, brand: Brand): Translate {
  const translate = translations.getFixedT(lang)
  const known = new Map<string, string>()
  return (key, values) => {
    if (values || typeof key !== 'string') return translate(key, { brand: brand.name, ...values })
    const text = known.get(key) ?? translate(key, { brand: brand.name })
    known.set(key, text)
    return text
  }
}

/** What a page for this visitor has at hand; undefined only where an answer is no page. */
export function pageContext(res: Response): PageContext {
  return res.locals.pageContext as PageContext
}

/** The same in English, whatever the browser asks for. */
export function englishContext(res: Response): PageContext {
  return res.locals.englishContext as PageContext
}

export interface PageLocals {
  readonly title: string
  readonly [name: string]: unknown
}

/** Renders a view inside views/layout.ejs, since EJS has no layouts of its own. */
export function renderPage(
  res: Response,
  view: string,
  locals: PageLocals,
  context = pageContext(res),
): void {
  render(res, view, { ...context, ...locals }, (page) => res.send(page))
}

/**
 * Renders a page that is asked for again and again and hardly ever changes. The same values give the same page,
 * so the last thousand are kept.
 */
export function renderCached(res: Response, view: string, locals: PageLocals): void {
  const context = pageContext(res)
  const { cachedPages } = context
  const values = JSON.stringify([view, locals])
  const cached = cachedPages.get(values)
  if (cached !== undefined) return void res.type('html').end(cached)
  render(res, view, { ...context, ...locals }, (page) => {
    if (cachedPages.size >= MAX_CACHED_PAGES) cachedPages.clear()
    cachedPages.set(values, page)
    res.send(page)
  })
}

const MAX_CACHED_PAGES = 1_000

function render(res: Response, view: string, locals: PageLocals, send: (page: string) => void): void {
  const all = { layout: 'client', ...locals }
  res.render(view, all, (error: Error | null, body?: string) => {
    if (error) return res.req.next?.(error)
    res.render('layout', { ...all, body }, (error: Error | null, page?: string) => {
      if (error || page === undefined) return res.req.next?.(error)
      send(page)
    })
  })
}
