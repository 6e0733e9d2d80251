import { type Request, Router } from 'express'
import { NotFoundError } from '../errors.ts'
import { paths } from '../paths.ts'
import { readQueryText, renderAdminPage } from './admin-page.ts'
import type { OverviewService } from './overview-service.ts'

/** What needs the admin, the list of permissions, and the case behind a client's code. */
export function createOverviewRoutes({ overview }: { overview: OverviewService }): Router {
  const router = Router()

  router.get(paths.admin, async (req, res) => {
    const after = readQueryText(req.query.after)
    const { rows, next } = await overview.listChannels(after)
    renderAdminPage(res, 'overview', {
      title: 'Permissions',
      channels: rows,
      isFirstPage: after === '',
      firstHref: paths.admin,
      nextHref: next && `${paths.admin}?${new URLSearchParams({ after: next })}`,
      needs: await overview.listNeeds(),
    })
  })

  router.get(paths.adminCase, async (req: Request<{ code: string }>, res) => {
    const failedPages = await overview.listFailedPages(req.params.code)
    const found = await overview.findCase(req.params.code)
    if (!found && failedPages.length > 0)
      return renderAdminPage(res, 'failed-page', { title: `Failure ${failedPages[0]?.code}`, failedPages })
    if (!found) throw new NotFoundError('unknown_session', 'No customer has this code.')
    renderAdminPage(res, 'case', { title: `Case ${found.session.code}`, ...found, failedPages })
  })

  return router
}
