import { MailError } from '../errors.ts'
import { isLoopback } from '../loopback.ts'
import type { Mailer } from '../mail/mailer.ts'
import { type Check, ok, PARTNER_HUB_PAGE, unknown, wrong } from './check.ts'
import type { Reach, Sight } from './reach.ts'

/** The notice that came last, as far as it says something about the set-up. */
export interface LastNotice {
  readonly receivedAt: Date
  readonly signature: 'valid' | 'invalid' | 'missing' | 'unchecked'
}

/** Whether browsers and 360dialog can use PUBLIC_URL at all. */
export function judgeHttps(publicUrl: URL, isSimulated: boolean, reach: Reach | undefined): Check {
  const name = 'https'
  const remedy = 'Set PUBLIC_URL to the https address at which browsers reach this site.'
  if (publicUrl.protocol !== 'https:') {
    if (isSimulated) return ok(name, 'Not needed: 360dialog is simulated on this machine.')
    return wrong(name, '360dialog sends customers and notices to public https addresses only.', { remedy })
  }
  if (isLoopback(publicUrl.hostname) && !isSimulated)
    return wrong(name, 'PUBLIC_URL is an address of this machine: nobody else reaches it.', { remedy })
  const code = typeof reach === 'object' ? reach.unreachable : ''
  if (/CERT|SIGNED|ALTNAME|VERIFY/.test(code))
    return wrong(name, `The certificate of PUBLIC_URL is not accepted (${code}).`, {
      remedy: 'Renew or replace the certificate at the proxy.',
      address: publicUrl.origin,
    })
  return ok(name, `${publicUrl.origin}.`)
}

const sights: Readonly<Record<Exclude<Sight, 'right'>, readonly [says: string, remedy: string]>> = {
  too_many: [
    'The site believes an address that a visitor made up, so its limits hold for nobody.',
    'Set TRUST_PROXY to the number of your proxies: it counts one too many.',
  ],
  too_few: [
    'The site takes a proxy for the visitor, so all visitors share one limit.',
    'Set TRUST_PROXY to the number of your proxies, or to their addresses.',
  ],
  not_told: [
    'The proxy does not say who visits, so all visitors share one limit.',
    'Let the proxy add the address of the visitor to X-Forwarded-For.',
  ],
}

/** Whether what answers at PUBLIC_URL is this site, and sees who visits. */
export function judgeProxy(publicUrl: URL, reach: Reach | undefined): Check {
  const name = 'proxy'
  const address = publicUrl.origin
  if (!reach) return ok(name, 'None: a demo answers to this machine only.')
  if (typeof reach === 'object')
    return unknown(name, `PUBLIC_URL could not be reached from here (${reach.unreachable}).`, {
      remedy: 'Start the site, or open the address from outside.',
      address,
    })
  if (reach === 'right') return ok(name, 'A request through PUBLIC_URL came back, with the right address.')
  if (reach === 'stranger')
    return wrong(name, 'What answers at PUBLIC_URL is not this site, or has another SESSION_SECRET.', {
      remedy: 'Let the address of PUBLIC_URL lead to this site.',
      address,
    })
  const [says, remedy] = sights[reach]
  return wrong(name, says, { remedy })
}

/** Whether the mail server takes us. Nothing is sent. */
export async function judgeMail(mailer: Mailer | undefined): Promise<Check> {
  const name = 'mail'
  if (!mailer)
    return ok(name, 'None is sent: what a mail to the owner would settle, you decide under Reviews.')
  try {
    await mailer.verify()
    return ok(name, 'The mail server takes our connection. Nothing was sent.')
  } catch (error) {
    if (!(error instanceof MailError)) throw error
    return wrong(name, `The mail server does not take our connection (${error.code}).`, {
      remedy: 'Check SMTP_URL: host, port, user and password.',
    })
  }
}

/** Whether notices can be told from forgeries: only a notice of 360dialog's own proves that both have one secret. */
export function judgePlatformSecret(secrets: readonly string[], last: LastNotice | undefined): Check {
  const name = 'platform secret'
  const address = PARTNER_HUB_PAGE
  if (secrets.length === 0)
    return unknown(name, 'There is none, so nobody can tell whether a notice is of 360dialog.', {
      remedy: 'Create it in the Partner Hub, and set D360_PLATFORM_SECRET.',
      address,
    })
  if (last?.signature === 'valid') return ok(name, `The last notice, of ${timeOf(last)}, was signed with it.`)
  if (last?.signature === 'invalid')
    return wrong(name, `The last notice, of ${timeOf(last)}, was signed with another one.`, {
      remedy: 'Copy the platform secret from the Partner Hub into D360_PLATFORM_SECRET.',
      address,
    })
  return unknown(name, 'There is one. The first signed notice will show whether 360dialog has the same.')
}

export function judgeLastNotice(last: LastNotice | undefined): Check {
  const name = 'last notice'
  if (last) return ok(name, `${timeOf(last)}, signature ${last.signature}.`)
  return unknown(
    name,
    'None is known. One comes with the next change of a number, if the webhook URL is right.',
  )
}

function timeOf({ receivedAt }: LastNotice): string {
  return receivedAt.toISOString()
}
