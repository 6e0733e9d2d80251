import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { createApp } from './app.ts'
import type { Config } from './config/config.ts'
import { type Context, createContext, type Overrides } from './context.ts'
import { engineOf } from './database/database.ts'
import { lockForServing } from './database/serving-lock.ts'
import { loadTranslations } from './web/translations.ts'

/** How long a stop waits for background work; what is left is found again at the next start. */
const STOP_WITHIN_MS = 15_000

/** A slow sender does not hold a connection. Node checks for those over time every 30 s only, unless told. */
const LIMITS = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 2_000,
  maxHeaderSize: 16_384,
}

export interface Serving {
  readonly context: Context
  /** Answers what is in flight, lets the background work end, and closes the database. */
  stop(): Promise<void>
}

/** Opens everything, listens, and begins the background work. Used by `npm start` and by every test. */
export async function serve(config: Config, overrides: Overrides = {}, limits = LIMITS): Promise<Serving> {
  const unlock = lockForServing(config.databaseUrl)
  try {
    const context = await createContext(config, overrides)
    // On SQLite the lock says that whoever held a lease is dead.
    if (engineOf(config.databaseUrl) === 'sqlite') await context.jobs.releaseLeases()
    await context.retention.ensure()
    await context.sync.ensure()
    const server = createServer(limits, createApp(context, await loadTranslations()))
    server.listen(config.port, config.host)
    await once(server, 'listening')
    context.runner.start()

    const stop = async () => {
      await close(server, limits.requestTimeout)
      const { signal, abort } = timeLimit()
      await Promise.race([context.runner.stop(), once(signal, 'abort')])
      abort()
      await context.db.destroy()
      unlock()
    }
    return { context, stop }
  } catch (error) {
    unlock()
    throw error
  }
}

/**
 * Takes no new connection, and ends each open one as soon as its answer has been sent. A request that is still
 * being sent has its usual time: Node stops looking at slow ones when it closes.
 */
async function close(server: Server, withinMs: number): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  const sweep = setInterval(() => server.closeIdleConnections(), 50)
  const end = setTimeout(() => server.closeAllConnections(), withinMs)
  await closed
  clearInterval(sweep)
  clearTimeout(end)
}

function timeLimit() {
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort(), STOP_WITHIN_MS)
  return { signal: controller.signal, abort: () => clearTimeout(timer) }
}
