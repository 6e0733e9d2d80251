import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { SMTPServer } from 'smtp-server'

export interface ReceivedMail {
  readonly to: string
  /** As it came over the wire, its soft line breaks undone. */
  readonly source: string
  /** The path of the confirmation that it links to. */
  readonly link: string
}

/** A real mail server that keeps what it gets. */
export interface Mailbox {
  readonly url: string
  readonly mails: ReceivedMail[]
  /** From here on it answers every recipient so, or the sender or the mail itself; without a code it accepts them. */
  refuseWith(code?: number, at?: 'sender' | 'recipient' | 'mail'): void
  /** Without this login it accepts nothing; without one, from anybody. */
  demand(login?: { readonly user: string; readonly password: string }): void
  close(): Promise<void>
}

/** One that hides SMTPUTF8 knows no letters beyond ASCII before an `@`, and refuses such a recipient. */
export async function openMailbox({ hideSMTPUTF8 = false } = {}): Promise<Mailbox> {
  const mails: ReceivedMail[] = []
  let refusal: { code: number; at: string } | undefined
  let login: { readonly user: string; readonly password: string } | undefined
  const refusalOf = (at: string, address: string) =>
    refusal?.at === at
      ? Object.assign(new Error(`refused: ${address}`), { responseCode: refusal.code })
      : null
  const server = new SMTPServer({
    authOptional: true,
    allowInsecureAuth: true,
    onAuth: ({ username, password }, _session, done) => {
      if (!login || (username === login.user && password === login.password)) done(null, { user: username })
      else done(new Error(`not the password of ${username}: ${password}`))
    },
    disabledCommands: ['STARTTLS'],
    logger: false,
    hideSMTPUTF8,
    onMailFrom: ({ address }, _session, done) => done(refusalOf('sender', address)),
    onRcptTo: ({ address }, _session, done) => {
      const isForeign = hideSMTPUTF8 && /[^\0-\x7f].*@/.test(address)
      const unknown = Object.assign(new Error('not ASCII'), { responseCode: 553 })
      done(isForeign ? unknown : refusalOf('recipient', address))
    },
    onData: (stream, session, done) => {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        const refused = refusalOf('mail', session.envelope.rcptTo[0]?.address ?? '')
        if (refused) return done(refused)
        const source = decode(Buffer.concat(chunks).toString())
        const to = session.envelope.rcptTo.map(({ address }) => address).join(',')
        mails.push({ to, source, link: /\/confirm\/[\w-]+/.exec(source)?.[0] ?? '' })
        done()
      })
    },
  })
  server.on('error', () => {})
  server.listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  const { port } = server.server.address() as AddressInfo
  return {
    url: `smtp://127.0.0.1:${port}`,
    mails,
    refuseWith: (code, at = 'recipient') => {
      refusal = code === undefined ? undefined : { code, at }
    },
    demand: (demanded) => {
      login = demanded
    },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
}

/** Quoted-printable, as far as a test reads it. */
function decode(source: string): string {
  const joined = source.replaceAll(/=\r?\n/g, '')
  return joined.replaceAll(/(?:=[0-9A-F]{2})+/g, (bytes) =>
    Buffer.from(bytes.replaceAll('=', ''), 'hex').toString(),
  )
}
