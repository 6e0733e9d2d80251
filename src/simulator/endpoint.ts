import { setTimeout } from 'node:timers/promises'
import type { Request, RequestHandler, Response } from 'express'
import { type Endpoint, type Fault, messagingEndpoints, type OddShape } from './faults.ts'
import type { Hub } from './hub.ts'
import { HubError } from './hub-error.ts'
import type { Switches } from './switches.ts'

/** A text body stands for HTML. */
export interface Answer {
  status: number
  body: unknown
}

export function ok(body: unknown): Answer {
  return { status: 200, body }
}

/** 360dialog's usual error body. */
export function metaAnswer(status: number, message: string): Answer {
  return { status, body: { meta: { success: false, http_code: status, developer_message: message } } }
}

/** Carries a call out. Throws HubError where 360dialog refuses. */
export type Act = (req: Request, shape?: OddShape) => Answer

/** One API call: counted, then answered by `act`, unless a fault was set for it. */
export function createEndpoint(hub: Hub, name: Endpoint, act: Act): RequestHandler {
  return async (req, res) => {
    hub.calls[name] += 1
    const fault = overLimit(hub, name) ?? hub.faults.take(name)
    if (fault?.kind === 'status' && !fault.committed) return sendFault(hub, res, fault)

    const shape = fault?.kind === 'odd_answer' ? fault.shape : undefined
    const answer = answerOrRefusal(() => act(req, shape))
    if (fault?.kind === 'status') return sendFault(hub, res, fault)
    if (fault?.kind === 'lost_after_commit') return void req.socket.destroy()
    if (fault?.kind === 'slow') await setTimeout(fault.ms, undefined, { ref: false })
    send(res, spellRefusal(shape ? disguise(answer, shape) : answer, hub.switches))
  }
}

function answerOrRefusal(act: () => Answer): Answer {
  try {
    return act()
  } catch (error) {
    if (error instanceof HubError) return metaAnswer(error.status, error.message)
    throw error
  }
}

function overLimit(hub: Hub, name: Endpoint): Fault | undefined {
  const isPartnerCall = !messagingEndpoints.some((other) => other === name)
  const isLimited = { nothing: false, balance: name === 'balance', all: isPartnerCall }[
    hub.switches.rate_limit
  ]
  const seconds = isLimited ? hub.rateLimit.waitFor(hub.now()) : 0
  if (seconds === 0) return undefined
  return {
    endpoint: name,
    kind: 'status',
    status: 429,
    ...(hub.switches.retry_after && { retry_after: seconds }),
  }
}

function sendFault(
  hub: Hub,
  res: Response,
  { status, retry_after }: Extract<Fault, { kind: 'status' }>,
): void {
  if (retry_after !== undefined) res.set('Retry-After', String(retry_after))
  const message = status === 429 ? 'More than 5 calls in 30 seconds' : 'A fault that was set in the simulator'
  send(res, spellRefusal(metaAnswer(status, message), hub.switches))
}

function send(res: Response, { status, body }: Answer): void {
  res.status(status)
  if (typeof body === 'string') res.type('html').send(body)
  else res.json(body)
}

// Other answers than refusals stay as they are.
function spellRefusal(answer: Answer, { error_shape }: Switches): Answer {
  const { status, body } = answer
  if (status < 400 || !body || typeof body !== 'object' || !('meta' in body)) return answer
  const { developer_message: message } = body.meta as { developer_message: string }
  const shapes: Record<Switches['error_shape'], unknown> = {
    meta: body,
    meta_errors: { ...body, errors: [{ code: status, title: message, details: message, href: '' }] },
    error: { error: message },
    error_message: { error: { message } },
    message: { message },
    html: `<html><title>${status}</title><h1>${status}</h1></html>`,
    empty: '',
  }
  return { status, body: shapes[error_shape] }
}

/** Gives a good answer another shape than the documented one; a refusal stays as it is. */
export function disguise({ status, body }: Answer, shape: OddShape): Answer {
  if (status >= 400) return { status, body }
  if (shape === 'not_json') return ok('<html><title>360dialog</title>One moment…</html>')
  if (shape === 'empty') return { status, body: '' }
  return { status, body: body && typeof body === 'object' ? reshape({ ...body }, shape) : body }
}

const pageFields = ['count', 'total', 'limit', 'offset', 'sort', 'filters']

function reshape(body: Record<string, unknown>, shape: OddShape): unknown {
  const { api_key, ...others } = body
  switch (shape) {
    case 'wrapped':
      return { api_keys: [body] }
    case 'key':
      return { ...others, key: api_key }
    case 'masked':
      return { ...body, api_key: '****' }
    case 'host':
      return { ...body, address: 'https://evil.example' }
    case 'no_address':
      return { key: api_key, id: body.id }
    case 'address_outside':
      return { address: body.address, data: { ...body, address: null } }
    case 'two_keys':
      return { api_keys: [body, { ...body, api_key: `${api_key}-2` }] }
    case 'other_channel':
      return { ...body, channel_id: 'somebody-elses' }
    case 'bare_array':
      return Object.values(body).find(isRows) ?? body
    case 'null_rows':
      return Object.fromEntries(
        Object.entries(body).map(([name, value]) => [name, isRows(value) ? null : value]),
      )
    case 'no_page_fields':
      return Object.fromEntries(Object.entries(body).filter(([name]) => !pageFields.includes(name)))
    default:
      return body
  }
}

// `sort` is an array too, but of names.
function isRows(value: unknown): boolean {
  return Array.isArray(value) && value.every((row) => row && typeof row === 'object')
}
