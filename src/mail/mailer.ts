import type { NodemailerError, Transporter } from 'nodemailer'
import { isForEveryServer } from '../email-address.ts'
import { MailError } from '../errors.ts'
import { isLoopback } from '../loopback.ts'

export interface Mail {
  readonly to: string
  readonly subject: string
  readonly text: string
  readonly html: string
}

export interface MailSettings {
  /** An SMTP server; or, in the demo, the simulator's mailbox by http. */
  readonly url: URL
  readonly from: string
  /** Where an answer to a mail goes, if not to `from`. */
  readonly replyTo: string | undefined
}

const TIMEOUT_MS = 20_000

/** Sends mails. */
export class Mailer {
  readonly #settings: MailSettings
  #transport: Promise<Transporter> | undefined

  constructor(settings: MailSettings) {
    this.#settings = settings
  }

  /** @throws MailError */
  async send(mail: Mail): Promise<void> {
    const { url, from, replyTo: support = from } = this.#settings
    // A server that does not know its letters would refuse the whole mail for it.
    const sender = { from, replyTo: isForEveryServer(support) ? support : from }
    if (url.protocol.startsWith('http')) return this.#post({ ...sender, ...mail })
    const transport = await this.#openOnce()
    try {
      await transport.sendMail({ ...sender, ...mail, headers: { 'Auto-Submitted': 'auto-generated' } })
    } catch (error) {
      throw toMailError(error)
    }
  }

  /** Connects and signs in, and sends nothing. @throws MailError */
  async verify(): Promise<void> {
    const { url } = this.#settings
    if (url.protocol.startsWith('http')) return this.#reach(url)
    const transport = await this.#openOnce()
    try {
      await transport.verify()
    } catch (error) {
      throw toMailError(error)
    }
  }

  /** The demo's mailbox takes mails when its simulator answers anything. */
  async #reach(url: URL): Promise<void> {
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    const answer = await fetch(url, { method: 'HEAD', signal }).catch(() => undefined)
    if (!answer) throw new MailError('unreachable', undefined, false)
  }

  #openOnce(): Promise<Transporter> {
    this.#transport ??= openTransport(this.#settings.url)
    return this.#transport
  }

  async #post(mail: object): Promise<void> {
    const headers = { 'content-type': 'application/json' }
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    const body = JSON.stringify(mail)
    const answer = await fetch(this.#settings.url, { method: 'POST', headers, body, signal }).catch(
      () => undefined,
    )
    if (!answer?.ok) throw new MailError('http', answer?.status, false)
  }
}

/** Loaded with the first mail: most commands and many sites never send one. */
async function openTransport(url: URL): Promise<Transporter> {
  const { createTransport } = await import('nodemailer')
  return createTransport(toTransportOptions(url))
}

/** How nodemailer reaches the server of an SMTP_URL. */
export function toTransportOptions(url: URL) {
  const timeouts = { connectionTimeout: TIMEOUT_MS, greetingTimeout: TIMEOUT_MS, socketTimeout: TIMEOUT_MS }
  const secure = url.protocol === 'smtps:'
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port) || (secure ? 465 : 587),
    secure,
    // A link that gives a number away, and our login: readable by nobody on the way.
    requireTLS: !secure && !isLoopback(url.hostname),
    ...(url.username && {
      auth: { user: decodeURIComponent(url.username), pass: decodeURIComponent(url.password) },
    }),
    // A mail is made of texts only: nothing of it may be read from a file or fetched.
    ...{ disableFileAccess: true, disableUrlAccess: true },
    ...timeouts,
  }
}

/**
 * The original error is dropped on purpose: it may carry the address, the login and the server's own words. What the
 * server says of the recipient or of the mail itself is final; of the login or the sender, the operator can mend it.
 */
function toMailError(error: unknown): MailError {
  const { code = 'unknown', responseCode, command = '' } = error as Partial<NodemailerError>
  const isAboutMail = ['RCPT TO', 'DATA'].includes(command)
  return new MailError(code, responseCode, isAboutMail && (responseCode ?? 0) >= 500)
}
