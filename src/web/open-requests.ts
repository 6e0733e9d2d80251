import type { RequestHandler } from 'express'

/** Counts the requests that wait for their answer: background work lets them go first. */
export class OpenRequests {
  #count = 0

  hasRequestsInFlight = (): boolean => this.#count > 0

  readonly count: RequestHandler = (_req, res, next) => {
    this.#count += 1
    res.once('close', () => {
      this.#count -= 1
    })
    next()
  }
}
