import { type Request, type RequestHandler, type Response, Router } from 'express'
import { z } from 'zod'
import { readEmailAddress } from '../email-address.ts'
import { NotFoundError } from '../errors.ts'
import { newSecret } from '../identifiers.ts'
import { linkPath, paths, statusPath } from '../paths.ts'
import { readPhoneNumber, showPhoneNumber } from '../phone-number.ts'
import type { BrowserId } from '../web/browser-id.ts'
import { concernsSession } from '../web/failed-page.ts'
import { formText } from '../web/form-text.ts'
import { pageContext, renderPage } from '../web/render-page.ts'
import { findNameProblem } from './company-name.ts'
import type { ConnectSession, ConnectSessionService } from './connect-session-service.ts'
import type { KnownRefusalService, Outlook } from './known-refusal-service.ts'
import { type KnownRefusal, stopsEverybodyNew } from './known-refusals.ts'
import { languageOf, privatePage, showUnusableLink } from './onboarding-pages.ts'

interface Dependencies {
  readonly sessions: ConnectSessionService
  readonly refusals: KnownRefusalService
  readonly browsers: BrowserId
  readonly selfSignup: boolean
  readonly brandName: string
  readonly launchPageHeaders: RequestHandler
  readonly limit: RequestHandler
}

/** Where a client's way begins: the sign-up form or a connect link, and from there 360dialog's permission screen. */
export function createLinkRoutes(dependencies: Dependencies): Router {
  const { sessions, refusals, browsers, selfSignup, limit, launchPageHeaders } = dependencies
  const signUpForm = signUpFormOf(dependencies.brandName)
  const router = Router()

  router.use(paths.link, privatePage)

  // Here by a form that was sent, and reloaded or shared since.
  router.get(paths.signUp, (_req, res) => res.redirect(303, paths.home))

  router.get(paths.home, launchPageHeaders, async (req, res) => {
    // Known before it presses, so that two presses are of one browser.
    browsers.ensure(req, res)
    res.set('cache-control', 'no-store')
    if (selfSignup) return showSignUp(res, {}, {}, await refusals.ofVisitor(undefined))
    renderPage(res, 'onboarding/closed', { title: pageContext(res).t('closed.title') })
  })

  router.post(paths.signUp, limit, launchPageHeaders, async (req, res) => {
    if (!selfSignup) throw new NotFoundError()
    const form = signUpForm.safeParse(req.body ?? {})
    const known = await refusals.ofVisitor(form.data?.email)
    const login = hasAccount(req)
    const problems = form.success ? {} : z.flattenError(form.error).fieldErrors
    // Whoever has an account gets no new one, so that 360dialog refuses none.
    const refused = login ? undefined : known.find(({ code }) => EMAIL_REFUSALS.has(code))
    const errors = { ...problems, ...(refused && { email: [`refusal.${refused.code}`] }) }
    if (!form.success || refused || (!login && stopsEverybodyNew(known)))
      return showSignUp(res.status(422), req.body, errors, known)
    const wish = { login, language: languageOf(res) }
    const order = { ...form.data, form: formSecretOf(req.body) }
    const screen = await sessions.signUp(order, browsers.ensure(req, res), wish)
    res.redirect(303, screen.href)
  })

  router.get(paths.link, launchPageHeaders, async (req, res) => {
    const session = await sessions.findByLink(String(req.params.token))
    concernsSession(res, session)
    if (!session) return showUnusableLink(res, sessions, session)
    const used = await sessions.findStatusPage(session, browsers.ensure(req, res))
    if (sessions.endOf(session)) return showUnusableLink(res, sessions, session, used)
    if (used) return res.redirect(303, statusPath(used.id))
    if (req.method === 'GET') await sessions.noteOpened(session)
    showLink(res, session, await refusals.ofSession(session), String(req.params.token))
  })

  router.post(paths.link, limit, launchPageHeaders, async (req, res) => {
    const session = await sessions.findByLink(String(req.params.token))
    concernsSession(res, session)
    if (!session || sessions.endOf(session)) return showUnusableLink(res, sessions, session)
    const login = hasAccount(req)
    const outlook = await refusals.ofSession(session)
    if (!login && stopsEverybodyNew(outlook.refusals))
      return showLink(res.status(422), session, outlook, String(req.params.token))
    const wish = { login, language: languageOf(res) }
    const screen = await sessions.launch(session, browsers.ensure(req, res), wish)
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
    email: formText.transform((value, context) => {
      const email = readEmailAddress(value)
      if (email === undefined) context.addIssue({ code: 'custom', message: 'form.emailBad' })
      return email ?? ''
    }),
    number: formText.transform((value, context) => {
      if (value === '') return undefined
      const number = readPhoneNumber(value)
      if (number === undefined) context.addIssue({ code: 'custom', message: 'form.numberBad' })
      return number
    }),
    consent: z.literal('yes', 'form.consentMissing'),
  })

/** Which of the two buttons was pressed; the form's own, where a program sent none. */
function hasAccount(req: Request): boolean {
  return req.body?.account === 'existing'
}

/** A form keeps its secret while it is corrected. */
function formSecretOf(values: unknown): string | undefined {
  const { form } = (values ?? {}) as { form?: unknown }
  return typeof form === 'string' && /^[\w-]{43}$/.test(form) ? form : undefined
}

const EMAIL_REFUSALS: ReadonlySet<KnownRefusal['code']> = new Set(['restricted_email', 'partner_email'])

/** The buttons that launch, the likeliest first. */
function launchButtons({ refusals, hasAccount }: Outlook): ('new' | 'existing')[] {
  if (stopsEverybodyNew(refusals)) return ['existing']
  return hasAccount ? ['existing', 'new'] : ['new', 'existing']
}

function showSignUp(res: Response, values: unknown, errors: object, refusals: readonly KnownRefusal[]): void {
  const entered = typeof values === 'object' && values !== null ? values : {}
  renderPage(res, 'onboarding/sign-up', {
    title: pageContext(res).t('signUp.title'),
    hasErrors: Object.keys(errors).length > 0,
    ...{ action: paths.signUp, values: entered, errors, form: formSecretOf(values) ?? newSecret() },
    // What is wrong with the address is said beside it.
    refusals: refusals.filter(({ code }) => !EMAIL_REFUSALS.has(code)),
    buttons: launchButtons({ refusals, hasAccount: false }),
  })
}

function showLink(res: Response, session: ConnectSession, outlook: Outlook, token: string): void {
  const { tenantName, number, code } = session
  renderPage(res, 'onboarding/link', {
    title: pageContext(res).t('link.title'),
    action: linkPath(token),
    tenantName,
    number: number && showPhoneNumber(number),
    refusals: outlook.refusals,
    buttons: launchButtons(outlook),
    code,
  })
}
