import { Router } from 'express'
import { paths, pathTo } from '../paths.ts'
import { toPlainText } from '../plain-text.ts'
import { readQueryText, renderAdminPage } from './admin-page.ts'
import type { SearchResult, SearchService } from './search-service.ts'

/** What a number, a name, an id or a code leads to. One hit opens. */
export function createSearchRoutes({ search }: { search: SearchService }): Router {
  const router = Router()

  router.get(paths.adminSearch, async (req, res) => {
    const typed = readQueryText(req.query.q)
    const result = await search.find(typed)
    const only = onlyHitOf(result) ?? (await failureOf(result, typed))
    if (only) return res.redirect(303, only)
    const { channels, sessions, isCut } = result
    renderAdminPage(res, 'search', {
      title: `Search: ${isCut ? 'too many' : channels.count + sessions.count} found`,
      search: toPlainText(typed),
      ...result,
    })
  })

  async function failureOf({ channels, sessions }: SearchResult, typed: string): Promise<string | undefined> {
    if (channels.count + sessions.count > 0) return undefined
    const code = await search.findFailure(typed)
    return code && pathTo('adminCase', code)
  }

  return router
}

function onlyHitOf({ channels, sessions, isCut }: SearchResult): string | undefined {
  if (isCut || channels.count + sessions.count !== 1) return undefined
  const [[channel], [session]] = [channels.shown, sessions.shown]
  return channel ? pathTo('adminChannel', channel.id) : session && pathTo('adminCase', session.code)
}
