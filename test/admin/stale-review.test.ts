import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { engines } from '../databases.ts'
import type { Browser } from '../site.ts'
import {
  acceptReview,
  LAST_FOUR,
  openReviewSite,
  type ReviewSite,
  sendReview,
  shownOn,
} from './review-site.ts'

let site: ReviewSite
let admin: Browser

/** What changes while an admin looks at the page, and how the page says so. */
const changes: readonly (readonly [what: string, words: string, change: (id: string) => Promise<unknown>])[] =
  [
    ['somebody else asks', 'who asks for it', (id) => site.claim(id, 't8')],
    [
      'the e-mail changes at 360dialog',
      'the client or its e-mails at 360dialog',
      async (id) => {
        site.hub.client(site.hub.channel(id).clientId).email = 'thief@else.example'
      },
    ],
    [
      'the number’s name changes at 360dialog',
      'the number at 360dialog',
      async (id) => site.hub.change(id, { displayName: 'Another name' }),
    ],
    [
      'the number is connected to another customer',
      'who has the number',
      async (id) => {
        const email = `boss@${id}.example`
        const { clientId } = site.hub.channel(id)
        await site.share(id, {
          tenantId: 't9',
          tenantName: 'Shop 9',
          email,
          acts: { clientId, channels: [id] },
        })
      },
    ],
  ]

describe.each(engines)('a decision about a page that is not true any more, on %s', (engine) => {
  beforeAll(async () => {
    site = await openReviewSite(engine)
    admin = await site.signIn()
    await site.link({ tenantId: 't2', tenantName: 'Shop B' })
  })
  afterAll(() => site.stop())

  const forms = {
    accept: { tenant: 't1', confirm: LAST_FOUR },
    'hand over': { tenant: 't2', confirm: LAST_FOUR },
    refuse: {},
  } as const
  const actOf = (form: keyof typeof forms) => (form === 'refuse' ? 'refuse' : 'accept')
  /** All that a decision would change. */
  const stateOf = async (channelId: string, id: string) => {
    await site.untilQuiet()
    const { review, claimants } = await site.context.reviews.read(id)
    const outcomes = claimants.map(({ received }) => [received.id, received.state])
    const audit = (await site.context.audit.list({ channelId, limit: 50 })).map(({ action }) => action)
    return { review, outcomes, audit, tenant: await site.tenantOf(channelId), minted: site.minted(channelId) }
  }

  let nth = 0
  describe.each(changes)('%s', (_, words, change) => {
    it.each(Object.keys(forms) as (keyof typeof forms)[])('nothing comes of it: %s', async (form) => {
      nth += 1
      const channelId = `ch${100 + nth}`
      await site.share(channelId)
      const { id } = await site.openReview(channelId)
      const path = `/admin/reviews/${id}`
      const shown = await shownOn(admin, path)
      await change(channelId)
      const before = await stateOf(channelId, id)
      const decide = (seen: string) =>
        sendReview(admin, `${id}/${actOf(form)}`, { ...forms[form], shown: seen })

      // A refusal gives nothing, so it asks nothing at 360dialog: it is about what the page shows, now as before.
      if (form === 'refuse' && (await shownOn(admin, path)) === shown)
        return expect((await decide(shown)).status).toBe(303)
      const { status, text } = await decide(shown)
      expect([status, text]).toEqual([409, expect.stringContaining(`This changed meanwhile: ${words}`)])
      expect(await stateOf(channelId, id)).toEqual(before)
      // The answer is the page as it is now, with forms that work.
      const again = /name="shown" value="([^"]+)"/.exec(text)?.[1] ?? ''
      const decided = await decide(again)
      if (form !== 'refuse' && before.tenant) {
        expect([decided.status, decided.text]).toEqual([409, expect.stringContaining('Only a move takes it')])
        expect(await stateOf(channelId, id)).toEqual(before)
      } else expect(decided.status).toBe(303)
    })
  })

  it.each(['', 'x', 'x.x.x.x.x.x.x', 'ORIGINAL.x'])('nothing comes of a forged "%s"', async (forged) => {
    const channelId = `ch${200 + forged.length}`
    await site.share(channelId)
    const { id } = await site.openReview(channelId)
    const shown = forged.replace('ORIGINAL', await shownOn(admin, `/admin/reviews/${id}`))
    for (const act of ['accept', 'refuse']) {
      const answer = await sendReview(admin, `${id}/${act}`, { ...forms.accept, shown })
      expect([answer.status, answer.text]).toEqual([409, expect.stringContaining('This changed meanwhile')])
    }
    await site.openReview(channelId)
    expect([await site.tenantOf(channelId), site.minted(channelId)]).toEqual([undefined, 0])
  })

  it('shows the newest twenty that ask, one for each attempt, and tells how many more', async () => {
    const first = await site.share('ch300')
    for (let more = 0; more < 22; more += 1) await site.claim('ch300', `c${more}`)
    await first.browser.get(`${first.back}&revoked=[x]`).expect(303)
    await site.untilQuiet()
    const { id } = await site.openReview('ch300')
    const { text } = await admin.get(`/admin/reviews/${id}`).expect(200)
    expect(text.match(/href="\/admin\/cases\//g)).toHaveLength(20)
    expect(text).toContain('3 more ask for it.')
    expect(text).not.toContain('Shop c1<')
    expect(text).toContain('Shop c21<')
    await acceptReview(admin, id, 'c21')
    expect(await site.tenantOf('ch300')).toBe('c21')
  })

  it('keeps what it was decided by, whatever becomes of it', async () => {
    await site.share('ch400')
    await site.claim('ch400', 't5')
    const { id, clientId } = await site.openReview('ch400')
    await acceptReview(admin, id, 't1')
    await site.context.db
      .updateTable('client')
      .set({ name: 'New', emails: ['new@else.example'] })
      .execute()
    const { text } = await admin.get(`/admin/reviews/${id}`).expect(200)
    for (const part of ['Company ch400', clientId, 'boss@ch400.example', '+49774004567', 'admin:anna'])
      expect(text).toContain(part)
    for (const part of [
      'Shop A GmbH',
      'Shop t5',
      'anna@shop-a.example',
      'verified by your product',
      'nobody',
    ])
      expect(text).toContain(part)
    expect(text).not.toContain('new@else.example')
  })
})
