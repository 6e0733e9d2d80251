import { Writable } from 'node:stream'
import type { Logger } from 'pino'
import request from 'supertest'
import type { Clock } from '../src/clock.ts'
import { type Config, loadConfig } from '../src/config/config.ts'
import { newVaultKey } from '../src/config/vault-keys.ts'
import type { Context } from '../src/context.ts'
import type { Engine } from '../src/database/database.ts'
import type { CrashPointName } from '../src/jobs/crash-points.ts'
import { createLogger } from '../src/logger.ts'
import { serve } from '../src/serve.ts'
import { type Simulator, startSimulator } from '../src/simulator/simulator.ts'
import { createDatabase } from './databases.ts'
import { freePort } from './free-port.ts'

export const PARTNER_ID = 'NordlichtPA'
export const PARTNER_API_KEY = 'canary-partner-key-5d1c7b2e'
export const PLATFORM_SECRET = 'canary-platform-secret-2f8a6c1d'
export const SESSION_SECRET = 'canary-session-secret-0123456789abcdef'

export interface SiteOptions {
  readonly engine?: Engine
  readonly clock?: Clock
  readonly crashPoint?: (step: CrashPointName) => void
  /** How long 360dialog has for an answer, if not as long as usual. */
  readonly timeoutMs?: number
  /** Settings beside the simulator's. */
  readonly settings?: Readonly<Record<string, string>>
  readonly simulator?: Simulator
  readonly databaseUrl?: string
}

/** A running site beside a simulated 360dialog, as `npm start` runs it, on free ports. */
export interface Site {
  readonly url: string
  readonly config: Config
  readonly context: Context
  readonly simulator: Simulator
  readonly hub: Simulator['hub']
  /** Every line that the site logged. */
  readonly log: string[]
  /** A browser that keeps its cookies. */
  newBrowser(): Browser
  link(order?: Partial<LinkOrder>): Promise<string>
  stop(): Promise<void>
}

interface LinkOrder {
  tenantId: string
  tenantName: string
  email: string
  emailVerified: boolean
  number: string
}

export type Browser = ReturnType<typeof request.agent>

export async function startSite(options: SiteOptions = {}): Promise<Site> {
  const given = options.databaseUrl
  const database = given
    ? { url: given, drop: async () => {} }
    : await createDatabase(options.engine ?? 'sqlite')
  const simulator = options.simulator ?? (await startTestSimulator())
  const port = await freePort()
  const config = loadConfig(
    settingsFor({ port, databaseUrl: database.url, simulator, more: options.settings ?? {} }),
  )
  const { log, logger } = recordingLogger()
  const { clock, crashPoint, timeoutMs } = options
  const { context, stop } = await serve(config, {
    logger,
    ...(clock && { clock }),
    ...(crashPoint && { crashPoint }),
    ...(timeoutMs && { timeoutMs }),
  })
  const url = config.publicUrl.origin
  return {
    ...{ url, config, context, simulator, hub: simulator.hub, log },
    newBrowser: () => request.agent(url),
    link: async (order = {}) => {
      const base = {
        tenantId: 't1',
        tenantName: 'Shop A GmbH',
        email: 'anna@shop-a.example',
        emailVerified: true,
      }
      return `/connect/${await context.sessions.createLink({ ...base, ...order })}`
    },
    stop: async () => {
      await stop()
      if (!options.simulator) await simulator.close()
      await database.drop()
    },
  }
}

export async function startTestSimulator(): Promise<Simulator> {
  return startSimulator({
    port: await freePort(),
    partnerId: PARTNER_ID,
    partnerApiKey: PARTNER_API_KEY,
    platformSecret: PLATFORM_SECRET,
    redirectUrl: 'http://localhost:1/callback',
  })
}

interface SettingsOrder {
  readonly port: number
  readonly databaseUrl: string
  readonly simulator: { readonly url: string }
  readonly more: Readonly<Record<string, string>>
}

const vaultKeys = newVaultKey()

/** The settings of a live site that takes a simulator for 360dialog. */
export function settingsFor({ port, databaseUrl, simulator, more }: SettingsOrder): Record<string, string> {
  return {
    PORT: String(port),
    PUBLIC_URL: `http://localhost:${port}`,
    HOST: '127.0.0.1',
    DATABASE_URL: databaseUrl,
    D360_PARTNER_ID: PARTNER_ID,
    D360_PARTNER_API_KEY: PARTNER_API_KEY,
    D360_PLATFORM_SECRET: PLATFORM_SECRET,
    D360_API_URL: `${simulator.url}/api/v2`,
    D360_LAUNCH_URL: `${simulator.url}/dashboard/app/{partner_id}/permissions`,
    D360_MESSAGING_HOSTS: 'localhost',
    VAULT_KEYS: vaultKeys,
    SESSION_SECRET,
    SELF_SIGNUP: 'on',
    BRAND_NAME: 'Nordlicht',
    SUPPORT_EMAIL: 'help@nordlicht.example',
    RATE_LIMIT_PUBLIC: '100000',
    ...more,
  }
}

/** Presses "Continue to 360dialog" on a link; answers the permission screen's address. */
export async function launchFrom(browser: Browser, link: string): Promise<string> {
  const response = await browser.post(link).expect(303)
  return String(response.headers.location)
}

/** The path of an address on the site, as a browser asks for it. */
export function pathOf(address: string): string {
  const { pathname, search } = new URL(address, 'http://localhost')
  return `${pathname}${search}`
}

/**
 * Looks again, a moment later each time, until `look` answers something. What never happens fails after 45 s:
 * a machine that is busy with other work has been seen to hold a start up for ten.
 */
export async function eventually<T>(
  look: () => Promise<T | undefined | false> | T | undefined | false,
): Promise<T> {
  const end = performance.now() + 45_000
  for (;;) {
    const seen = await look()
    if (seen !== undefined && seen !== false) return seen
    if (performance.now() > end) throw new Error(`never happened: ${look}`)
    await new Promise((resolve) => setTimeout(resolve, 4))
  }
}

function recordingLogger(): { log: string[]; logger: Logger } {
  const log: string[] = []
  const destination = new Writable({
    write(chunk, _encoding, done) {
      log.push(String(chunk))
      done()
    },
  })
  return { log, logger: createLogger('debug', destination) }
}
