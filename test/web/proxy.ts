import { once } from 'node:events'
import { request as askUpstream } from 'node:http'
import { createServer } from 'node:https'
import request from 'supertest'
import { selfSigned } from '../d360/self-signed.ts'
import { freePort } from '../free-port.ts'
import { type Browser, type Site, startSite } from '../site.ts'

/** Says to the test's proxy from which address a client comes; the proxy keeps it to itself. */
export const ADDRESS_HEADER = 'x-test-address'

/** A site that browsers reach over https only. */
export interface ProxiedSite extends Site {
  newBrowser(): Browser
}

/** Starts a site behind a proxy that ends TLS and appends the client's address, as nginx and Caddy do. */
export async function startProxiedSite(settings: Readonly<Record<string, string>>): Promise<ProxiedSite> {
  const port = await freePort()
  const site = await startSite({ settings: { PUBLIC_URL: `https://localhost:${port}`, ...settings } })
  const proxy = createServer(selfSigned, (req, res) => {
    const { [ADDRESS_HEADER]: address = '192.0.2.1', 'x-forwarded-for': before, ...headers } = req.headers
    const forwarded = {
      'x-forwarded-for': [before, address].filter(Boolean).join(', '),
      'x-forwarded-proto': 'https',
      'x-forwarded-host': req.headers.host,
    }
    const { method, url: path } = req
    const sent = askUpstream(
      { port: site.config.port, host: '127.0.0.1', method, path, headers: { ...headers, ...forwarded } },
      (answer) => {
        res.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(res)
      },
    )
    sent.on('error', () => res.writeHead(502).end())
    req.pipe(sent)
  })
  proxy.listen(port, '127.0.0.1')
  await once(proxy, 'listening')
  return {
    ...site,
    newBrowser: () => request.agent(site.url, { rejectUnauthorized: false }) as Browser,
    stop: async () => {
      proxy.closeAllConnections()
      proxy.close()
      await site.stop()
    },
  }
}
