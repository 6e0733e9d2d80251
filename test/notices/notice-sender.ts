import { createHmac } from 'node:crypto'
import request from 'supertest'
import { PLATFORM_SECRET, type Site } from '../site.ts'

export const PATH = '/webhooks/360dialog'

/** An envelope as 360dialog sends it. */
export function envelope(event: string, data: unknown, id = 'evt_1'): string {
  return JSON.stringify({ id, event, data })
}

export function signatureOf(body: string | Buffer, secret: string = PLATFORM_SECRET): string {
  return createHmac('sha256', secret).update(body).digest('hex')
}

/** Posts these bytes, signed as 360dialog does unless another signature, or none (`''`), is said. */
export function post(site: Pick<Site, 'url'>, body: string, signature = signatureOf(body)): request.Test {
  const posting = request(site.url).post(PATH).set('content-type', 'application/json')
  return (signature === '' ? posting : posting.set('x-360dialog-signature', signature)).send(body)
}

/** So that 360dialog is asked for what a notice says, and for nothing else. */
export function stopSync({ context: { db, jobs } }: Site): Promise<void> {
  return jobs.cancel('sync', 'hub', db)
}
