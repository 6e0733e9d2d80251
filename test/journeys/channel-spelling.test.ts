import { afterEach, describe, expect, it } from '@jest/globals'
import { defaultSwitches } from '../../src/simulator/switches.ts'
import { engines } from '../databases.ts'
import { comeBack, grant, newClient, readStatus } from '../journey.ts'
import { startTimedSite, type TimedSite } from '../keys/timed-site.ts'
import { launchFrom, pathOf } from '../site.ts'

describe.each(engines)('a number, wherever 360dialog says what it is and how it stands, on %s', (engine) => {
  let site: TimedSite
  afterEach(() => site.stop())
  const find = async () => (await site.context.channels.find('ch1')) ?? {}

  it.each(['account_mode', 'status', 'hub_status', 'availability_status', 'integration'] as const)(
    'gets its key, and is live, when %s says that it runs',
    async (running_field) => {
      site = await startTimedSite({ engine })
      site.hub.setSwitches({ ...defaultSwitches, running_field })
      const returned = await comeBack(await grant(site, 'ch1'))
      await site.untilQuiet()
      expect(await find()).toMatchObject({ status: 'live', isRunning: true, keyStatus: 'stored' })
      expect(await readStatus(returned)).toBe('completed')
    },
  )

  it.each(['setup_info', 'phone_number', 'display_phone_number'] as const)(
    'binds by its number, and is proven by it, when that stands in %s',
    async (phone_place) => {
      site = await startTimedSite({ engine })
      site.hub.setSwitches({ ...defaultSwitches, phone_place, phone_plus: false })
      const phoneNumber = newClient('ch1').add?.[0]?.phoneNumber ?? ''
      const [browser, link] = [
        site.newBrowser(),
        await site.link({ email: 'ch1@shop.example', number: phoneNumber }),
      ]
      const screen = await launchFrom(browser, link)
      const returned = await comeBack({ browser, back: pathOf(site.hub.visit(screen, newClient('ch1'))) })
      await site.untilQuiet()
      expect(await find()).toMatchObject({ phoneNumber, keyStatus: 'stored', probeState: 'ok' })
      expect(await readStatus(returned)).toBe('completed')
    },
  )
})
