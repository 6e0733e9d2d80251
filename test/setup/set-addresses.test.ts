import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import type { Context } from '../../src/context.ts'
import { SetupService } from '../../src/setup/setup-service.ts'
import { failureOf } from '../d360/upstream.ts'
import { engines } from '../databases.ts'
import { type SetupSite, startSetupSite } from './setup-site.ts'

const OLD = {
  redirectUrl: 'https://old.example/back?tenant=x',
  webhookUrl: 'https://old.example/canary/hook?secret=canary',
}

describe.each(engines)('setting the addresses at 360dialog on %s', (engine) => {
  let site: SetupSite
  let context: Context
  beforeAll(async () => {
    site = await startSetupSite(engine)
    context = await site.open()
  })
  afterEach(() => site.makeRight())
  afterAll(() => site.close())

  const theirs = () => {
    const { hub } = site.simulator
    return { redirectUrl: hub.settings.redirectUrl, webhookUrl: hub.webhookUrl }
  }
  const putOld = () => {
    const { hub } = site.simulator
    hub.settings.redirectUrl = OLD.redirectUrl
    hub.webhookUrl = OLD.webhookUrl
  }
  const writes = () => {
    const { set_partner: patches, partner_webhook_set: posts } = site.simulator.hub.calls
    return { patches, posts }
  }
  const listAudit = async () => {
    const entries = await context.audit.list({ limit: 100 })
    return entries.filter(({ action }) => action === 'hub.addresses_set')
  }

  it('sets both, and answers what was there, which may be needed again', async () => {
    putOld()
    const { before, after } = await context.setup.setAddresses('cli')
    expect([before, after, theirs()]).toMatchObject([OLD, site.ours, site.ours])
  })

  it('sends both when one is wrong, since the other would be emptied', async () => {
    site.makeRight()
    site.simulator.hub.settings.redirectUrl = OLD.redirectUrl
    await context.setup.setAddresses('cli')
    expect(theirs()).toEqual(site.ours)
  })

  it('does nothing when they are right, even with a query of their own', async () => {
    site.makeRight()
    site.simulator.hub.webhookUrl = `${site.ours.webhookUrl}?secret=kept`
    const [calls, audited] = [writes(), await listAudit()]
    const { before, after } = await context.setup.setAddresses('cli')
    expect(after).toBe(before)
    expect([writes(), await listAudit()]).toEqual([calls, audited])
  })

  it('uses the call of its own where a change leaves the webhook URL as it is', async () => {
    putOld()
    site.simulator.hub.setSwitches({ patch_ignores_webhook: true })
    const { after } = await context.setup.setAddresses('cli')
    expect([after, theirs()]).toMatchObject([site.ours, site.ours])
  })

  it('is in the audit before it is sent, by the host of what was there', async () => {
    putOld()
    site.simulator.hub.setFault({ endpoint: 'set_partner', kind: 'status', status: 403 })
    const earlier = (await listAudit()).length
    expect(await failureOf(context.setup.setAddresses('cli'))).toMatchObject({ upstreamStatus: 403 })
    expect(theirs()).toEqual(OLD)
    const entries = await listAudit()
    expect([entries.length, entries[0]?.actor, entries[0]?.detail]).toEqual([
      earlier + 1,
      'cli',
      {
        redirectUrlBefore: 'one at https://old.example',
        webhookUrlBefore: 'one at https://old.example',
        ...site.ours,
      },
    ])
    expect(site.log.join('\n')).not.toContain('canary')
  })

  it.each(['http://localhost:3000', 'https://127.0.0.1', 'http://connect.example'])(
    'never sends a real hub to %s',
    async (origin) => {
      putOld()
      const { config } = context
      const settings = {
        ...({ mode: 'live', publicUrl: new URL(origin), hubId: config.hubId } as const),
        ...{
          partnerApiUrl: new URL('https://hub.360dialog.io/api/v2/'),
          sessionSecrets: [],
          platformSecrets: [],
        },
      }
      const setup = new SetupService({ ...context, settings })
      const calls = writes()
      expect(await failureOf(setup.setAddresses('cli'))).toMatchObject({
        message: expect.stringMatching(/^Nothing was set: 360dialog cannot reach /),
      })
      expect([writes(), theirs()]).toEqual([calls, OLD])
    },
  )
})
