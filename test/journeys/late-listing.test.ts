import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { engines } from '../databases.ts'
import { comeBack, type Returned, readStatus } from '../journey.ts'
import { DAY_MS, HOUR_MS, startTimedSite, type TimedSite } from '../keys/timed-site.ts'
import { launchFrom } from '../site.ts'

const EMAIL = 'anna@shop-a.example'

describe.each(engines)('a number that 360dialog does not list, on %s', (engine) => {
  let site: TimedSite
  beforeEach(async () => {
    site = await startTimedSite({ engine })
  })
  afterEach(() => site.stop())

  const share = async (clientId: string, more = ''): Promise<Returned> => {
    const browser = site.newBrowser()
    const nonce = new URL(await launchFrom(browser, await site.link())).searchParams.get('state')
    const back = `/callback?nonce=${nonce}&client=${clientId}&channels=[ch1]${more}`
    const returned = await comeBack({ browser, back })
    await site.untilQuiet()
    return returned
  }
  const addClient = () => site.hub.addClient({ id: 'late', name: 'Late', email: EMAIL })
  const addNumber = () => {
    const number = { phoneNumber: '+49301234', displayName: 'Late', running: true }
    site.hub.addChannel({ id: 'ch1', clientId: 'late', ...number })
    site.hub.grant('ch1')
  }
  const reviews = () => site.context.reviews.listOpen({ limit: 10 })
  const pageOf = async ({ browser, status }: Returned) => (await browser.get(status).expect(200)).text

  it.each([
    ['nor its client', false],
    ['although it lists the client', true],
  ])('is looked at again, and connected once it does: %s', async (_, isClientListed) => {
    if (isClientListed) addClient()
    const returned = await share('late')
    expect([await readStatus(returned), await reviews()]).toEqual(['waiting', []])
    expect(await pageOf(returned)).toContain('360dialog does not show us your number yet')
    if (!isClientListed) addClient()
    addNumber()
    await site.pass(HOUR_MS)
    expect([await readStatus(returned), site.hub.minted]).toEqual(['completed', ['ch1']])
  })

  it('is not connected after a day, says so, and is no admin’s to decide', async () => {
    const returned = await share('late')
    for (let hours = 0; hours < 23; hours += 0.5) await site.pass(HOUR_MS / 2)
    const [job] = await site.context.db
      .selectFrom('job')
      .select('attempts')
      .where('kind', '=', 'return')
      .execute()
    await site.pass(2 * HOUR_MS)
    expect([await readStatus(returned), await reviews()]).toEqual(['failed', []])
    expect(await pageOf(returned)).toContain('360dialog does not show us this number')
    addClient()
    addNumber()
    await site.pass(DAY_MS)
    expect([await readStatus(returned), site.hub.minted]).toEqual(['failed', []])
    expect(job?.attempts).toBeLessThan(16)
  })

  it('is decided at once where the launch’s own browser did not bring it in time', async () => {
    const browser = site.newBrowser()
    const nonce = new URL(await launchFrom(browser, await site.link())).searchParams.get('state')
    site.clock.advance(25 * HOUR_MS)
    await browser.get(`/callback?nonce=${nonce}&client=late&channels=[ch1]`).expect(303)
    await site.untilQuiet()
    const [received] = await site.context.db.selectFrom('connectReturn').select('state').execute()
    expect([received, await reviews()]).toEqual([{ state: 'refused' }, []])
  })
})
