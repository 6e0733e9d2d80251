import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Browser, Page } from 'playwright-core'
import { PASSWORD } from '../admin/admin-area.ts'
import { openReviewSite, type ReviewSite, stranger } from '../admin/review-site.ts'
import { findBarriers, launchChromium, UNPACKING_MS } from './chromium.ts'

const LONG = `Zum Hirschen ${'Donaudampfschifffahrtsgesellschaft'.repeat(3)}`.slice(0, 100)
const LOOKS = [
  [320, 'light'],
  [390, 'dark'],
  [1280, 'light'],
  [1280, 'dark'],
] as const

let browser: Browser
let page: Page
let site: ReviewSite

beforeAll(async () => {
  browser = await launchChromium()
  page = await browser.newPage({ locale: 'en-GB' })
  site = await openReviewSite('sqlite')
  await page.goto(`${site.url}/admin/sign-in`)
  await page.getByLabel('Name').fill('anna')
  await page.getByLabel('Password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('heading', { name: 'What needs me' }).waitFor()
}, UNPACKING_MS)
afterAll(async () => {
  await browser.close()
  await site.stop()
})

async function expectNoBarriers(): Promise<void> {
  for (const [width, colorScheme] of LOOKS) {
    await page.setViewportSize({ width, height: 800 })
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    const wide = await page.evaluate('document.documentElement.scrollWidth')
    expect([width, colorScheme, wide, await findBarriers(page)]).toEqual([width, colorScheme, width, []])
  }
}

const check = async (path: string) => {
  await page.goto(site.url + path)
  await expectNoBarriers()
}

describe('an admin decides about a number, on a phone and on a screen', () => {
  it('with an empty list', () => check('/admin/reviews'))

  it('with several customers that ask, and long names', async () => {
    await site.share('ch10', { tenantName: LONG, acts: stranger('ch10', LONG) })
    await site.claim('ch10', 't2')
    for (const path of ['/admin', '/admin/search?q=zum', '/admin/search?q=nobody', '/admin/reviews'])
      await check(path)
    await page.getByRole('link', { name: '+49777104567' }).click()
    await page.getByRole('heading', { level: 1, name: LONG }).waitFor()
    await expectNoBarriers()
  })

  it('and mistypes, and then accepts', async () => {
    const accept = page.getByRole('article').filter({ has: page.getByRole('heading', { name: 'Accept' }) })
    const decide = async (typed: string) => {
      await accept.getByLabel('Shop t2').check()
      await accept.getByLabel('To confirm').fill(typed)
      await accept.getByRole('button', { name: 'Accept' }).click()
    }
    await decide('0000')
    await page.getByRole('alert').waitFor()
    await expectNoBarriers()
    expect(await accept.getByLabel('Shop t2').isChecked()).toBe(true)
    await decide('4567')
    await page.getByRole('status').waitFor()
    expect(await site.tenantOf('ch10')).toBe('t2')
    const [decided] = await site.context.reviews.listOfChannel('ch10')
    await check(`/admin/reviews/${decided?.id}`)
  })
})
