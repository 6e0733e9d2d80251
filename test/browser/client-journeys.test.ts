import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { type Mailbox, openMailbox } from '../mailbox.ts'
import { eventually, type Site, startSite } from '../site.ts'
import { collectComplaints, findBarriers, launchChromium, UNPACKING_MS } from './chromium.ts'

let browser: Browser
let site: Site
let mailbox: Mailbox
let page: Page
let complaints: string[]

beforeAll(async () => {
  browser = await launchChromium()
}, UNPACKING_MS)
afterAll(() => browser.close())
afterEach(async () => {
  await page.context().close()
  await site.stop()
  await mailbox.close()
})

describe('a client with a browser', () => {
  it('goes from a link to a connected number on a page that updates itself, and the admin sees it', async () => {
    await arrive()
    await page.goto(site.url + (await site.link()))
    await expectHeading('Connect WhatsApp to Nordlicht')
    await expectText('Shop A GmbH')
    await press('Continue to 360dialog')
    await expectHeading('Create your 360dialog account')
    expect(await page.getByLabel('Email').inputValue()).toBe('anna@shop-a.example')
    await signUpAndShare('+49 30 1234567')

    await page.waitForURL(/\/status\/[\w-]{43}$/)
    await expectText('WhatsApp is still activating this number.')
    expect(await page.locator('[aria-current=step]').textContent()).toContain('WhatsApp activates the number')
    await expectText('+49 ••• 4567')
    expect(await page.content()).not.toContain('1234567')
    expect(await findBarriers(page)).toEqual([])

    await makeRun()
    await expectHeading('Connected')
    await expectText('This number now works with Nordlicht.')
    expect(await page.getByText('Stop updating').count()).toBe(0)
    expect(await findBarriers(page)).toEqual([])

    await page.goto(`${site.url}/admin/first/${await site.context.admins.createFirstCode()}`)
    const row = page.getByRole('row').filter({ hasText: 'Shop A GmbH' })
    for (const word of ['Shared', 'Stored']) await row.getByText(word, { exact: true }).waitFor()
    expect(await findBarriers(page)).toEqual([])
    expect(complaints).toEqual([])
  }, 60_000)

  it('signs up in German on a phone without JavaScript, after a mistake in the form', async () => {
    await arrive({ locale: 'de-DE', viewport: { width: 360, height: 800 }, javaScriptEnabled: false })
    await page.goto(site.url)
    await expectHeading('Verbinden Sie Ihre WhatsApp-Nummer mit Nordlicht')
    await page.getByLabel('Firma', { exact: true }).fill('Bäckerei Ümit & Söhne')
    await page.getByLabel('Ihre E-Mail').fill('umit@')
    await page.getByLabel('WhatsApp-Nummer').fill('12')
    const answered = page.waitForResponse((response) => response.request().method() === 'POST')
    await press('Weiter zu 360dialog')
    expect((await answered).status()).toBe(422)

    await expectText('Es gibt ein Problem')
    expect(await page.locator('#company').inputValue()).toBe('Bäckerei Ümit & Söhne')
    expect(await page.locator('#company').getAttribute('aria-invalid')).toBeNull()
    for (const [field, words] of [
      ['email', 'Geben Sie eine E-Mail-Adresse ein'],
      ['number', 'Geben Sie die Nummer mit Landes\u00advorwahl ein'],
      ['consent', 'Setzen Sie das Häkchen'],
    ] as const) {
      const input = page.locator(`#${field}`)
      expect(await input.getAttribute('aria-invalid')).toBe('true')
      const ids = (await input.getAttribute('aria-describedby'))?.split(' ') ?? []
      const described = await Promise.all(ids.map((id) => page.locator(`#${id}`).textContent()))
      expect(described.join(' ')).toContain(words)
    }

    await page.getByLabel('Ihre E-Mail').fill('umit@baeckerei.example')
    await page.getByLabel('WhatsApp-Nummer').fill('')
    await page.getByLabel('Ich darf über diese Nummer ent\u00adscheiden').check()
    await press('Weiter zu 360dialog')
    await signUpAndShare('+49 170 7654321')
    await page.waitForURL(/\/status\//)
    await expectText('Für Bäckerei Ümit & Söhne')
    await confirmByMail('Ja, verbinden')
    await reloadWhen('waiting')
    await expectText('WhatsApp aktiviert diese Nummer noch.')
    await makeRun()
    await reloadWhen('completed')
    await expectHeading('Verbunden')
    expect(await widthOfPage()).toBeLessThanOrEqual(360)
  })

  it('is not stopped by our policy when 360dialog sends the launch on to another host', async () => {
    await arrive()
    site.hub.setSwitches({ launch_hop: true })
    await signUp('Shop B', 'b@shop-b.example')
    await page.waitForURL((url) => url.hostname === '127.0.0.1')
    await signUpAndShare('+49 30 2222222')
    await confirmByMail('Yes, connect it', async (opened) => expect(await findBarriers(opened)).toEqual([]))
    await reloadWhen('waiting')
    await makeRun()
    await reloadWhen('completed')
    await expectHeading('Connected')
    expect(complaints).toEqual([])
  })

  it('says that nothing was shared after Cancel, and lets the client try again', async () => {
    await arrive()
    const link = site.url + (await site.link())
    await page.goto(link)
    await press('Continue to 360dialog')
    await press('Cancel')
    await page.waitForURL(/\/status\//)
    await expectHeading('Nothing was shared')

    await press('Start again here')
    await signUpAndShare('+49 30 3333333')
    await reloadWhen('waiting')
    await expectText('WhatsApp is still activating this number.')
    expect(complaints).toEqual([])
  })

  it('leads back to 360dialog after Cancel when the client came without a link, too', async () => {
    await arrive()
    await signUp('Shop C', 'c@shop-c.example')
    await press('Cancel')
    await expectHeading('Nothing was shared')
    await press('Start again here')
    await page.waitForURL((address) => address.origin === site.simulator.url)
  })

  it('reaches its page when 360dialog sends the browser back by POST', async () => {
    await arrive()
    site.hub.setSwitches({ redirect_post: true })
    await page.goto(site.url + (await site.link()))
    await press('Continue to 360dialog')
    await signUpAndShare('+49 30 5555555')
    await page.waitForURL(/\/status\//)
    await makeRun()
    await reloadWhen('completed')
    await expectHeading('Connected')
  })

  it('survives reloading and going back on every step, and makes one key', async () => {
    await arrive()
    const link = site.url + (await site.link())
    await page.goto(link)
    await page.reload()
    await press('Continue to 360dialog')
    await expectHeading('Create your 360dialog account')
    await page.reload()
    await page.goBack()
    expect(page.url()).toBe(link)
    await press('Continue to 360dialog')
    await signUpAndShare('+49 30 4444444')
    await reloadWhen('waiting')
    const status = page.url()
    await page.goBack()
    await expectText('You are logged in as')
    await press('Share with')
    await page.waitForURL(status)
    await makeRun()
    await reloadWhen('completed')
    await expectHeading('Connected')
    expect(site.hub.minted).toHaveLength(1)
  })

  it('shows both numbers when a second one is shared with the same link', async () => {
    await arrive()
    const link = site.url + (await site.link())
    await page.goto(link)
    await press('Continue to 360dialog')
    await signUpAndShare('+49 30 5555555')
    await reloadWhen('waiting')
    await expectText('+49 ••• 5555')

    await makeRun()
    await reloadWhen('completed')
    const status = page.url()
    await page.goto(link)
    await page.waitForURL(status)
    await expectHeading('Connected')
    await press('Connect another number')
    await press('Log in')
    await addNumber('+49 30 6666666')
    await press('Share with')
    await reloadWhen('waiting')
    await expectText('+49 ••• 6666')
    await expectText('+49 ••• 5555')
  })

  it('shows both numbers when the client goes back to 360dialog and shares a second one', async () => {
    await arrive()
    await page.goto(site.url + (await site.link()))
    await press('Continue to 360dialog')
    await signUpAndShare('+49 30 5555555')
    await reloadWhen('waiting')
    const status = page.url()
    await page.goBack()
    await addNumber('+49 30 6666666')
    await press('Share with')
    await page.waitForURL(status)
    await reloadWhen('waiting')
    await expectText('+49 ••• 5555')
    await expectText('+49 ••• 6666')
  })

  it('goes on where it came back, in German, on a phone without JavaScript, when its cookies are gone', async () => {
    await arrive({ locale: 'de-DE', viewport: { width: 360, height: 800 }, javaScriptEnabled: false })
    await page.goto(site.url + (await site.link()))
    await press('Weiter zu 360dialog')
    await press('Create account')
    await addNumber('+49 30 8888888')
    await page.context().clearCookies()
    await press('Share with')
    await page.waitForURL(/\/return\/[\w-]{43}$/)
    await expectHeading('Hier weiter\u00admachen')
    await expectText(
      'Sie sind in einem anderen Browser zurück\u00adgekommen. Was Sie erlaubt haben, bleibt erhalten.',
    )
    await expectText('Shop A GmbH')
    expect(await widthOfPage()).toBeLessThanOrEqual(360)
    const kept = page.url()

    await press('Hier weiter\u00admachen')
    await page.getByText('I have an account: log in').click()
    await press('Log in')
    await press('Share with')
    await reloadWhen('waiting')
    await makeRun()
    await reloadWhen('completed')
    await expectHeading('Verbunden')
    expect(site.hub.minted).toHaveLength(1)
    expect(await widthOfPage()).toBeLessThanOrEqual(360)

    await page.goto(kept)
    await expectHeading('Verbunden')
    expect(complaints).toEqual([])
  })

  it('is told what happens while the partner checks whose number it is, and how it ended', async () => {
    await arrive({ locale: 'de-DE', viewport: { width: 360, height: 800 }, javaScriptEnabled: false })
    await page.goto(site.url + (await site.link({ emailVerified: false, email: 'other@shop-a.example' })))
    await press('Weiter zu 360dialog')
    await page.getByLabel('Email').fill('anna@shop-a.example')
    // The owner's mail cannot be delivered.
    mailbox.refuseWith(550)
    await signUpAndShare('+49 30 9999999')
    await reloadWhen('needs_review')
    await expectHeading('Nordlicht prüft das noch')
    await expectText('Das dauert meist bis zum nächsten Arbeitstag.')
    expect(await page.content()).not.toContain('9999')

    const [review] = await site.context.reviews.listOpen({ limit: 1 })
    await site.context.reviews.refuse(review?.id ?? '', 'cli')
    await reloadWhen('failed')
    await expectHeading('Diese Nummer wurde nicht verbunden')
    await expectText('nennen Sie den Code unten')
    expect(site.hub.minted).toEqual([])
    expect(await widthOfPage()).toBeLessThanOrEqual(360)
  })

  it('can stop the status page from updating, and start it again', async () => {
    await arrive()
    await page.goto(site.url + (await site.link()))
    await press('Continue to 360dialog')
    await signUpAndShare('+49 30 7777777')
    await reloadWhen('waiting')
    await page.getByRole('link', { name: 'Stop updating' }).click()
    await expectText('This page does not update by itself now.')
    await page.getByRole('link', { name: 'Update by itself again' }).click()
    await expectText('This page updates by itself.')
  })
})

async function arrive(options: BrowserContextOptions = {}): Promise<void> {
  mailbox = await openMailbox()
  site = await startSite({ settings: { SMTP_URL: mailbox.url, MAIL_FROM: 'connect@nordlicht.example' } })
  const context = await browser.newContext({ locale: 'en-GB', ...options })
  context.setDefaultTimeout(45_000)
  page = await context.newPage()
  complaints = collectComplaints(page)
}

async function signUp(company: string, email: string): Promise<void> {
  await page.goto(site.url)
  await page.getByLabel('Company', { exact: true }).fill(company)
  await page.getByLabel('Your e-mail').fill(email)
  await page.getByLabel('I may decide').check()
  await press('Continue to 360dialog')
}

/** At 360dialog: makes the account with what the launch filled in, adds a number and shares it. */
async function signUpAndShare(number: string): Promise<void> {
  await press('Create account')
  await addNumber(number)
  await press('Share with')
}

async function addNumber(number: string): Promise<void> {
  await page.getByLabel('Phone number').fill(number)
  await press('Add number')
  await page.getByRole('checkbox', { name: number.replaceAll(' ', '') }).waitFor()
}

/** Says yes on the page that the owner's mail links to, in a window of its own. */
async function confirmByMail(yes: string, look = async (_opened: Page) => {}): Promise<void> {
  const { link } = await eventually(() => mailbox.mails.at(-1))
  const opened = await page.context().newPage()
  await opened.goto(site.url + link)
  await look(opened)
  await opened.getByRole('button', { name: yes }).click()
  await opened.getByRole('heading', { level: 1, name: /Thank you|Vielen Dank/ }).waitFor()
  await opened.close()
}

/** Presses "Make it run" in the simulator, in a window of its own, and lets our worker look at it now. */
async function makeRun(): Promise<void> {
  const control = await page.context().newPage()
  await control.goto(site.simulator.url)
  await control.getByRole('button', { name: 'Make it run' }).click()
  await control.getByText('Running', { exact: true }).waitFor()
  await control.close()
  for (const { id } of site.hub.listChannels()) await site.context.mints.retryNow(id, site.context.db)
}

/** For what is not about the page's own refresh: waits for the site's answer, not for the next look. */
async function reloadWhen(status: string): Promise<void> {
  await page.waitForURL(/\/status\/[\w-]{43}$/)
  const address = page.url()
  const headers = { accept: 'application/json' }
  await eventually(async () => {
    const response = await page.request.get(address, { headers })
    return (await response.json()).status === status
  })
  await page.reload()
}

async function press(name: string): Promise<void> {
  await page.getByRole('button', { name }).click()
}

async function expectHeading(name: string): Promise<void> {
  await page.getByRole('heading', { level: 1, name, exact: true }).waitFor()
}

async function expectText(text: string): Promise<void> {
  await page.getByText(text).first().waitFor()
}

function widthOfPage(): Promise<number> {
  return page.locator('html').evaluate((html) => (html as unknown as { scrollWidth: number }).scrollWidth)
}
