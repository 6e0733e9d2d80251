import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals'
import { runCommandLine } from '../../src/commands/command-line.ts'
import {
  PARTNER_API_KEY,
  PARTNER_ID,
  PLATFORM_SECRET,
  SESSION_SECRET,
  type Site,
  startSite,
} from '../site.ts'
import { runProgram } from './child.ts'

let site: Site
let folder: string
let env: Record<string, string>

/** Commands run beside the serving site, on its database. */
async function latchkey(words: string, input?: string | Buffer, settings = env) {
  const child = runProgram('src/cli.ts', words.split(' '), {
    cwd: folder,
    env: settings,
    ...(input !== undefined && { input }),
  })
  const code = await child.ended
  return { code, ...child.output() }
}

/** The same without a process of its own, for what ends before the site is opened. */
async function latchkeyHere(words: string, settings = env) {
  const written = { stdout: '', stderr: '' }
  const catchAll = (stream: keyof typeof written) =>
    jest.spyOn(process[stream], 'write').mockImplementation((chunk) => {
      written[stream] += String(chunk)
      return true
    })
  const spies = [catchAll('stdout'), catchAll('stderr')]
  const code = await runCommandLine(words.split(' '), settings)
  for (const spy of spies) spy.mockRestore()
  return { code, ...written }
}

beforeAll(async () => {
  site = await startSite()
  folder = mkdtempSync(join(tmpdir(), 'latchkey-cli-'))
  const [key] = site.config.vaultKeys
  const jwk = { kty: 'oct', kid: key?.kid, k: Buffer.from(key?.key ?? []).toString('base64url') }
  env = {
    DATABASE_URL: site.config.databaseUrl,
    PUBLIC_URL: site.config.publicUrl.origin,
    D360_PARTNER_ID: PARTNER_ID,
    D360_PARTNER_API_KEY: PARTNER_API_KEY,
    D360_PLATFORM_SECRET: PLATFORM_SECRET,
    D360_API_URL: `${site.simulator.url}/api/v2`,
    VAULT_KEYS: JSON.stringify({ keys: [jwk] }),
    SESSION_SECRET,
    BRAND_NAME: 'Nordlicht',
    SUPPORT_EMAIL: 'help@nordlicht.example',
  }
})
afterAll(async () => {
  await site.stop()
  rmSync(folder, { recursive: true, force: true })
})

describe('operator commands', () => {
  it('create a connect link that works', async () => {
    const words =
      'link create --tenant t9 --name Muster --email a@muster.example --email-verified --number +4930123456'
    const { code, stdout, stderr } = await latchkey(words)
    expect({ code, lines: stdout.trim().split('\n').length }).toEqual({ code: 0, lines: 1 })
    expect(stderr).toContain('"action":"link.created"')
    const { text } = await site.newBrowser().get(new URL(stdout.trim()).pathname).expect(200)
    expect(text).toContain('<bdi>Muster</bdi>')
    expect(text).toContain('+49 30 123456')
  })

  it.each(["O'Neil+x@xn--mller-kva.example", 'andré@müller.example', '用户@例子.广告'])(
    'create one for an address with letters of the world: %s',
    async (email) => {
      const words = `link create --tenant t10 --name Welt --email ${email} --email-verified`
      expect(await latchkey(words)).toMatchObject({ code: 0 })
      const rows = site.context.db.selectFrom('connectSession').select('email')
      const made = await rows.where('tenantId', '=', 't10').orderBy('id', 'desc').executeTakeFirst()
      expect(made?.email).toBe(email)
    },
  )

  it('create, list and revoke API tokens, and print a new one alone', async () => {
    const made = await latchkey(
      'token create --name product --scope keys:read --scope channels:read --expires 30d',
    )
    expect(made.stdout).toMatch(/^lk_[\w-]{43}\n$/)
    const call = () =>
      site.newBrowser().get('/api/v1/token').set('authorization', `Bearer ${made.stdout.trim()}`)
    expect((await call().expect(200)).body.scopes).toEqual(['keys:read', 'channels:read'])
    const listed = await latchkey('token list')
    const id = listed.stdout.split('\t')[0]
    expect(listed.stdout).not.toContain(made.stdout.trim())
    expect((await latchkey(`token revoke ${id}`)).code).toBe(0)
    await call().expect(401)
    expect(await latchkey(`token revoke ${id}`)).toMatchObject({ code: 1, stdout: '' })
  })

  it('keep admins: create, list, a new password, disable', async () => {
    expect((await latchkey('admin create Anna', 'a long enough password\n')).code).toBe(0)
    expect((await latchkey('admin create Anna', 'a long enough password\n')).code).toBe(1)
    expect((await latchkey('admin create Bert', 'short')).code).toBe(1)
    expect((await latchkey('admin create Bert', '')).code).toBe(2)
    expect((await latchkey('admin list')).stdout).toMatch(/^anna\tactive$/im)
    const signIn = async (password: string) =>
      (await site.newBrowser().post('/admin/sign-in').type('form').send({ name: 'anna', password })).status
    expect(await signIn('a long enough password')).toBe(303)
    expect((await latchkey('admin password anna', 'another good password\n')).code).toBe(0)
    expect(await signIn('a long enough password')).not.toBe(303)
    expect(await signIn('another good password')).toBe(303)
    expect((await latchkey('admin disable anna')).code).toBe(0)
    expect(await signIn('another good password')).not.toBe(303)
    expect((await latchkey('admin disable nobody')).code).toBe(1)
  })

  it('bring the database up to date, and create vault keys', async () => {
    expect(await latchkey('migrate')).toMatchObject({ code: 0, stdout: 'The database is up to date.\n' })
    const { stdout } = await latchkey('vault new-key')
    expect(JSON.parse(stdout).keys).toMatchObject([
      { kty: 'oct', kid: expect.any(String), k: expect.any(String) },
    ])
  })

  it('read a key file as a spreadsheet saves it, and refuse what is no text by line and column', async () => {
    const file = 'Channel;Tenant;Key\r\nnot-here; t1; K1\r\n'
    const read = await latchkey('key import', Buffer.from(`\uFEFF${file}`, 'utf16le'))
    expect(read).toMatchObject({ code: 1, stdout: expect.stringMatching(/^2\t-\t-\trefused: .*\n0 stored/) })
    const broken = await latchkey('key import', Buffer.from(`${file}Käse;t2;K2`, 'latin1'))
    expect(broken).toMatchObject({ code: 2, stdout: '' })
    expect(broken.stderr).toContain('Standard input is not text in UTF-8 or UTF-16 (from line 3, column 2).')
  })

  it('read the whole hub now; and fail when 360dialog does', async () => {
    const client = site.hub.addClient({ name: 'Shop', email: 'shop@shop.example' })
    for (const nth of [1, 2])
      site.hub.addChannel({ clientId: client.id, phoneNumber: `+493012345${nth}`, displayName: 'Shop' })
    expect(await latchkey('sync')).toEqual({
      code: 0,
      stdout: 'Read to the end: 1 clients, 2 channels.\n',
      stderr: '',
    })
    expect(await site.context.channels.list({})).toHaveLength(2)
    site.hub.setFault({ endpoint: 'channels', times: 20, kind: 'status', status: 403 })
    const failed = await latchkey('sync')
    expect({ ...failed, stderr: '' }).toEqual({ code: 1, stdout: '', stderr: '' })
    expect(failed.stderr).toContain('What was read is kept')
    expect(await site.context.channels.list({})).toHaveLength(2)
    site.hub.setFault({ endpoint: 'channels', times: 0, kind: 'slow', ms: 0 })
  })

  it('say so when they find neither settings nor a demo, such as in another folder', async () => {
    const settings = { DATABASE_URL: `sqlite:${join(folder, 'elsewhere/latchkey.db')}` }
    const { code, stdout, stderr } = await latchkeyHere('token list', settings)
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' })
    expect(stderr).toMatch(/^No D360_ setting is set here, and no demo was started: .*elsewhere\.\n$/)
  })

  it.each([
    ['--help', 'Commands for the operator'],
    ...['link', 'admin', 'token', 'key', 'review', 'vault'].map((group) => [`${group} --help`, 'Commands:']),
    ['help', 'Commands for the operator'],
    ['link create --help', '--tenant <id> (required)'],
    ['admin create --help', 'the password is read from standard input'],
    ['token create --help', 'channels:read or keys:read'],
    ['key import --help', 'channel,tenant,key'],
    ['review accept --help', 'accept [options] <id>'],
    ['simulate --help', '--redirect-url <url>'],
  ])('explain themselves without settings: %s', async (words, expected) => {
    const { code, stdout, stderr } = await latchkeyHere(words, { NODE_ENV: 'production' })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^Usage: npm run --silent latchkey -- /)
    expect(stdout).toContain(expected)
  })

  it.each(['link', 'link --colour red', 'admin create Anna canary-password', 'key import canary-key'])(
    'keep their answer empty, and never repeat what is too much: %s',
    async (words) => {
      const { code, stdout, stderr } = await latchkeyHere(words)
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
      expect(stderr).not.toContain('canary')
    },
  )

  it.each([
    'nonsense',
    'link create --name x',
    'link create --tenant t1 --name x --colour red',
    'link create --tenant self_x --name x',
    'link create --tenant t1 --name x --number 12',
    'link create --tenant t1 --name x --email-verified',
    'link create --tenant t1 --name x --email anna＠shop.example',
    'link create --tenant t1 --name x --email anna@ｓhop.example',
    'token create --name x',
    'token create --name x --scope everything',
    'token create --name x --scope keys:read --expires 2020-01-01',
    'token revoke',
    'simulate --port x',
    'simulate --port 0 --switch payment=nobody',
  ])('answer wrong use with the usage and exit code 2: %s', async (words) => {
    const { code, stdout, stderr } = await latchkeyHere(words)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain('Usage: npm run --silent latchkey --')
  })

  it('end the process with what they answer: help and wrong use', async () => {
    expect(await latchkey('--help')).toMatchObject({ code: 0, stderr: '' })
    expect(await latchkey('nonsense')).toMatchObject({ code: 2, stdout: '' })
  })

  it('simulate 360dialog as the switches say', async () => {
    const switches = ['--switch', 'payment=partner', '--switch', 'quotes=single']
    const args = ['simulate', '--port', '0', ...switches]
    const { process: child, output, ended } = runProgram('src/cli.ts', args, { cwd: folder })
    if (child.stdout) await once(child.stdout, 'data')
    const [url = ''] = /http:\S+\d/.exec(output().stdout) ?? []
    const state = await (await fetch(`${url}/control/state`)).json()
    expect(state).toMatchObject({ switches: { payment: 'partner', quotes: 'single', spaces: false } })
    child.kill('SIGTERM')
    expect(await ended).toBe(0)
  })

  it('fail with the settings’ problems', async () => {
    const { code, stderr } = await latchkey('migrate', '', { ...env, VAULT_KEYS: '' })
    expect(code).toBe(1)
    expect(stderr).toMatch(/^Latchkey did not start. Nothing was changed. 1 problem to fix:\n\nVAULT_KEYS /)
  })
})
