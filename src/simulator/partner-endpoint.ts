import type { Request, Router } from 'express'
import { type Act, type Answer, createEndpoint, metaAnswer } from './endpoint.ts'
import type { Endpoint } from './faults.ts'
import type { Hub } from './hub.ts'
import { isSameSecret } from './tokens.ts'

/** Adds a call below `/partners/{partner}` to a router, for the signed-in partner only. */
export type AddCall = (
  method: 'get' | 'post' | 'patch' | 'delete',
  path: string,
  name: Endpoint,
  act: Act,
) => void

export function callsOf(hub: Hub, router: Router): AddCall {
  return (method, path, name, act) => {
    const signedIn: Act = (req, shape) => refusalOf(hub, req) ?? act(req, shape)
    router[method](`/partners/:partner${path}`, createEndpoint(hub, name, signedIn))
  }
}

function refusalOf(hub: Hub, req: Request): Answer | undefined {
  const { settings, switches, tokens } = hub
  const apiKey = req.get('x-api-key') ?? (switches.d360_header ? req.get('D360-API-KEY') : undefined)
  const bearer = /^Bearer (.+)$/i.exec(req.get('authorization') ?? '')?.[1]
  const isKnown =
    apiKey === undefined
      ? bearer !== undefined && tokens.isLive(bearer)
      : isSameSecret(apiKey, settings.partnerApiKey)
  if (!isKnown) return metaAnswer(401, 'Missing or invalid credentials')
  if (req.params.partner !== settings.partnerId) return metaAnswer(403, 'This is another partner')
  return undefined
}
