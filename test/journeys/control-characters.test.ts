import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { engines } from '../databases.ts'
import { comeBack, emailOf, grant, newClient, readStatus } from '../journey.ts'
import { startTimedSite, type TimedSite } from '../keys/timed-site.ts'
import { launchFrom, pathOf } from '../site.ts'

const PASSWORD = 'correct horse battery'
/** NUL first: PostgreSQL takes no text with it. */
const CONTROLS = ['\0', '\n', '\x1b', '\x7f', '\x85']

describe.each(engines)('a control character, on %s', (engine) => {
  let site: TimedSite
  beforeAll(async () => {
    site = await startTimedSite({ engine, settings: { RATE_LIMIT_SIGN_IN: '1000' } })
    await site.context.admins.create('anna', PASSWORD)
  })
  afterAll(() => site.stop())

  const logged = () => site.log.filter((line) => line.includes('"level":"error"'))
  const countOf = async (table: 'tenant' | 'connectSession' | 'auditEntry') =>
    (await site.context.db.selectFrom(table).select('id').execute()).length
  const signIn = async () => {
    const browser = site.newBrowser()
    await browser.post('/admin/sign-in').type('form').send({ name: 'anna', password: PASSWORD }).expect(303)
    return browser
  }

  it.each(CONTROLS)('in a field of the sign-up form is told at that field: %j', async (control) => {
    const form = { company: 'Shop', email: 'a@shop.example', number: '+4930123456', consent: 'yes' }
    const tenants = await countOf('tenant')
    for (const name of ['company', 'email', 'number'] as const) {
      const sent = { ...form, [name]: `${form[name].slice(0, 2)}${control}${form[name].slice(2)}` }
      const { text } = await site.newBrowser().post('/connect').type('form').send(sent).expect(422)
      expect(text).toContain('Type this again by hand')
    }
    await site
      .newBrowser()
      .post('/connect')
      .type('form')
      .send({ ...form, consent: `yes${control}` })
      .expect(422)
    expect(await countOf('tenant')).toBe(tenants)
    await site.newBrowser().post('/connect').type('form').send(form).expect(303)
    expect(logged()).toEqual([])
  })

  it.each(CONTROLS)('in the sign-in form is a wrong name or password: %j', async (control) => {
    for (const sent of [
      { name: `an${control}na`, password: PASSWORD },
      { name: 'anna', password: `${PASSWORD.slice(1)}${control}` },
    ])
      await site.newBrowser().post('/admin/sign-in').type('form').send(sent).expect(422)
    const sent = { name: 'anna', password: PASSWORD, next: `/admin/audit?before=${control}`, again: control }
    const { headers } = await site.newBrowser().post('/admin/sign-in').type('form').send(sent).expect(303)
    expect(headers.location).not.toContain(control)
    expect(logged()).toEqual([])
  })

  it.each(CONTROLS)('in a form of the admin changes nothing: %j', async (control) => {
    const channelId = `form1${CONTROLS.indexOf(control)}`
    await comeBack(await grant(site, channelId))
    await site.untilQuiet()
    const browser = await signIn()
    const [minted, audited] = [site.hub.minted.length, await countOf('auditEntry')]
    const page = `/admin/channels/${channelId}`
    const form = { shown: 'x', confirm: '3456', key: 'canary-key', address: '' }
    for (const name of ['shown', 'confirm', 'key', 'address'] as const)
      for (const act of ['replace', 'paste']) {
        const sent = { ...form, [name]: `x${control}y` }
        const { text } = await browser.post(`${page}/${act}`).type('form').send(sent).expect(422)
        expect(text).toContain('Type this again by hand')
      }
    await browser
      .post(`${page}/try`)
      .type('form')
      .send({ what: `mint${control}` })
      .expect(422)
    expect([site.hub.minted.length, await countOf('auditEntry')]).toEqual([minted, audited])
    expect(logged()).toEqual([])
  })

  it.each(CONTROLS)('in a path or a query is refused: %j', async (control) => {
    const odd = encodeURIComponent(`x${control}y`)
    const browser = await signIn()
    for (const path of [
      '/connect',
      '/status',
      '/return',
      '/admin/channels',
      '/admin/cases',
      '/admin/reviews',
    ])
      await browser.get(`${path}/${odd}`).expect(400)
    for (const path of ['/admin/first', '/nothing']) await browser.get(`${path}/${odd}`).expect(400)
    for (const query of ['?q=', '?after=', '/audit?before=', '/reviews?after=', '/sign-in?next=', '?%00='])
      await browser.get(`/admin${query}${odd}`).expect(400)
    // A cell of a table is copied with a tab behind it.
    await browser.get(`/admin/search?q=${odd}`).expect(200)
    await browser.post(`/admin/reviews/${odd}/accept`).type('form').send({ confirm: 'x' }).expect(400)
    expect(logged()).toEqual([])
  })

  it.each(CONTROLS)('in a call of the product is a 400 with a problem document: %j', async (control) => {
    const { secret } = await site.context.tokens.create({
      ...{ name: 'shop', scopes: ['channels:read', 'keys:read'], tenantId: undefined, expiresAt: undefined },
    })
    const odd = encodeURIComponent(`x${control}y`)
    const cursor = Buffer.from(`x${control}y`).toString('base64url')
    for (const path of [
      ...['tenant_id', 'permission', 'key_status', 'limit', 'cursor', 'x'].map(
        (name) => `channels?${name}=${odd}`,
      ),
      ...[`channels?cursor=${cursor}`, `channels/${odd}`, `channels/${odd}/api-key`, odd],
    ]) {
      const answer = await site
        .newBrowser()
        .get(`/api/v1/${path}`)
        .set('authorization', `Bearer ${secret}`)
        .expect(400)
      expect(answer.headers['content-type']).toContain('application/problem+json')
      expect(answer.body.code).toBe('invalid_request')
    }
    expect(logged()).toEqual([])
  })

  it.each(CONTROLS)(
    'in what a return says of ours is unreadable, and elsewhere stops nobody: %j',
    async (control) => {
      const odd = encodeURIComponent(control)
      const channelId = `return2${CONTROLS.indexOf(control)}`
      const granted = await grant(site, channelId)
      for (const query of [`client=c${odd}l&channels=[a]`, `client=c&channels=[a${odd}b]`])
        await granted.browser.get(`/callback?${query}`).expect(400)
      const returned = await comeBack({ ...granted, back: `${granted.back}&utm=${odd}&state=x${odd}y` })
      await site.untilQuiet()
      expect(await readStatus(returned)).toBe('completed')
      expect(logged()).toEqual([])
    },
  )

  it.each([...CONTROLS, '\ud800'])('in every text of 360dialog stops no customer: %j', async (control) => {
    const channelId = `up3${[...CONTROLS, '\ud800'].indexOf(control)}`
    const browser = site.newBrowser()
    const screen = await launchFrom(
      browser,
      await site.link({ tenantId: `t-${channelId}`, email: emailOf(channelId) }),
    )
    const back = pathOf(site.hub.visit(screen, newClient(channelId)))
    const channel = site.hub.channel(channelId)
    Object.assign(channel, { displayName: `Sho${control}p` })
    Object.assign(site.hub.client(channel.clientId), { name: `Cli${control}ent` })
    const returned = await comeBack({ browser, back })
    await site.untilQuiet()
    expect(await readStatus(returned)).toBe('completed')
    expect((await site.context.channels.find(channelId))?.displayName).toBe('Shop')
    const named = await site.context.db
      .selectFrom('client')
      .select('name')
      .where('id', '=', channel.clientId)
      .executeTakeFirst()
    expect(named?.name).toBe('Client')
    expect(logged()).toEqual([])
  })
})
