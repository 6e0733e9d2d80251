import { type Request, type Response, Router } from 'express'
import { z } from 'zod'
import type { Clock } from '../clock.ts'
import { InvalidInputError, PartnerApiError } from '../errors.ts'
import type { ReviewFile, ReviewService } from '../onboarding/review-service.ts'
import { adminReviewPath, paths } from '../paths.ts'
import { adminNameOf, readQueryText, renderAdminPage } from './admin-page.ts'
import { isConfirmed } from './decision-section.ts'
import { requireFreshSignIn } from './fresh-sign-in.ts'
import type { OverviewService } from './overview-service.ts'
import { type Misstep, toReviewPage, toReviewRow } from './review-page.ts'

const decisionForm = z
  .object({
    tenant: z
      .string()
      .trim()
      .regex(/^[\w.:-]{1,128}$/)
      .catch(''),
    confirm: z.string().trim().catch(''),
  })
  .catch({ tenant: '', confirm: '' })

const notes: ReadonlyMap<unknown, string> = new Map([
  ['accepted', 'Accepted. The number belongs to the customer now. Its own page shows how it goes on.'],
  ['refused', 'Refused. Nothing was connected, and the page of the customer says so.'],
])

export interface ReviewServices {
  readonly overview: Pick<OverviewService, 'listReviews'>
  readonly reviews: ReviewService
  readonly clock: Clock
}

interface OfReview {
  readonly id: string
}

interface Asked {
  readonly file: ReviewFile
  readonly form: z.infer<typeof decisionForm>
  /** `admin:NAME` */
  readonly by: string
}

/** Numbers of which the rules could not tell whose they are: the list, what is known of each, and the decision. */
export function createReviewRoutes({ overview, reviews, clock }: ReviewServices): Router {
  const router = Router()

  router.get(paths.adminReviews, async (req, res) => {
    const after = readQueryText(req.query.after)
    const { rows, next } = await overview.listReviews(after)
    renderAdminPage(res, 'reviews', {
      title: 'Reviews',
      note: notes.get(req.query.done),
      rows: rows.map((row) => toReviewRow(row, clock.now())),
      isFirstPage: after === '',
      firstHref: paths.adminReviews,
      nextHref: next && `${paths.adminReviews}?after=${encodeURIComponent(next)}`,
    })
  })

  router.get(paths.adminReview, async (req: Request<OfReview>, res) => {
    show(res, await reviews.read(req.params.id))
  })

  router.post(
    paths.adminReviewAccept,
    requireFreshSignIn<OfReview>(clock, (req) => adminReviewPath(req.params.id)),
    decide('accepted', async ({ file: { review, channel }, form, by }) => {
      const number = { id: review.channelId, phoneNumber: channel?.phoneNumber }
      if (!review.closedAt && !isConfirmed(number, form.confirm))
        throw new InvalidInputError('What you typed does not match this number. Nothing was changed.')
      await reviews.accept(review.id, form.tenant, by)
    }),
  )

  router.post(
    paths.adminReviewRefuse,
    decide('refused', ({ file, by }) => reviews.refuse(file.review.id, by)),
  )

  /** Sends the admin back to the list; or shows the page again, with what was wrong. */
  function decide(done: 'accepted' | 'refused', act: (asked: Asked) => Promise<void>) {
    return async (req: Request<OfReview>, res: Response) => {
      const { id } = req.params
      const form = decisionForm.parse(req.body)
      try {
        await act({ file: await reviews.read(id), form, by: `admin:${adminNameOf(req)}` })
        res.redirect(303, `${paths.adminReviews}?done=${done}`)
      } catch (error) {
        const problem = problemOf(error)
        if (problem === undefined) throw error
        const file = await reviews.read(id)
        const status = error instanceof PartnerApiError ? error.status : file.review.closedAt ? 409 : 422
        show(res.status(status), file, { problem, tenant: form.tenant })
      }
    }
  }

  function show(res: Response, file: ReviewFile, misstep?: Misstep): void {
    renderAdminPage(res, 'review', {
      ...toReviewPage(file, clock.now(), misstep),
      problem: misstep?.problem,
      reviewsHref: paths.adminReviews,
    })
  }

  return router
}

/** What an admin can do something about; undefined for everything else. */
function problemOf(error: unknown): string | undefined {
  if (error instanceof InvalidInputError) return error.message
  if (!(error instanceof PartnerApiError)) return undefined
  return '360dialog could not be asked whether it still lists this number, so nothing was changed. Try again in a few minutes.'
}
