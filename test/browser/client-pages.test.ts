import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Browser, Page } from 'playwright-core'
import { situations } from '../../src/onboarding/progress.ts'
import { newClient } from '../journey.ts'
import { launchFrom, pathOf, type Site, startSite } from '../site.ts'
import { findBarriers, launchChromium, UNPACKING_MS } from './chromium.ts'
import { showEveryStatus } from './every-status.ts'

const LONG = `Zum Hirschen ${'Donaudampfschifffahrtsgesellschaft'.repeat(3)}`.slice(0, 100)
const LOOKS = [
  [360, 'light'],
  [1200, 'dark'],
] as const
let browser: Browser
let page: Page
let open: Site
let closed: Site

beforeAll(async () => {
  browser = await launchChromium()
  page = await browser.newPage({ locale: 'en-GB' })
  open = await startSite({ settings: { PRIVACY_URL: 'https://nordlicht.example/privacy' } })
  closed = await startSite({
    settings: { SELF_SIGNUP: 'off', RATE_LIMIT_PUBLIC: '1', BRAND_COLOR: '#ffd400' },
  })
  showEveryStatus(open, LONG)
}, UNPACKING_MS)
afterAll(async () => {
  await browser.close()
  await open.stop()
  await closed.stop()
})

describe('every client page can be used by everybody, light and dark, on a phone and on a screen', () => {
  it('sign-up', () => check(open, '/', 200))
  it('sign-up, closed', () => check(closed, '/', 200))

  it('sign-up with mistakes', async () => {
    await page.goto(open.url)
    await page.getByLabel('Company', { exact: true }).fill(LONG)
    await page.getByRole('button', { name: 'Continue to 360dialog' }).click()
    await page.getByRole('alert').waitFor()
    await expectNoBarriers()
  })

  it('a link, for a customer with a long name', async () => {
    await check(open, await open.link({ tenantName: LONG, number: '+493012345678' }), 200)
  })

  it('a link and a sign-up of which 360dialog will refuse something', async () => {
    const code = { code: 'hub_blocked' } as const
    const { refusals } = closed.context
    const { ofSession } = refusals
    refusals.ofSession = async () => ({
      hasAccount: true,
      refusals: [code, { code: 'limit_used_up', used: 2, limit: 2 }],
    })
    await check(closed, await closed.link({ tenantName: LONG }), 200)
    refusals.ofSession = ofSession
    const { ofVisitor } = open.context.refusals
    open.context.refusals.ofVisitor = async () => [code]
    await check(open, '/', 200)
    open.context.refusals.ofVisitor = ofVisitor
  })

  it('a link that has ended', async () => {
    const link = await closed.link()
    await closed.context.db
      .updateTable('connectSession')
      .set({ createdAt: new Date('2020-01-01'), expiresAt: new Date('2020-01-08') })
      .execute()
    await check(closed, link, 410)
  })

  it('a link that nobody knows', () => check(open, '/connect/unknown', 404))
  it('back without anything that tells for which request', () => check(open, '/returned', 200))

  it('back in another browser, for a customer with a long name', async () => {
    const screen = await launchFrom(open.newBrowser(), await open.link({ tenantName: LONG }))
    const back = open.hub.visit(screen, newClient('ch1'))
    await page.goto(open.url + pathOf(back))
    expect(new URL(page.url()).pathname).toMatch(/^\/return\/[\w-]{43}$/)
    await expectNoBarriers()
  })

  it.each(situations)('status: %s', (situation) => check(open, `/status/${situation}?refresh=off`, 200))
  it('status: numbers in every state', () => check(open, '/status/every-number?refresh=off', 200))
  it('status: late', () => check(open, '/status/late?refresh=off', 200))

  it('400: what came back cannot be read', () => check(open, '/callback?client=%00&channels=[<]', 400))
  it('404', () => check(open, '/nothing', 404))
  it('500', () => check(open, '/status/broken', 500))

  it('403: a form that another site sent', async () => {
    await page.goto('about:blank')
    await page.setContent(`<form method="post" action="${open.url}/connect"><button>Send</button></form>`)
    await page.getByRole('button').click()
    await page.getByRole('heading', { name: 'This was not sent from this page' }).waitFor()
    await expectNoBarriers()
  })

  it('429: too many requests', async () => {
    const link = closed.url + (await closed.link())
    for (let press = 0; press < 2; press += 1) {
      await page.goto(link)
      await page.getByRole('button', { name: 'Continue to 360dialog' }).click()
    }
    await page.getByRole('heading', { name: 'Too many requests: a moment, please' }).waitFor()
    await expectNoBarriers()
  })
})

async function check(site: Site, path: string, status: number): Promise<void> {
  const response = await page.goto(site.url + path)
  expect(response?.status()).toBe(status)
  await expectNoBarriers()
}

async function expectNoBarriers(): Promise<void> {
  for (const [width, colorScheme] of LOOKS) {
    await page.setViewportSize({ width, height: 800 })
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    expect([width, colorScheme, await findBarriers(page)]).toEqual([width, colorScheme, []])
  }
  await page.setViewportSize({ width: 320, height: 640 })
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(320)
}
