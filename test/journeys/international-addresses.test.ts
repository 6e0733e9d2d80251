import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { engines } from '../databases.ts'
import { comeBack, newClient, readStatus } from '../journey.ts'
import { startTimedSite, type TimedSite } from '../keys/timed-site.ts'
import { type Mailbox, openMailbox } from '../mailbox.ts'
import { type Browser, launchFrom, pathOf } from '../site.ts'

/** Each is written in one way here, and in another at 360dialog. */
const spellings: readonly (readonly [string, string])[] = [
  ['anna@müller.example', 'anna@xn--mller-kva.example'],
  ['anna@xn--bcker-gra.example', 'Anna@Bäcker.example'],
  ['anna@mu\u0308hle.example', 'anna@mühle.example'],
  ['anna@例え.example', 'anna@xn--r8jz45g.example'],
  ['ANNA@пример.испытание', 'anna@xn--e1afmkfd.xn--80akhbyknj4f'],
  ["O'Neil+WhatsApp@shop.example", "o'neil+whatsapp@SHOP.example"],
  ['andré@shop.example', 'ANDRE\u0301@shop.example'],
  ['用户@例子.广告', '用户@xn--fsqu00a.xn--4rr70v'],
  ['zero@shop.example', 'ze\u200bro@shop.example\ufeff'],
  ['soft@shop.example', 'soft@sh\u00adop.example'],
]

/** Who reads fast takes them for one. */
const lookAlikes: readonly (readonly [string, string])[] = [
  ['mara@apple.example', 'mara@аpple.example'],
  ['mara@shop.example', 'mаra@shop.example'],
  ['mara@strasse.example', 'mara@straße.example'],
  ['mara@fine.example', 'mara@ﬁne.example'],
  ['mara@wide.example', 'mara＠wide.example'],
  ['mara@width.example', 'mara@ｗidth.example'],
  ['mara@plain.com', 'mara@xn--plain-.com'],
  ['mara@نامهای.example', 'mara@نامه\u200cای.example'],
  ['mari@shop.example', 'marı@shop.example'],
  ['mara+1@shop.example', 'mara@shop.example'],
]

describe.each(engines)('an address with letters of the world, on %s', (engine) => {
  let site: TimedSite
  let mailbox: Mailbox
  let numbers = 0
  beforeAll(async () => {
    mailbox = await openMailbox()
    const mail = { SMTP_URL: mailbox.url, MAIL_FROM: 'Müller <mail@müller.example>' }
    site = await startTimedSite({ engine, settings: { ...mail, SUPPORT_EMAIL: 'büro@müller.example' } })
  })
  afterAll(async () => {
    await site.stop()
    await mailbox.close()
  })

  const newChannel = () => {
    numbers += 1
    return `ch${numbers}`
  }
  /** Shares a new number of a client that 360dialog knows by this address, and comes back. */
  const share = async (browser: Browser, screen: string, email: string) => {
    const id = newChannel()
    const back = pathOf(
      site.hub.visit(screen, { ...newClient(id), signup: { name: 'Shop', email: `${id}@y.example` } }),
    )
    Object.assign(site.hub.client(site.hub.channel(id).clientId), { email, userEmail: undefined })
    const returned = await comeBack({ browser, back })
    await site.untilQuiet()
    return { id, returned, status: await readStatus(returned) }
  }
  const order = (email: string) => ({
    tenantId: `t-${numbers}`,
    tenantName: 'Shop',
    email,
    emailVerified: true,
  })

  it.each(spellings)(
    'that the product verified as %j binds what 360dialog has as %j',
    async (ours, theirs) => {
      const browser = site.newBrowser()
      const screen = await launchFrom(browser, await site.link(order(ours)))
      expect(await share(browser, screen, theirs)).toMatchObject({ status: 'completed' })
    },
  )

  it.each(lookAlikes)('that the product verified as %j binds nothing of %j', async (ours, theirs) => {
    const browser = site.newBrowser()
    const screen = await launchFrom(browser, await site.link(order(ours)))
    const { id, status } = await share(browser, screen, theirs)
    expect(['waiting', 'needs_review']).toContain(status)
    expect((await site.context.channels.find(id))?.tenantId).toBeUndefined()
    expect(site.hub.minted).not.toContain(id)
  })

  it.each([
    ['lea@bäcker.example', 'lea@xn--bcker-gra.example', 'l•••@bäcker.example'],
    ['léa@shop.example', 'léa@shop.example', 'l•••@shop.example'],
    ['レア@例え.example', 'レア@例え.example', 'レ•••@例え.example'],
  ])('%s: takes the form, gets the mail at %s, and says yes', async (email, recipient, masked) => {
    const browser = site.newBrowser()
    const form = { company: 'Shop', email, number: '', consent: 'yes' }
    const answer = await browser.post('/connect').type('form').send(form).expect(303)
    const screen = String(answer.headers.location)
    expect(new URL(screen).searchParams.get('email')).toBe(email)
    const { id, returned, status } = await share(browser, screen, email)
    expect(status).toBe('waiting')
    expect((await browser.get(returned.status)).text).toContain(masked)

    const mail = mailbox.mails.at(-1)
    expect(mail?.to).toBe(email)
    expect(mail?.source).toContain(`To: ${recipient}`)
    expect(mail?.source).toContain('<mail@xn--mller-kva.example>')
    // 360dialog says it in another way by now: it is still the owner's.
    site.hub.client(site.hub.channel(id).clientId).email = email.toUpperCase().normalize('NFD')
    const yes = { answer: 'yes', channels: id }
    await site
      .newBrowser()
      .post(mail?.link ?? '')
      .type('form')
      .send(yes)
      .expect(303)
    await site.untilQuiet()
    expect(await readStatus(returned)).toBe('completed')
  })

  it('that the mail server cannot take leaves the decision to an admin', async () => {
    mailbox.refuseWith(553)
    const browser = site.newBrowser()
    const screen = await launchFrom(
      browser,
      await site.link({ ...order('x@y.example'), emailVerified: false }),
    )
    const { status } = await share(browser, screen, 'жанна@почта.example')
    expect(status).toBe('needs_review')
    mailbox.refuseWith()
  })

  it('is found by either of its spellings', async () => {
    await site.link({ tenantId: 't-find', tenantName: 'Nobody', email: 'nora@xn--hhle-5qa.example' })
    const found = async (typed: string) => (await site.context.search.find(typed)).sessions.count
    for (const typed of ['nora@höhle.example', 'NORA@XN--HHLE-5QA.example', 'xn--hhle-5qa.example', 'höhle'])
      expect([typed, await found(typed)]).toEqual([typed, 1])
  })

  it.each([
    'anna＠shop.example',
    'anna@ｓhop.example',
    'anna@xn--a.example',
    'anna@shop',
    'anna@shop.example, eve@shop.example',
  ])('is none: %s', async (email) => {
    const form = { company: 'Shop', email, number: '', consent: 'yes' }
    const { text } = await site.newBrowser().post('/connect').type('form').send(form).expect(422)
    expect(text).toContain('id="email-error"')
  })

  it('is pressed twice in two spellings: one customer', async () => {
    const browser = site.newBrowser()
    await browser.get('/')
    const press = (email: string) =>
      browser
        .post('/connect')
        .type('form')
        .send({ company: 'Twice', email, number: '', consent: 'yes' })
        .expect(303)
    await press('twice@bäcker.example')
    await press('Twice@xn--bcker-gra.example')
    const rows = await site.context.db.selectFrom('tenant').selectAll().where('name', '=', 'Twice').execute()
    expect(rows).toHaveLength(1)
  })
})
