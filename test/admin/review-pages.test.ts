import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { engines } from '../databases.ts'
import { readStatus } from '../journey.ts'
import type { Browser } from '../site.ts'
import {
  acceptReview,
  LAST_FOUR,
  openReviewSite,
  type ReviewSite,
  sendReview,
  stranger,
} from './review-site.ts'

let site: ReviewSite
let admin: Browser

const accept = (id: string, tenant: string, browser = admin) => acceptReview(browser, id, tenant)
const expectAnswer = async (answer: ReturnType<typeof accept>, status: number, location?: string) => {
  const { status: actual, headers } = await answer
  expect([actual, ...(location ? [headers.location] : [])]).toEqual([status, ...(location ? [location] : [])])
}
const page = async (path: string) => (await admin.get(path).expect(200)).text
const wordsOf = (text: string) =>
  text
    .replaceAll(/<\/?bdi>/g, '')
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/\s+/g, ' ')

describe.each(engines)('a number whose owner is not certain, on %s', (engine) => {
  beforeAll(async () => {
    site = await openReviewSite(engine)
    admin = await site.signIn()
  })
  afterAll(() => site.stop())

  it('is asked about, where a verified e-mail would have connected it', async () => {
    const email = 'boss@ch10.example'
    const honest = await site.share('ch10', { email, acts: stranger('ch10') })
    expect([await readStatus(honest), site.minted('ch10')]).toEqual(['completed', 1])

    const other = await site.share('ch11')
    expect([await site.tenantOf('ch11'), site.minted('ch11')]).toEqual([undefined, 0])
    await site.openReview('ch11')
    const { body } = await other.browser.get(other.status).set('accept', 'application/json')
    expect(body).toMatchObject({ status: 'needs_review', numbers: [] })
    expect((await other.browser.get(other.status)).text).not.toContain(LAST_FOUR)
  })

  it('is connected when an admin accepts, with one key, however often they press', async () => {
    const asker = await site.share('ch20')
    const { id } = await site.openReview('ch20')
    const text = wordsOf(await page(`/admin/reviews/${id}`))
    for (const part of [
      'Does +49777204567 belong to Shop A GmbH?',
      'boss@ch20.example',
      'anna@shop-a.example',
    ])
      expect(text).toContain(part)

    await expectAnswer(accept(id, 't1'), 303, '/admin/reviews?done=accepted')
    await expectAnswer(accept(id, 't1'), 409)
    await site.untilQuiet()
    expect([await site.tenantOf('ch20'), site.minted('ch20')]).toEqual(['t1', 1])
    expect(await readStatus(asker)).toBe('completed')
    expect(await site.readKey('ch20', 't1')).toBe(200)
    const [entry] = (await site.context.audit.list({ channelId: 'ch20', limit: 50 })).filter(
      ({ action }) => action === 'review.accepted',
    )
    expect(entry).toMatchObject({ actor: 'admin:anna', tenantId: 't1' })
  })

  it('is not connected when an admin refuses, and the customer reads so', async () => {
    const asker = await site.share('ch30')
    const { id } = await site.openReview('ch30')
    await expectAnswer(sendReview(admin, `${id}/refuse`), 303, '/admin/reviews?done=refused')
    await expectAnswer(sendReview(admin, `${id}/refuse`), 409)
    await expectAnswer(accept(id, 't1'), 409)
    await site.untilQuiet()
    expect([await site.tenantOf('ch30'), site.minted('ch30')]).toEqual([undefined, 0])
    expect(await readStatus(asker)).toBe('failed')
    const decided = wordsOf(await page(`/admin/reviews/${id}`))
    expect(decided).toMatch(/Decided: Refused; asked by Shop A GmbH; decided by admin:anna/)
    expect(decided).not.toContain('Your decision')
  })

  it('goes to another customer when an admin hands it over', async () => {
    await site.link({ tenantId: 't2', tenantName: 'Shop B' })
    const asker = await site.share('ch40')
    await expectAnswer(accept((await site.openReview('ch40')).id, 't2'), 303)
    await site.untilQuiet()
    expect([await site.tenantOf('ch40'), site.minted('ch40')]).toEqual(['t2', 1])
    expect(await readStatus(asker)).toBe('failed')
    expect([await site.readKey('ch40', 't2'), await site.readKey('ch40', 't1')]).toEqual([200, 404])
  })

  it('goes to one only when two admins decide at once', async () => {
    await site.share('ch50')
    await site.link({ tenantId: 't3', tenantName: 'Shop C' })
    const { id } = await site.openReview('ch50')
    const browsers = await Promise.all([site.signIn(), site.signIn(), site.signIn()])
    const answers = await Promise.all([
      ...browsers.map((browser, place) => accept(id, place === 0 ? 't3' : 't1', browser)),
      sendReview(admin, `${id}/refuse`),
    ])
    expect(answers.map(({ status }) => status).sort()).toEqual([303, 409, 409, 409])
    await site.untilQuiet()
    const { review: decided } = await site.context.reviews.read(id)
    expect(await site.tenantOf('ch50')).toBe(decided.decidedTenantId)
    expect(site.minted('ch50')).toBe(decided.decision === 'accepted' ? 1 : 0)
    const audit = await site.context.audit.list({ channelId: 'ch50', limit: 50 })
    expect(audit.filter(({ action }) => action.startsWith('review.'))).toHaveLength(1)
  })

  it('is one row however many ask, and who is not chosen is refused', async () => {
    const first = await site.share('ch60')
    const second = await site.claim('ch60', 't4')
    const third = await site.claim('ch60', 't5')
    await third.browser.get(third.back).expect(303)
    const { id } = await site.openReview('ch60')
    const text = await page(`/admin/reviews/${id}`)
    expect(text.match(/type="radio"/g)).toHaveLength(3)
    expect(text.match(/href="\/admin\/cases\//g)).toHaveLength(3)

    await expectAnswer(accept(id, 't4'), 303)
    await site.untilQuiet()
    expect([await site.tenantOf('ch60'), site.minted('ch60')]).toEqual(['t4', 1])
    expect(await Promise.all([first, second, third].map(readStatus))).toEqual([
      'failed',
      'completed',
      'failed',
    ])
  })
})
