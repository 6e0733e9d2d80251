import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Browser, Page } from 'playwright-core'
import { situations } from '../../src/onboarding/progress.ts'
import { newClient } from '../journey.ts'
import { launchFrom, pathOf, type Site, startSite } from '../site.ts'
import { launchChromium, UNPACKING_MS } from './chromium.ts'
import { showEveryStatus } from './every-status.ts'

const WIDTHS = [320, 360]
/** How large the reader has set text, of what the page would be. */
const SIZES = [1.3, 1.5, 2]

let browser: Browser
let page: Page
let site: Site

beforeAll(async () => {
  browser = await launchChromium()
  page = await browser.newPage({ locale: 'de-DE' })
  site = await startSite({ settings: { PRIVACY_URL: 'https://nordlicht.example/datenschutz' } })
  showEveryStatus(site, 'Bäckerei Müller')
}, UNPACKING_MS)
afterAll(async () => {
  await browser.close()
  await site.stop()
})

describe('every client page in German is whole in large text, with the spacing that a reader may set', () => {
  it('sign-up', () => check('/'))

  it('sign-up with mistakes', async () => {
    await page.goto(site.url)
    await page.getByRole('button', { name: 'Weiter zu 360dialog' }).click()
    await page.getByRole('alert').waitFor()
    await expectWhole()
  })

  it('a link', async () => check(await site.link({ tenantName: 'Bäckerei Müller', number: '+493012345678' })))
  it('a sign-up of which 360dialog will refuse something', async () => {
    const { refusals } = site.context
    const { ofVisitor } = refusals
    refusals.ofVisitor = async () => [{ code: 'hub_blocked' }, { code: 'limit_used_up', used: 2, limit: 2 }]
    await check('/')
    refusals.ofVisitor = ofVisitor
  })

  it('a link that nobody knows', () => check('/connect/unknown'))
  it('an owner’s mail that nobody knows', () => check('/confirm/unknown'))
  it('an owner’s mail', async () => {
    const { answers } = site.context
    const { find } = answers
    const session = {
      code: 'K7Q-2MD',
      tenantName: 'Bäckerei Müller',
      origin: 'self_signup',
      createdAt: new Date(),
    }
    const channels = [{ id: 'ch1', phoneNumber: '+493012345678' }]
    answers.find = async () => ({ session, channels, isOpen: true }) as never
    await check('/confirm/open')
    answers.find = find
  })

  it('back without anything that tells for which request', () => check('/returned'))

  it('back in another browser', async () => {
    const screen = await launchFrom(site.newBrowser(), await site.link())
    await check(pathOf(site.hub.visit(screen, newClient('ch1'))))
  })

  it.each(situations)('status: %s', (situation) => check(`/status/${situation}?refresh=off`))
  it('status: numbers in every state', () => check('/status/every-number?refresh=off'))
  it('status: late', () => check('/status/late?refresh=off'))
  it.each(['/nothing', '/callback?client=<', '/status/broken'])('failure: %s', (path) => check(path))
})

async function check(path: string): Promise<void> {
  await page.goto(site.url + path)
  await expectWhole()
}

async function expectWhole(): Promise<void> {
  for (const width of WIDTHS)
    for (const size of SIZES) {
      await page.setViewportSize({ width, height: 640 })
      expect({ width, size, ...(await page.evaluate<object>(`(${lookAt})(${size})`)) }).toEqual({
        ...{ width, size, wide: [], broken: [] },
      })
    }
}

/**
 * Runs in the browser: what is wider than the window, and the words that do not stand on one line although nothing in
 * them says where they may be parted. The spacing is that of WCAG 1.4.12. What somebody typed in is not our word.
 */
const lookAt = `(size) => {
  const style = new CSSStyleSheet()
  style.replaceSync(\`
    :root { font-size: calc(106.25% * \${size}) !important }
    * { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important }
    p { margin-bottom: 2em !important }
  \`)
  document.adoptedStyleSheets = [style]
  // The way past the header is out of sight until it has the focus, and no part of it looks in.
  const isOutside = (element) => {
    const { right } = element.getBoundingClientRect()
    return right > innerWidth + 1 || (element.matches('.skip') && right > 0)
  }
  const wide = [...document.querySelectorAll('body *')]
    .filter(isOutside)
    .map((element) => element.outerHTML.slice(0, 80))
  const broken = []
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (texts.nextNode()) {
    const text = texts.currentNode
    if (text.parentElement.closest('bdi, script')) continue
    for (const part of text.data.matchAll(/[^\\s\\u00AD\\u200B/-]+[-/]?/g)) {
      // An address is not parted by us.
      if (/@|[.]./.test(part[0])) continue
      const lines = new Set()
      for (let place = part.index; place < part.index + part[0].length; place += 1) {
        const range = new Range()
        range.setStart(text, place)
        range.setEnd(text, place + 1)
        // Behind a soft hyphen the first box is the hyphen that the browser shows, at the end of the line before.
        const box = [...range.getClientRects()].at(-1)
        if (box) lines.add(Math.round(box.top))
      }
      if (lines.size > 1) broken.push(part[0])
    }
  }
  return { wide, broken }
}`
