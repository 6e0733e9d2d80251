import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { derivedSecret } from '../../src/identifiers.ts'
import { engines } from '../databases.ts'
import { comeBack, emailOf, newClient, type Returned, readStatus } from '../journey.ts'
import { DAY_MS, startTimedSite, type TimedSite } from '../keys/timed-site.ts'
import { type Browser, launchFrom, pathOf } from '../site.ts'

describe.each(engines)('a client finds its page again, on %s', (engine) => {
  let site: TimedSite
  beforeAll(async () => {
    site = await startTimedSite({ engine })
  })
  afterAll(() => site.stop())

  const linkFor = (id: string) =>
    site.link({ tenantId: `t-${id}`, tenantName: `Shop ${id}`, email: emailOf(id) })
  const use = async (browser: Browser, link: string, acts: object): Promise<Returned> => {
    const back = pathOf(site.hub.visit(await launchFrom(browser, link), acts))
    const returned = await comeBack({ browser, back })
    await site.untilQuiet()
    return returned
  }
  const read = async (browser: Browser, path: string) => (await browser.get(path)).text
  const countLaunches = async () => (await site.context.db.selectFrom('launch').select('id').execute()).length

  it('by the link that it used, where it can connect another number; others see the link', async () => {
    const [browser, link] = [site.newBrowser(), await linkFor('ch1')]
    await browser.get(link).expect(200)
    const { status } = await use(browser, link, newClient('ch1'))
    await browser.get(link).expect(303).expect('location', status)
    const page = await read(browser, status)
    expect(page).toContain('Connect another number')
    expect(await read(site.newBrowser(), link)).toContain('Continue to 360dialog')

    const { clientId } = site.hub.channel('ch1')
    const again = await use(browser, status, { clientId, add: newClient('ch2').add })
    await browser.get(link).expect(303).expect('location', again.status)
    const { body } = await browser.get(again.status).set('accept', 'application/json')
    expect(body.numbers).toHaveLength(2)
  })

  it('only after it came back with something: until then the link launches', async () => {
    const [browser, link] = [site.newBrowser(), await linkFor('ch3')]
    await launchFrom(browser, link)
    await browser.get(link).expect(200)
    site.clock.advance(60_000)
    await use(browser, link, { ...newClient('ch3'), cancel: true })
    await browser.get(link).expect(200)
    // Somebody else who came back with the same launch.
    const screen = await launchFrom(browser, link)
    const other = site.newBrowser()
    const elsewhere = await comeBack({
      browser: other,
      back: pathOf(site.hub.visit(screen, newClient('ch4'))),
    })
    expect(elsewhere.status).toMatch(/^\/return\//)
    await browser.get(link).expect(200)
    await other.get(link).expect(200)
    // Whoever got the screen's address has its nonce, and by it no page of the one who left.
    const nonce = new URL(screen).searchParams.get('state') ?? ''
    for (const id of [nonce, derivedSecret(nonce, 'status page')])
      await other.get(`/status/${id}`).expect(404)
  })

  it('by a link that has expired, which says what it led to; others are told no more', async () => {
    const [browser, link] = [site.newBrowser(), await linkFor('ch5')]
    const { status } = await use(browser, link, newClient('ch5'))
    site.clock.advance(8 * DAY_MS)
    await site.untilQuiet()
    const { text } = await browser.get(link).expect(410)
    expect(text).toContain('a number was connected')
    expect(text).toContain(`href="${status}"`)
    const foreign = (await site.newBrowser().get(link).expect(410)).text
    expect(foreign).not.toContain('/status/')
    expect(foreign).not.toContain('was connected')
    await browser.get(status).expect(200)
  })

  it('for as long as there is what it connected, and no copy of it is kept', async () => {
    const [browser, link] = [site.newBrowser(), await linkFor('ch6')]
    await browser.get(link).expect('cache-control', 'no-store').expect('x-robots-tag', 'noindex')
    const cancelled = await use(browser, link, { cancel: true })
    const lost = site.newBrowser()
    await use(lost, await linkFor('ch7'), { ...newClient('ch7'), cancel: true })
    const connected = await use(browser, link, newClient('ch6'))
    expect(connected.status).not.toBe(cancelled.status)
    site.clock.advance(400 * DAY_MS)
    await site.untilQuiet()
    for (const page of [cancelled, connected]) expect(await readStatus(page)).toBe('completed')
    const { headers } = await browser.get(connected.status)
    expect(headers).toMatchObject({ 'cache-control': 'no-store', 'x-robots-tag': 'noindex' })
    // Of a link that connected nothing no row is left.
    const left = await site.context.db.selectFrom('connectSession').select('tenantId').execute()
    expect(left.map(({ tenantId }) => tenantId)).not.toContain('t-ch7')
    await browser.get(link).expect('cache-control', 'no-store').expect('x-robots-tag', 'noindex')
  }, 60_000)

  it('from the address of a form, which leads to the first page', async () => {
    await site.newBrowser().get('/connect').expect(303).expect('location', '/')
  })

  describe('a double press', () => {
    const stateOf = (screen: unknown) => new URL(String(screen)).searchParams.get('state')
    const press = async (browser: Browser, path: string, form: object = {}) =>
      stateOf((await browser.post(path).type('form').send(form).expect(303)).headers.location)
    const form = { company: 'Bakery', email: 'anna@bakery.example', number: '', consent: 'yes' }

    it('is one launch, one after the other or at the same moment, whichever button it was', async () => {
      const [browser, link] = [site.newBrowser(), await linkFor('d1')]
      await browser.get(link)
      const before = await countLaunches()
      const first = await press(browser, link)
      site.clock.advance(4_000)
      const others = await Promise.all([press(browser, link), press(browser, link, { account: 'existing' })])
      expect(new Set([first, ...others])).toEqual(new Set([first]))
      expect(await countLaunches()).toBe(before + 1)
    })

    it('at the same moment, when nothing was pressed before', async () => {
      for (const [path, more] of [[await linkFor('d2'), {}] as const, ['/connect', form] as const]) {
        const browser = site.newBrowser()
        await browser.get(path === '/connect' ? '/' : path)
        const [before, customers] = [await countLaunches(), await countCustomers()]
        const states = await Promise.all(Array.from({ length: 5 }, () => press(browser, path, more)))
        expect(new Set(states).size).toBe(1)
        expect(await countLaunches()).toBe(before + 1)
        expect((await countCustomers()) - customers).toBe(path === '/connect' ? 1 : 0)
      }
    })

    it('is two launches in two browsers, later, with another form, and after it came back', async () => {
      const [browser, link] = [site.newBrowser(), await linkFor('d3')]
      const first = await press(browser, link)
      expect(await press(site.newBrowser(), link)).not.toBe(first)
      site.clock.advance(10_000)
      const later = await press(browser, link)
      expect(later).not.toBe(first)
      await comeBack({ browser, back: `/callback?nonce=${later}` })
      expect(await press(browser, link)).not.toBe(later)
      expect(await press(browser, '/connect', form)).not.toBe(
        await press(browser, '/connect', { ...form, email: 'bea@bakery.example' }),
      )
    })
  })

  describe('a sign-up form that is sent again', () => {
    const entered = {
      company: 'Bakery',
      email: 'anna@bakery.example',
      number: '+49 30 1234567',
      consent: 'yes',
    }
    const read = async (browser = site.newBrowser()) => {
      const { text } = await browser.get('/').expect(200)
      return { ...entered, form: /name="form" value="([\w-]{43})"/.exec(text)?.[1] ?? '' }
    }
    const send = (form: object, browser = site.newBrowser()) =>
      browser.post('/connect').type('form').send(form)
    const newCustomersOf = async (act: () => Promise<unknown>) => {
      const before = await countCustomers()
      await act()
      return (await countCustomers()) - before
    }

    it.each([0, 1, 60, 599])(
      'after %i s by a browser without cookies is the same sign-up',
      async (seconds) => {
        const form = await read()
        const made = await newCustomersOf(async () => {
          await send(form).expect(303)
          site.clock.advance(seconds * 1_000)
          await send(form).expect(303)
        })
        expect(made).toBe(1)
      },
    )

    it.each(['', 'company=x', '{"form":1}', 'form=short', 'form=a&form=b'])(
      'is read from %j',
      async (body) => {
        const { status } = await site.newBrowser().post('/connect').type('form').send(body)
        expect(status).toBe(422)
      },
    )

    it('at the same moment, three times without cookies, is one', async () => {
      const form = await read()
      const made = await newCustomersOf(async () => {
        const sent = await Promise.all([send(form), send(form), send(form)])
        expect(sent.map(({ status }) => status)).toEqual([303, 303, 303])
      })
      expect(made).toBe(1)
    })

    it.each([1, 60, 599])('after %i s from another page of the same browser is the same', async (seconds) => {
      const browser = site.newBrowser()
      const made = await newCustomersOf(async () => {
        await send(await read(browser), browser).expect(303)
        site.clock.advance(seconds * 1_000)
        await send(await read(browser), browser).expect(303)
      })
      expect(made).toBe(1)
    })

    it('is the same after a correction that was asked for, and when it came back meanwhile', async () => {
      const browser = site.newBrowser()
      const form = await read(browser)
      const { text } = await send({ ...form, email: 'anna' }, browser).expect(422)
      expect(text).toContain(`name="form" value="${form.form}"`)
      const made = await newCustomersOf(async () => {
        const { headers } = await send(form, browser).expect(303)
        const nonce = new URL(String(headers.location)).searchParams.get('state')
        await comeBack({ browser, back: `/callback?nonce=${nonce}` })
        const again = await send(form, browser).expect(303)
        expect(new URL(String(again.headers.location)).searchParams.get('state')).not.toBe(nonce)
      })
      expect(made).toBe(1)
    })

    it('is another one after ten minutes, with another entry, and from another form of another browser', async () => {
      const [one, other] = [await read(), await read()]
      const made = await newCustomersOf(async () => {
        await send(one).expect(303)
        await send(other).expect(303)
        await send({ ...one, email: 'bea@bakery.example' }).expect(303)
        site.clock.advance(1_200_001)
        await send(one).expect(303)
      })
      expect(made).toBe(4)
    })
  })

  const countCustomers = async () =>
    (await site.context.db.selectFrom('tenant').select('id').execute()).length
})
