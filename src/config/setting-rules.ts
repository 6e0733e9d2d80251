import { isLoopback } from '../loopback.ts'
import type { Problem, Reading } from './read-settings.ts'
import { remedyFor, type SettingName } from './settings.ts'

/** A reading, and why it is not a demo: nothing there means that it is one. */
export interface Judged extends Reading {
  reasonsAgainstDemo: readonly string[]
}

type Rule = (judged: Judged) => Problem | false

/** Why these settings do not make a demo. An address that cannot be read does not either. */
export function reasonsAgainstDemo(environment: NodeJS.ProcessEnv, { values, given }: Reading): string[] {
  const speaksOf360dialog = Object.keys(environment).some(
    (name) => name.startsWith('D360_') && environment[name]?.trim(),
  )
  const host = values.HOST
  const publicHost = given.has('PUBLIC_URL') ? values.PUBLIC_URL?.hostname : 'localhost'
  const reasons: [boolean, string][] = [
    [speaksOf360dialog, 'a D360_ setting is there'],
    [environment.NODE_ENV?.trim() === 'production', 'NODE_ENV is production'],
    [host === undefined, 'HOST cannot be read'],
    [host !== undefined && !isLoopback(host), 'HOST is not loopback'],
    [publicHost === undefined, 'PUBLIC_URL cannot be read'],
    [publicHost !== undefined && !isLoopback(publicHost), 'PUBLIC_URL is not loopback'],
  ]
  return reasons.filter(([applies]) => applies).map(([, reason]) => reason)
}

/** Every problem that settings have with each other. A setting with a problem of its own is left alone. */
export function breachedRules(judged: Judged): Problem[] {
  return rules.map((rule) => rule(judged)).filter((problem) => problem !== false)
}

const credentials = ['D360_PARTNER_API_KEY', 'D360_USERNAME', 'D360_PASSWORD'] as const

const rules: Rule[] = [
  (judged) =>
    isMissing(judged, 'D360_PARTNER_ID') &&
    breach(
      'D360_PARTNER_ID',
      `is missing, and this is not a demo: ${judged.reasonsAgainstDemo.join(', ')}`,
      'To go live, set the D360_ settings of your Partner Hub; or, for a trial with the simulator, leave ' +
        'NODE_ENV, HOST, PUBLIC_URL and every D360_ setting unset.',
    ),

  (judged) =>
    credentials.every((name) => isMissing(judged, name)) &&
    breach('D360_PARTNER_API_KEY', 'is missing', 'Copy the API key from the Partner Hub.'),

  (judged) => halfALogin(judged, 'D360_USERNAME', 'D360_PASSWORD'),
  (judged) => halfALogin(judged, 'D360_PASSWORD', 'D360_USERNAME'),
  (judged) => isMissing(judged, 'VAULT_KEYS') && breach('VAULT_KEYS', 'is missing'),
  (judged) => isMissing(judged, 'SESSION_SECRET') && breach('SESSION_SECRET', 'is missing'),

  ({ values, given }) =>
    values.PUBLIC_URL?.protocol === 'https:' &&
    !given.has('TRUST_PROXY') &&
    breach('TRUST_PROXY', 'is missing, and an https PUBLIC_URL means a proxy in front'),

  ({ values, given }) =>
    values.D360_IO_SIGNATURE === 'on' &&
    !given.has('D360_PLATFORM_SECRET') &&
    breach(
      'D360_PLATFORM_SECRET',
      'is missing, and D360_IO_SIGNATURE signs with it',
      'Copy it from the Partner Hub, or set D360_IO_SIGNATURE to off.',
    ),

  ({ values }) =>
    values.SELF_SIGNUP === 'on' &&
    (values.D360_PAYMENT === 'partner' || values.D360_IO_SIGNATURE === 'on') &&
    breach(
      'SELF_SIGNUP',
      'must be spelled open: with partner payment or signed launches, strangers act in your name',
      'Set SELF_SIGNUP to open if you want that, else to off.',
    ),

  ({ given }) =>
    given.has('CHANNEL_WEBHOOK_HEADERS') &&
    !given.has('CHANNEL_WEBHOOK_URL') &&
    breach('CHANNEL_WEBHOOK_HEADERS', 'has no use alone', 'Set CHANNEL_WEBHOOK_URL too, or neither.'),

  ({ values, reasonsAgainstDemo }) =>
    reasonsAgainstDemo.length === 0 &&
    values.PORT === 65_535 &&
    breach('PORT', 'leaves no port for the simulator, which takes the next one', 'Choose 1 to 65534.'),
]

function isMissing({ reasonsAgainstDemo, given }: Judged, setting: SettingName): boolean {
  return reasonsAgainstDemo.length > 0 && !given.has(setting)
}

function halfALogin(judged: Judged, setting: SettingName, other: SettingName): Problem | false {
  return (
    isMissing(judged, 'D360_PARTNER_API_KEY') &&
    isMissing(judged, setting) &&
    judged.given.has(other) &&
    breach(setting, `is missing beside ${other}`, 'Set both, or better D360_PARTNER_API_KEY instead.')
  )
}

function breach(setting: SettingName, problem: string, remedy = remedyFor(setting)): Problem {
  return { setting, problem, remedy }
}
