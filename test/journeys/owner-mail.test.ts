import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { sql } from 'kysely'
import { inTransaction } from '../../src/database/database.ts'
import { createDatabase, engines } from '../databases.ts'
import { codeOn, comeBack, newClient, type Returned, readStatus } from '../journey.ts'
import { HOUR_MS, startTimedSite, type TimedSite } from '../keys/timed-site.ts'
import { type Mailbox, openMailbox, type ReceivedMail } from '../mailbox.ts'
import { type Browser, eventually, launchFrom, pathOf, type Site, startSite } from '../site.ts'

/** A client at 360dialog with one number, and the mails that its owner gets. */
interface Owner {
  readonly channelId: string
  readonly email: string
}

const MAIL_FROM = 'Nordlicht <connect@nordlicht.example>'
const PASSWORD = 'correct horse battery'
let owners = 0

/** Somebody signs up, and leaves for the permission screen. */
async function signUp(browser: Browser, company: string, email: string, language = 'en'): Promise<string> {
  const form = { company, email, number: '', consent: 'yes' }
  const answer = await browser
    .post('/connect')
    .set('accept-language', language)
    .type('form')
    .send(form)
    .expect(303)
  return String(answer.headers.location)
}

/** The address that 360dialog would send a browser back to, with ids that somebody made up. */
function forgedFrom(screen: string, clientId: string, channelId: string): string {
  const nonce = new URL(screen).searchParams.get('state') ?? ''
  return `/callback?nonce=${nonce}&state=${nonce}&client=${clientId}&channels=[${channelId}]`
}

describe.each(engines)('the owner is asked by mail, on %s', (engine) => {
  let site: TimedSite
  let mailbox: Mailbox
  let crashesAtSent = 0
  beforeAll(async () => {
    mailbox = await openMailbox()
    site = await startTimedSite({
      engine,
      settings: { SMTP_URL: mailbox.url, MAIL_FROM },
      crashPoint: (step) => {
        if (step === 'mail.sent' && crashesAtSent-- > 0) throw new Error('died')
      },
    })
    await site.context.admins.create('anna', PASSWORD)
  })
  afterAll(async () => {
    await site.stop()
    await mailbox.close()
  })

  const newOwner = (): Owner => {
    owners += 1
    return { channelId: `ch${owners}`, email: `anna${owners}@shop.example` }
  }
  const acts = ({ channelId, email }: Owner) => ({ ...newClient(channelId), signup: { name: 'Shop', email } })
  const clientOf = ({ channelId }: Owner) => site.hub.client(site.hub.channel(channelId).clientId)
  const mailsTo = ({ email }: Owner) => mailbox.mails.filter(({ to }) => to === email)
  const linkTo = (owner: Owner) => mailsTo(owner).at(-1)?.link ?? ''
  const minted = ({ channelId }: Owner) => site.hub.minted.filter((id) => id === channelId).length
  const tenantOf = async ({ channelId }: Owner) => (await site.context.channels.find(channelId))?.tenantId
  const reviewsOf = async ({ channelId }: Owner) =>
    (await site.context.reviews.listOfChannel(channelId)).map(({ reason }) => reason)
  const actions = async () => (await site.context.audit.list({ limit: 20 })).map(({ action }) => action)
  const quiet = async <T>(what: Promise<T>): Promise<T> => {
    const done = await what
    await site.untilQuiet()
    return done
  }
  const later = (ms: number) => {
    site.clock.advance(ms)
    return site.untilQuiet()
  }

  /** The owner signs up, shares the number at 360dialog and comes back. */
  const honest = async (owner: Owner, company = 'Shop A', language = 'en'): Promise<Returned> => {
    const browser = site.newBrowser()
    const screen = await signUp(browser, company, owner.email, language)
    return quiet(comeBack({ browser, back: pathOf(site.hub.visit(screen, acts(owner))) }))
  }
  const forge = (browser: Browser, screen: string, owner: Owner, channelId = owner.channelId) =>
    quiet(comeBack({ browser, back: forgedFrom(screen, clientOf(owner).id, channelId) }))
  const linkOf = ({ email }: Owner, tenantId = 't-eve') =>
    site.link({ tenantId, tenantName: 'Eve Ltd', email, emailVerified: false })
  /** A sign-up, or a customer of the product, with the owner's e-mail, that comes back with the owner's ids. */
  const claim = async (owner: Owner, company: string) => {
    const browser = site.newBrowser()
    return forge(browser, await signUp(browser, company, owner.email), owner)
  }

  const open = (link: string) => site.newBrowser().get(link)
  const shownOn = async (link: string) =>
    /name="channels" value="([^"]*)"/.exec((await open(link).expect(200)).text)?.[1] ?? ''
  const send = (link: string, form: object) => site.newBrowser().post(link).type('form').send(form)
  const answer = async (link: string, said: string, status = 303) => {
    const { text } = await send(link, { answer: said, channels: await shownOn(link) }).expect(status)
    await site.untilQuiet()
    return text
  }
  const signIn = async () => {
    const admin = site.newBrowser()
    await admin.post('/admin/sign-in').type('form').send({ name: 'anna', password: PASSWORD }).expect(303)
    return admin
  }
  const openReview = async ({ channelId }: Owner) => {
    const [review] = await site.context.reviews.listOfChannel(channelId)
    return `/admin/reviews/${review?.id}`
  }
  const sessionOn = async (admin: Browser, review: string, company: string) => {
    const { text } = await admin.get(review).expect(200)
    const [form = ''] = text
      .split('<form')
      .filter(
        (one) =>
          one.includes(`mail about <bdi>${company}</bdi>`) ||
          one.includes(`mails about <bdi>${company}</bdi> `),
      )
    return /name="session" value="([^"]+)"/.exec(form)?.[1]
  }

  it('and a yes connects the number, once', async () => {
    const owner = newOwner()
    const returned = await honest(owner)
    expect(mailsTo(owner)).toHaveLength(1)
    expect(mailsTo(owner)[0]?.source).toContain('signed up by itself as “Shop A”')
    const page = await returned.browser.get(returned.status).expect(200)
    expect(page.text).toContain('a•••@shop.example')
    expect([await readStatus(returned), minted(owner)]).toEqual(['waiting', 0])

    await answer(linkTo(owner), 'yes')
    expect([await readStatus(returned), minted(owner)]).toEqual(['completed', 1])
    expect(await actions()).toEqual(
      expect.arrayContaining(['owner.asked', 'owner.confirmed', 'channel.bound']),
    )

    expect((await open(linkTo(owner)).expect(200)).text).toContain('You said yes.')
    for (const again of ['no', 'yes']) await send(linkTo(owner), { answer: again }).expect(200)
    expect([await readStatus(returned), minted(owner)]).toEqual(['completed', 1])
  })

  it('in the language of the browser that left', async () => {
    const owner = newOwner()
    await honest(owner, 'Laden A', 'de')
    expect(mailsTo(owner)[0]?.source).toContain('Guten Tag')
  })

  it('and a no connects nothing, and nobody asks again for this attempt', async () => {
    const owner = newOwner()
    const returned = await honest(owner)
    const channels = await shownOn(linkTo(owner))
    await answer(linkTo(owner), 'no')
    expect(await actions()).toContain('owner.refused')
    expect((await open(linkTo(owner)).expect(200)).text).toContain('nobody got your number')
    await send(linkTo(owner), { answer: 'yes', channels }).expect(200)
    expect([await readStatus(returned), await tenantOf(owner), minted(owner)]).toEqual([
      'failed',
      undefined,
      0,
    ])
    expect(mailsTo(owner)).toHaveLength(1)
  })

  it('and of two answers at one moment one counts, whole', async () => {
    const owner = newOwner()
    const returned = await honest(owner)
    const channels = await shownOn(linkTo(owner))
    await Promise.all(
      ['yes', 'no', 'yes', 'no'].map((said) => send(linkTo(owner), { answer: said, channels })),
    )
    await site.untilQuiet()
    const isYes = (await open(linkTo(owner)).expect(200)).text.includes('You said yes.')
    expect([await readStatus(returned), minted(owner), (await tenantOf(owner)) !== undefined]).toEqual(
      isYes ? ['completed', 1, true] : ['failed', 0, false],
    )
    const last = (await actions()).filter((one) => /^owner\.(confirmed|refused)$/.test(one))
    expect(last[0]).toBe(isYes ? 'owner.confirmed' : 'owner.refused')
  })

  it('and a mail scanner, or a page that is read from a web mailer, changes nothing', async () => {
    const owner = newOwner()
    await honest(owner)
    const channels = await shownOn(linkTo(owner))
    const cross = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }
    for (const method of ['get', 'head'] as const) {
      const { headers } = await site.newBrowser()[method](linkTo(owner)).set(cross).expect(200)
      expect([headers['cache-control'], headers['x-robots-tag'], headers['referrer-policy']]).toEqual([
        'no-store',
        'noindex',
        'same-origin',
      ])
    }
    for (const form of [{}, { answer: 'maybe', channels }, { answer: ['yes', 'no'], channels }])
      expect((await send(linkTo(owner), form).expect(422)).text).toContain('could not be read')
    await send(linkTo(owner), { answer: 'yes', channels }).set(cross).expect(403)
    expect(await tenantOf(owner)).toBeUndefined()
    await send(linkTo(owner), { answer: 'yes', channels }).set('sec-fetch-site', 'same-origin').expect(303)
    expect(await tenantOf(owner)).toMatch(/^self_/)
  })

  it('and by an admin, from a review, whose yes settles it', async () => {
    const owner = newOwner()
    mailbox.refuseWith(550)
    const first = await honest(owner)
    mailbox.refuseWith()
    expect(await readStatus(first)).toBe('needs_review')
    for (const nth of [2, 3]) await claim(owner, `Shop ${nth}`)
    expect(await reviewsOf(owner)).toEqual(['owner_silent'])
    await claim(owner, 'Shop 4')
    await later(25 * HOUR_MS)
    const admin = await signIn()
    const review = await openReview(owner)
    const session = await sessionOn(admin, review, 'Shop 4')
    const sent = mailsTo(owner).length
    await admin.post(`${review}/ask-owner`).type('form').send({ session }).expect(303)
    await site.untilQuiet()
    expect(mailsTo(owner)).toHaveLength(sent + 1)
    expect((await admin.get(review).expect(200)).text).toContain('no answer yet')
    await answer(linkTo(owner), 'yes')
    expect(minted(owner)).toBe(1)
  })

  it('once, however many returns; later numbers join, and must have been seen', async () => {
    const owner = newOwner()
    const other = newOwner()
    const browser = site.newBrowser()
    const screen = await signUp(browser, 'Shop A', owner.email)
    await quiet(comeBack({ browser, back: pathOf(site.hub.visit(screen, acts(owner))) }))
    const seen = await shownOn(linkTo(owner))
    const number = {
      clientId: clientOf(owner).id,
      phoneNumber: '+4930222',
      displayName: 'Two',
      running: true,
    }
    site.hub.addChannel({ id: other.channelId, ...number, permitted: true })
    await forge(browser, screen, owner, other.channelId)
    expect(mailsTo(owner)).toHaveLength(1)
    const changed = await send(linkTo(owner), { answer: 'yes', channels: seen }).expect(409)
    expect(changed.text).toContain('a number was added')
    expect([minted(owner), minted(other)]).toEqual([0, 0])
    await answer(linkTo(owner), 'yes')
    expect([minted(owner), minted(other)]).toEqual([1, 1])
  })

  it('and an answer waits for a number that joins its question at that moment', async () => {
    // On SQLite there is one transaction at a time.
    if (engine === 'sqlite') return
    const owner = newOwner()
    await honest(owner)
    const { db, owners: asking, answers } = site.context
    const question = await answers.find(linkTo(owner).replace('/confirm/', ''))
    if (!question) throw new Error('there is no question')
    const { session, confirmation } = question
    const { clientId, email } = confirmation
    const request = { session, clientId, emails: [email], channelIds: [owner.channelId], by: 'latchkey' }
    const order: string[] = []
    let refused: Promise<unknown> | undefined
    await inTransaction(db, async (trx) => {
      await asking.ask({ ...request, launch: { language: 'en' } }, site.clock.now(), trx)
      refused = answers.refuse(question, { stop: false }).then(() => order.push('refused'))
      const waiting = sql`select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
      await eventually(async () => order.length > 0 || (await waiting.execute(db)).rows.length > 0)
      order.push('joined')
    })
    await refused
    expect(order).toEqual(['joined', 'refused'])
  })

  it('at most three times a day for one client, whatever the sessions', async () => {
    const owner = newOwner()
    await honest(owner)
    const all = await Promise.all(
      [2, 3, 4, 5].map(async (nth) => {
        const browser = site.newBrowser()
        return { browser, screen: await signUp(browser, `Shop ${nth}`, owner.email) }
      }),
    )
    await Promise.all(all.map(({ browser, screen }) => forge(browser, screen, owner)))
    expect(mailsTo(owner)).toHaveLength(3)
    expect(await reviewsOf(owner)).toEqual(['nothing_matches'])
    await later(25 * HOUR_MS)
    await claim(owner, 'Shop 6')
    expect(mailsTo(owner)).toHaveLength(4)
  })

  it('and "no, and stop these" ends the mails of that customer, until an admin allows them', async () => {
    const owner = newOwner()
    const browser = site.newBrowser()
    const ask = async () => forge(browser, await launchFrom(browser, await linkOf(owner, 't-stop')), owner)
    site.hub.visit(await signUp(site.newBrowser(), 'Shop A', owner.email), acts(owner))
    await ask()
    await answer(linkTo(owner), 'stop')
    await ask()
    expect(mailsTo(owner)).toHaveLength(1)
    expect(await reviewsOf(owner)).toEqual(['owner_refused'])

    const admin = await signIn()
    const review = await openReview(owner)
    expect((await admin.get(review).expect(200)).text).toContain('No mails about <bdi>Eve Ltd</bdi> are sent')
    const session = await sessionOn(admin, review, 'Eve Ltd')
    await admin.post(`${review}/ask-owner`).type('form').send({ session }).expect(422)
    await admin.post(`${review}/allow-mails`).type('form').send({ session: 'another' }).expect(303)
    expect((await admin.get(review)).text).toContain('No mails about <bdi>Eve Ltd</bdi> are sent')
    await admin.post(`${review}/allow-mails`).type('form').send({ session }).expect(303)
    expect((await actions())[0]).toBe('owner.mails_allowed')
    expect((await admin.get(review)).text).not.toContain('No mails about <bdi>Eve Ltd</bdi> are sent')
    await ask()
    expect(mailsTo(owner)).toHaveLength(2)
  })

  it('and what nobody answers in seven days becomes a review', async () => {
    const owner = newOwner()
    const returned = await honest(owner)
    await later(7 * 24 * HOUR_MS + 1)
    expect((await open(linkTo(owner)).expect(410)).text).toContain('quote')
    expect([await reviewsOf(owner), await readStatus(returned)]).toEqual([['owner_silent'], 'needs_review'])
  })

  it('and an address that does not exist, or that is several, is a review at once', async () => {
    const owner = newOwner()
    mailbox.refuseWith(550)
    const returned = await honest(owner)
    mailbox.refuseWith()
    expect([await reviewsOf(owner), await readStatus(returned)]).toEqual([['owner_silent'], 'needs_review'])

    const several = newOwner()
    const browser = site.newBrowser()
    const back = pathOf(site.hub.visit(await signUp(browser, 'Shop', several.email), acts(several)))
    clientOf(several).email += ',eve@else.example'
    await quiet(comeBack({ browser, back }))
    expect([await reviewsOf(several), mailsTo(several)]).toEqual([['nothing_matches'], []])
  })

  it('and a server that fails for a while gets the mail later, with one link; the log says why, and no more', async () => {
    const owner = newOwner()
    const logged = site.log.length
    mailbox.refuseWith(451)
    await honest(owner)
    expect(mailsTo(owner)).toEqual([])
    mailbox.refuseWith()
    await later(HOUR_MS)
    expect(mailsTo(owner)).toHaveLength(1)
    const lines = site.log.slice(logged)
    const failures = lines.filter((line) => line.includes('"work":"mail"'))
    expect(failures[0]).toMatch(/"level":"warn".*"failure":"EENVELOPE","status":451/)
    expect(failures.join('')).not.toContain('stack')
    expect(lines.join('')).not.toContain(owner.email)
    await answer(linkTo(owner), 'yes')
    expect(minted(owner)).toBe(1)
  })

  it('twice with one link, when the site dies between the sending and its row; never not at all', async () => {
    const owner = newOwner()
    crashesAtSent = 1
    await honest(owner)
    await later(HOUR_MS)
    const links = mailsTo(owner).map(({ link }) => link)
    expect(links).toEqual([linkTo(owner), linkTo(owner)])
    await answer(linkTo(owner), 'yes')
    expect(minted(owner)).toBe(1)
  })

  describe('and a yes is checked with 360dialog once more:', () => {
    const refusedYes = async (owner: Owner, returned: Returned) => {
      expect(await answer(linkTo(owner), 'yes', 409)).toContain('Nothing was connected')
      expect([await tenantOf(owner), minted(owner), await readStatus(returned)]).toEqual([
        undefined,
        0,
        'waiting',
      ])
    }

    it('who the owner is now decides, not who was', async () => {
      const owner = newOwner()
      const returned = await honest(owner)
      // The old one is still there, but it is no longer where a mail would go.
      Object.assign(clientOf(owner), { email: 'new-owner@shop.example', userEmail: owner.email })
      await refusedYes(owner, returned)
      clientOf(owner).email = owner.email
      await answer(linkTo(owner), 'yes')
      expect(minted(owner)).toBe(1)
    })

    it('a number that moved to another client is not given by the first', async () => {
      const owner = newOwner()
      const returned = await honest(owner)
      const { id } = site.hub.addClient({ name: 'Buyer', email: 'buyer@else.example' })
      Object.assign(site.hub.channel(owner.channelId), { clientId: id })
      await refusedYes(owner, returned)
    })

    it('while 360dialog does not answer, the question stays open', async () => {
      const owner = newOwner()
      const returned = await honest(owner)
      site.hub.setFault({ endpoint: 'clients', kind: 'status', status: 400, times: 0 })
      expect(await answer(linkTo(owner), 'yes', 502)).toContain('Try again in a few minutes')
      site.hub.clearFaults()
      expect(await readStatus(returned)).toBe('waiting')
      await answer(linkTo(owner), 'yes')
      expect([await readStatus(returned), minted(owner)]).toEqual(['completed', 1])
    })

    it('a number that is bound elsewhere by now stays there, and an admin sees it', async () => {
      const owner = newOwner()
      const returned = await honest(owner)
      await claim(owner, 'Shop B')
      const [first = '', second = ''] = mailsTo(owner).map(({ link }) => link)
      await answer(second, 'yes')
      const holder = await tenantOf(owner)
      await answer(first, 'yes')
      expect((await open(first).expect(200)).text).toContain('connected for somebody else')
      expect([await tenantOf(owner), minted(owner)]).toEqual([holder, 1])
      expect([await reviewsOf(owner), await readStatus(returned)]).toEqual([
        ['bound_elsewhere'],
        'needs_review',
      ])
    })
  })

  it('also when the e-mail that the product verified is only one of two at 360dialog', async () => {
    const order = { tenantId: 't-two', emailVerified: true }
    const share = async (owner: Owner, userEmail: string) => {
      const browser = site.newBrowser()
      const screen = await launchFrom(browser, await site.link({ ...order, email: owner.email }))
      const back = pathOf(site.hub.visit(screen, acts(owner)))
      clientOf(owner).userEmail = userEmail
      return quiet(comeBack({ browser, back }))
    }
    const one = newOwner()
    expect(await readStatus(await share(one, one.email.toUpperCase()))).toBe('completed')
    const two = newOwner()
    expect(await readStatus(await share(two, 'eve@else.example'))).toBe('waiting')
    expect([minted(two), mailsTo(two).length]).toEqual([0, 1])
  })

  describe('and nobody takes a number with the owner’s contact e-mail:', () => {
    /** A stranger signs up by itself; a co-tenant has a link of the product. Both leave with the owner's e-mail. */
    const leave = async (who: string, owner: Owner) => {
      const browser = site.newBrowser()
      const isStranger = who === 'a stranger'
      const screen = isStranger
        ? await signUp(browser, 'Eve', owner.email)
        : await launchFrom(browser, await linkOf(owner))
      return { browser, screen }
    }
    const victimLeaves = async (owner: Owner) => {
      const browser = site.newBrowser()
      return {
        browser,
        back: pathOf(site.hub.visit(await signUp(browser, 'Shop A', owner.email), acts(owner))),
      }
    }

    /** The owner says yes to the mail that shows the code of its own page, and no to the other. */
    const expectVictimOnly = async (owner: Owner, victim: Returned, eve: Returned) => {
      const page = await victim.browser.get(victim.status).expect(200)
      const code = codeOn(page.text)
      const isOwn = ({ source }: ReceivedMail) => source.includes(code)
      expect([mailsTo(owner).filter(isOwn).length, mailsTo(owner).length]).toEqual([1, 2])
      expect([minted(owner), await tenantOf(owner)]).toEqual([0, undefined])
      expect((await eve.browser.get(eve.status)).text).not.toContain(
        site.hub.channel(owner.channelId).phoneNumber.slice(-4),
      )
      for (const mail of mailsTo(owner)) await answer(mail.link, isOwn(mail) ? 'yes' : 'no')
      const [bound, ...more] = await site.context.channels.list({ clientId: clientOf(owner).id })
      expect([bound?.tenantName, more, minted(owner)]).toEqual(['Shop A', [], 1])
      expect([await readStatus(victim), await readStatus(eve)]).toEqual(['completed', 'failed'])
      const { body } = await eve.browser.get(eve.status).set('accept', 'application/json').expect(200)
      expect(body.numbers).toEqual([])
    }

    it.each(['a co-tenant', 'a stranger'])(
      '%s that leaves first and returns before the victim',
      async (who) => {
        const owner = newOwner()
        const eve = await leave(who, owner)
        const victim = await victimLeaves(owner)
        const taken = await forge(eve.browser, eve.screen, owner)
        await expectVictimOnly(owner, await quiet(comeBack(victim)), taken)
      },
    )

    it.each(['a co-tenant', 'a stranger'])(
      '%s that leaves second and returns after the victim',
      async (who) => {
        const owner = newOwner()
        const victim = await victimLeaves(owner)
        const eve = await leave(who, owner)
        const returned = await quiet(comeBack(victim))
        await expectVictimOnly(owner, returned, await forge(eve.browser, eve.screen, owner))
      },
    )

    it('a stranger that returns at the same moment', async () => {
      const owner = newOwner()
      const victim = await victimLeaves(owner)
      const eve = await leave('a stranger', owner)
      const both = [comeBack(victim), forge(eve.browser, eve.screen, owner)] as const
      const [returned, taken] = await quiet(Promise.all(both))
      await expectVictimOnly(owner, returned, taken)
    })

    it('somebody who returns after the number is connected', async () => {
      const owner = newOwner()
      const returned = await honest(owner)
      await answer(linkTo(owner), 'yes')
      const eve = await leave('a co-tenant', owner)
      const taken = await forge(eve.browser, eve.screen, owner)
      expect([await readStatus(taken), await readStatus(returned)]).toEqual(['needs_review', 'completed'])
      expect([minted(owner), mailsTo(owner).length]).toEqual([1, 1])
      expect(await site.context.channels.list({ tenantId: 't-eve' })).toEqual([])
    })
  })

  it('refuses a company name that is the partner’s, or a message to the owner', async () => {
    for (const [company, why] of [
      ['Nordlicht GmbH', 'Enter the name of your own company.'],
      ['Visit nordl1cht.example/pay', 'Enter only the name of your company'],
      ['Shop\u202e A', 'Type this again by hand'],
      ['Shop\nA', 'Type this again by hand'],
    ] as const) {
      const form = { company, email: 'a@shop.example', number: '', consent: 'yes' }
      const refused = await site.newBrowser().post('/connect').type('form').send(form).expect(422)
      expect(refused.text).toContain(why)
    }
  })

  it('writes no link’s id in clear into any row or log line', async () => {
    const owner = newOwner()
    await honest(owner)
    const id = linkTo(owner).replace('/confirm/', '')
    expect(id).toMatch(/^[\w-]{43}$/)
    const rows = await site.context.db.selectFrom('ownerConfirmation').selectAll().execute()
    await open(linkTo(owner)).expect(200)
    expect(JSON.stringify(rows)).not.toContain(id)
    expect(rows.map(({ sealedLink }) => sealedLink)).toEqual(rows.map(() => undefined))
    expect(site.log.join('')).not.toContain(id)
  })
})

describe('two processes on one database', () => {
  it('send three mails a day to one client between them, however many ask at once', async () => {
    const mailbox = await openMailbox()
    const { url: databaseUrl, drop } = await createDatabase('postgres')
    const settings = { SMTP_URL: mailbox.url, MAIL_FROM }
    const first = await startSite({ databaseUrl, settings })
    const second = await startSite({ databaseUrl, settings, simulator: first.simulator })
    const { id } = first.hub.addClient({ name: 'Shop', email: 'anna@shop.example' })
    const number = { phoneNumber: '+49301', displayName: 'Shop', running: true, permitted: true }
    first.hub.addChannel({ id: 'ch1', clientId: id, ...number })
    const leave = async (site: Site, nth: number) => {
      const browser = site.newBrowser()
      return {
        browser,
        back: forgedFrom(await signUp(browser, `Shop ${nth}`, 'anna@shop.example'), id, 'ch1'),
      }
    }
    const left = await Promise.all(
      [1, 2, 3, 4, 5, 6, 7, 8].map((nth) => leave(nth % 2 ? first : second, nth)),
    )
    const returned = await Promise.all(left.map(comeBack))
    const statuses = await eventually(async () => {
      const now = await Promise.all(returned.map(readStatus))
      return now.every((status) => status === 'waiting' || status === 'needs_review') && now
    })
    expect(statuses.filter((status) => status === 'waiting')).toHaveLength(3)
    await eventually(() => mailbox.mails.length >= 3)
    for (const site of [second, first]) await site.stop()
    expect(mailbox.mails).toHaveLength(3)
    await drop()
    await mailbox.close()
  })
})
