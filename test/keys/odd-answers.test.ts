import { afterEach, describe, expect, it } from '@jest/globals'
import type { OddShape } from '../../src/simulator/faults.ts'
import { engines } from '../databases.ts'
import { comeBack, grant, readStatus } from '../journey.ts'
import { PARTNER_ID } from '../site.ts'
import { DAY_MS, startTimedSite, type TimedSite } from './timed-site.ts'

describe.each(engines)('an odd answer to a key creation on %s', (engine) => {
  let site: TimedSite
  afterEach(() => site.stop())

  /** A number is granted while 360dialog answers key creations in another shape, for good. */
  const grantDespite = async (shape: OddShape) => {
    site = await startTimedSite({ engine })
    site.hub.setFault({ endpoint: 'create_key', times: 0, kind: 'odd_answer', shape })
    const returned = await comeBack(await grant(site, 'ch1'))
    await site.untilQuiet()
    return returned
  }

  it.each(['wrapped', 'key', 'no_address', 'address_outside'] as const)(
    'is stored and used when it is %s',
    async (shape) => {
      const returned = await grantDespite(shape)

      expect(await readStatus(returned)).toBe('completed')
      expect(site.hub.minted).toEqual(['ch1'])
      expect(await readKey(site, 'ch1')).toBe(site.hub.liveKeyOf('ch1'))
    },
  )

  it.each([
    ['masked', 'answer_masked', /"api_key":"\*{4}"/],
    ['not_json', 'answer_unreadable', /^<html>.*<\/html>$/],
    ['empty', 'answer_unreadable', /^$/],
    ['two_keys', 'answer_unreadable', /"api_keys":\[/],
    ['other_channel', 'answer_unreadable', /"channel_id":"somebody-elses"/],
    ['host', 'answer_host_not_allowed', /"address":"https:\/\/evil\.example"/],
  ] as const)('stays sealed and waits for an admin when it is %s', async (shape, problem, raw) => {
    const returned = await grantDespite(shape)
    await site.pass(3 * DAY_MS)

    expect(await readStatus(returned)).toBe('waiting')
    expect(await site.context.channels.find('ch1')).toMatchObject({
      keyStatus: 'needs_decision',
      keyVersion: 0,
      mintState: 'needs_decision',
      mintProblem: problem,
      mintDueAt: undefined,
    })
    expect(site.hub.calls.create_key).toBe(1)
    expect(await openSealedAnswer(site, 'ch1')).toMatch(raw)
  })

  it('is not answered by a second mint when the client comes back with it again', async () => {
    const { back, browser } = await grantDespite('host')
    await browser.get(back).expect(303)
    const clientId = site.hub.channel('ch1').clientId
    await comeBack(await grant(site, 'ch1', { clientId, channels: ['ch1'] }))
    await site.untilQuiet()

    expect(site.hub.calls.create_key).toBe(1)
    expect(await openSealedAnswer(site, 'ch1')).toContain(String(site.hub.liveKeyOf('ch1')))
  })

  it('is stored without another mint once the operator allows its host', async () => {
    site = await startTimedSite({ engine })
    site.hub.setSwitches({ key_address: `${site.simulator.url.replace('localhost', '127.0.0.1')}/waba-v2` })
    const { status } = await comeBack(await grant(site, 'ch1'))
    await site.untilQuiet()
    expect((await site.context.channels.find('ch1'))?.mintProblem).toBe('answer_host_not_allowed')

    site = await site.restart({ D360_MESSAGING_HOSTS: 'localhost 127.0.0.1' })
    expect(await site.context.mints.readAgain('ch1', site.context.db)).toBe(true)
    await site.untilQuiet()

    const page = await site.newBrowser().get(status).set('accept', 'application/json')
    expect(page.body.status).toBe('completed')
    expect(site.hub.calls.create_key).toBe(1)
    expect(await readKey(site, 'ch1')).toBe(site.hub.liveKeyOf('ch1'))
  })

  it('waits again, still sealed, when it is read again and nothing has changed', async () => {
    await grantDespite('host')
    expect(await site.context.mints.readAgain('ch1', site.context.db)).toBe(true)
    await site.untilQuiet()

    expect((await site.context.channels.find('ch1'))?.mintProblem).toBe('answer_host_not_allowed')
    expect(await openSealedAnswer(site, 'ch1')).toContain(String(site.hub.liveKeyOf('ch1')))
    expect(site.hub.calls.create_key).toBe(1)
  })
})

/** The raw answer that the newest mint of a channel holds. */
async function openSealedAnswer(
  { context: { mints, vault } }: TimedSite,
  channelId: string,
): Promise<string> {
  const [mint] = await mints.listOfChannel(channelId)
  const context = { hubId: PARTNER_ID, kind: 'mint_answer', subject: channelId, version: 1 } as const
  return vault.open(context, String(mint?.sealedAnswer))
}

/** The key as the product reads it. */
async function readKey(site: TimedSite, channelId: string): Promise<unknown> {
  const order = { name: 'product', scopes: ['keys:read'] as const, tenantId: undefined, expiresAt: undefined }
  const { secret } = await site.context.tokens.create(order)
  const answer = await site
    .newBrowser()
    .get(`/api/v1/channels/${channelId}/api-key`)
    .set('authorization', `Bearer ${secret}`)
    .expect(200)
  return answer.body.api_key
}
