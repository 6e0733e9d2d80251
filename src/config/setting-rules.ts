import { isLoopback } from '../loopback.ts'
import type { Reading } from './read-settings.ts'
import { type Problem, remedyFor, type SettingName, settings } from './settings.ts'
import { isSetByPlatform } from './unknown-settings.ts'

/** A reading, and why it is not a demo; without a reason it is one. */
export interface Judged extends Reading {
  reasonsAgainstDemo: readonly string[]
  /** Whether the database may hold API keys, which other vault keys do not open; undefined: that cannot be told. */
  holdsKeys: boolean | undefined
}

type Rule = (judged: Judged) => Problem | false

/** What is no reason for a command that was told to open the demo. */
export const IS_PRODUCTION = 'NODE_ENV is production'

/** Why these settings are not a demo's. An address that cannot be read is a reason too. */
export function reasonsAgainstDemo(environment: NodeJS.ProcessEnv, { values, given }: Reading): string[] {
  const hasD360Setting = Object.entries(environment).some(
    ([name, value = '']) => name.startsWith('D360_') && value.trim() && !isSetByPlatform(name, value),
  )
  const host = values.HOST
  const publicHost = given.has('PUBLIC_URL') ? values.PUBLIC_URL?.hostname : 'localhost'
  const reasons: [boolean, string][] = [
    [hasD360Setting, 'a D360_ setting is set'],
    [/^production$/i.test(environment.NODE_ENV ?? ''), IS_PRODUCTION],
    [host === undefined, 'HOST cannot be read'],
    [host !== undefined && !isLoopback(host), 'HOST is not loopback'],
    [publicHost === undefined, 'PUBLIC_URL cannot be read'],
    [publicHost !== undefined && !isLoopback(publicHost), 'PUBLIC_URL is not loopback'],
  ]
  return reasons.filter(([applies]) => applies).map(([, reason]) => reason)
}

/**
 * A command that finds no settings would open a demo. Where a live site may be meant, it has to be told to: it may run in
 * another folder or shell than the site.
 */
export function unaskedDemo(
  reasonsAgainstDemo: readonly string[],
  findLiveDatabase: () => string | undefined,
): Problem | undefined {
  if (reasonsAgainstDemo.some((reason) => reason !== IS_PRODUCTION)) return undefined
  const file = findLiveDatabase()
  const reasons = [...reasonsAgainstDemo, ...(file ? [`${file} is the database of a live site`] : [])]
  if (reasons.length === 0) return undefined
  return {
    setting: '--demo',
    problem: `is missing: no D360_ setting is set here, and ${reasons.join(', and ')}`,
    remedy:
      'Run the command with the settings of the site, such as in its folder. Only if you mean the demo: add --demo.',
  }
}

/** Every problem between settings. A setting that has its own problem is not judged again. */
export function brokenRules(judged: Judged): Problem[] {
  return rules.map((rule) => rule(judged)).filter((problem) => problem !== false)
}

const credentials = ['D360_PARTNER_API_KEY', 'D360_USERNAME', 'D360_PASSWORD'] as const

const rules: Rule[] = [
  (judged) =>
    isMissing(judged, 'D360_PARTNER_ID') &&
    broken(
      'D360_PARTNER_ID',
      `is missing, and this is not a demo: ${judged.reasonsAgainstDemo.join(', ')}`,
      'To go live, set the D360_ settings of your Partner Hub; or, for a trial with the simulator, leave ' +
        'NODE_ENV, HOST, PUBLIC_URL and every D360_ setting unset.',
    ),

  (judged) =>
    credentials.every((name) => isMissing(judged, name)) &&
    broken('D360_PARTNER_API_KEY', 'is missing', 'Copy the API key from the Partner Hub.'),

  (judged) => incompleteLogin(judged, 'D360_USERNAME', 'D360_PASSWORD'),
  (judged) => incompleteLogin(judged, 'D360_PASSWORD', 'D360_USERNAME'),
  (judged) =>
    isMissing(judged, 'D360_PLATFORM_SECRET') &&
    judged.values.D360_WEBHOOK_SIGNATURE === 'require' &&
    judged.values.D360_IO_SIGNATURE === 'off' &&
    broken(
      'D360_PLATFORM_SECRET',
      'is missing, and notices of 360dialog are checked with it',
      'Copy it from the Partner Hub, or set D360_WEBHOOK_SIGNATURE to off if your hub signs nothing.',
    ),
  (judged) => isMissing(judged, 'VAULT_KEYS') && broken('VAULT_KEYS', 'is missing', remedyForKeys(judged)),
  (judged) => isMissing(judged, 'SESSION_SECRET') && broken('SESSION_SECRET', 'is missing'),
  (judged) => isMissing(judged, 'BRAND_NAME') && broken('BRAND_NAME', 'is missing'),
  (judged) => isMissing(judged, 'SUPPORT_EMAIL') && broken('SUPPORT_EMAIL', 'is missing'),

  ({ values, given }) =>
    values.PUBLIC_URL?.protocol === 'https:' &&
    !given.has('TRUST_PROXY') &&
    broken('TRUST_PROXY', 'is missing, and an https PUBLIC_URL means a proxy in front'),

  ({ values, given }) =>
    values.D360_IO_SIGNATURE === 'on' &&
    !given.has('D360_PLATFORM_SECRET') &&
    broken(
      'D360_PLATFORM_SECRET',
      'is missing, and D360_IO_SIGNATURE signs with it',
      'Copy it from the Partner Hub, or set D360_IO_SIGNATURE to off.',
    ),

  ({ values }) =>
    values.SELF_SIGNUP === 'on' &&
    (values.D360_PAYMENT === 'partner' || values.D360_IO_SIGNATURE === 'on') &&
    broken(
      'SELF_SIGNUP',
      'must be "open": with partner payment or signed launches, strangers act in your name',
      'Set SELF_SIGNUP to open if you want that, else to off.',
    ),

  ({ given }) =>
    given.has('CHANNEL_WEBHOOK_HEADERS') &&
    !given.has('CHANNEL_WEBHOOK_URL') &&
    broken(
      'CHANNEL_WEBHOOK_HEADERS',
      'needs CHANNEL_WEBHOOK_URL',
      'Set CHANNEL_WEBHOOK_URL too, or neither.',
    ),

  ({ values, given }) =>
    values.SMTP_URL !== undefined &&
    !given.has('MAIL_FROM') &&
    broken('MAIL_FROM', 'is missing, and SMTP_URL sends mails'),

  ({ values, reasonsAgainstDemo }) =>
    reasonsAgainstDemo.length === 0 &&
    values.PORT === 65_535 &&
    broken('PORT', 'leaves no port for the simulator, which takes the next one', 'Choose 1 to 65534.'),
]

function remedyForKeys({ holdsKeys }: Judged): string {
  const { remedy, repair } = settings.VAULT_KEYS
  if (holdsKeys === undefined) return `${repair} Only for a database that is new: ${remedy}`
  return holdsKeys ? repair : remedy
}

function isMissing({ reasonsAgainstDemo, given }: Judged, setting: SettingName): boolean {
  return reasonsAgainstDemo.length > 0 && !given.has(setting)
}

function incompleteLogin(judged: Judged, setting: SettingName, other: SettingName): Problem | false {
  return (
    isMissing(judged, 'D360_PARTNER_API_KEY') &&
    isMissing(judged, setting) &&
    judged.given.has(other) &&
    broken(setting, `is missing, and ${other} is set`, 'Set both, or better: D360_PARTNER_API_KEY instead.')
  )
}

function broken(setting: SettingName, problem: string, remedy = remedyFor(setting)): Problem {
  return { setting, problem, remedy }
}
