import { z } from 'zod'
import * as values from './setting-values.ts'
import { vaultKeys } from './vault-keys.ts'

/** One thing that is wrong: `setting` and `problem` make a sentence. Never contains a value. */
export interface Problem {
  setting: string
  problem: string
  remedy: string
}

/** One row of the table: everything about one setting. */
export interface Setting {
  /** Reads the text; its issues are fixed texts that follow the setting's name. */
  read: z.ZodType<unknown, string>
  /** Used when the setting is empty or missing. */
  default?: string
  /** Never shown; may also be given as `file:PATH`. */
  secret?: true
  /** The line in `.env.example`. */
  meaning: string
  /** What to do when it is missing or bad, unless the default or the meaning says it. */
  remedy?: string
  /** What to do when it is there and cannot be read, if that is something else. */
  repair?: string
  /** Its value begins with `#`, where some readers of env files see a comment. */
  startsWithHash?: true
}

const text = z.string()
const perMinute = values.wholeNumber(1, 1_000_000)

/** Every setting, in the order in which problems are listed. A test compares `.env.example` with it. */
export const settings = {
  PORT: { read: values.wholeNumber(1, 65_535), default: '3000', meaning: 'the port it listens on' },
  HOST: {
    read: values.hostName,
    default: '127.0.0.1',
    meaning: 'the address it listens on; 0.0.0.0 in a container',
  },
  PUBLIC_URL: {
    read: values.origin,
    meaning: 'how browsers reach it: an https origin without a path; not set: http://localhost:$PORT',
    remedy: 'Give scheme, host and port only, like https://connect.example.com.',
  },
  TRUST_PROXY: {
    read: values.trustProxy,
    meaning:
      'the number of proxies in front (at most 5), or their addresses (CIDR), or off; required with https',
    remedy: 'Give the number of proxies in front, like 1, or their addresses, like 10.0.0.0/8, or off.',
  },
  DATABASE_URL: {
    read: values.databaseUrl,
    default: 'sqlite:data/latchkey.db',
    secret: true,
    meaning: 'sqlite:PATH or postgres://user:password@host/name',
    remedy:
      'For example: sqlite:data/latchkey.db, or postgres://user:password@host/name, with @ : / ? # % in a ' +
      'password as %40 %3A %2F %3F %23 %25',
  },
  D360_PARTNER_ID: {
    read: text.regex(/^(?!demo$)[\w-]{1,64}$/, 'is not a Partner ID'),
    meaning: 'your Partner ID from the Partner Hub, like f167CmPA',
  },
  D360_PARTNER_API_KEY: {
    read: values.headerSecret,
    secret: true,
    meaning: 'the API key from your Partner Hub',
  },
  D360_USERNAME: { read: text, secret: true, meaning: 'a login instead of the API key, deprecated' },
  D360_PASSWORD: { read: text, secret: true, meaning: 'the password of that login' },
  D360_PLATFORM_SECRET: {
    read: values.oneOrTwoSecrets(),
    secret: true,
    meaning: 'the platform secret from your Partner Hub; during a change two, the new one first',
  },
  D360_API_URL: {
    read: values.baseAddress,
    default: 'https://hub.360dialog.io/api/v2',
    meaning: 'the Partner API',
  },
  D360_LAUNCH_URL: {
    read: values.addressTemplate('partner_id'),
    default: 'https://hub.360dialog.com/dashboard/app/{partner_id}/permissions',
    meaning: 'the permission screen; {partner_id} is replaced',
  },
  D360_STATE_IN: {
    read: values.oneOf('both', 'state', 'redirect_url'),
    default: 'both',
    meaning: 'where the nonce travels: both, state or redirect_url',
  },
  D360_MESSAGING_HOSTS: {
    read: values.hostPatterns,
    default: '*.360dialog.io',
    meaning: 'host names that a key may be sent to; *.DOMAIN for those of a domain of one owner',
    remedy: 'Name the hosts, or *. and a domain of 360dialog, like *.360dialog.io.',
  },
  D360_IO_SIGNATURE: {
    read: values.oneOf('on', 'off'),
    default: 'off',
    meaning: 'on signs launches with the platform secret',
  },
  D360_WEBHOOK_SIGNATURE: {
    read: values.oneOf('require', 'warn', 'off'),
    default: 'require',
    meaning:
      'notices of 360dialog that are not signed: require (refused), warn (stored), or off (nothing is checked)',
  },
  D360_PAYMENT: {
    read: values.oneOf('direct', 'partner'),
    default: 'direct',
    meaning: 'who pays 360dialog: direct (your customer) or partner (you)',
  },
  D360_RATE: {
    read: values.callRate,
    default: 'auto',
    meaning: 'calls to the Partner API: auto, or a fixed rate like 5/30s',
  },
  VAULT_KEYS: {
    read: vaultKeys,
    secret: true,
    meaning: 'JWK Set of oct keys as JSON: the first seals, all open; created automatically in the demo',
    remedy: 'Create one: npm run --silent latchkey -- vault new-key',
    repair:
      'Put back the keys that the database is sealed with, as they were: VAULT_KEYS=\'{"keys":[…]}\'. ' +
      'With other keys, the stored API keys are lost.',
  },
  SESSION_SECRET: {
    read: values.oneOrTwoSecrets(32),
    secret: true,
    meaning:
      'at least 32 random characters; during a change two, the new one first; created automatically in the demo',
    remedy: 'Create one: openssl rand -base64 48',
  },
  SELF_SIGNUP: {
    read: values.oneOf('off', 'on', 'open'),
    default: 'off',
    meaning: 'off, on, or open (on with partner payment or signed launches); on in the demo',
  },
  CHANNEL_WEBHOOK_URL: {
    read: values.addressTemplate('channel_id', 'tenant_id'),
    meaning: 'the https webhook for each channel with a new key; {channel_id}, {tenant_id} are replaced',
  },
  CHANNEL_WEBHOOK_HEADERS: {
    read: values.headers,
    secret: true,
    meaning: 'the headers that 360dialog sends there, as JSON: {"name": "text"}',
  },
  SMTP_URL: {
    read: values.smtpAddress,
    secret: true,
    meaning:
      'the mail server: smtps://user:password@host:port, or smtp:// with STARTTLS; not set: no mails, only reviews',
    remedy: 'Give scheme, login and host, like smtps://user:password@mail.example.com.',
  },
  MAIL_FROM: {
    read: values.mailbox,
    meaning:
      'the sender of mails, needed with SMTP_URL: connect@example.com, or "Name <connect@example.com>"',
    remedy: 'For example: MAIL_FROM="Nordlicht <connect@nordlicht.example>"',
  },
  BRAND_NAME: {
    read: values.shownText,
    meaning: 'your name, as your customers know it; required outside the demo',
  },
  BRAND_LOGO_URL: { read: values.webAddress, meaning: 'the https address of your logo' },
  BRAND_COLOR: {
    read: text.regex(/^#[0-9a-f]{6}$/i, 'is not a colour'),
    startsWithHash: true,
    meaning: 'your colour in quotes, like "#0b5fff"',
  },
  SUPPORT_EMAIL: {
    read: values.emailAddress,
    meaning: 'the address where your customers find help; required outside the demo',
  },
  PRIVACY_URL: { read: values.webAddress, meaning: 'the https address of your privacy policy' },
  RATE_LIMIT_PUBLIC: {
    read: perMinute,
    default: '300',
    meaning: 'launches and unknown returns, a minute and address',
  },
  RATE_LIMIT_SIGN_IN: { read: perMinute, default: '10', meaning: 'sign-ins, a minute and address' },
  LOG_LEVEL: {
    read: values.oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'),
    default: 'info',
    meaning: 'fatal, error, warn, info, debug, trace or silent; in the demo, warn',
  },
  METRICS_TOKEN: {
    read: values.metricsTokens,
    secret: true,
    meaning:
      'bearer token of /metrics, at least 20 random characters; during a change two, the new one first; not set: no /metrics',
    remedy: 'Create one: openssl rand -hex 24',
  },
} as const satisfies Record<string, Setting>

type Settings = typeof settings
export type SettingName = keyof Settings

/** What the settings hold once all of them are right. */
export type Values = {
  [Name in SettingName]:
    | z.output<Settings[Name]['read']>
    | (Settings[Name] extends { default: string } ? never : undefined)
}

/** The rows by name, in order, without the narrow types that `Values` follows from. */
export const settingRows = new Map(Object.entries(settings)) as ReadonlyMap<SettingName, Setting>

/** What to do when a setting is missing or cannot be read. */
export function remedyFor(name: SettingName): string {
  const row = settingRows.get(name)
  return row?.remedy ?? (row?.default ? `For example: ${row.default}` : `Set ${row?.meaning}.`)
}
