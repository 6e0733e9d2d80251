import { expect } from '@jest/globals'
import type { Engine } from '../../src/database/database.ts'
import type { Review } from '../../src/onboarding/review-facts.ts'
import type { VisitActs } from '../../src/simulator/visits.ts'
import { comeBack, newClient, type Returned } from '../journey.ts'
import { startTimedSite, type TimedSite, type TimedSiteOptions } from '../keys/timed-site.ts'
import { type Browser, launchFrom, pathOf } from '../site.ts'
import { PASSWORD } from './admin-area.ts'

/** A site with an admin, where customers share numbers that are reviewed. */
export interface ReviewSite extends TimedSite {
  /** A customer shares a number with a link of its own; by default with an e-mail that the product did not verify. */
  share(channelId: string, order?: ShareOrder): Promise<Returned>
  /** A customer comes back from 360dialog with a client and a number that somebody else shared. */
  claim(channelId: string, tenantId: string, more?: Pick<ShareOrder, 'waits'>): Promise<Returned>
  openReview(channelId: string): Promise<Review>
  /** A browser in which the admin has just signed in. */
  signIn(): Promise<Browser>
  minted(channelId: string): number
  tenantOf(channelId: string): Promise<string | undefined>
  /** A token of the product for one customer, or for all: the status of reading a number's key with it. */
  readKey(channelId: string, tenantId: string): Promise<number>
}

interface ShareOrder {
  readonly tenantId?: string
  readonly tenantName?: string
  readonly email?: string
  readonly number?: string
  readonly acts?: VisitActs
  /** Until nothing is due any more; else only until the browser is back. */
  readonly waits?: boolean
}

export const LAST_FOUR = '4567'
/** The numbers of this file end alike, so that they can be confirmed. */
const numberOf = (channelId: string) => `+49${channelId.replaceAll(/\D/g, '').padStart(5, '7')}${LAST_FOUR}`

/** A client, made for the number, with an e-mail that nobody here knows. */
export function stranger(channelId: string, name = `Company ${channelId}`): VisitActs {
  const acts = newClient(channelId)
  const add = acts.add?.map((number) => ({ ...number, phoneNumber: numberOf(channelId) })) ?? []
  return { signup: { name, email: `boss@${channelId}.example` }, add }
}

export async function openReviewSite(
  engine: Engine,
  more: Partial<TimedSiteOptions> = {},
): Promise<ReviewSite> {
  const site = await startTimedSite({ engine, ...more })
  const { context, hub } = site
  await context.admins.create('anna', PASSWORD)

  const go = async ({ tenantId = 't1', tenantName = 'Shop A GmbH', email, number }: ShareOrder) => {
    const browser = site.newBrowser()
    const order = { tenantId, tenantName, ...(email && { email }), ...(number && { number }) }
    return { browser, screen: await launchFrom(browser, await site.link(order)) }
  }
  const settle = async (browser: Browser, back: string, { waits = true }: { waits?: boolean } = {}) => {
    const returned = await comeBack({ browser, back })
    if (waits) await site.untilQuiet()
    return returned
  }
  return {
    ...site,
    async share(channelId, order = {}) {
      const { browser, screen } = await go(order)
      return settle(browser, pathOf(hub.visit(screen, order.acts ?? stranger(channelId))), order)
    },
    async claim(channelId, tenantId, more = {}) {
      const { browser, screen } = await go({ tenantId, tenantName: `Shop ${tenantId}` })
      const nonce = new URL(screen).searchParams.get('state') ?? ''
      const { clientId } = hub.channel(channelId)
      return settle(
        browser,
        `/callback?nonce=${nonce}&state=${nonce}&client=${clientId}&channels=[${channelId}]`,
        more,
      )
    },
    async openReview(channelId) {
      const all = await context.reviews.listOfChannel(channelId)
      const open = all.filter(({ closedAt }) => closedAt === undefined)
      expect(open).toHaveLength(1)
      return open[0] as Review
    },
    async signIn() {
      const browser = site.newBrowser()
      await browser.post('/admin/sign-in').type('form').send({ name: 'anna', password: PASSWORD }).expect(303)
      return browser
    },
    minted: (channelId) => hub.minted.filter((id) => id === channelId).length,
    tenantOf: async (channelId) => (await context.channels.find(channelId))?.tenantId,
    async readKey(channelId, tenantId) {
      const order = { name: 'product', scopes: ['keys:read' as const], tenantId, expiresAt: undefined }
      const { secret } = await context.tokens.create(order)
      const path = `/api/v1/channels/${channelId}/api-key`
      return (await site.newBrowser().get(path).set('authorization', `Bearer ${secret}`)).status
    },
  }
}

/** What the forms of an admin's page carry of what it shows; empty where there is nothing to decide. */
export const shownOn = async (browser: Browser, path: string) =>
  /name="shown" value="([^"]+)"/.exec((await browser.get(path)).text)?.[1] ?? ''

/** Sends one of the forms of a review's page, `ID/accept` say, as the page has it now. */
export async function sendReview(browser: Browser, path: string, form: object = {}) {
  const shown = await shownOn(browser, `/admin/reviews/${path.slice(0, path.indexOf('/'))}`)
  return browser
    .post(`/admin/reviews/${path}`)
    .type('form')
    .send({ shown, ...form })
}

/** Accepts a number of `stranger`, with what the page asks to type. */
export const acceptReview = (browser: Browser, id: string, tenant: string) =>
  sendReview(browser, `${id}/accept`, { tenant, confirm: LAST_FOUR })
