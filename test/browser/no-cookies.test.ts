import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { eventually, type Site, startSite } from '../site.ts'
import { collectComplaints, findBarriers, launchChromium, UNPACKING_MS } from './chromium.ts'
import { startCookieEater } from './cookie-eater.ts'

const IN_INSTAGRAM =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Instagram 330.0.3.29.109 (iPhone14,5; iOS 17_5; de_DE)'

let browser: Browser
let eater: Awaited<ReturnType<typeof startCookieEater>>
let site: Site
let page: Page

beforeAll(async () => {
  browser = await launchChromium()
  eater = await startCookieEater()
}, UNPACKING_MS)
afterAll(async () => {
  await browser.close()
  await eater.close()
})
afterEach(async () => {
  for (const context of browser.contexts()) await context.close()
  await site.stop()
})

const PHONE: BrowserContextOptions = { viewport: { width: 360, height: 800 }, javaScriptEnabled: false }
const english = {
  ...{ leave: 'Continue to 360dialog', goOn: 'Continue here' },
  ...{ first: 'Continue here', title: 'This browser keeps no cookies' },
}
const german: typeof english = {
  ...{ leave: 'Weiter zu 360dialog', goOn: 'Hier weiter\u00admachen' },
  ...{ first: 'Hier weiter\u00admachen', title: 'Dieser Browser behält keine Cookies' },
}

/** Without cookies, from a link to the page on which the second round ends. */
async function goRoundTwice(options: BrowserContextOptions, words = english): Promise<string[]> {
  site = await startSite()
  const context = await browser.newContext({ locale: 'en-GB', ...options, proxy: eater.proxy })
  context.setDefaultTimeout(45_000)
  page = await context.newPage()
  const complaints = collectComplaints(page)
  await page.goto(site.url + (await site.link()))
  await press(words.leave)
  await press('Create account')
  await page.getByLabel('Phone number').fill('+49 30 1234567')
  await press('Add number')
  await press('Share with')
  await expectHeading(words.first)
  await press(words.goOn)
  await shareAgain()
  await expectHeading(words.title)
  expect(await context.cookies()).toEqual([])
  return complaints
}

/** At 360dialog once more, with the account that is there. */
async function shareAgain(): Promise<void> {
  await page.getByText('I have an account: log in').click()
  await press('Log in')
  await press('Share with')
}

const press = (name: string) => page.getByRole('button', { name }).first().click()
const expectHeading = (name: string) => page.getByRole('heading', { level: 1, name, exact: true }).waitFor()
const widthOfPage = () =>
  page.locator('html').evaluate((html) => (html as unknown as { scrollWidth: number }).scrollWidth)

describe('a browser that keeps no cookies', () => {
  it('is told so after the second round, and another browser goes on by the link on the page', async () => {
    const complaints = await goRoundTwice({})
    const address = page.url()
    expect(await findBarriers(page)).toEqual([])
    expect(await page.getByText('You are in the browser of').count()).toBe(0)
    const reviews = await eventually(async () => {
      const open = await site.context.reviews.listOpen({ limit: 10 })
      return open.length > 0 && open
    })
    expect(reviews).toMatchObject([{ reason: 'no_cookie', tenantId: 't1' }])
    expect(site.hub.minted).toEqual([])

    // Around once more, and it is the same page again, about the same review.
    await press('Continue here')
    await shareAgain()
    await expectHeading(english.title)
    expect(page.url()).not.toBe(address)
    expect(await site.context.reviews.listOpen({ limit: 10 })).toHaveLength(1)

    const link = (await page.locator('.copy').textContent()) ?? ''
    page = await (await browser.newContext({ locale: 'en-GB' })).newPage()
    await page.goto(link.trim())
    await press('Continue here')
    await shareAgain()
    await page.waitForURL(/\/status\//)
    await eventually(() => site.hub.channel(reviews[0]?.channelId ?? '').permitted)
    await eventually(async () => (await site.context.reviews.listOpen({ limit: 10 })).length === 0)
    expect((await site.context.channels.find(reviews[0]?.channelId ?? ''))?.tenantId).toBe('t1')
    expect(complaints).toEqual([])
  }, 120_000)

  it('opened by hand in a browser that keeps them, shows no such thing', async () => {
    await goRoundTwice({})
    const address = page.url()
    page = await (await browser.newContext({ locale: 'en-GB' })).newPage()
    await page.goto(address)
    expect(await page.getByRole('heading', { name: english.title }).count()).toBe(0)
    await page.getByRole('button', { name: 'Continue here' }).waitFor()
  }, 120_000)

  it.each([
    ['English', 'en-GB', english, 'You are in the browser of Instagram'],
    ['German', 'de-DE', german, 'Sie sind im Browser von Instagram'],
  ])(
    'inside an app, on a phone without JavaScript, in %s',
    async (_, locale, words, hint) => {
      await goRoundTwice({ ...PHONE, locale, userAgent: IN_INSTAGRAM }, words)
      await page.getByText(hint).waitFor()
      expect(await widthOfPage()).toBeLessThanOrEqual(360)
      if (process.env.SHOTS)
        await page.screenshot({ path: `/tmp/ha-shots/phone-${locale}.png`, fullPage: true })
    },
    120_000,
  )
})
