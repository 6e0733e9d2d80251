import { afterAll, beforeAll, expect, it } from '@jest/globals'
import request from 'supertest'
import type { Channel } from '../../src/d360/channel.ts'
import { eachDatabase, type OpenedDatabase } from '../databases.ts'
import { browserOf, type Onboarding, openOnboarding } from '../onboarding/onboarding-services.ts'
import { type AdminArea, openAdminArea, PASSWORD } from './admin-area.ts'

const DAY_MS = 24 * 60 * 60_000

const channel = (id: string, clientId: string, change: Partial<Channel> = {}): Channel => ({
  ...{ id, clientId, phoneNumber: undefined, displayName: undefined, createdAt: undefined },
  ...{ status: 'live', rawStatus: '', running: true, facts: {} },
  ...change,
})
const client = (id: string, name: string, ...emails: string[]) => {
  return { id, name, emails, createdAt: undefined, maxChannels: undefined }
}

eachDatabase('the search', (open) => {
  let opened: OpenedDatabase
  let onboarding: Onboarding
  let area: AdminArea
  let browser: request.Agent
  /** By the code of their session, and the other way round. */
  const tenants = new Map<string, string>()
  const codes = new Map<string, string>()

  beforeAll(async () => {
    opened = await open()
    onboarding = openOnboarding(opened)
    area = await openAdminArea(opened.db)
    await area.admins.create('anna', PASSWORD)
    browser = request.agent(area.app)
    await signIn()
    const { channels, db, clock } = onboarding
    await linkFor('arzt_1', 'MÜLLER Ärzte GmbH', {
      email: 'Anna.B@mueller-praxis.de',
      number: '+493012345678',
    })
    await linkFor('baker', 'Müller Bäckerei')
    await linkFor('acme', 'Acme')
    await linkFor('acme-nord', 'Acme Nord')
    for (const [shown, ...all] of [
      [client('CL77', 'Praxis Łódź', 'owner@lodz.example'), channel('WaCh9', 'CL77', arztNumber)],
      [client('CL78', 'Strauß & Co', 'info@strauss.example'), channel('WaCh90', 'CL78', otherNumber)],
      [client('MX1', 'Taquería', 'hola@taco.example'), channel('WaMx', 'MX1', mexicanNumber)],
    ] as const)
      await channels.describe(shown, all, clock.now(), db)
    await channels.bind('WaCh9', 'arzt_1', clock.now(), db)
  })
  afterAll(() => opened.close())

  const arztNumber = { phoneNumber: '+493012345678', displayName: 'Praxis am Markt' }
  const mexicanNumber = { phoneNumber: '+5215512349999', displayName: 'Taquería' }
  const otherNumber = { phoneNumber: '+905321112233', displayName: 'İSTANBUL Kahve' }

  async function linkFor(tenantId: string, tenantName: string, more = {}): Promise<string> {
    const { sessions } = onboarding
    const token = await sessions.createLink({ tenantId, tenantName, ...more })
    const { code = '' } = (await sessions.findByLink(token)) ?? {}
    codes.set(tenantId, code)
    tenants.set(code, tenantId)
    return token
  }

  const signIn = () =>
    browser.post('/admin/sign-in').type('form').send({ name: 'anna', password: PASSWORD }).expect(303)
  const address = (typed: string) => `/admin/search?${new URLSearchParams({ q: typed })}`
  /** Where one hit leads, or what a page lists: channels by their ids, sessions by their tenants. */
  async function find(typed: string): Promise<string> {
    const answer = await browser.get(address(typed))
    if (answer.status !== 200 && answer.status !== 303) throw new Error(`${typed}: ${answer.text}`)
    const text = answer.headers.location ?? answer.text
    const named = [...text.matchAll(/\/admin\/(channels|cases)\/([\w-]+)/g)].map(([, kind, id = '']) =>
      kind === 'channels' ? id : tenants.get(id),
    )
    return `${answer.status === 303 ? 'opens ' : ''}${named.toSorted().join(' ')}`
  }

  it('finds numbers and sessions by all that is said of them', async () => {
    const expected = Object.fromEntries([
      ['müller', 'WaCh9 arzt_1 baker'],
      ['arzte', 'WaCh9 arzt_1'],
      ['AERZTE müll', 'WaCh9 arzt_1'],
      ['gmbh ärzte', 'WaCh9 arzt_1'],
      ['praxis', 'opens WaCh9'],
      ['lodz', 'opens WaCh9'],
      ['müller lodz', 'opens WaCh9'],
      ['müller markt 5678', 'opens WaCh9'],
      ['müller istanbul', ''],
      ['STRAUSS', 'opens WaCh90'],
      ['istanbul', 'opens WaCh90'],
      ['bäckerei', 'opens baker'],
      ['arzt_1', 'WaCh9 arzt_1'],
      ['ARZT-1', 'WaCh9 arzt_1'],
      ['acme', 'acme acme-nord'],
      ['acme-nord', 'opens acme-nord'],
      ['cl77', 'opens WaCh9'],
      ['cl7', 'WaCh9 WaCh90'],
      ['wach9', 'opens WaCh9'],
      ['WaCh90', 'opens WaCh90'],
      ['wach', 'WaCh9 WaCh90'],
      ['anna.b@MUELLER-praxis.de ', 'opens arzt_1'],
      ['mueller-praxis.de', 'opens arzt_1'],
      ['<owner@lodz.example>', 'opens WaCh9'],
      ['+493012345678', 'WaCh9 arzt_1'],
      ['0049 (0)30 1234-5678', 'WaCh9 arzt_1'],
      ['030 1234 5678', 'WaCh9 arzt_1'],
      ['5678', 'WaCh9 arzt_1'],
      ['\u202a+49\u00a030\u201112345678\u202c\t', 'WaCh9 arzt_1'],
      ['https://wa.me/905321112233', 'opens WaCh90'],
      ['0532 111 22 33', 'opens WaCh90'],
      ['+90', 'opens WaCh90'],
      ['+52 1 55 1234 9999', 'opens WaMx'],
      ['+52 55 1234 9999', 'opens WaMx'],
      ['0052 55 1234', 'opens WaMx'],
    ])
    const found = Object.keys(expected).map(async (typed) => [typed, await find(typed)])
    expect(Object.fromEntries(await Promise.all(found))).toEqual(expected)
  })

  it('opens the case of a code, however it is typed', async () => {
    const code = codes.get('baker') ?? ''
    const [, first, last] = /^(...)-(...)$/.exec(code) ?? []
    for (const typed of [
      code,
      `${first} ${last}`,
      `${first}${last}`.toLowerCase(),
      ` ${first}–${last}\u200e. `,
    ])
      expect([typed, await find(typed)]).toEqual([typed, 'opens baker'])
  })

  it('answers what can be found nowhere with a page', async () => {
    const odd = ['', ' ', '%', '_', '%_\\', '\0', '\ud800', '☕️', 'a'.repeat(200), "'--", '\u064b', '…']
    const ask = async (typed: string) => {
      const encoded = encodeURIComponent(typed.toWellFormed())
      const { text } = await browser.get(`/admin/search?q=${encoded}`).expect(200)
      expect([typed, text]).toEqual([typed, expect.stringContaining('Nothing was found')])
    }
    await Promise.all(odd.map(ask))
    for (const query of ['', '?q=x&q=y', '?q=%ED%A0%80', '?q[a]=x'])
      await browser.get(`/admin/search${query}`).expect(200)
  })

  it('knows no name that a row had before', async () => {
    const { channels, db, clock } = onboarding
    await linkFor('renamed', 'Alter Name')
    await linkFor('renamed', 'Neuer Titel')
    expect(await find('alter name')).toBe('')
    expect(await find('neuer titel')).toBe('renamed renamed')
    await channels.addTenant({ id: 'renamed', name: 'Dritter' }, clock.now(), db)
    expect(await find('dritter')).toBe('')
    const named = channel('moved', 'early', { displayName: 'Vorher', phoneNumber: '+4915550001' })
    await channels.describe(undefined, [named], clock.now(), db)
    expect(await find('vorher')).toBe('opens moved')
    const renamed = { ...named, displayName: 'Nachher', phoneNumber: '+4915550002' }
    await channels.describe(client('early', 'Früh', 'a@early.example'), [renamed], clock.now(), db)
    expect([await find('vorher'), await find('15550001')]).toEqual(['', ''])
    for (const typed of ['nachher', '15550002', 'early', 'früh', 'a@early.example'])
      expect([typed, await find(typed)]).toEqual([typed, 'opens moved'])
  })

  it('keeps little of a name that is no end of words', async () => {
    await linkFor('flood', 'flut '.repeat(10_000))
    await linkFor('marks', '\u0301'.repeat(500))
    const terms = await opened.db.selectFrom('searchTerm').selectAll().where('kind', '=', 'tenant').execute()
    const of = (id: string) => terms.filter(({ subject }) => subject === id).map(({ term }) => term)
    expect(of('flood').length).toBeLessThanOrEqual(10)
    expect(of('marks')).toEqual(['=marks'])
    expect(await find('flut flut')).toBe('opens flood')
  })

  it('says when it is too much, the closest first, and finds the rare among the common', async () => {
    const { channels, db, clock } = onboarding
    const many = Array.from({ length: 260 }, (_, n) =>
      channel(`many${n}`, 'chain', {
        displayName: `Filiale Nord ${n}`,
        phoneNumber: `+4940${7_000_000 + n}`,
      }),
    )
    await channels.describe(client('chain', 'Kette'), many, clock.now(), db)
    const { text } = await browser.get(address('filiale nord')).expect(200)
    expect(text).toContain('Search: too many found')
    expect(text).toContain('Too much begins like this')
    expect(text.match(/channels\/many/g)).toHaveLength(50)
    expect(await find('filiale 259')).toBe('opens many259')
    const some = await browser.get(address('kette 25')).expect(200)
    expect(some.text).toContain('Search: 11 found')
    expect([...some.text.matchAll(/channels\/(\w+)"/g)][0]?.[1]).toBe('many25')
    const { text: client0 } = await browser.get(address('kette')).expect(200)
    expect(client0).toContain('Numbers (260)')
    expect(client0).toContain('The closest 50 are shown.')
  })

  it('tells how far each session has come, since when, and whose turn it is', async () => {
    const { sessions, clock, channels, db } = onboarding
    const name = 'Stufe'
    await linkFor('s-made', name)
    const opened = await linkFor('s-opened', name)
    const session = await sessions.findByLink(opened)
    if (session) await sessions.noteOpened(session)
    await leave('s-left')
    const declined = await leave('s-declined')
    await onboarding.comeBack('s-declined', `nonce=${declined}`)
    onboarding.list('owner', 'given', 'doubted')
    const back = await leave('s-back')
    await onboarding.comeBack('s-back', `nonce=${back}&client=owner&channels=[doubted]`)
    const done = await leave('s-done', 'owner@shop.example')
    await onboarding.comeBack('s-done', `nonce=${done}&client=owner&channels=[given]`)
    await onboarding.runner.workUntilIdle()
    await channels.observe('given', { source: 'mint', says: 'shared', observedAt: clock.now() }, db)
    const words = async () => {
      const { text } = await browser.get(address(name)).expect(200)
      const table = /Connect sessions \(\d+\)(.*?)<\/table>/s.exec(text)?.[1] ?? ''
      const rows = table.split('<tr>').map((row) =>
        row
          .replaceAll(/<[^>]*>/g, ' ')
          .replaceAll(/\s+/g, ' ')
          .trim(),
      )
      return Object.fromEntries(
        [...codes].map(([id, code]) => [
          id,
          rows.find((row) => row.startsWith(code))?.slice(code.length + 1),
        ]),
      )
    }
    expect(await words()).toMatchObject({
      's-made': 'Link created just now Customer Stufe',
      's-opened': 'Link opened just now Customer Stufe',
      's-left': 'Left for 360dialog just now Customer Stufe',
      's-declined': 'Came back just now Customer Stufe',
      's-back': 'Came back just now You Stufe',
      's-done': expect.stringMatching(/^Came back just now .* Stufe owner@shop.example$/),
    })
    area.clock.advance(8 * DAY_MS)
    await signIn()
    expect(await words()).toMatchObject({
      's-made': 'Expired 1 day ago Nobody Stufe',
      's-left': 'Expired 1 day ago Nobody Stufe',
      's-declined': 'Expired 1 day ago Nobody Stufe',
      's-back': 'Came back 8 days ago You Stufe',
    })

    async function leave(tenantId: string, email?: string): Promise<string> {
      const token = await linkFor(tenantId, name, { email, emailVerified: email !== undefined })
      const left = await sessions.findByLink(token)
      if (!left) throw new Error('a link has no session')
      return (await sessions.launch(left, browserOf(tenantId))).searchParams.get('state') ?? ''
    }
  })
})
