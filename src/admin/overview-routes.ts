import { type Request, Router } from 'express'
import { NotFoundError } from '../errors.ts'
import { paths, pathTo } from '../paths.ts'
import { readQueryText, renderAdminPage } from './admin-page.ts'
import { isCode, type OverviewService } from './overview-service.ts'

/** What needs the admin, the list of permissions, and the case behind a client's code. */
export function createOverviewRoutes({ overview }: { overview: OverviewService }): Router {
  const router = Router()

  router.get(paths.admin, async (req, res) => {
    const [search, after] = [readQueryText(req.query.q), readQueryText(req.query.after)]
    const code = await overview.findCode(search)
    if (code) return res.redirect(303, pathTo('adminCase', code))
    const { rows, next } = await overview.listChannels({ search, after })
    renderAdminPage(res, 'overview', {
      title: 'Permissions',
      search,
      isUnknownCode: isCode(search),
      channels: rows,
      isFirstPage: after === '',
      firstHref: pageHref(search, ''),
      nextHref: next && pageHref(search, next),
      needs: await overview.listNeeds(),
    })
  })

  router.get(paths.adminCase, async (req: Request<{ code: string }>, res) => {
    const found = await overview.findCase(req.params.code)
    if (!found) throw new NotFoundError('unknown_session', 'No customer has this code.')
    renderAdminPage(res, 'case', { title: `Case ${found.session.code}`, ...found })
  })

  return router
}

function pageHref(search: string, after: string): string {
  const query = new URLSearchParams({ ...(search && { q: search }), ...(after && { after }) })
  return query.size > 0 ? `${paths.admin}?${query}` : paths.admin
}
