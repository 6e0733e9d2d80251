import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { engines } from '../databases.ts'
import { untilTrouble } from '../hub-faults.ts'
import { comeBack, grant, newClient, type Returned } from '../journey.ts'
import { DAY_MS, HOUR_MS, startTimedSite, type TimedSite } from '../keys/timed-site.ts'
import type { Browser } from '../site.ts'

describe.each(engines)('what takes longer than is normal, on %s', (engine) => {
  let site: TimedSite
  let admin: Browser
  beforeEach(async () => {
    site = await startTimedSite({ engine })
    admin = site.newBrowser()
    await admin.get(`/admin/first/${await site.context.admins.createFirstCode()}`).expect(303)
  })
  afterEach(() => site.stop())

  const pageOf = async ({ browser, status }: Returned) => (await browser.get(status).expect(200)).text
  const needsOf = async ({ browser, status }: Returned) =>
    (await browser.get(status).set('accept', 'application/json').expect(200)).body.requirements
  /** The part of the admin's first page that is about what needs them. */
  const needsAdmin = async () => {
    const { text } = await admin.get('/admin').expect(200)
    return text.slice(text.indexOf('id="needs-me"'), text.indexOf('id="all"'))
  }
  /** An hour only, so that the admin's session lasts; the rest passes without it. */
  const signInAgain = async () => {
    admin = site.newBrowser()
    await admin.get(`/admin/first/${await site.context.admins.createFirstCode()}`).expect(303)
  }

  it('a number that WhatsApp does not activate: after three days the words change, and an admin is told', async () => {
    const returned = await comeBack(await grant(site, 'ch1', newClient('ch1', { running: false })))
    await site.untilQuiet()
    const [need] = await needsOf(returned)
    expect(need).toMatchObject({ code: 'activation', who: 'whatsapp', action: null })
    expect(Date.parse(need.normally_until) - Date.parse(need.since)).toBe(3 * DAY_MS)
    const fresh = await pageOf(returned)
    expect(fresh).not.toContain('longer than usual')
    expect(await needsAdmin()).toContain('Nothing to do.')

    await site.pass(9 * DAY_MS)
    await signInAgain()
    const late = await pageOf(returned)
    expect(late).toContain('This takes longer than usual.')
    expect(late).toContain('write to them and quote the code below')
    expect(late).not.toContain('You don&#39;t have to do anything')
    const told = await needsAdmin()
    expect(told).toContain('Shop ch1')
    expect(told).toContain('This takes longer than is normal')
    expect(told).toContain('9 days ago')
  })

  it('a number without permission: never “being linked”, and after a day an admin is told', async () => {
    site.hub.setFault({ endpoint: 'create_key', kind: 'status', status: 403, times: 1_000 })
    const returned = await comeBack(await grant(site, 'ch1'))
    await site.untilQuiet()
    for (const days of [0, 2]) {
      if (days > 0) await site.pass(days * DAY_MS)
      const page = await pageOf(returned)
      expect(page).toContain('Please share your number once more')
      expect(page).toContain('<form method="post">')
      expect(page).not.toContain('being linked')
      expect(page).not.toContain('You don&#39;t have to do anything')
      expect(await needsOf(returned)).toMatchObject([{ code: 'permission', who: 'client', action: 'share' }])
    }
    await signInAgain()
    expect(await pageOf(returned)).toContain('It still waits for you.')
    expect(await needsAdmin()).toContain('Shop ch1')
  })

  it('a return of which 360dialog does not say for an hour whether it is true: client and admin are told', async () => {
    site.hub.setFault({ endpoint: 'channels', kind: 'status', status: 500, times: 0 })
    const returned = await comeBack(await grant(site, 'ch1'))
    expect(await pageOf(returned)).toContain('This usually takes a few seconds.')
    expect(await needsAdmin()).toContain('Nothing to do.')
    site.clock.advance(HOUR_MS)
    await signInAgain()
    expect(await pageOf(returned)).toContain('360dialog does not answer as it should')
    expect(await needsOf(returned)).toMatchObject([{ code: 'check', who: '360dialog' }])
    const told = await needsAdmin()
    expect(told).toContain('360dialog does not say what is true')
    expect(told).toContain('Shop ch1')

    site.hub.faults.clear()
    await site.pass(HOUR_MS)
    await signInAgain()
    expect(await pageOf(returned)).toContain('Everything is ready.')
    expect(await needsAdmin()).toContain('Nothing to do.')
  })

  it('while 360dialog answers nobody for an hour, the client is told, and the admin how much waits for it', async () => {
    site.hub.setFault({ endpoint: '*', kind: 'status', status: 500, times: 0 })
    const returned = await comeBack(await grant(site, 'ch1'))
    await untilTrouble(site)
    site.clock.advance(HOUR_MS)
    await signInAgain()
    expect(await pageOf(returned)).toContain('360dialog does not answer as it should')
    expect(await needsOf(returned)).toMatchObject([{ code: 'check', who: '360dialog' }])
    const told = await needsAdmin()
    expect(told).toContain('360dialog does not answer')
    expect(told).toContain('1 return or number waits for it, and goes on by itself afterwards')

    site.hub.faults.clear()
    await untilTrouble(site, false)
    await site.pass(HOUR_MS)
    await signInAgain()
    expect(await pageOf(returned)).toContain('Everything is ready.')
    expect(await needsAdmin()).toContain('Nothing to do.')
  })
})
