import { afterEach, expect, it } from '@jest/globals'
import { sendOnce } from '../../src/d360/send.ts'
import { startSocketServer } from './upstream.ts'

const open: { close(): Promise<void> }[] = []

const uncounted = { endpoint: 'any', onCall: () => {}, timeoutMs: 20_000 }

afterEach(async () => {
  for (const server of open.splice(0)) await server.close()
})

it('cannot tell what happened when a kept connection is reset', async () => {
  let connections = 0
  const server = await startSocketServer((socket) => {
    connections += 1
    socket.write('HTTP/1.1 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\n{}')
    socket.once('data', () => socket.resetAndDestroy())
  })
  open.push(server)
  const request = {
    method: 'POST',
    url: new URL(server.url),
    headers: {},
    json: {},
    ...uncounted,
  } as const

  expect(await sendOnce(request)).toMatchObject({ status: 200, body: '{}' })
  expect(await sendOnce(request)).toEqual({ failure: 'unknown' })
  expect(connections).toBe(1)
})

it('sends nothing, and throws nothing, when a secret cannot stand in a header', async () => {
  const headers = { 'x-api-key': 'canary\r\ninjected: yes' }
  const request = { method: 'POST', url: new URL('http://127.0.0.1:9'), headers, ...uncounted } as const
  expect(await sendOnce(request)).toEqual({ failure: 'never_sent' })
})
