import { type Request, type Response, Router } from 'express'
import { z } from 'zod'
import type { Clock } from '../clock.ts'
import { ConflictError, InvalidInputError, PartnerApiError } from '../errors.ts'
import type { OwnerAskingService } from '../onboarding/owner-asking-service.ts'
import { type Claimant, type ReviewDetails, reviewFactsOf } from '../onboarding/review-facts.ts'
import type { ReviewService } from '../onboarding/review-service.ts'
import { paths, pathTo } from '../paths.ts'
import { shownOf } from '../shown-facts.ts'
import { englishContext } from '../web/render-page.ts'
import { adminNameOf, noteOf, readQueryText, renderAdminPage } from './admin-page.ts'
import { showDate } from './channel-facts.ts'
import { requireConfirmed } from './confirmation.ts'
import { requireFreshSignIn } from './fresh-sign-in.ts'
import type { OverviewService } from './overview-service.ts'
import { checkClaimant, checkNumber, tenantsThatAsk } from './review-checks.ts'

const decisionForm = z
  .object({
    tenant: z
      .string()
      .trim()
      .regex(/^[\w.:-]{1,128}$/)
      .catch(''),
    confirm: z.string().trim().catch(''),
    holder: z.string().catch(''),
    session: z.string().max(100).catch(''),
    shown: z.string().catch(''),
  })
  .catch({ tenant: '', confirm: '', holder: '', session: '', shown: '' })

export const reviewNotes = ['accepted', 'refused', 'asked'] as const
/** After a move, the page of the number goes on: what becomes of its key? */
type Act = (typeof reviewNotes)[number] | 'moved'

interface Dependencies {
  readonly overview: Pick<OverviewService, 'listReviews'>
  readonly reviews: Pick<ReviewService, 'read' | 'accept' | 'move' | 'refuse'>
  readonly owners: Pick<OwnerAskingService, 'askAbout' | 'canAskAbout' | 'findStop' | 'allowMails'>
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
  readonly status: number
  readonly message: string
  readonly act: Act
  /** The customer that was named. */
  readonly tenant: string
}

/** Numbers of which the rules could not tell whose they are: the list, what is known of each, and the decision. */
export function createReviewRoutes({ overview, reviews, owners, clock }: Dependencies): Router {
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
    await show(res, await reviews.read(req.params.id))
  })

  const fresh = requireFreshSignIn<OfReview>(clock, (req) => pathTo('adminReview', req.params.id))

  router.post(
    paths.adminReviewAccept,
    fresh,
    decide('accepted', async ({ details: { review, channel }, form, by }) => {
      const number = { id: review.channelId, phoneNumber: channel?.phoneNumber }
      if (!review.closedAt) requireConfirmed(number, form.confirm)
      await reviews.accept(review.id, form.tenant, by, form.shown)
    }),
  )

  router.post(
    paths.adminReviewMove,
    fresh,
    decide('moved', async ({ details: { review }, form, by }) => {
      await reviews.move(review.id, { tenantId: form.tenant, from: form.holder }, by, form.shown)
    }),
  )

  router.post(
    paths.adminReviewRefuse,
    decide('refused', async ({ details, form, by }) => {
      await reviews.refuse(details.review.id, by, form.shown)
    }),
  )

  // It gives nobody anything: the owner decides.
  router.post(
    paths.adminReviewAskOwner,
    decide('asked', ({ details, form, by }) => owners.askAbout(details, form.session, by)),
  )

  router.post(paths.adminReviewAllowMails, async (req: Request<OfReview>, res) => {
    const { id } = req.params
    const { session: asks } = decisionForm.parse(req.body)
    const claimant = (await reviews.read(id)).claimants.find(({ session }) => session.id === asks)
    if (claimant) await owners.allowMails(claimant.session.tenantId, `admin:${adminNameOf(req)}`)
    res.redirect(303, pathTo('adminReview', id))
  })

  /** Sends the admin on; or shows the page again, with what was wrong. */
  function decide(done: Act, act: (asked: Asked) => Promise<void>) {
    return async (req: Request<OfReview>, res: Response) => {
      const { id } = req.params
      const form = decisionForm.parse(req.body)
      try {
        const details = await reviews.read(id)
        await act({ details, form, by: `admin:${adminNameOf(req)}` })
        const numberPage = `${pathTo('adminChannel', details.review.channelId)}?tried=moved`
        res.redirect(303, done === 'moved' ? numberPage : `${paths.adminReviews}?done=${done}`)
      } catch (error) {
        const problem = problemOf(error)
        if (problem === undefined) throw error
        const details = await reviews.read(id)
        await show(res.status(problem.status), details, { ...problem, act: done, tenant: form.tenant })
      }
    }
  }

  async function show(res: Response, details: ReviewDetails, formError?: FormError): Promise<void> {
    const { review, channel, client } = details
    // A decided review shows what was decided about.
    const facts = review.shown ?? reviewFactsOf(details)
    const number = facts.number.phoneNumber ?? review.channelId
    renderAdminPage(res, 'review', {
      title: review.tenantId
        ? `Does ${number} belong to ${review.tenantName ?? review.tenantId}?`
        : `Whose number is ${number}?`,
      problem: formError?.message,
      ...{ review, channel, client, earlier: details.earlier, facts, number },
      emails: facts.client.emails.join(', '),
      shown: shownOf(facts),
      checks: checkNumber(details),
      createdAt: channel && showDate(channel, 'createdAt', clock.now(), englishContext(res).t),
      claimants: await Promise.all(details.claimants.map((claimant) => toShown(details, claimant))),
      form: toForm(details, formError),
    })
  }

  async function toShown(details: ReviewDetails, claimant: Claimant) {
    const stoppedAt = await owners.findStop(claimant.session.tenantId)
    return {
      ...claimant,
      others: channelsOf(claimant).filter((id) => id !== details.review.channelId),
      checks: checkClaimant(details, claimant),
      stoppedAt,
      canAskOwner: !claimant.asked && !stoppedAt && owners.canAskAbout(details, claimant),
    }
  }

  return router
}

function channelsOf({ received }: Claimant): string[] {
  return received.channels.flatMap(({ channelId, isRevoked }) => (isRevoked ? [] : [channelId]))
}

/** What the forms are filled with when the page is shown again. */
function toForm(details: ReviewDetails, formError: FormError | undefined) {
  const holder = details.channel?.tenantId
  // Who has the number may keep it, or lose it by a move.
  const asking = tenantsThatAsk(details)
  const tenants = asking.filter(({ id }) => holder === undefined || id === holder)
  const takers = asking.filter(({ id }) => holder !== undefined && id !== holder)
  const asks = asking.some(({ id }) => id === formError?.tenant)
  // What is only out of date was not typed wrongly.
  const act = formError?.status === 422 ? formError.act : undefined
  const failed = act === 'accepted' ? (asks ? 'accept' : 'assign') : act
  return {
    ...{ tenants, takers, failed },
    chosen: asks ? formError?.tenant : undefined,
    typed: asks ? '' : (formError?.tenant ?? ''),
  }
}

/** What an admin can do something about; undefined for everything else. */
function problemOf(error: unknown): { status: number; message: string } | undefined {
  if (error instanceof InvalidInputError || error instanceof ConflictError) {
    const { status, message } = error
    return { status, message }
  }
  if (!(error instanceof PartnerApiError)) return undefined
  const message =
    '360dialog could not be asked whether it still lists this number, so nothing was changed. Try again in a few minutes.'
  return { status: error.status, message }
}
