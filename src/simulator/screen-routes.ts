import { type Request, type Response, Router } from 'express'
import type { Hub } from './hub.ts'
import { HubError } from './hub-error.ts'
import { launchPath } from './launch.ts'
import { randomDigits } from './random-id.ts'
import { type Channel, digitsOf, type NewNumber } from './records.ts'
import { renderPage } from './render-page.ts'
import type { SignUp, Visit } from './visits.ts'

/** 360dialog's permission screen: sign up or log in, add numbers, share them, and back to the partner. */
export function createScreenRoutes(hub: Hub): Router {
  const router = Router()
  const visitOf = (req: Request) => hub.visits.find(String(req.params.visit))

  router.get(launchPath, (req, res) => {
    const url = new URL(req.originalUrl, `http://${req.headers.host}`)
    if (hub.switches.launch_hop && !url.searchParams.has('hop')) return res.redirect(302, otherHost(url).href)
    res.redirect(302, `/visits/${hub.visits.open(url).id}`)
  })

  router.get('/visits/:visit', (req, res) => {
    const visit = visitOf(req)
    if (visit.clientId && hub.client(visit.clientId).owesPayment) return showPrices(hub, res, visit)
    if (visit.clientId) return showNumbers(hub, res, visit)
    const wantsLogin = req.query.step ? req.query.step === 'log-in' : visit.launch.login
    return wantsLogin ? showLogIn(hub, res, visit) : showSignUp(hub, res, visit)
  })

  /** A form that is shown again, with what is wrong, when it is refused. */
  const form = <V>(step: string, read: (req: Request) => V, act: Act<V>, show: Show<V>) =>
    router.post(`/visits/:visit/${step}`, (req, res) => {
      const [visit, values] = [visitOf(req), read(req)]
      const error = refusalOf(() => act.call(hub.visits, visit, values))
      if (error) show(hub, res.status(422), visit, error, values)
      else res.redirect(303, `/visits/${visit.id}`)
    })
  const { signUp, logIn, pay, addNumber } = hub.visits
  form('sign-up', (req) => ({ name: field(req, 'name'), email: field(req, 'email') }), signUp, showSignUp)
  form('log-in', (req) => field(req, 'client'), logIn, showLogIn)
  form('prices', readPayment, pay, showPrices)
  form('numbers', readNumber, addNumber, showNumbers)

  router.post('/visits/:visit/share', (req, res) => {
    const visit = visitOf(req)
    const checked = [req.body?.channels ?? []].flat().map(String)
    const granted = hub.listChannels(visit.clientId).filter((channel) => channel.permitted)
    const revoked = granted.map(({ id }) => id).filter((id) => !checked.includes(id))
    leave(hub, res, hub.visits.share(visit, checked, visit.clientId ? revoked : []))
  })

  router.post('/visits/:visit/cancel', (req, res) => leave(hub, res, hub.visits.cancel(visitOf(req))))

  return router
}

type Act<V> = (visit: Visit, values: V) => void
type Show<V> = (hub: Hub, res: Response, visit: Visit, error: string, values: V) => void

function readPayment(req: Request) {
  return { card: field(req, 'card'), isAgreed: field(req, 'agreed') === 'true' }
}

// Meta makes a number for a client that has none, always an American one.
function readNumber(req: Request) {
  const phoneNumber = field(req, 'made') === 'true' ? `+1555${randomDigits(7)}` : field(req, 'phone_number')
  const isOnBizApp = field(req, 'coexistence') === 'true'
  return { phoneNumber, displayName: field(req, 'display_name'), isOnBizApp }
}

// Set by hand: `res.redirect` would encode the quotes that a switch asks for.
function leave({ switches }: Hub, res: Response, location: string): void {
  res
    .status(switches.redirect_post ? 307 : 302)
    .set('Location', location)
    .end()
}

// Marked, so that it happens once.
function otherHost(url: URL): URL {
  const other = new URL(url)
  other.hostname = url.hostname === 'localhost' ? '127.0.0.1' : 'localhost'
  other.search = `${url.search || '?'}&hop=1`
  return other
}

function field(req: Request, name: string): string {
  const value: unknown = req.body?.[name]
  return typeof value === 'string' ? value.trim() : ''
}

function refusalOf(act: () => void): string | undefined {
  try {
    act()
    return undefined
  } catch (error) {
    if (error instanceof HubError) return error.message
    throw error
  }
}

type Page = { title: string; error: string } & Record<string, unknown>

function show(hub: Hub, res: Response, view: string, visit: Visit, locals: Page): void {
  renderPage(res, view, { partner: hub.partnerName, visit: visit.id, ...locals })
}

function showSignUp(hub: Hub, res: Response, visit: Visit, error = '', values: SignUp = visit.launch): void {
  const refusal = refusalOf(() => hub.visits.refuseBlocked())
  show(hub, res, 'sign-up', visit, { title: 'Create your 360dialog account', error, values, refusal })
}

function showLogIn(hub: Hub, res: Response, visit: Visit, error = ''): void {
  const { email } = visit.launch
  const accounts = hub.listClients().map((client) => ({
    ...{ id: client.id, name: client.name, email: client.email },
    isChosen: client.email.toLowerCase() === email.toLowerCase(),
  }))
  show(hub, res, 'log-in', visit, { title: 'Log in to 360dialog', accounts, error })
}

function showPrices(hub: Hub, res: Response, visit: Visit, error = ''): void {
  const plans = [
    { name: 'regular', title: 'Regular', price: '49 EUR a month' },
    { name: 'premium', title: 'Premium', price: '99 EUR a month' },
  ]
  const chosen = plans.some(({ name }) => name === visit.launch.plan) ? visit.launch.plan : 'regular'
  const shown = plans.map((plan) => ({ ...plan, isChosen: plan.name === chosen }))
  show(hub, res, 'prices', visit, { title: 'Prices and payment', error, plans: shown })
}

function showNumbers(hub: Hub, res: Response, visit: Visit, error = '', entered?: NewNumber): void {
  const client = hub.client(visit.clientId ?? '')
  const { number: asked } = visit.launch
  const channels = hub.listChannels(client.id)
  const isAsked = ({ phoneNumber }: Channel) => digitsOf(phoneNumber) === asked
  const numbers = channels.map((channel) => ({
    ...channel,
    isChecked: channel.permitted || visit.added.includes(channel.id) || isAsked(channel),
  }))
  const phoneNumber = asked && !channels.some(isAsked) ? `+${asked}` : ''
  show(hub, res, 'numbers', visit, {
    title: channels.length > 0 ? `Share your numbers with ${hub.partnerName}` : 'Add your WhatsApp number',
    ...{ client, numbers, error, isPartnerPaid: hub.switches.payment === 'partner' },
    values: entered ?? { phoneNumber, displayName: client.name },
    refusal: refusalOf(() => hub.visits.refuseMore(client)),
  })
}
