import { type Request, type Response, Router } from 'express'
import type { Hub } from './hub.ts'
import { HubError } from './hub-error.ts'
import { launchPath } from './launch.ts'
import { digitsOf } from './records.ts'
import { renderPage } from './render-page.ts'
import type { Visit } from './visits.ts'

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
    if (visit.clientId) return showNumbers(hub, res, visit)
    const wantsLogin = req.query.step ? req.query.step === 'log-in' : visit.launch.login
    return wantsLogin ? showLogIn(hub, res, visit) : showSignUp(hub, res, visit)
  })

  router.post('/visits/:visit/sign-up', (req, res) => {
    const visit = visitOf(req)
    const values = { name: field(req, 'name'), email: field(req, 'email') }
    const error = refusalOf(() => hub.visits.signUp(visit, values))
    if (error) return showSignUp(hub, res.status(422), visit, { values, error })
    res.redirect(303, `/visits/${visit.id}`)
  })

  router.post('/visits/:visit/log-in', (req, res) => {
    const visit = visitOf(req)
    const error = refusalOf(() => hub.visits.logIn(visit, field(req, 'client')))
    if (error) return showLogIn(hub, res.status(422), visit, error)
    res.redirect(303, `/visits/${visit.id}`)
  })

  router.post('/visits/:visit/numbers', (req, res) => {
    const visit = visitOf(req)
    const values = { phoneNumber: field(req, 'phone_number'), displayName: field(req, 'display_name') }
    const error = refusalOf(() => hub.visits.addNumber(visit, values))
    if (error) return showNumbers(hub, res.status(422), visit, { values, error })
    res.redirect(303, `/visits/${visit.id}`)
  })

  router.post('/visits/:visit/share', (req, res) => {
    const visit = visitOf(req)
    const checked = [req.body?.channels ?? []].flat().map(String)
    const granted = hub.listChannels(visit.clientId).filter((channel) => channel.permitted)
    const revoked = granted.map(({ id }) => id).filter((id) => !checked.includes(id))
    leave(res, hub.visits.share(visit, checked, visit.clientId ? revoked : []))
  })

  router.post('/visits/:visit/cancel', (req, res) => leave(res, hub.visits.cancel(visitOf(req))))

  return router
}

// Set by hand: `res.redirect` would encode the quotes that a switch asks for.
function leave(res: Response, location: string): void {
  res.status(302).set('Location', location).end()
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

interface SignUpForm {
  values: { name: string; email: string }
  error?: string
}

function showSignUp(
  hub: Hub,
  res: Response,
  visit: Visit,
  form: SignUpForm = { values: visit.launch },
): void {
  const title = 'Create your 360dialog account'
  renderPage(res, 'sign-up', { title, partner: hub.partnerName, visit: visit.id, error: '', ...form })
}

function showLogIn(hub: Hub, res: Response, visit: Visit, error = ''): void {
  const { email } = visit.launch
  const accounts = hub.listClients().map((client) => ({
    id: client.id,
    name: client.name,
    email: client.email,
    isChosen: client.email.toLowerCase() === email.toLowerCase(),
  }))
  const title = 'Log in to 360dialog'
  renderPage(res, 'log-in', { title, partner: hub.partnerName, visit: visit.id, accounts, error })
}

interface NumberForm {
  values: { phoneNumber: string; displayName: string }
  error?: string
}

function showNumbers(hub: Hub, res: Response, visit: Visit, form?: NumberForm): void {
  const client = hub.client(visit.clientId ?? '')
  const asked = visit.launch.number
  const channels = hub.listChannels(client.id)
  const numbers = channels.map((channel) => ({
    id: channel.id,
    phoneNumber: channel.phoneNumber,
    displayName: channel.displayName,
    running: channel.running,
    isChecked:
      channel.permitted || visit.added.includes(channel.id) || digitsOf(channel.phoneNumber) === asked,
  }))
  const isKnown = channels.some((channel) => digitsOf(channel.phoneNumber) === asked)
  const values = { phoneNumber: asked && !isKnown ? `+${asked}` : '', displayName: client.name }
  renderPage(res, 'numbers', {
    title: numbers.length > 0 ? `Share your numbers with ${hub.partnerName}` : 'Add your WhatsApp number',
    partner: hub.partnerName,
    visit: visit.id,
    client,
    numbers,
    error: '',
    values,
    ...form,
  })
}
