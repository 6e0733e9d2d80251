import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { sql } from 'kysely'
import pg from 'pg'
import { VaultError } from '../../src/vault/vault.ts'
import { engines } from '../databases.ts'
import { newClient } from '../journey.ts'
import { DAY_MS, startTimedSite, type TimedSite } from '../keys/timed-site.ts'
import { type Browser, launchFrom, pathOf } from '../site.ts'

const CODE = /[2-9A-Z]{3}-[2-9A-Z]{3}/

describe.each(engines)('a failure page, on %s', (engine) => {
  let site: TimedSite
  let admin: Browser
  beforeAll(async () => {
    site = await startTimedSite({ engine, settings: { RATE_LIMIT_PUBLIC: '40' } })
  })
  afterAll(() => site.stop())
  // So many are kept in a minute.
  beforeEach(async () => {
    site.clock.advance(60_000)
    await signIn()
  })

  const signIn = async () => {
    admin = site.newBrowser()
    await admin.get(`/admin/first/${await site.context.admins.createFirstCode()}`).expect(303)
  }
  const codeOf = (page: string) => CODE.exec(page.replace(/<head>.*<\/head>/s, ''))?.[0] ?? 'no code'
  /** Support types in what the page says to quote. */
  const search = async (code: string) => {
    const found = await admin.get(`/admin/search?q=${code.toLowerCase().replace('-', '')}`).expect(303)
    return (await admin.get(String(found.headers.location)).expect(200)).text.replaceAll(/\s+/g, ' ')
  }
  const countRows = async () => (await site.context.db.selectFrom('failedPage').selectAll().execute()).length

  it.each<[string, number, (browser: Browser) => PromiseLike<{ status: number; text: string }>, string[]]>([
    ['a link that nobody knows', 404, (b) => b.get('/connect/x'), ['that nobody knows', '/connect/:token']],
    ['its button', 404, (b) => b.post('/connect/x'), ['that nobody knows', '/connect/:token']],
    ['no status page', 404, (b) => b.get('/status/x'), ['nothing at the address', '/status/:id']],
    ['no place to continue', 404, (b) => b.get('/return/x'), ['nothing at the address', '/return/:id']],
    ['a return to no launch', 200, (b) => b.get('/returned'), ['Came back from 360dialog', '/returned']],
    ['an unreadable return', 400, (b) => b.get('/callback?client=<'), ['could not be read', '/callback']],
    ['an owner’s mail', 404, (b) => b.get('/confirm/x'), ['owner’s mail that nobody knows', '/confirm/:id']],
    ['a form of another site', 403, (b) => b.post('/connect').set('origin', 'null'), ['another site']],
    ['an address that is not here', 404, (b) => b.get('/conect/x'), ['an address that is not here']],
    ['a page of the admin', 404, () => admin.get('/admin/channels/x'), ['nothing at the address']],
  ])('about %s has a code that the search finds', async (_, status, ask, words) => {
    const page = await ask(site.newBrowser())
    expect(page.status).toBe(status)
    const code = codeOf(page.text)
    const found = await search(code)
    for (const word of [code, ...words, site.clock.now().toISOString()]) expect(found).toContain(word)
    const lines = site.log.filter((line) => line.includes(code))
    expect(lines.length).toBeGreaterThan(0)
  })

  it('about somebody’s own link is found by the code of that, with who it is and what it led to', async () => {
    const link = await site.link({ tenantName: 'Shop of a failure' })
    site.clock.advance(8 * DAY_MS)
    await signIn()
    const code = codeOf((await site.newBrowser().get(link).expect(410)).text)
    const found = await search(code)
    for (const word of ['Shop of a failure', 'A connect link that has expired', '/connect/:token'])
      expect(found).toContain(word)
  })

  it('about a bug knows whose session it was, and neither page nor log names an address or an id', async () => {
    const [browser, link] = [site.newBrowser(), await site.link({ tenantName: 'Shop of a bug' })]
    const screen = await launchFrom(browser, link)
    const { receiver } = site.context
    const { store } = receiver
    receiver.store = async () => {
      throw new Error('a fault that this test set')
    }
    const back = pathOf(site.hub.visit(screen, newClient('ch1')))
    const { text } = await browser.get(back).expect(500)
    receiver.store = store
    const found = await search(codeOf(text))
    for (const word of ['A bug', '/callback']) expect(found).toContain(word)
    const session = await site.context.sessions.findByLink(link.slice('/connect/'.length))
    expect(found).toContain(`/admin/cases/${session?.code}`)
    expect(await search(session?.code ?? '')).toContain('A bug')
    const { clientId } = site.hub.channel('ch1')
    for (const secret of [
      clientId,
      '"ch1"',
      'anna@shop-a.example',
      new URL(screen).searchParams.get('state'),
    ])
      expect(site.log.join('')).not.toContain(secret)
    await browser.get(back).expect(303)
  })

  it('says what is kept and when to come again while the database is out of order, and is found later', async () => {
    const [browser, link] = [site.newBrowser(), await site.link()]
    const back = pathOf(site.hub.visit(await launchFrom(browser, link), newClient('ch2')))
    const wish = { name: 'p', scopes: ['channels:read' as const], tenantId: undefined, expiresAt: undefined }
    const { secret } = await site.context.tokens.create(wish)
    const mend = await breakDatabase(site, engine)
    const pages = [
      await browser.get(back).expect(503),
      await site.newBrowser().post(link).set('accept-language', 'de').expect(503),
    ]
    const { body, headers } = await browser.get('/api/v1/channels').set('authorization', `Bearer ${secret}`)
    await mend()
    expect(pages[0]?.text).toContain('What you shared at 360dialog is kept there')
    expect(pages[1]?.text).toContain('Was Sie bei 360dialog freigegeben haben, bleibt dort gespeichert')
    for (const page of pages) {
      expect(page.headers).toMatchObject({ 'retry-after': '300', 'cache-control': 'no-store' })
      const found = await search(codeOf(page.text))
      expect(found).toContain('The database or the vault was out of order')
    }
    // SQLite still reads while it cannot write.
    if (engine === 'postgres') expect([body.code, headers['retry-after']]).toEqual(['unavailable', '300'])
    await browser
      .get(back)
      .expect(303)
      .expect('location', /^\/status\//)
  })
  it('says the same while the vault does not open', async () => {
    const { status } = site.context
    const { find } = status
    status.find = async () => {
      throw new VaultError('unknown_key')
    }
    const { text } = await site.newBrowser().get('/status/x').expect(503).expect('retry-after', '300')
    status.find = find
    expect(text).toContain('what is connected stays connected')
    expect(await search(codeOf(text))).toContain('The database or the vault was out of order')
  })

  it('is kept so often only, and tells more than that to the log alone', async () => {
    await search(codeOf((await site.newBrowser().get('/connect/x')).text))
    site.clock.advance(60_000)
    const before = await countRows()
    const browser = site.newBrowser()
    const codes: string[] = []
    for (const path of ['/connect/x', '/nowhere'])
      for (let nth = 0; nth < 20; nth += 1) codes.push(codeOf((await browser.get(path).expect(404)).text))
    await search(codes[0] ?? '')
    expect((await countRows()) - before).toBe(10 + 2)
    const page = (await admin.get(`/admin/search?q=${codes[19]}`).expect(200)).text
    expect(page).toContain('some of their codes are only in the log')
    expect(site.log.some((line) => line.includes(String(codes[19])))).toBe(true)
  })

  it('tells an address that asks too often to wait', async () => {
    const link = await site.link()
    for (let nth = 0; nth < 40; nth += 1) await site.newBrowser().post(link)
    site.clock.advance(60_000)
    const { text } = await site.newBrowser().post(link).expect(429).expect('retry-after', '60')
    expect(await search(codeOf(text))).toContain('Too many requests')
  })

  it('is forgotten after 30 days, and of 20,000 the oldest', async () => {
    const { failedPages, db, clock } = site.context
    await sql`insert into failed_page (id, code, route, status, what, happened_at)
      with recursive nth (n) as (select 1 union all select n + 1 from nth where n < 20000)
      select 'fai_z' || n, 'AAA-AAA', '/x', 404, 'not_found', ${clock.now().toISOString()} from nth`.execute(
      db,
    )
    const old = (await countRows()) - 20_000
    expect(old).toBeGreaterThan(10)
    expect(await failedPages.forget(clock.now())).toBe(old)
    expect(await countRows()).toBe(20_000)
    site.clock.advance(30 * DAY_MS + 1)
    await failedPages.forget(clock.now())
    expect(await countRows()).toBe(0)
  })
})

/** Until it is mended SQLite cannot write, as on a full disk, and PostgreSQL is not there. */
async function breakDatabase({ context, config }: TimedSite, engine: string): Promise<() => Promise<void>> {
  if (engine === 'sqlite') {
    await sql`pragma query_only = on`.execute(context.db)
    return async () => void (await sql`pragma query_only = off`.execute(context.db))
  }
  const name = new URL(config.databaseUrl).pathname.slice(1)
  const rename = async (from: string, to: string) => {
    const client = new pg.Client({ connectionString: `${process.env.TEST_POSTGRES_URL}/postgres` })
    await client.connect()
    for (;;) {
      await client.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [from])
      const done = await client.query(`alter database ${from} rename to ${to}`).catch(() => undefined)
      if (done) break
    }
    await client.end()
  }
  await rename(name, `${name}_away`)
  return () => rename(`${name}_away`, name)
}
