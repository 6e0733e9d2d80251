import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import type request from 'supertest'
import { addOldChannel, channelOf, grantAgain, NUMBER, startStopped } from '../keys/stopped-channel.ts'
import { DAY_MS, type TimedSite } from '../keys/timed-site.ts'
import type { Browser } from '../site.ts'
import { PASSWORD } from './admin-area.ts'

const MINUTE = 60_000
const PAGE = '/admin/channels/ch1'
const FORM = /<section aria-labelledby="decision">.*?<\/section>/s

let site: TimedSite
let foreign: string
let browser: Browser

beforeEach(async () => {
  ;({ site, foreign } = await startStopped('sqlite'))
  await site.context.admins.create('anna', PASSWORD)
  browser = site.newBrowser()
  await signIn()
})
afterEach(() => site.stop())

const signIn = () =>
  browser.post('/admin/sign-in').type('form').send({ name: 'anna', password: PASSWORD, next: PAGE })
const show = async (path = PAGE) => (await browser.get(path).expect(200)).text
const shownIn = (page: string) => /name="shown" value="([^"]+)"/.exec(page)?.[1] ?? ''
const post = (action: 'replace' | 'paste', form: object) =>
  browser.post(`${PAGE}/${action}`).type('form').send(form)
const problemOf = ({ text }: request.Response) => /role="alert"[^>]*>([^<]*)</.exec(text)?.[1]

const expectUntouched = async () => {
  await site.pass(DAY_MS)
  expect(site.hub.calls.create_key).toBe(0)
  expect(site.hub.liveKeyOf('ch1')).toBe(foreign)
  expect(await channelOf(site)).toMatchObject({ mintState: 'needs_decision', mintProblem: 'key_in_use' })
}

describe('the page of a number that has a key already', () => {
  it('explains both ways, and what leads there leads to it', async () => {
    const page = await show()
    expect(page).toContain('Then decide: paste the key in use, or replace it.')
    const section = FORM.exec(page)?.[0] ?? ''
    expect(section).toContain('Whoever uses the old key is cut off at once.')
    expect(section).toContain('Nobody is cut off')
    expect(section).toMatch(/<input id="key" name="key" type="password" autocomplete="off"/)
    expect(section).toContain(`placeholder="${site.simulator.url}/waba-v2"`)
    expect(section).toContain('<h2 id="decision">')
    expect(await show('/admin')).toContain(`<a href="${PAGE}#decision">Decide</a>`)
  })

  it('says that it cannot know what it ends when the key records cannot be read', async () => {
    expect(await show()).toContain('Latchkey ends only keys that were there')
    site.hub.setFault({ endpoint: 'list_keys', times: 0, kind: 'status', status: 403 })
    await grantAgain(site)
    const page = await show()
    expect(page).toContain('so it ends whatever is there.')
    expect(page).not.toContain('Latchkey ends only keys that were there')
  })

  it('replaces the key when its last four digits are typed', async () => {
    const shown = shownIn(await show())
    const { headers } = await post('replace', { shown, confirm: ` ${NUMBER.slice(-4)} ` }).expect(303)
    expect(headers.location).toBe(`${PAGE}?tried=replace`)
    expect(await show(headers.location)).toContain('The old key is being replaced.')
    await site.untilQuiet()
    expect(site.hub.minted).toEqual(['ch1'])
    const page = await show()
    expect(page).not.toMatch(FORM)
    expect(page).toContain('in place of the key that was there')
    expect(page).toContain('api_key.replace_decided')
    expect(problemOf(await post('replace', { shown, confirm: '0001' }).expect(409))).toContain(
      'Nothing was changed',
    )
  })

  it.each(['', '1', '0002', 'ch1', NUMBER, '0001 0001'])(
    'replaces nothing when this is typed: "%s"',
    async (confirm) => {
      const shown = shownIn(await show())
      const answer = await post('replace', { shown, confirm }).expect(422)
      expect(problemOf(answer)).toBe('What you typed does not match this number. Nothing was changed.')
      expect(answer.text).toMatch(/id="confirm"[^>]*aria-invalid="true" aria-describedby="problem"/s)
      await expectUntouched()
    },
  )

  it('asks for the channel id where the number is not known, and takes no key', async () => {
    await site.context.db.updateTable('channel').set({ phoneNumber: null }).execute()
    const page = await show()
    expect(page).toContain('type the channel id, ch1')
    expect(page).not.toContain('name="key"')
    const shown = shownIn(page)
    await post('replace', { shown, confirm: '0001' }).expect(422)
    expect(problemOf(await post('paste', { shown, key: foreign }).expect(422))).toContain(
      'no key can be proven',
    )
    await post('replace', { shown, confirm: 'ch1' }).expect(303)
  })

  it('stores the key in use, and shows it nowhere', async () => {
    const shown = shownIn(await show())
    const { headers } = await post('paste', { shown, key: ` ${foreign}\n`, address: '' }).expect(303)
    expect(headers.location).toBe(`${PAGE}?tried=pasted`)
    const page = await show(headers.location)
    expect(page).toContain('The key belongs to this number and is stored.')
    expect(page).toContain('api_key.pasted')
    expect(page + site.log.join('\n')).not.toContain(foreign)
    expect((await channelOf(site)).keyStatus).toBe('stored')
    expect(site.hub.calls.create_key).toBe(0)
    await post('paste', { shown, key: foreign }).expect(409)
  })

  it('gives a wrong key back in no answer, and keeps the field empty', async () => {
    const other = addOldChannel(site, 'ch2', '+49300000002')
    const shown = shownIn(await show())
    for (const [form, problem] of [
      [{ shown, key: other }, 'another number'],
      [{ shown, key: 'no-such-key' }, '360dialog rejects this key'],
      [{ shown, key: 'two words' }, 'That is not a key'],
      [{ shown }, 'That is not a key'],
      [{ shown, key: [foreign, foreign] }, 'That is not a key'],
      [{ shown, key: foreign, address: 'https://evil.example' }, 'D360_MESSAGING_HOSTS'],
      [{ shown: 'another', key: foreign }, 'Nothing was changed'],
      [{ key: foreign }, 'Nothing was changed'],
    ] as const) {
      const answer = await post('paste', form).expect(problem === 'Nothing was changed' ? 409 : 422)
      expect(problemOf(answer)).toContain(problem)
      for (const secret of [other, foreign, 'no-such-key', 'two words'])
        expect(answer.text).not.toContain(secret)
      expect(answer.headers['cache-control']).toBe('no-store')
    }
    await expectUntouched()
    expect(site.log.join('\n')).not.toContain(other)
  })

  it.each([
    ['replace', { confirm: '0001' }],
    ['paste', { key: 'KEY' }],
  ] as const)('asks for a fresh sign-in before %s, and comes back', async (action, form) => {
    const shown = shownIn(await show())
    const filled = { ...form, shown, ...('key' in form && { key: foreign }) }
    site.clock.advance(10 * MINUTE)
    const asked = await post(action, filled).expect(303)
    expect(asked.headers.location).toBe(`/admin/sign-in?again=1&next=${encodeURIComponent(PAGE)}`)
    expect(asked.text + asked.headers.location).not.toContain(foreign)
    expect(await channelOf(site)).toMatchObject({ mintState: 'needs_decision' })
    expect(site.hub.calls.phone_number).toBe(0)

    await signIn().expect('location', PAGE)
    await post(action, { ...filled, shown: shownIn(await show()) }).expect(303)
  })

  it('lets a stranger decide nothing', async () => {
    const shown = shownIn(await show())
    const stranger = site.newBrowser()
    for (const [action, form] of [
      ['replace', { shown, confirm: '0001' }],
      ['paste', { shown, key: foreign }],
    ] as const)
      await stranger
        .post(`${PAGE}/${action}`)
        .type('form')
        .send(form)
        .expect(303)
        .expect('location', '/admin/sign-in')
    await post('replace', { shown, confirm: '0001' }).set('Sec-Fetch-Site', 'cross-site').expect(403)
    await expectUntouched()
  })

  it('has nothing to decide on a number that is not there', async () => {
    await browser
      .post('/admin/channels/none/replace')
      .type('form')
      .send({ shown: 'm', confirm: 'x' })
      .expect(404)
    await browser.post('/admin/channels/none/paste').type('form').send({ shown: 'm', key: 'x' }).expect(404)
  })
})
