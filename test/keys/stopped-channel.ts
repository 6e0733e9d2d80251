import type { Engine } from '../../src/database/database.ts'
import { keyFactsOf } from '../../src/keys/key-facts.ts'
import { shownOf } from '../../src/shown-facts.ts'
import { comeBack, emailOf, grant, type Returned } from '../journey.ts'
import type { Site } from '../site.ts'
import { DAY_MS, startTimedSite, type TimedSite } from './timed-site.ts'

/** A site with a channel that is older than its launch; somebody else's key for it works. */
export interface StoppedSite {
  readonly site: TimedSite
  readonly foreign: string
}

export const NUMBER = '+49300000001'

/** Starts a site to which an old client has granted such a channel, so that its mint waits for a decision. */
export async function startStopped(engine: Engine, settings = {}): Promise<StoppedSite> {
  const site = await startTimedSite({ engine, settings })
  const foreign = addOldChannel(site, 'ch1', NUMBER)
  await grantAgain(site)
  return { site, foreign }
}

/** A number that runs since long ago, with the key that its client uses. */
export function addOldChannel(site: TimedSite, id: string, phoneNumber: string): string {
  const createdAt = new Date(site.clock.now().getTime() - 90 * DAY_MS)
  const clientId = `cl-${id}`
  site.hub.addClient({ id: clientId, name: `Shop ${id}`, email: emailOf(id), createdAt })
  const number = { clientId, phoneNumber, displayName: `Shop ${id}`, running: true, permitted: true }
  site.hub.addChannel({ id, ...number, createdAt })
  return site.hub.mintForeignKey(id)
}

export async function grantAgain(site: TimedSite, channelId = 'ch1'): Promise<Returned> {
  const acts = { clientId: `cl-${channelId}`, channels: [channelId] }
  const returned = await comeBack(await grant(site, channelId, acts))
  await site.untilQuiet()
  return returned
}

export async function channelOf({ context }: Site, id = 'ch1') {
  const found = await context.channels.find(id)
  if (!found) throw new Error('there is no channel')
  return found
}

/** A decision of an admin about what the page of the channel shows now. */
export async function decisionOf(site: Site, channelId = 'ch1') {
  const open = (await site.context.mints.listOfChannel(channelId)).find(({ closedAt }) => !closedAt)
  const shown = shownOf(keyFactsOf(await channelOf(site, channelId), open))
  return { channelId, adminName: 'anna', shown }
}

export async function actionsOn({ context }: TimedSite, channelId = 'ch1'): Promise<string[]> {
  return (await context.audit.list({ channelId, limit: 100 })).map(({ action }) => action)
}
