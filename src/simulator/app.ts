import { fileURLToPath } from 'node:url'
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express'
import { endDue } from './cancellations.ts'
import { createClientHubRoutes } from './client-hub-routes.ts'
import { createClientRoutes } from './client-routes.ts'
import { createControlPage } from './control-page.ts'
import { createControlRoutes, type PauseFor } from './control-routes.ts'
import { metaAnswer } from './endpoint.ts'
import { refuseForeignHost, refuseForeignPost, setPageHeaders } from './guards.ts'
import type { Hub } from './hub.ts'
import { HubError } from './hub-error.ts'
import { createMessagingRoutes } from './messaging-routes.ts'
import { createPartnerRoutes } from './partner-routes.ts'
import { renderPage } from './render-page.ts'
import { createScreenRoutes } from './screen-routes.ts'
import { createSwitchPage } from './switch-page.ts'

/** Everything that the simulator answers: two APIs, the permission screen, the control page and its API. */
export function createApp(hub: Hub, pauseFor: PauseFor): Express {
  const app = express()
  app.disable('x-powered-by').disable('etag')
  app.set('views', fileURLToPath(new URL('views', import.meta.url))).set('view engine', 'ejs')

  const { partnerColor, partnerLogoUrl } = hub.settings
  app.locals.face = { name: hub.partnerName, logoUrl: partnerLogoUrl?.href }

  app.use(refuseForeignHost, refuseForeignPost, setPageHeaders(partnerLogoUrl?.origin))
  app.get('/partner.css', (_req, res) => {
    res.type('css').send(partnerColor ? `:root { --partner: ${partnerColor}; }\n` : '')
  })
  app.use(express.static(fileURLToPath(new URL('public', import.meta.url))))
  app.use(express.json(), express.urlencoded({ extended: false }))

  app.use(endWhatIsDue(hub))

  app.use('/api/v2', createPartnerRoutes(hub), createClientRoutes(hub))
  app.use(['/waba-v2', '/waba'], createMessagingRoutes(hub))
  app.use('/control', createControlRoutes(hub, pauseFor))
  app.use(createControlPage(hub), createSwitchPage(hub), createScreenRoutes(hub), createClientHubRoutes(hub))
  app.use(refuseUnknown, showError)
  return app
}

// What the clock brings happens before the next call is answered.
function endWhatIsDue(hub: Hub): RequestHandler {
  return (_req, _res, next) => {
    endDue(hub)
    hub.outbox.sendDue()
    next()
  }
}

const refuseUnknown: RequestHandler = () => {
  throw new HubError(404, 'There is nothing at this address.')
}

// Four parameters, or express takes it for an ordinary handler.
const showError: ErrorRequestHandler = (error: unknown, req, res, next) => {
  if (res.headersSent) return next(error)
  const status = statusOf(error)
  const message = status < 500 && error instanceof Error ? error.message : 'The simulator failed.'
  res.status(status)
  if (/^\/(api|waba|waba-v2|control)\b/.test(req.originalUrl)) res.json(metaAnswer(status, message).body)
  else renderPage(res, 'refusal', { title: 'This did not work', message })
}

// Express and its body readers name the status of bad input on the error.
function statusOf(error: unknown): number {
  const status = error instanceof Error && 'status' in error ? Number(error.status) : 500
  return status >= 400 && status < 600 ? status : 500
}
