import { closestMatch } from 'leven'
import { type Problem, type SettingName, settingRows } from './settings.ts'

const names = [...settingRows.keys()]

/** Names that begin so are meant for this site: nothing else is known to set them (docs/decisions/0014). */
const OURS =
  /^(D360|BRAND|CHANNEL_WEBHOOK|MAIL|PRIVACY|RATE_LIMIT|SMTP|SUPPORT|TRUST)_|^(SELF_SIGN|SESSION_SECRET|VAULT_KEY)/

/** Other software has names of its own that are almost these. */
const TOO_COMMON: readonly string[] = ['PORT', 'HOST', 'LOG_LEVEL', 'SMTP_URL'] satisfies SettingName[]

/** What Kubernetes and Docker set for a service that is called `smtp`, or `d360`: `SMTP_PORT=tcp://10.0.0.7:25`. */
export function isSetByPlatform(name: string, value: string): boolean {
  if (/_SERVICE_(HOST|PORT(_\w+)?)$|_PORT_\d+_(TCP|UDP|SCTP)(_(ADDR|PORT|PROTO))?$/.test(name)) return true
  return name.endsWith('_PORT') && /^(tcp|udp|sctp):\/\//.test(value)
}

/** Names that were meant to be settings and are none: each is a mistake that would go unnoticed. */
export function findUnknown(environment: NodeJS.ProcessEnv): Problem[] {
  return Object.entries(environment)
    .filter(([name, value = '']) => value.trim() && !settingRows.has(name as SettingName))
    .filter(([name, value = '']) => isMeantForUs(name.toUpperCase()) && !isSetByPlatform(name, value))
    .map(([name]) => ({ setting: name, problem: 'is not a setting', remedy: remedyOf(name.toUpperCase()) }))
}

function isMeantForUs(name: string): boolean {
  return OURS.test(name) || namedByFile(name) !== undefined || slipOf(name) !== undefined
}

/** `DATABASE_URL_FILE`, as some images spell it. */
function namedByFile(name: string): SettingName | undefined {
  return names.find((known) => settingRows.get(known)?.secret && name === `${known}_FILE`)
}

/** The setting that is at most one letter away. */
function slipOf(name: string): string | undefined {
  return closestMatch(
    name,
    names.filter((known) => !TOO_COMMON.includes(known)),
    { maxDistance: 1 },
  )
}

function remedyOf(name: string): string {
  const secret = namedByFile(name)
  if (secret) return `Did you mean ${secret}=file:PATH? Otherwise remove it.`
  const [family] = name.split('_')
  const related = names.filter((known) => known.startsWith(`${family}_`))
  return `Did you mean ${closestMatch(name, related.length > 0 ? related : names)}? Otherwise remove it.`
}
