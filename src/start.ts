import { once } from 'node:events'
import { flushCompileCache } from 'node:module'
import { setTimeout } from 'node:timers/promises'
import { type Config, loadConfig } from './config/config.ts'
import { noteDemoAddress } from './config/demo-address.ts'
import { readEnvFile } from './config/env-file.ts'
import { domainOf } from './email-address.ts'
import { PartnerApiError } from './errors.ts'
import { adminFirstPath, linkPath, paths } from './paths.ts'
import { endLoading } from './prepare-process.ts'
import { type Serving, serve } from './serve.ts'
import { describeFailure } from './start-failure.ts'
import { version } from './version.ts'

/** `npm start`: serves until SIGTERM or SIGINT. The exit code is 1 when it does not start. */
export async function start(environment: NodeJS.ProcessEnv): Promise<void> {
  let config: Config | undefined
  try {
    config = loadConfig(environment, { ...readEnvFile(environment), onUnquoted: sayUnquoted })
    await run(config)
  } catch (error) {
    const failure = describeFailure(error, config)
    process.stderr.write(`${failure ?? (error instanceof Error ? error.stack : error)}\n`)
    // Half of it may be open already, such as the site without its simulator: that must not go on alone.
    process.exit(1)
  }
}

function sayUnquoted(names: readonly string[]): void {
  process.stderr.write(`Quotes around a value are no part of it, and were taken off: ${names.join(', ')}.\n`)
}

async function run(config: Config): Promise<void> {
  const stopped = Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')])
  const serving = await serve(config)
  const simulator = await startSimulatorOf(config)
  if (config.simulator) noteDemoAddress(config.dataFolder, config)
  await greet(config, serving)
  flushCompileCache()
  endLoading()
  if (config.mode === 'live') void sayWhetherAccepted(serving)
  await stopped
  await serving.stop()
  await simulator?.close()
  // Nothing may hold the process up after this, such as a call to 360dialog that never ends.
  process.exit(0)
}

/** After a moment, so that the first answers do not wait while the HTTP client is loaded. Nothing waits for it. */
async function sayWhetherAccepted({ context }: Serving): Promise<void> {
  await setTimeout(1_000, undefined, { ref: false })
  const { level, words } = describeAccess(await context.partnerApi.proveCredentials().catch((error) => error))
  context.logger[level](words)
  process[level === 'info' ? 'stdout' : 'stderr'].write(`${words}\n`)
}

function describeAccess(error: unknown): { level: 'info' | 'warn' | 'error'; words: string } {
  if (error === undefined)
    return { level: 'info', words: '360dialog accepts the credentials of this Partner Hub.' }
  const status = error instanceof PartnerApiError ? error.upstreamStatus : undefined
  if (status === 401 || status === 403) {
    const check = 'Check D360_PARTNER_ID and D360_PARTNER_API_KEY (or D360_USERNAME and D360_PASSWORD)'
    return {
      level: 'error',
      words: `360dialog refuses the credentials (${status}). ${check} in the Partner Hub.`,
    }
  }
  const how = status === undefined ? 'did not answer' : `answered ${status}`
  return { level: 'warn', words: `360dialog ${how}, so it is not known whether it accepts the credentials.` }
}

async function startSimulatorOf(config: Config) {
  if (!config.simulator) return undefined
  const { startSimulator } = await import('./simulator/simulator.ts')
  const simulator = await startSimulator({
    ...config.simulator,
    partnerId: config.partnerApi.partnerId,
    partnerName: config.brand.name,
    partnerColor: config.brand.color,
    partnerLogoUrl: config.brand.logoUrl,
    redirectUrl: new URL(paths.callback, config.publicUrl).href,
    platformSecret: config.notices.secrets[0],
    webhookUrl: new URL(paths.notices, config.publicUrl).href,
    stateFile: `${config.dataFolder}/simulator.json`,
  })
  simulator.hub.setSwitches({ partner_domain: domainOf(config.brand.supportEmail ?? '') })
  return simulator
}

async function greet(config: Config, { context }: Serving): Promise<void> {
  const url = config.publicUrl.origin
  const redirectUrl = new URL(paths.callback, url).href
  if (!config.simulator) {
    const signUp = config.selfSignup ? 'sign-up is open' : 'sign-up is closed: customers need a link'
    process.stdout.write(`Latchkey ${version} serves partner hub ${config.hubId} at ${url}

  Client page   ${url}   (${signUp})
  Admin         ${new URL(paths.admin, url).href}
  Redirect URL  ${redirectUrl}   (to be set in the Partner Hub, or by "doctor --set")
`)
    return
  }
  const first = new URL(adminFirstPath(await context.admins.createFirstCode()), url)
  const link = new URL(linkPath(await context.sessions.createLink(DEMO_CUSTOMER)), url)
  const data = config.dataFolder.startsWith('/') ? config.dataFolder : `./${config.dataFolder}`
  process.stdout.write(`Latchkey ${version}, demo mode: 360dialog is simulated, nothing leaves this machine.

  Client page   ${url}
  Connect link  ${link.href}   (for one customer, ${DEMO_CUSTOMER.tenantName})
  Admin         ${first.href}   (works once, for 15 minutes)
  Simulator     http://localhost:${config.simulator.port}   (plays 360dialog)

Try it: open the client page, grant a number, then press "Make it run" in the simulator.
Data and generated secrets are in ${data}. To begin again: stop, delete ${data}, start.
Your own Partner Hub: copy .env.example to .env (README, "Go live").
`)
}

/** Whom the demo's connect link is for. */
const DEMO_CUSTOMER = {
  tenantId: 'shop-a',
  tenantName: 'Shop A GmbH',
  email: 'anna@shop-a.example',
  emailVerified: true,
}
