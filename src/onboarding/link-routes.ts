import { type RequestHandler, type Response, Router } from 'express'
import { z } from 'zod'
import { NotFoundError } from '../errors.ts'
import { linkPath, paths } from '../paths.ts'
import type { BrowserId } from '../web/browser-id.ts'
import { formText } from '../web/form-text.ts'
import { pageContext, renderPage } from '../web/render-page.ts'
import { findNameProblem } from './company-name.ts'
import type { ConnectSession, ConnectSessionService } from './connect-session-service.ts'
import { languageOf, privatePage, showUnusableLink } from './onboarding-pages.ts'
import { readPhoneNumber, showPhoneNumber } from './phone-number.ts'

interface Dependencies {
  readonly sessions: ConnectSessionService
  readonly browsers: BrowserId
  readonly selfSignup: boolean
  readonly brandName: string
  readonly launchPageHeaders: RequestHandler
  readonly limit: RequestHandler
}

/** Where a client's way begins: the sign-up form or a connect link, and from there 360dialog's permission screen. */
export function createLinkRoutes(dependencies: Dependencies): Router {
  const { sessions, browsers, selfSignup, limit, launchPageHeaders } = dependencies
  const signUpForm = signUpFormOf(dependencies.brandName)
  const router = Router()

  router.use(paths.link, privatePage)

  router.get(paths.home, launchPageHeaders, (_req, res) => showHome(res, selfSignup))

  router.post(paths.signUp, limit, launchPageHeaders, async (req, res) => {
    if (!selfSignup) throw new NotFoundError()
    const form = signUpForm.safeParse(req.body ?? {})
    if (!form.success) return showSignUp(res.status(422), req.body, z.flattenError(form.error).fieldErrors)
    const screen = await sessions.signUp(form.data, browsers.ensure(req, res), languageOf(res))
    res.redirect(303, screen.href)
  })

  router.get(paths.link, launchPageHeaders, async (req, res) => {
    const session = await sessions.findByLink(String(req.params.token))
    if (!session || sessions.endOf(session)) return showUnusableLink(res, sessions, session)
    showLink(res, session, String(req.params.token))
  })

  router.post(paths.link, limit, launchPageHeaders, async (req, res) => {
    const session = await sessions.findByLink(String(req.params.token))
    if (!session || sessions.endOf(session)) return showUnusableLink(res, sessions, session)
    const screen = await sessions.launch(session, browsers.ensure(req, res), { language: languageOf(res) })
    res.redirect(303, screen.href)
  })

  return router
}

/** The self-signup form; each problem is the key of its translation. */
const signUpFormOf = (brandName: string) =>
  z.object({
    company: formText.pipe(
      z
        .string()
        .min(1, 'form.companyMissing')
        .max(100, 'form.companyLong')
        .superRefine((company, context) => {
          const message = findNameProblem(company, brandName)
          if (message) context.addIssue({ code: 'custom', message })
        }),
    ),
    email: formText.pipe(z.email('form.emailBad').max(254, 'form.emailBad')),
    number: formText.transform((value, context) => {
      if (value === '') return undefined
      const number = readPhoneNumber(value)
      if (number === undefined) context.addIssue({ code: 'custom', message: 'form.numberBad' })
      return number
    }),
    consent: z.literal('yes', 'form.consentMissing'),
  })

function showHome(res: Response, selfSignup: boolean): void {
  if (selfSignup) return showSignUp(res, {}, {})
  renderPage(res, 'onboarding/closed', { title: pageContext(res).t('closed.title') })
}

function showSignUp(res: Response, values: unknown, errors: object): void {
  const entered = typeof values === 'object' && values !== null ? values : {}
  const title = pageContext(res).t('signUp.title')
  renderPage(res, 'onboarding/sign-up', { title, action: paths.signUp, values: entered, errors })
}

function showLink(res: Response, session: ConnectSession, token: string): void {
  const { tenantName, number, code } = session
  renderPage(res, 'onboarding/link', {
    title: pageContext(res).t('link.title'),
    action: linkPath(token),
    tenantName,
    number: number && showPhoneNumber(number),
    code,
  })
}
