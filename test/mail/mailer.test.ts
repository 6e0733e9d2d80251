import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { MailError } from '../../src/errors.ts'
import { Mailer, toTransportOptions } from '../../src/mail/mailer.ts'
import { type Mailbox, openMailbox } from '../mailbox.ts'

const mail = { to: 'anna@shop.example', subject: 'Is this yours?', text: 'text', html: '<p>text</p>' }
const sender = { from: 'connect@nordlicht.example', replyTo: 'help@nordlicht.example' }

describe('a mail', () => {
  let mailbox: Mailbox
  beforeEach(async () => {
    mailbox = await openMailbox()
  })
  afterEach(() => mailbox.close())

  const send = (password = 'secret') =>
    new Mailer({ ...sender, url: new URL(mailbox.url.replace('//', `//latchkey:${password}@`)) }).send(mail)
  const failureOf = async (sent: Promise<void>) => {
    const error: unknown = await sent.catch((caught) => caught)
    expect(error).toBeInstanceOf(MailError)
    return error as MailError
  }

  it('is sent with the login of the address, and answered to the support', async () => {
    mailbox.demand({ user: 'latchkey', password: 'p@ss word' })
    await send('p%40ss%20word')
    expect(mailbox.mails.map(({ to }) => to)).toEqual(['anna@shop.example'])
    expect(mailbox.mails[0]?.source).toContain('Reply-To: help@nordlicht.example')
  })

  it.each([
    [550, 'recipient', true],
    [554, 'mail', true],
    [451, 'recipient', false],
    [452, 'mail', false],
    // The operator can mend that, and no owner is to blame.
    [553, 'sender', false],
  ] as const)('that is refused with %i for the %s: final is %s', async (code, at, isFinal) => {
    mailbox.refuseWith(code, at)
    expect(await failureOf(send())).toMatchObject({ status: code, isFinal })
  })

  it('that cannot leave tells neither password nor recipient, whatever the server says', async () => {
    mailbox.demand({ user: 'latchkey', password: 'another' })
    const refused = await failureOf(send())
    expect(refused).toMatchObject({ code: 'EAUTH', isFinal: false })
    mailbox.demand()
    mailbox.refuseWith(550)
    const unknown = await failureOf(send())
    await mailbox.close()
    const unreachable = await failureOf(send())
    expect(unreachable).toMatchObject({ status: undefined, isFinal: false })
    for (const error of [refused, unknown, unreachable]) {
      const told = `${inspect(error, { depth: 9, showHidden: true })}${JSON.stringify(error)}`
      expect(told).not.toMatch(/secret|anna|127\.0\.0\.1/)
      expect(error.cause).toBeUndefined()
    }
  })

  it.each([
    ['anna@müller.example', 'anna@xn--mller-kva.example'],
    ['anna@xn--mller-kva.example', 'anna@xn--mller-kva.example'],
    ['anna@例え.example', 'anna@xn--r8jz45g.example'],
    ["o'neil+whatsapp@shop.example", "o'neil+whatsapp@shop.example"],
    ['andré@shop.example', 'andré@shop.example'],
    ['用户@例子.广告', '用户@例子.广告'],
  ])('to %s goes to %s, wherever its server takes it', async (to, recipient) => {
    await new Mailer({ ...sender, url: new URL(mailbox.url) }).send({ ...mail, to })
    expect(mailbox.mails[0]?.source).toMatch(new RegExp(`^To: ${recipient.replace('+', '\\+')}\r?$`, 'm'))
  })

  it('to letters that the server does not know is refused for good, and everything else arrives', async () => {
    const old = await openMailbox({ hideSMTPUTF8: true })
    const replyTo = 'büro@müller.example'
    const post = new Mailer({ from: 'mail@müller.example', replyTo, url: new URL(old.url) })
    expect(await failureOf(post.send({ ...mail, to: 'andré@shop.example' }))).toMatchObject({ isFinal: true })
    await post.send({ ...mail, to: 'anna@müller.example' })
    await old.close()
    expect(old.mails).toHaveLength(1)
    // An answer goes where every server can send it.
    expect(old.mails[0]?.source).toContain('Reply-To: mail@xn--mller-kva.example')
    expect(old.mails[0]?.source.split(/\r?\n\r?\n/)[0]).not.toMatch(/[^\0-\x7f]/)
  })

  it.each([
    ['smtps://mail.example.com', { port: 465, secure: true, requireTLS: false }],
    ['smtp://mail.example.com', { port: 587, secure: false, requireTLS: true }],
    ['smtp://mail.example.com:25', { port: 25, secure: false, requireTLS: true }],
    ['smtp://[::1]:1025', { host: '::1', port: 1025, secure: false, requireTLS: false }],
  ])('goes to %s where nobody on the way can read it', (url, options) => {
    expect(toTransportOptions(new URL(url))).toMatchObject(options)
  })
})
