import { type Request, type Response, Router } from 'express'
import { z } from 'zod'
import type { Clock } from '../clock.ts'
import { InvalidInputError, PartnerApiError } from '../errors.ts'
import type { Claimant, ReviewDetails, ReviewService } from '../onboarding/review-service.ts'
import { paths, pathTo } from '../paths.ts'
import { adminNameOf, noteOf, readQueryText, renderAdminPage } from './admin-page.ts'
import { isConfirmed } from './confirmation.ts'
import { requireFreshSignIn } from './fresh-sign-in.ts'
import type { OverviewService } from './overview-service.ts'
import { checkClaimant, checkNumber, firstOfEachAttempt, reasonOf, tenantsThatAsk } from './review-checks.ts'

/** A link can be used again and again; a customer who does that does not fill the page. */
const MAX_CLAIMANTS = 10

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

export const reviewNotes = ['accepted', 'refused'] as const

interface Dependencies {
  readonly overview: Pick<OverviewService, 'listReviews'>
  readonly reviews: Pick<ReviewService, 'read' | 'accept' | 'refuse'>
  readonly clock: Clock
}

interface OfReview {
  readonly id: string
}

interface Asked {
  readonly details: ReviewDetails
  readonly form: z.infer<typeof decisionForm>
  /** `admin:NAME` */
  readonly by: string
}

/** What was wrong with a decision that an admin sent. */
interface FormError {
  readonly problem: string
  /** The customer that was named. */
  readonly tenant: string
}

/** Numbers of which the rules could not tell whose they are: the list, what is known of each, and the decision. */
export function createReviewRoutes({ overview, reviews, clock }: Dependencies): Router {
  const router = Router()

  router.get(paths.adminReviews, async (req, res) => {
    const after = readQueryText(req.query.after)
    const { rows, next } = await overview.listReviews(after)
    renderAdminPage(res, 'reviews', {
      title: 'Reviews',
      note: noteOf(res, 'reviewNote', reviewNotes, req.query.done),
      rows,
      isFirstPage: after === '',
      nextHref: next && `${paths.adminReviews}?after=${encodeURIComponent(next)}`,
    })
  })

  router.get(paths.adminReview, async (req: Request<OfReview>, res) => {
    show(res, await reviews.read(req.params.id))
  })

  router.post(
    paths.adminReviewAccept,
    requireFreshSignIn<OfReview>(clock, (req) => pathTo('adminReview', req.params.id)),
    decide('accepted', async ({ details: { review, channel }, form, by }) => {
      const number = { id: review.channelId, phoneNumber: channel?.phoneNumber }
      if (!review.closedAt && !isConfirmed(number, form.confirm))
        throw new InvalidInputError('What you typed does not match this number. Nothing was changed.')
      await reviews.accept(review.id, form.tenant, by)
    }),
  )

  router.post(
    paths.adminReviewRefuse,
    decide('refused', ({ details, by }) => reviews.refuse(details.review.id, by)),
  )

  /** Sends the admin back to the list; or shows the page again, with what was wrong. */
  function decide(done: (typeof reviewNotes)[number], act: (asked: Asked) => Promise<void>) {
    return async (req: Request<OfReview>, res: Response) => {
      const { id } = req.params
      const form = decisionForm.parse(req.body)
      try {
        await act({ details: await reviews.read(id), form, by: `admin:${adminNameOf(req)}` })
        res.redirect(303, `${paths.adminReviews}?done=${done}`)
      } catch (error) {
        const problem = problemOf(error)
        if (problem === undefined) throw error
        const details = await reviews.read(id)
        const status = error instanceof PartnerApiError ? error.status : details.review.closedAt ? 409 : 422
        show(res.status(status), details, { problem, tenant: form.tenant })
      }
    }
  }

  function show(res: Response, details: ReviewDetails, formError?: FormError): void {
    const { review, channel } = details
    const number = channel?.phoneNumber ?? review.channelId
    const claimants = firstOfEachAttempt(details.claimants)
    renderAdminPage(res, 'review', {
      title: review.tenantId
        ? `Does ${number} belong to ${review.tenantName ?? review.tenantId}?`
        : `Whose number is ${number}?`,
      problem: formError?.problem,
      ...details,
      number,
      reason: reasonOf(details),
      checks: checkNumber(details),
      claimants: claimants.slice(0, MAX_CLAIMANTS).map((claimant) => ({
        ...claimant,
        others: channelsOf(claimant).filter((id) => id !== review.channelId),
        checks: checkClaimant(details, claimant),
      })),
      moreClaimants: Math.max(claimants.length - MAX_CLAIMANTS, 0),
      form: toForm(details, formError),
    })
  }

  return router
}

function channelsOf({ received }: Claimant): string[] {
  return received.channels.flatMap(({ channelId, isRevoked }) => (isRevoked ? [] : [channelId]))
}

/** What the forms are filled with when the page is shown again. */
function toForm(details: ReviewDetails, formError: FormError | undefined) {
  const tenants = tenantsThatAsk(details)
  const asks = tenants.some(({ id }) => id === formError?.tenant)
  return {
    tenants,
    chosen: asks ? formError?.tenant : undefined,
    typed: asks ? '' : (formError?.tenant ?? ''),
    failed: formError && (asks ? 'accept' : 'assign'),
  }
}

/** What an admin can do something about; undefined for everything else. */
function problemOf(error: unknown): string | undefined {
  if (error instanceof InvalidInputError) return error.message
  if (!(error instanceof PartnerApiError)) return undefined
  return '360dialog could not be asked whether it still lists this number, so nothing was changed. Try again in a few minutes.'
}
