import { type Request, Router } from 'express'
import { requestCancellation, revokeCancellation } from './cancellations.ts'
import type { Hub } from './hub.ts'
import { HubError } from './hub-error.ts'
import { renderPage } from './render-page.ts'

type Act = (hub: Hub, channelId: string) => void

/** What a client does in its own Hub. Of access and keys neither the partner nor its webhook hears. */
const acts = new Map<string, Act>(
  Object.entries({
    'remove-access': (hub: Hub, id: string) => {
      refusePartnerPaid(hub)
      hub.removeAccess(id)
    },
    'give-access': (hub: Hub, id: string) => hub.giveAccess(id),
    'create-key': (hub: Hub, id: string) => {
      refusePartnerPaid(hub)
      if (hub.channel(id).permitted)
        throw new HubError(403, 'The partner creates the key while it has access.')
      hub.mintForeignKey(id)
    },
    cancel: requestCancellation,
    keep: revokeCancellation,
  }),
)

/** The Client Hub: a client's own numbers, the partner's access to them, its own keys. No password is asked for. */
export function createClientHubRoutes(hub: Hub): Router {
  const router = Router()
  router.get('/hub', (_req, res) => {
    renderPage(res, 'hub-accounts', { title: 'Client Hub', clients: hub.listClients() })
  })

  router.get('/hub/:client', (req, res) => {
    const client = hub.client(req.params.client)
    const channels = hub.listChannels(client.id)
    const isPartnerPaid = hub.switches.payment === 'partner'
    const locals = { title: 'Channels', partner: hub.partnerName, client, channels, isPartnerPaid }
    renderPage(res, 'hub', {
      ...locals,
      done: req.query.done === 'create-key' ? 'A new key was created. Any earlier key has ended.' : '',
    })
  })

  router.post('/hub/:client/channels/:channel/:act', (req, res) => {
    const [act, channel] = [acts.get(req.params.act), ownChannel(hub, req)]
    if (!act) throw new HubError(404, 'There is nothing at this address.')
    act(hub, channel.id)
    res.redirect(303, `/hub/${channel.clientId}?done=${req.params.act}`)
  })
  return router
}

function ownChannel(hub: Hub, req: Request) {
  const channel = hub.channel(String(req.params.channel))
  if (channel.clientId !== req.params.client) throw new HubError(404, 'Channel not found')
  return channel
}

function refusePartnerPaid({ switches }: Hub): void {
  if (switches.payment === 'partner')
    throw new HubError(403, 'Your partner pays for this number. Ask it for the key.')
}
