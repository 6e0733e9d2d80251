import { setTimeout } from 'node:timers/promises'
import type { Request, RequestHandler, Response } from 'express'
import type { Endpoint, OddShape } from './faults.ts'
import type { Hub } from './hub.ts'
import { HubError } from './hub-error.ts'
import { disguise } from './odd-answers.ts'

export interface Answer {
  status: number
  body: unknown
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
    if (shape && answer.status < 400) return send(res, disguise(answer, shape))
    send(res, answer)
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
