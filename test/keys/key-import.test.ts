import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import type { NewRow } from '../../src/database/schema.ts'
import { fingerprintOf } from '../../src/keys/key-store.ts'
import { engines } from '../databases.ts'
import { dumpOf } from '../dump.ts'
import { eventually, PARTNER_API_KEY, PARTNER_ID, PLATFORM_SECRET, SESSION_SECRET } from '../site.ts'
import { runProgram } from '../start/child.ts'
import { actionsOn, addOldChannel, channelOf, grantAgain } from './stopped-channel.ts'
import { DAY_MS, startTimedSite, type TimedSite } from './timed-site.ts'

describe.each(engines)('the keys of running customers, on %s', (engine) => {
  let site: TimedSite
  let folder: string
  let keys: Record<'ch1' | 'ch2' | 'ch3', string>

  beforeEach(async () => {
    const settings = { CHANNEL_WEBHOOK_URL: 'https://product.example/{channel_id}' }
    site = await startTimedSite({ engine, settings })
    // Commands have a clock of their own: what they plan shall be due for the site.
    site.clock.advance(Date.now() - site.clock.now().getTime() + DAY_MS)
    folder = mkdtempSync(join(tmpdir(), 'latchkey-import-'))
    keys = {
      ch1: addOldChannel(site, 'ch1', '+49300000001'),
      ch2: addOldChannel(site, 'ch2', '+49300000002'),
      ch3: addOldChannel(site, 'ch3', '+49300000003'),
    }
  })
  afterEach(async () => {
    expect(site.hub.minted).toEqual([])
    await site.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  /** Runs a command beside the serving site, on its database. */
  const latchkey = async (words: string, input?: string) => {
    const child = runProgram('src/cli.ts', words.split(' '), {
      cwd: folder,
      env: environmentOf(site),
      ...(input !== undefined && { input }),
    })
    const code = await child.ended
    return { code, ...child.output() }
  }
  const file = (...lines: string[]) => `${['channel,tenant,key', ...lines].join('\n')}\n`
  const importKeys = (...lines: string[]) => latchkey('key import', file(...lines))
  const everything = async () => [await dumpOf(site.context.db, engine), ...site.log].join('\n')

  it('are stored, bound and proven; the import goes on where it stopped, and mints nothing', async () => {
    const first = await importKeys(`ch1,shop-1,${keys.ch1}`)
    expect(first).toMatchObject({
      code: 0,
      stdout: '2\tch1\tshop-1\tstored\n1 stored, 0 already there, 0 refused\n',
    })
    const calls = site.hub.calls.channels
    const second = await importKeys(
      `ch1,shop-1,${keys.ch1}`,
      `"ch2",shop-2,"${keys.ch2}"\r`,
      '',
      `ch3,shop-2,${keys.ch3}`,
    )
    expect(second).toMatchObject({
      code: 0,
      stdout: [
        '2\tch1\tshop-1\talready there',
        '3\tch2\tshop-2\tstored',
        '5\tch3\tshop-2\tstored',
        '2 stored, 1 already there, 0 refused\n',
      ].join('\n'),
    })
    expect(site.hub.calls.channels).toBe(calls + 1)

    await site.pass(DAY_MS)
    for (const [id, key] of Object.entries(keys)) {
      expect(await channelOf(site, id)).toMatchObject({
        clientId: `cl-${id}`,
        tenantId: id === 'ch1' ? 'shop-1' : 'shop-2',
        keyStatus: 'stored',
        keyVersion: 1,
        keyFingerprint: fingerprintOf(id, key),
        permission: 'shared',
        // Sync and probe are due together: the last to answer has said it.
        permissionSource: expect.stringMatching(/^(api|probe)$/),
        probeState: 'ok',
        webhookState: undefined,
      })
      expect(await actionsOn(site, id)).toEqual(['api_key.imported', 'channel.bound'])
      expect(site.hub.liveKeyOf(id)).toBe(key)
    }
    expect(site.hub.calls.webhook_set).toBe(0)
    const output = [first, second].map(({ stdout, stderr }) => stdout + stderr).join('\n')
    for (const key of Object.values(keys)) expect(output + (await everything())).not.toContain(key)
  })

  it('settle a mint that waited for them, and a link that is opened later mints nothing', async () => {
    await grantAgain(site, 'ch1')
    site.hub.change('ch2', { running: false })
    await grantAgain(site, 'ch2')
    expect(await channelOf(site, 'ch1')).toMatchObject({ mintProblem: 'key_in_use' })
    expect(await channelOf(site, 'ch2')).toMatchObject({ mintProblem: 'not_running' })
    const { code } = await importKeys(`ch1,t-ch1,${keys.ch1}`, `ch2,t-ch2,${keys.ch2}`)
    expect(code).toBe(0)
    site.hub.makeRun('ch2')
    await grantAgain(site, 'ch1')
    await site.pass(DAY_MS)
    for (const id of ['ch1', 'ch2'])
      expect(await channelOf(site, id)).toMatchObject({ keyStatus: 'stored', mintId: undefined })
  })

  // What follows is about files, streams and columns, not about the database.
  if (engine === 'postgres') return

  it('are refused one by one, with the reason, when they are wrong', async () => {
    expect((await importKeys(`ch1,shop-1,${keys.ch1}`)).code).toBe(0)
    const { db, channels } = site.context
    const [listed] = await site.context.partnerApi.listChannels({ channelId: 'ch3' }, 'sync')
    await channels.describe(undefined, listed ? [listed] : [], site.clock.now(), db)
    await db.insertInto('mint').values(mintOf('ch3')).execute()
    const { code, stdout, stderr } = await importKeys(
      `ch1,another-shop,${keys.ch1}`,
      `ch2,shop-2,${keys.ch3}`,
      `ch3,shop-3,${keys.ch3}`,
      'ch4,shop-4,secret-of-nobody',
      `${keys.ch2},ch2,shop-2`,
    )
    expect({ code, end: stderr }).toMatchObject({
      code: 1,
      end: expect.stringContaining('5 of 5 keys were refused.'),
    })
    const outcomes = stdout.split('\n').map((line) => line.split('\t'))
    expect(outcomes.map(([, channel]) => channel)).toEqual([
      'ch1',
      'ch2',
      'ch3',
      '-',
      '-',
      undefined,
      undefined,
    ])
    expect(outcomes.map((fields) => fields.at(-1))).toEqual([
      'refused: This channel belongs to another tenant.',
      'refused: This key belongs to another number. Copy the key of this number.',
      'refused: A key is being created for this channel right now. Try again in a minute.',
      'refused: 360dialog does not list this channel for you.',
      'refused: 360dialog does not list this channel for you.',
      '0 stored, 0 already there, 5 refused',
      '',
    ])
    for (const secret of [...Object.values(keys), 'secret-of-nobody'])
      expect(stdout + stderr).not.toContain(secret)
    expect((await site.context.channels.find('ch2'))?.tenantId).toBeUndefined()
    expect(await channelOf(site, 'ch1')).toMatchObject({ tenantId: 'shop-1', keyVersion: 1 })
    const tenants = await site.context.db.selectFrom('tenant').select('id').execute()
    expect(tenants).toEqual([{ id: 'shop-1' }])
  })

  it('leave the lines before when 360dialog is away, and the import can be repeated', async () => {
    site.hub.setFault({ endpoint: 'phone_number', kind: 'status', status: 503 })
    const lines = [`ch1,shop-1,${keys.ch1}`, `ch2,shop-2,${keys.ch2}`]
    const failed = await importKeys(...lines)
    expect(failed.code).toBe(1)
    expect(failed.stdout).toContain('2\tch1\tshop-1\trefused: 360dialog could not be reached')
    expect(failed.stdout).toContain('3\tch2\tshop-2\tstored')
    const again = await importKeys(...lines)
    expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining('1 stored, 1 already there') })
  })

  it('take the address and the name of their tenant from columns of their own', async () => {
    const address = `${site.simulator.url}/waba`
    const head = 'key,address,tenant_name,tenant,channel'
    const { code } = await latchkey(
      'key import',
      `\uFEFF${head}\n${keys.ch1},${address},"Shop ""1"", Berlin",s:1,ch1\n`,
    )
    expect(code).toBe(0)
    expect(await site.context.keys.open('ch1')).toMatchObject({ apiKey: keys.ch1, address })
    expect(await channelOf(site)).toMatchObject({ tenantId: 's:1', tenantName: 'Shop "1", Berlin' })
    const evil = await latchkey('key import', `${head}\n${keys.ch2},https://evil.example,,s2,ch2\n`)
    expect(evil).toMatchObject({ code: 1, stdout: expect.stringContaining('D360_MESSAGING_HOSTS') })
  })

  it('are whole up to the line at which somebody presses Ctrl-C', async () => {
    const lines = Object.entries(keys).map(([id, key]) => `${id},shop-1,${key}`)
    site.hub.setFault({ endpoint: 'phone_number', times: 0, kind: 'slow', ms: 1_500 })
    const child = runProgram('src/cli.ts', ['key', 'import'], {
      ...{ cwd: folder, env: environmentOf(site), input: file(...lines) },
    })
    await eventually(() => site.hub.calls.phone_number === 1)
    child.process.kill('SIGINT')
    expect(await child.ended).toBe(1)
    expect(child.output().stdout).toBe('2\tch1\tshop-1\tstored\n1 stored, 0 already there, 0 refused\n')
    expect(child.output().stderr).toContain('Stopped: 2 lines are left. Run it again to continue.')
    site.hub.clearFaults()
    expect(await importKeys(...lines)).toMatchObject({ code: 0 })
    expect(await actionsOn(site, 'ch1')).toEqual(['api_key.imported', 'channel.bound'])
  })

  it('stay where they are when a line of the file cannot be read', async () => {
    const { code, stdout, stderr } = await importKeys(`ch1,t1,${keys.ch1}`, `ch2,t2,${keys.ch2} x`)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain('Nothing was imported.\nLine 3, column 3: the key has spaces')
    for (const key of Object.values(keys)) expect(stderr).not.toContain(key)
    expect(site.hub.calls.phone_number).toBe(0)
    expect(await site.context.db.selectFrom('apiKey').selectAll().execute()).toEqual([])
  })

  it('are shown in an emergency, and never without a trace', async () => {
    await importKeys(`ch1,shop-1,${keys.ch1}`)
    expect(await latchkey('key show ch1')).toMatchObject({ code: 0, stdout: `${keys.ch1}\n` })
    const [entry] = await site.context.audit.list({ channelId: 'ch1', limit: 1 })
    expect(entry).toMatchObject({ actor: 'cli', action: 'api_key.shown', tenantId: 'shop-1' })
    expect(entry?.detail).toEqual({
      version: 1,
      fingerprint: fingerprintOf('ch1', keys.ch1),
      user: expect.stringMatching(/./),
    })

    site.hub.mintForeignKey('ch1')
    await site.settleKey('ch1')
    const rejected = await latchkey('key show ch1')
    expect(rejected).toMatchObject({ code: 0, stdout: `${keys.ch1}\n` })
    expect(rejected.stderr).toContain('This key is rejected')

    expect(await latchkey('key show ch2')).toMatchObject({ code: 1, stdout: '' })
    expect(await latchkey('key show')).toMatchObject({ code: 2, stdout: '' })
    expect(await latchkey(`key import ${keys.ch2}`, '')).toMatchObject({ code: 2, stdout: '' })
    expect(await everything()).not.toContain(keys.ch1)
  })
})

function environmentOf({ config, simulator }: TimedSite): Record<string, string> {
  const [key] = config.vaultKeys
  const jwk = { kty: 'oct', kid: key?.kid, k: Buffer.from(key?.key ?? []).toString('base64url') }
  return {
    DATABASE_URL: config.databaseUrl,
    PUBLIC_URL: config.publicUrl.origin,
    D360_PARTNER_ID: PARTNER_ID,
    D360_PARTNER_API_KEY: PARTNER_API_KEY,
    D360_PLATFORM_SECRET: PLATFORM_SECRET,
    D360_API_URL: `${simulator.url}/api/v2`,
    D360_MESSAGING_HOSTS: 'localhost',
    VAULT_KEYS: JSON.stringify({ keys: [jwk] }),
    SESSION_SECRET,
    BRAND_NAME: 'Nordlicht',
    SUPPORT_EMAIL: 'help@nordlicht.example',
  }
}

/** A mint that has begun. */
function mintOf(channelId: string): NewRow<'mint'> {
  const at = new Date('2026-03-02T08:57:00.000Z')
  return {
    ...{ id: 'min_1', channelId, version: 1, reason: 'return', askedBy: 'ret_1', launchedAt: at },
    ...{ state: 'unknown', problem: 'answer_lost', requestedAt: at, sinceAt: at, sentAt: at },
  }
}
