import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { engines } from '../databases.ts'
import { comeBack, grant, readStatus } from '../journey.ts'
import { startTimedSite, type TimedSite } from '../keys/timed-site.ts'

const CYCLE_MS = 16 * 60_000

describe.each(engines)('where the partner pays, on %s', (engine) => {
  let site: TimedSite
  beforeEach(async () => {
    site = await startTimedSite({ engine, settings: { D360_PAYMENT: 'partner', SELF_SIGNUP: 'off' } })
    // What a hub says of shares is of direct payment: here it says of none.
    site.hub.setSwitches({ payment: 'partner', shared_numbers: 'empty', page_most: 1 })
  })
  afterEach(() => site.stop())

  const channel = (id: string) => site.context.channels.find(id)

  it('a number is shared without a permission screen, and its client is told to ask the partner', async () => {
    const returned = await comeBack(await grant(site, 'ch1'))
    await site.untilQuiet()
    expect(await readStatus(returned)).toBe('completed')
    expect(await channel('ch1')).toMatchObject({ permission: 'shared', keyStatus: 'stored' })
    const { text } = await returned.browser.get(returned.status).expect(200)
    expect(text).toContain('You can take this back at any time: ask Nordlicht')
    expect(text).not.toContain('app.360dialog.com')

    await site.pass(CYCLE_MS)
    expect(await channel('ch1')).toMatchObject({ permission: 'shared', isPermissionDisputed: false })
    expect(site.hub.minted).toEqual(['ch1'])
  })

  it('the walk finds numbers shared, and asks for no key', async () => {
    const { id: clientId } = site.hub.addClient({ id: 'cl1', name: 'Shop', email: 'anna@shop-a.example' })
    for (const id of ['ch1', 'ch2'])
      site.hub.addChannel({
        id,
        clientId,
        phoneNumber: `+493011111${id.slice(2)}`,
        displayName: id,
        running: true,
      })
    await site.pass(CYCLE_MS)
    for (const id of ['ch1', 'ch2'])
      expect(await channel(id)).toMatchObject({
        ...{ tenantId: undefined, permission: 'shared', permissionSource: 'api', keyStatus: 'none' },
      })
    await site.pass(CYCLE_MS)
    expect(site.hub.minted).toEqual([])
    expect(await site.context.channels.listObservations('ch1')).toHaveLength(1)
  })
})
