import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Browser, Page } from 'playwright-core'
import { type Simulator, startSimulator } from '../../src/simulator/simulator.ts'
import { collectComplaints, findBarriers, launchChromium, UNPACKING_MS } from './chromium.ts'

const LOOKS = [
  [360, 'light'],
  [1200, 'dark'],
] as const

let browser: Browser
let simulator: Simulator

beforeAll(async () => {
  browser = await launchChromium()
  simulator = await startSimulator({
    ...{ port: 0, partnerId: 'tEstDePA', partnerApiKey: 'k', partnerName: 'Nordlicht' },
    redirectUrl: 'http://localhost:1/callback',
  })
  const { hub } = simulator
  const { id: clientId } = hub.addClient({ id: 'shopCL', name: 'Backhaus Lind', email: 'a@lind.example' })
  const number = { clientId, displayName: 'Backhaus Lind', running: true, permitted: true }
  const { id } = hub.addChannel({ ...number, phoneNumber: '+4930123456' })
  hub.change(id, { health: 'payment_failed', endsAt: '2050-01-01T00:00:00Z', isSharedAccess: true })
  hub.addChannel({
    ...number,
    phoneNumber: '+4930123457',
    isClassic: true,
    isOnBizApp: true,
    permitted: false,
  })
  hub.setSwitches({ price_page: true, quotes: 'single', token_seconds: 60 })
}, UNPACKING_MS)
afterAll(async () => {
  await browser.close()
  await simulator.close()
})

async function expectGood(page: Page): Promise<void> {
  expect(await findBarriers(page)).toEqual([])
  expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0)
}

describe.each(LOOKS)('the simulator’s pages, %i wide and %s', (width, colorScheme) => {
  it('have no barriers, fit, and make the browser complain of nothing', async () => {
    const page = await browser.newPage({ viewport: { width, height: 800 }, colorScheme })
    const complaints = collectComplaints(page)
    for (const path of ['/', '/switches', '/hub', '/hub/shopCL']) {
      await page.goto(`${simulator.url}${path}`)
      for (const summary of await page.locator('summary').all()) await summary.click()
      await expectGood(page)
    }
    expect(complaints).toEqual([])
    await page.close()
  })

  it('lead a client from sign-up by the prices to its numbers, without barriers', async () => {
    const page = await browser.newPage({ viewport: { width, height: 800 }, colorScheme })
    const press = (name: string) => page.getByRole('button', { name }).click()
    await page.goto(`${simulator.url}/onboarding/tEstDePA?email=c${width}@shop.example&name=Shop`)
    await expectGood(page)
    await press('Create account')
    await expectGood(page)
    await page.getByLabel('Card number').fill('made up')
    await page.getByLabel('I accept').check()
    await press('Continue')
    await expectGood(page)
    await press('I have none')
    await page.getByLabel(/\+1555/).waitFor()
    await expectGood(page)
    simulator.hub.setSwitches({ payment: 'partner' })
    await page.reload()
    await page.getByRole('button', { name: 'Continue to Nordlicht' }).waitFor()
    await expectGood(page)
    simulator.hub.setSwitches({ payment: 'direct' })
    await page.close()
  })
})

it('a client takes the partner’s access away in its own Hub, and a switch is set', async () => {
  const page = await browser.newPage()
  await page.goto(`${simulator.url}/hub/shopCL`)
  await page.getByRole('button', { name: 'Remove partner access' }).click()
  await page.waitForURL(/done=remove-access/)
  expect(simulator.hub.listChannels('shopCL').some(({ permitted }) => permitted)).toBe(false)
  await page.goto(`${simulator.url}/switches`)
  await page.getByLabel('brackets').selectOption('round')
  await page.getByRole('button', { name: 'Set the switches' }).click()
  await page.getByText('changed').first().waitFor()
  expect(simulator.hub.switches).toMatchObject({ brackets: 'round', quotes: 'single', token_seconds: 60 })
  await page.close()
})
