import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A proxy through which no browser keeps a cookie, as one that blocks them all: `proxy` is what a browser context takes. */
export async function startCookieEater() {
  const server = createServer((req, res) => {
    const { cookie: _, ...headers } = req.headers
    const onward = request(req.url ?? '', { method: req.method, headers }, (answer) => {
      const { 'set-cookie': _, ...kept } = answer.headers
      res.writeHead(answer.statusCode ?? 502, kept)
      answer.pipe(res)
    })
    onward.once('error', () => res.destroy())
    req.pipe(onward)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  return {
    proxy: { server: `http://127.0.0.1:${port}`, bypass: '<-loopback>' },
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
