import { afterEach, describe, expect, it } from '@jest/globals'
import { engines } from '../databases.ts'
import { eventually, launchFrom, pathOf, type Site, startSite } from '../site.ts'

describe.each(engines)('connecting a number on %s', (engine) => {
  let site: Site
  afterEach(() => site.stop())

  it('leads from a link to a stored, proven key that the product can read', async () => {
    site = await startSite({
      engine,
      settings: { CHANNEL_WEBHOOK_URL: 'https://product.example/{tenant_id}/{channel_id}' },
    })
    const browser = site.newBrowser()
    const screen = await launchFrom(browser, await site.link())
    const back = site.hub.visit(screen, {
      signup: { name: 'Shop A GmbH', email: 'anna@shop-a.example' },
      add: [{ id: 'ch1', phoneNumber: '+49 30 1234567', displayName: 'Shop A' }],
    })

    const returned = await browser.get(pathOf(back)).expect(303)
    const status = String(returned.headers.location)
    expect(status).toMatch(/^\/status\/[\w-]{43}$/)
    const readStatus = async () => (await browser.get(status).set('accept', 'application/json')).body
    await eventually(async () => (await readStatus()).status === 'waiting')
    expect(site.hub.minted).toEqual([])

    site.hub.makeRun('ch1')
    expect(await site.context.mints.retryNow('ch1', site.context.db)).toBe(true)
    await eventually(async () => (await readStatus()).status === 'completed')
    expect(await readStatus()).toMatchObject({ status: 'completed', numbers: ['+49 ••• 4567'] })
    expect(site.hub.minted).toEqual(['ch1'])

    const token = (
      await site.context.tokens.create({
        name: 'product',
        scopes: ['channels:read', 'keys:read'],
        tenantId: undefined,
        expiresAt: undefined,
      })
    ).secret
    const key = await browser
      .get('/api/v1/channels/ch1/api-key')
      .set('authorization', `Bearer ${token}`)
      .expect(200)
    expect(key.body).toMatchObject({ channel_id: 'ch1', version: 1, api_key: site.hub.liveKeyOf('ch1') })
    expect(key.headers['cache-control']).toBe('no-store')
    expect(key.headers.etag).toBeUndefined()
    await eventually(() => site.hub.channel('ch1').webhook?.url === 'https://product.example/t1/ch1')

    const rows = await site.context.db.selectFrom('apiKey').selectAll().execute()
    expect(JSON.stringify(rows)).not.toContain(site.hub.liveKeyOf('ch1'))
  })
})
