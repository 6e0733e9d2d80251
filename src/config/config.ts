import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { decodeText } from '../decode-text.ts'
import { derivedSecret } from '../identifiers.ts'
import type { DemoAddress } from './demo-address.ts'
import { DEMO_SECRETS, type DemoSecrets, DemoSecretsError, readDemoSecrets } from './demo-secrets.ts'
import { takeQuotesOff } from './quotes.ts'
import { readSettings } from './read-settings.ts'
import { brokenRules, IS_PRODUCTION, reasonsAgainstDemo, unaskedDemo } from './setting-rules.ts'
import { type Problem, type SettingName, settings, type Values } from './settings.ts'
import { vaultKeys } from './vault-keys.ts'

/** What the environment configures (.env.example). */
export type Config = ReturnType<typeof toConfig>

/** The settings cannot be used. Lists everything that is wrong, and never a value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly Problem[]

  constructor(problems: readonly Problem[]) {
    super(`Bad settings: ${problems.map(({ setting, problem }) => `${setting} ${problem}`).join('; ')}`)
    this.problems = problems
  }
}

export interface Sources {
  readFile?: (path: string) => string
  fileExists?: (path: string) => boolean
  /** Settings of the `.env` file that were read up to a `#` only. */
  cutOff?: ReadonlySet<string>
  /** What else is wrong with that file. */
  problems?: readonly Problem[]
  /** Hears which settings had quotes around their values, which are no part of them. */
  onUnquoted?: (names: readonly string[]) => void
  /** Called only for a demo in which everything else is right: it may create the secrets. */
  demoSecrets?: (folder: string) => DemoSecrets
  /** For a command, which runs beside a site, and maybe without its settings. */
  command?: BesideSite
}

export interface BesideSite {
  /** It was told to open the demo. */
  asksForDemo: boolean
  /** Where a demo with its data there serves already. */
  demoAddress: (folder: string) => DemoAddress | undefined
  /** The file of a database there that belongs to a live site. */
  liveDatabase: (folder: string) => string | undefined
}

/**
 * Reads the whole environment once. Without a `D360_` setting, without `NODE_ENV=production` and with loopback
 * addresses only, it is a demo; everything else is live.
 *
 * @throws ConfigError with every problem at once
 */
export function loadConfig(
  given: NodeJS.ProcessEnv,
  {
    readFile = (path) => decodeText(readFileSync(path)),
    fileExists = existsSync,
    cutOff = new Set(),
    problems: ofFile = [],
    onUnquoted = () => {},
    demoSecrets = readDemoSecrets,
    command,
  }: Sources = {},
): Config {
  const { environment, unquoted } = takeQuotesOff(given)
  const reading = readSettings(environment, readFile, cutOff)
  const folder = dataFolder(reading.values.DATABASE_URL)
  const reasons = reasonsAgainstDemo(environment, reading)
  const judged = {
    ...reading,
    reasonsAgainstDemo: command?.asksForDemo ? reasons.filter((reason) => reason !== IS_PRODUCTION) : reasons,
    holdsKeys: mayHoldKeys(reading.values.DATABASE_URL, fileExists),
  }
  const unasked = command && !command.asksForDemo && unaskedDemo(reasons, () => command.liveDatabase(folder))
  const problems = [...ofFile, ...reading.problems, ...(unasked ? [unasked] : brokenRules(judged))]
  if (problems.length > 0) throw new ConfigError(problems)
  const ours = [...unquoted.filter((name) => name === 'NODE_ENV' || name in settings), ...reading.unquoted]
  if (ours.length > 0) onUnquoted(ours)

  // Without a problem, every value with a default is there.
  const values = reading.values as Values
  if (judged.reasonsAgainstDemo.length > 0) return toConfig(values)
  const secrets = orProblem(() => demoSecrets(folder))
  const isPlaced = reading.given.has('PORT') || reading.given.has('PUBLIC_URL')
  const address = isPlaced ? undefined : command?.demoAddress(folder)
  const there = address ? { ...values, PORT: address.port, PUBLIC_URL: address.publicUrl } : values
  const simulator = { port: there.PORT + 1, partnerApiKey: secrets.partnerApiKey }
  return toConfig(demoValues(there, reading.given, `http://localhost:${simulator.port}`, secrets), simulator)
}

/** What the terminal shows: a block for each problem, with what to do about it. */
export function describeProblems({ problems }: ConfigError): string {
  return problems.map(({ setting, problem, remedy }) => `${setting} ${problem}.\n  ${remedy}`).join('\n\n')
}

/** The settings of a demo: what was given, and for the rest its own secrets and its simulator. */
function demoValues(
  values: Values,
  given: ReadonlySet<SettingName>,
  simulator: string,
  secrets: DemoSecrets,
): Values {
  return {
    ...values,
    D360_PARTNER_ID: 'demo',
    D360_PARTNER_API_KEY: secrets.partnerApiKey,
    D360_PLATFORM_SECRET: [derivedSecret(secrets.partnerApiKey, 'platform secret')],
    D360_API_URL: new URL('/api/v2/', simulator),
    D360_LAUNCH_URL: `${simulator}/dashboard/app/{partner_id}/permissions`,
    D360_MESSAGING_HOSTS: ['localhost'],
    VAULT_KEYS: values.VAULT_KEYS ?? vaultKeys.parse(secrets.vaultKeys),
    SESSION_SECRET: values.SESSION_SECRET ?? [secrets.sessionSecret],
    SELF_SIGNUP: given.has('SELF_SIGNUP') ? values.SELF_SIGNUP : 'on',
    ...(values.BRAND_NAME === undefined && {
      BRAND_NAME: 'Nordlicht',
      BRAND_COLOR: values.BRAND_COLOR ?? '#0f6e63',
      BRAND_LOGO_URL: values.BRAND_LOGO_URL ?? new URL('/nordlicht.svg', simulator),
    }),
    SUPPORT_EMAIL: values.SUPPORT_EMAIL ?? 'help@nordlicht.example',
    // A line for each request would bury what the terminal of a trial shows.
    LOG_LEVEL: given.has('LOG_LEVEL') ? values.LOG_LEVEL : 'warn',
  }
}

function toConfig(values: Values, simulator?: { port: number; partnerApiKey: string }) {
  const partnerId = values.D360_PARTNER_ID ?? ''
  const webhook = values.CHANNEL_WEBHOOK_URL
  return {
    mode: simulator ? ('demo' as const) : ('live' as const),
    /** Whose data the database holds: `demo`, or the partner id. */
    hubId: partnerId,
    port: values.PORT,
    host: values.HOST,
    publicUrl: values.PUBLIC_URL ?? new URL(`http://localhost:${values.PORT}`),
    /** Express's `trust proxy`. */
    trustProxy: values.TRUST_PROXY ?? false,
    /** `sqlite:path` or `postgres://…` */
    databaseUrl: values.DATABASE_URL,
    /** The folder of the SQLite file; `data` beside PostgreSQL. */
    dataFolder: dataFolder(values.DATABASE_URL),
    /** Who pays 360dialog. If the partner does, every number of its clients is shared with it by default. */
    paidBy: values.D360_PAYMENT,
    partnerApi: {
      /** Ends with a slash. */
      baseUrl: values.D360_API_URL,
      partnerId,
      credentials: toCredentials(values),
      rate: values.D360_RATE,
    },
    launch: {
      /** Still contains `{partner_id}`. */
      template: values.D360_LAUNCH_URL,
      stateIn: values.D360_STATE_IN,
      ioSignatureSecret: values.D360_IO_SIGNATURE === 'on' ? values.D360_PLATFORM_SECRET?.[0] : undefined,
    },
    /** How notices are checked, and with which secrets: during a change both count. */
    notices: { signature: values.D360_WEBHOOK_SIGNATURE, secrets: values.D360_PLATFORM_SECRET ?? [] },
    messagingHosts: values.D360_MESSAGING_HOSTS,
    /** The first seals, all open. */
    vaultKeys: values.VAULT_KEYS ?? [],
    /** The first signs, all verify. */
    sessionSecrets: values.SESSION_SECRET ?? [],
    selfSignup: values.SELF_SIGNUP !== 'off',
    /** Undefined: no mail is sent, and what a mail would settle is a review. */
    mail: toMail(values, simulator),
    /** The address still contains `{channel_id}` and `{tenant_id}`. */
    channelWebhook:
      webhook === undefined ? undefined : { url: webhook, headers: values.CHANNEL_WEBHOOK_HEADERS ?? {} },
    brand: {
      name: values.BRAND_NAME ?? '',
      logoUrl: values.BRAND_LOGO_URL,
      color: values.BRAND_COLOR,
      supportEmail: values.SUPPORT_EMAIL,
      privacyUrl: values.PRIVACY_URL,
    },
    /** A minute and address. */
    rateLimits: { public: values.RATE_LIMIT_PUBLIC, signIn: values.RATE_LIMIT_SIGN_IN },
    logLevel: values.LOG_LEVEL,
    metricsTokens: values.METRICS_TOKEN ?? [],
    /** In the demo only. */
    simulator,
  }
}

function toCredentials(values: Values): { apiKey: string } | { username: string; password: string } {
  if (values.D360_PARTNER_API_KEY) return { apiKey: values.D360_PARTNER_API_KEY }
  return { username: values.D360_USERNAME ?? '', password: values.D360_PASSWORD ?? '' }
}

/** In the demo the simulator's mailbox, unless a server was given. */
function toMail(values: Values, simulator?: { port: number }) {
  const { SMTP_URL: url, MAIL_FROM: from = '', SUPPORT_EMAIL: replyTo } = values
  if (url) return { url, from, replyTo }
  if (!simulator) return undefined
  const mailbox = new URL(`http://localhost:${simulator.port}/control/mails`)
  return { url: mailbox, from: 'demo@latchkey.example', replyTo }
}

/** A SQLite file was sealed at its first start, unless it is a demo's: that has its keys beside it. */
function mayHoldKeys(databaseUrl: string | undefined, fileExists: (path: string) => boolean) {
  if (!databaseUrl?.startsWith('sqlite:')) return undefined
  const isDemo = fileExists(join(dataFolder(databaseUrl), DEMO_SECRETS))
  return fileExists(databaseUrl.slice('sqlite:'.length)) && !isDemo
}

function dataFolder(databaseUrl = ''): string {
  return databaseUrl.startsWith('sqlite:') ? dirname(databaseUrl.slice('sqlite:'.length)) : 'data'
}

function orProblem(readSecrets: () => DemoSecrets): DemoSecrets {
  try {
    return readSecrets()
  } catch (error) {
    if (!(error instanceof DemoSecretsError)) throw error
    throw new ConfigError([{ setting: 'secrets.json', problem: error.message, remedy: error.remedy }])
  }
}
