import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { type DemoSecrets, DemoSecretsError, readDemoSecrets } from './demo-secrets.ts'
import { type Problem, readSettings } from './read-settings.ts'
import { breachedRules, reasonsAgainstDemo } from './setting-rules.ts'
import type { Values } from './settings.ts'
import { type VaultKey, vaultKeys } from './vault-keys.ts'

/** All that the site is told from outside (README, "Settings"). */
export interface Config {
  mode: 'demo' | 'live'
  /** Whose data the database holds: `demo`, or the partner id. */
  hubId: string
  port: number
  host: string
  publicUrl: URL
  /** Express's `trust proxy`. */
  trustProxy: false | number | string[]
  /** `sqlite:path` or `postgres://…` */
  databaseUrl: string
  /** The folder of the SQLite file; `data` beside PostgreSQL. */
  dataFolder: string
  partnerApi: PartnerApiConfig
  /** The template still has `{partner_id}` in it. */
  launch: {
    template: string
    stateIn: 'both' | 'state' | 'redirect_url'
    ioSignatureSecret: string | undefined
  }
  messagingHosts: string[]
  /** The first seals, all open. */
  vaultKeys: VaultKey[]
  /** The first makes, all verify. */
  sessionSecrets: string[]
  selfSignup: boolean
  /** The address still has `{channel_id}` and `{tenant_id}` in it. */
  channelWebhook: { url: string; headers: Record<string, string> } | undefined
  brand: {
    name: string
    logoUrl: URL | undefined
    color: string | undefined
    supportEmail: string | undefined
    privacyUrl: URL | undefined
  }
  /** A minute and address. */
  rateLimits: { public: number; signIn: number }
  logLevel: string
  metricsTokens: string[]
  /** In the demo only. */
  simulator: { port: number; partnerApiKey: string } | undefined
}

export interface PartnerApiConfig {
  /** Ends with a slash. */
  baseUrl: URL
  partnerId: string
  credentials: { apiKey: string } | { username: string; password: string }
  rate: 'auto' | { calls: number; seconds: number }
}

/** The settings do not make a configuration. Lists everything that is wrong, and never a value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly Problem[]

  constructor(problems: readonly Problem[]) {
    super(`Bad settings: ${problems.map(({ setting, problem }) => `${setting} ${problem}`).join('; ')}`)
    this.problems = problems
  }
}

interface Sources {
  readFile?: (path: string) => string
  /** Called only for a demo in which everything else is right: it may make the secrets. */
  demoSecrets?: (folder: string) => DemoSecrets
}

/**
 * Reads the whole environment once. With no word of 360dialog, no `NODE_ENV=production` and loopback addresses
 * only, it is a demo; everything else is live.
 *
 * @throws ConfigError with every problem at once
 */
export function loadConfig(
  environment: NodeJS.ProcessEnv,
  { readFile = (path) => readFileSync(path, 'utf8'), demoSecrets = readDemoSecrets }: Sources = {},
): Config {
  const reading = readSettings(environment, readFile)
  const judged = { ...reading, reasonsAgainstDemo: reasonsAgainstDemo(environment, reading) }
  const problems = [...reading.problems, ...breachedRules(judged)]
  if (problems.length > 0) throw new ConfigError(problems)

  // Without a problem, every value with a default is there.
  const values = reading.values as Values
  if (judged.reasonsAgainstDemo.length > 0) return toLiveConfig(values)
  const secrets = tellAsProblem(() => demoSecrets(dataFolder(values.DATABASE_URL)))
  return toDemoConfig(values, secrets, reading.given)
}

/** What the terminal shows: a block for each problem, with what to do about it. */
export function describeProblems({ problems }: ConfigError): string {
  return problems.map(({ setting, problem, remedy }) => `${setting} ${problem}.\n  ${remedy}`).join('\n\n')
}

function toLiveConfig(values: Values): Config {
  const partnerId = values.D360_PARTNER_ID ?? ''
  return {
    ...toSharedConfig(values),
    mode: 'live',
    hubId: partnerId,
    partnerApi: {
      baseUrl: values.D360_API_URL,
      partnerId,
      credentials: toCredentials(values),
      rate: values.D360_RATE,
    },
    launch: {
      template: values.D360_LAUNCH_URL,
      stateIn: values.D360_STATE_IN,
      ioSignatureSecret: values.D360_IO_SIGNATURE === 'on' ? values.D360_PLATFORM_SECRET?.[0] : undefined,
    },
    messagingHosts: values.D360_MESSAGING_HOSTS,
    vaultKeys: values.VAULT_KEYS ?? [],
    sessionSecrets: values.SESSION_SECRET ?? [],
    selfSignup: values.SELF_SIGNUP !== 'off',
    simulator: undefined,
  }
}

function toDemoConfig(values: Values, secrets: DemoSecrets, given: ReadonlySet<string>): Config {
  const port = values.PORT + 1
  const hub = `http://localhost:${port}`
  return {
    ...toSharedConfig(values),
    mode: 'demo',
    hubId: 'demo',
    partnerApi: {
      baseUrl: new URL('/api/v2/', hub),
      partnerId: 'demo',
      credentials: { apiKey: secrets.partnerApiKey },
      rate: 'auto',
    },
    launch: {
      template: `${hub}/dashboard/app/{partner_id}/permissions`,
      stateIn: 'both',
      ioSignatureSecret: undefined,
    },
    messagingHosts: ['localhost'],
    vaultKeys: values.VAULT_KEYS ?? vaultKeys.parse(secrets.vaultKeys),
    sessionSecrets: values.SESSION_SECRET ?? [secrets.sessionSecret],
    selfSignup: !given.has('SELF_SIGNUP') || values.SELF_SIGNUP !== 'off',
    // On the terminal of a trial, every request's line would be noise.
    logLevel: given.has('LOG_LEVEL') ? values.LOG_LEVEL : 'warn',
    simulator: { port, partnerApiKey: secrets.partnerApiKey },
  }
}

function toSharedConfig(values: Values) {
  const url = values.CHANNEL_WEBHOOK_URL
  return {
    port: values.PORT,
    host: values.HOST,
    publicUrl: values.PUBLIC_URL ?? new URL(`http://localhost:${values.PORT}`),
    trustProxy: values.TRUST_PROXY ?? false,
    databaseUrl: values.DATABASE_URL,
    dataFolder: dataFolder(values.DATABASE_URL),
    channelWebhook: url === undefined ? undefined : { url, headers: values.CHANNEL_WEBHOOK_HEADERS ?? {} },
    brand: {
      name: values.BRAND_NAME,
      logoUrl: values.BRAND_LOGO_URL,
      color: values.BRAND_COLOR,
      supportEmail: values.SUPPORT_EMAIL,
      privacyUrl: values.PRIVACY_URL,
    },
    rateLimits: { public: values.RATE_LIMIT_PUBLIC, signIn: values.RATE_LIMIT_SIGN_IN },
    logLevel: values.LOG_LEVEL,
    metricsTokens: values.METRICS_TOKEN ?? [],
  }
}

function toCredentials(values: Values): PartnerApiConfig['credentials'] {
  if (values.D360_PARTNER_API_KEY) return { apiKey: values.D360_PARTNER_API_KEY }
  return { username: values.D360_USERNAME ?? '', password: values.D360_PASSWORD ?? '' }
}

function dataFolder(databaseUrl: string): string {
  return databaseUrl.startsWith('sqlite:') ? dirname(databaseUrl.slice('sqlite:'.length)) : 'data'
}

function tellAsProblem(readSecrets: () => DemoSecrets): DemoSecrets {
  try {
    return readSecrets()
  } catch (error) {
    if (!(error instanceof DemoSecretsError)) throw error
    const remedy =
      'It lies beside the database and opens it. To begin again: stop, delete the data folder, start.'
    throw new ConfigError([{ setting: 'secrets.json', problem: error.message, remedy }])
  }
}
