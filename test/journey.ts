import type { VisitActs } from '../src/simulator/visits.ts'
import { type Browser, launchFrom, pathOf, type Site } from './site.ts'

/** A client that left for the permission screen and was sent back, but has not come back yet. */
export interface Granted {
  readonly browser: Browser
  /** The path, with its query, that 360dialog sends the browser to. */
  readonly back: string
}

/** A client that came back. */
export interface Returned extends Granted {
  /** The path of its status page. */
  readonly status: string
}

/** What a new client does on the permission screen to share one number; `running` unless it is said otherwise. */
export function newClient(channelId: string, { running = true } = {}): VisitActs {
  return {
    signup: { name: `Shop ${channelId}`, email: emailOf(channelId) },
    add: [
      { id: channelId, phoneNumber: phoneNumberOf(channelId), displayName: `Shop ${channelId}`, running },
    ],
  }
}

/** Goes from a link of its own through the permission screen. */
export async function grant(site: Site, channelId: string, acts = newClient(channelId)): Promise<Granted> {
  const browser = site.newBrowser()
  const order = { tenantId: `t-${channelId}`, tenantName: `Shop ${channelId}`, email: emailOf(channelId) }
  const screen = await launchFrom(browser, await site.link(order))
  return { browser, back: pathOf(site.hub.visit(screen, acts)) }
}

export async function comeBack({ browser, back }: Granted): Promise<Returned> {
  const returned = await browser.get(back).expect(303)
  return { browser, back, status: String(returned.headers.location) }
}

export async function readStatus({ browser, status }: Returned): Promise<string> {
  return (await browser.get(status).set('accept', 'application/json').expect(200)).body.status
}

/** The code that a page tells to quote; an address in it may look like one, too. */
export function codeOn(page: string): string {
  return /<strong>([2-9A-Z]{3}-[2-9A-Z]{3})<\/strong>/.exec(page)?.[1] ?? 'no code'
}

export const emailOf = (channelId: string) => `${channelId}@shop.example`

function phoneNumberOf(channelId: string): string {
  return `+4930${channelId.replaceAll(/\D/g, '').padStart(7, '0')}`
}
