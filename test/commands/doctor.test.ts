import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { newVaultKey } from '../../src/config/vault-keys.ts'
import { defaultSwitches } from '../../src/simulator/switches.ts'
import { comeBack, grant, readStatus } from '../journey.ts'
import { eventually, PARTNER_API_KEY, type Site, settingsFor, startSite } from '../site.ts'
import { runProgram } from '../start/child.ts'

const vaultKeys = newVaultKey()
const PLATFORM_SECRET = 'canary-platform-secret'
let site: Site
let folder: string
let settings: Record<string, string>

/** Beside the serving site, on its database. */
async function doctor(...words: string[]) {
  const child = runProgram('src/cli.ts', ['doctor', ...words], { cwd: folder, env: settings })
  const code = await child.ended
  const { stdout, stderr } = child.output()
  for (const canary of [PARTNER_API_KEY, PLATFORM_SECRET, settings.SESSION_SECRET ?? ''])
    expect([stdout, stderr].join()).not.toContain(canary)
  return { code, stdout, stderr, lines: stdout.split('\n') }
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'latchkey-doctor-'))
  const more = { VAULT_KEYS: vaultKeys, D360_PLATFORM_SECRET: PLATFORM_SECRET }
  site = await startSite({ settings: more })
  const { databaseUrl, port } = site.config
  settings = settingsFor({ port, databaseUrl, simulator: site.simulator, more })
})
beforeEach(() => {
  site.hub.setSwitches(defaultSwitches)
  site.hub.settings.redirectUrl = 'https://old.example/back'
  site.hub.webhookUrl = undefined
})
afterAll(async () => {
  await site.stop()
  rmSync(folder, { recursive: true, force: true })
})

describe('latchkey doctor', () => {
  it('prints a line for each check, and fails when something is wrong', async () => {
    const { code, stderr, lines } = await doctor()
    expect([code, stderr]).toEqual([1, '2 to fix.\n'])
    expect(lines).toEqual(
      expect.arrayContaining([
        'ok     read the hub      360dialog allows it.',
        `WRONG  redirect URL      360dialog has one at https://old.example, not ${site.url}/callback. Run "npm run --silent latchkey -- doctor --set", or set it in the Partner Hub. https://hub.360dialog.com/dashboard/partner/integration`,
        'ok     proxy             A request through PUBLIC_URL came back, with the right address.',
        '?      read key records  Not asked: no number is shared yet.',
      ]),
    )
    expect(lines.filter((line) => !/^(ok|WRONG|\?) {2,}[a-zA-Z ]+ {2}\S/.test(line))).toEqual([''])
  })

  it('sets both addresses, shows them before and after, and finds nothing wrong then', async () => {
    const { code, stdout, stderr } = await doctor('--set')
    expect([code, stdout.split('\n').slice(0, 3)]).toEqual([
      0,
      [
        `redirect URL  before: https://old.example/back  after: ${site.url}/callback`,
        `webhook URL   before: none  after: ${site.url}/webhooks/360dialog`,
        'Set.',
      ],
    ])
    expect(stdout).not.toContain('WRONG')
    expect(stderr).toContain('"action":"hub.addresses_set"')
    const again = await doctor('--set')
    expect([again.code, again.stderr, again.lines[2]]).toEqual([0, '', 'Nothing had to be set.'])
    expect(site.hub.calls.set_partner).toBe(1)
  })

  it('says where to set them by hand when 360dialog does not take them', async () => {
    site.hub.setFault({ endpoint: 'set_partner', kind: 'status', status: 403 })
    const { code, stdout, stderr } = await doctor('--set')
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toContain(
      'refused (403). See, and set them, here: https://hub.360dialog.com/dashboard/partner/integration',
    )
  })

  it('reports facts that can be sent to anybody', async () => {
    const returned = await comeBack(await grant(site, 'ch77'))
    await eventually(async () => (await readStatus(returned)) === 'completed')
    const { code, stdout, stderr } = await doctor('--facts')
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toContain('account_mode          with a key of ours: live 1; others: no number\n')
    expect(stdout).toContain('numbers by id         the filter is honoured\n')
    expect(stdout).toContain(
      'shared numbers        { shared_client_numbers: list of { id: text, phone_number: text } }\n',
    )
    const [client] = site.hub.listClients()
    const [channel] = site.hub.listChannels()
    const planted = [
      client?.id,
      client?.name,
      client?.email,
      client?.waba.externalId,
      client?.waba.businessId,
    ]
    const more = [
      channel?.id,
      channel?.phoneNumber.slice(1),
      channel?.appId,
      channel?.key?.id,
      channel?.key?.value,
    ]
    for (const text of [...planted, ...more, site.config.hubId, 'localhost'])
      expect(stdout).not.toContain(String(text))
  })

  it('does one thing at a time', async () => {
    expect(await doctor('--facts', '--set')).toMatchObject({ code: 2, stdout: '' })
  })
})
