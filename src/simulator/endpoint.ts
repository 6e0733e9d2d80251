import { setTimeout } from 'node:timers/promises'
import type { Request, RequestHandler, Response } from 'express'
import type { Endpoint, OddShape } from './faults.ts'
import type { Hub } from './hub.ts'
import { HubError } from './hub-error.ts'

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
    const fault = hub.faults.take(name)
    if (fault?.kind === 'status' && !fault.committed) return sendStatus(res, fault.status, fault.retry_after)

    const shape = fault?.kind === 'odd_answer' ? fault.shape : undefined
    const answer = answerOrRefusal(() => act(req, shape))
    if (fault?.kind === 'status') return sendStatus(res, fault.status, fault.retry_after)
    if (fault?.kind === 'lost_after_commit') return void req.socket.destroy()
    if (fault?.kind === 'slow') await setTimeout(fault.ms, undefined, { ref: false })
    send(res, shape && answer.status < 400 ? disguise(answer, shape) : answer)
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

function sendStatus(res: Response, status: number, retryAfter: number | undefined): void {
  if (retryAfter !== undefined) res.set('Retry-After', String(retryAfter))
  send(res, metaAnswer(status, 'A fault that was set in the simulator'))
}

function send(res: Response, { status, body }: Answer): void {
  res.status(status)
  if (typeof body === 'string') res.type('html').send(body)
  else res.json(body)
}

/** Gives a good answer another shape than the documented one. */
function disguise({ status, body }: Answer, shape: OddShape): Answer {
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
    case 'bare_array':
      return Object.values(body).find(isRows) ?? body
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
