import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { type Browser, eventually } from '../site.ts'
import {
  acceptReview,
  LAST_FOUR,
  openReviewSite,
  type ReviewSite,
  sendReview,
  shownOn,
  stranger,
} from './review-site.ts'

let site: ReviewSite
let admin: Browser

const accept = (id: string, tenant: string, browser = admin) => acceptReview(browser, id, tenant)
const page = async (path: string) => (await admin.get(path).expect(200)).text

/** Nobody has the number, no key of it was made, and an admin is asked. */
async function expectUndecided(channelId: string): Promise<void> {
  await site.untilQuiet()
  expect([await site.tenantOf(channelId), site.minted(channelId)]).toEqual([undefined, 0])
  await site.openReview(channelId)
}

describe('a decision that cannot be carried out', () => {
  let id: string
  beforeAll(async () => {
    site = await openReviewSite('sqlite')
    admin = await site.signIn()
    await site.share('ch80')
    id = (await site.openReview('ch80')).id
  })
  afterAll(() => site.stop())

  it.each([
    ['another number is typed', { tenant: 't1', confirm: '0000' }, 'What you typed does not match'],
    ['nothing is typed', { tenant: 't1' }, 'What you typed does not match'],
    [
      'the confirmation comes twice',
      { tenant: 't1', confirm: ['4567', '4567'] },
      'What you typed does not match',
    ],
    ['the confirmation is nested', { tenant: 't1', 'confirm[a]': '4567' }, 'What you typed does not match'],
    ['nobody has the id', { tenant: 't99', confirm: '4567' }, 'no customer with this id'],
    ['the customer comes twice', { tenant: ['t1', 't1'], confirm: '4567' }, 'no customer with this id'],
    ['the customer is nested', { 'tenant[x]': 't1', confirm: '4567' }, 'no customer with this id'],
    ['the id holds a NUL', { tenant: '\0', confirm: '4567' }, 'no customer with this id'],
    ['the form is empty', {}, 'What you typed does not match'],
  ])('changes nothing when %s', async (_, form, problem) => {
    const { text, status } = await sendReview(admin, `${id}/accept`, form)
    expect([status, text]).toEqual([422, expect.stringContaining(problem)])
    expect(text).not.toContain('4567"')
    await expectUndecided('ch80')
  })

  it('changes nothing when it comes from another site, or from nobody', async () => {
    const confirmed = { tenant: 't1', confirm: LAST_FOUR }
    for (const act of ['accept', 'move', 'refuse']) {
      const shown = await shownOn(admin, `/admin/reviews/${id}`)
      const post = (browser: Browser) =>
        browser
          .post(`/admin/reviews/${id}/${act}`)
          .type('form')
          .send({ ...confirmed, shown })
      await post(admin).set('sec-fetch-site', 'cross-site').expect(403)
      await post(site.newBrowser()).expect(303).expect('location', '/admin/sign-in')
    }
    await expectUndecided('ch80')
  })

  it('asks who it is again, 10 minutes after the sign-in', async () => {
    const stale = await site.signIn()
    site.clock.advance(10 * 60_000)
    for (const act of ['accept', 'move']) {
      const { headers } = await sendReview(stale, `${id}/${act}`, { tenant: 't1', confirm: LAST_FOUR })
      expect(headers.location).toBe(`/admin/sign-in?again=1&next=%2Fadmin%2Freviews%2F${id}`)
    }
    await expectUndecided('ch80')
    admin = await site.signIn()
  })

  it('changes nothing while 360dialog does not answer', async () => {
    site.hub.setFault({ endpoint: '*', kind: 'status', status: 500, times: 0 })
    let text = ''
    const answered = accept(id, 't1').then((answer) => {
      text = `${answer.status} ${answer.text}`
    })
    // The call is tried again, after pauses that this test lets pass.
    await eventually(() => {
      site.clock.advance(1_000)
      return text !== ''
    })
    await answered
    site.hub.clearFaults()
    expect(text).toMatch(/^502 .*360dialog could not be asked/s)
    await expectUndecided('ch80')
  })

  it('changes nothing when 360dialog lists the number for another client by now', async () => {
    const other = site.hub.addClient({ name: 'Other', email: 'other@else.example' })
    const channel = site.hub.channel('ch80')
    const before = channel.clientId
    channel.clientId = other.id
    const { status, text } = await accept(id, 't1')
    expect([status, text]).toEqual([422, expect.stringContaining('360dialog does not list this number')])
    channel.clientId = before
    await expectUndecided('ch80')
  })

  it('has nothing to decide where there is no review', async () => {
    expect((await sendReview(admin, 'rev_none/refuse')).status).toBe(404)
  })

  it('shows names of strangers as text', async () => {
    const name = '<script>alert(1)</script>'
    await site.share('ch81', { tenantName: name, acts: stranger('ch81', name) })
    const review = await site.openReview('ch81')
    for (const path of ['/admin', '/admin/reviews', `/admin/reviews/${review.id}`]) {
      const text = await page(path)
      expect(text).not.toContain('<script>')
      expect(text).toContain('&lt;script&gt;')
    }
  })

  it('is carried out after all of these', async () => {
    expect((await accept(id, 't1')).status).toBe(303)
    await site.untilQuiet()
    expect([await site.tenantOf('ch80'), site.minted('ch80')]).toEqual(['t1', 1])
  })
})

it('is told to try again when 360dialog does not answer, rather than left waiting', async () => {
  const waiting = await openReviewSite('sqlite')
  await waiting.share('ch90')
  const { id } = await waiting.openReview('ch90')
  waiting.hub.setFault({ endpoint: '*', kind: 'slow', ms: 600_000 })
  let answered = false
  const decision = expect(waiting.context.reviews.accept(id, 't1', 'cli')).rejects.toMatchObject({
    failure: 'unknown',
  })
  void decision.then(() => {
    answered = true
  })
  await eventually(() => {
    waiting.clock.advance(1_000)
    return answered
  })
  await waiting.openReview('ch90')
  waiting.hub.clearFaults()
  await waiting.stop()
}, 120_000)
