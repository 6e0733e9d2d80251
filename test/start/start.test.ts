import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import request from 'supertest'
import { newVaultKey } from '../../src/config/vault-keys.ts'
import { startFakePostgres } from '../database/fake-postgres.ts'
import { createEmptyDatabase } from '../databases.ts'
import { freePort } from '../free-port.ts'
import { eventually, PARTNER_API_KEY, startTestSimulator } from '../site.ts'
import { type Child, runProgram } from './child.ts'

let folder: string
let children: Child[]
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'latchkey-start-'))
  children = []
})
afterEach(async () => {
  for (const child of children) child.process.kill('SIGKILL')
  await Promise.all(children.map((child) => child.ended))
  rmSync(folder, { recursive: true, force: true })
})

const start = (env: Record<string, string>) => {
  const child = runProgram('src/main.ts', [], { cwd: folder, env })
  children.push(child)
  return child
}
const startDemo = async () => {
  // The simulator takes the port above.
  const port = await freePort({ above: 1 })
  const child = start({ PORT: String(port) })
  await eventually(() => child.output().stdout.includes('Go live') || child.process.exitCode !== null)
  return { child, port }
}
const live = async () => ({
  PORT: String(await freePort()),
  D360_PARTNER_ID: 'NordlichtPA',
  D360_PARTNER_API_KEY: 'canary-partner-key',
  D360_PLATFORM_SECRET: 'canary-platform-secret',
  D360_API_URL: 'http://localhost:9/api/v2',
  VAULT_KEYS: newVaultKey(),
  SESSION_SECRET: 'canary-session-secret-0123456789abcdef',
  BRAND_NAME: 'Nordlicht',
  SUPPORT_EMAIL: 'help@nordlicht.example',
})

describe('npm start', () => {
  it('on a fresh machine is a demo that says where to go', async () => {
    const { child, port } = await startDemo()
    const { stdout, stderr } = child.output()
    expect(stderr).toBe('')
    expect(stdout).toContain(
      'Latchkey 0.1.0, demo mode: 360dialog is simulated, nothing leaves this machine.',
    )
    expect(stdout).toContain(`Client page   http://localhost:${port}\n`)
    const link = /Connect link {2}http:\/\/localhost:\d+(\/connect\/\S+)/.exec(stdout)?.[1] ?? ''
    const linked = await request(`http://localhost:${port}`).get(link).expect(200)
    expect(linked.text).toContain('<bdi>Shop A GmbH</bdi>')
    expect(linked.text).toContain(`<img src="http://localhost:${port + 1}/nordlicht.svg" alt="Nordlicht">`)
    expect(stdout).toContain(`Simulator     http://localhost:${port + 1}   (plays 360dialog)`)

    const first = /http:\S+\/admin\/first\/\S+/.exec(stdout)?.[0] ?? ''
    const path = new URL(first).pathname
    const browser = request.agent(`http://localhost:${port}`)
    await browser.get(path).expect(303)
    const page = await browser.get('/admin').expect(200)
    expect(page.text).toContain('Demo: 360dialog is simulated')
    await request(`http://localhost:${port}`).get(path).expect(410)
    const simulator = await request(`http://localhost:${port + 1}`)
      .get('/')
      .expect(200)
    expect(simulator.text).toContain('alt="Nordlicht"')
    expect(simulator.text).toContain(`<a href="http://localhost:${port}">To Nordlicht</a>`)

    // The demo's port is in its environment alone.
    const words = 'link create --tenant shop-b --name Muster'.split(' ')
    const command = runProgram('src/cli.ts', words, { cwd: folder })
    expect(await command.ended).toBe(0)
    expect(command.output().stdout).toMatch(new RegExp(`^http://localhost:${port}/connect/[\\w-]{43}\n$`))
  })

  it('keeps the demo’s data and secrets for this user alone', async () => {
    await startDemo()
    const data = join(folder, 'data')
    expect(statSync(data).mode & 0o777).toBe(0o700)
    for (const file of readdirSync(data))
      expect([file, statSync(join(data, file)).mode & 0o077]).toEqual([file, 0])
  })

  it('goes on where it was, and ends with 0 on SIGTERM', async () => {
    for (let round = 0; round < 2; round += 1) {
      const { child } = await startDemo()
      expect(child.output().stderr).toBe('')
      child.process.kill('SIGTERM')
      expect(await child.ended).toBe(0)
    }
  })

  it('refuses bad settings with every problem and remedy, without a value, and changes nothing', async () => {
    const child = start({
      ...(await live()),
      VAULT_KEYS: 'canary-bad',
      SESSION_SECRET: 'canary-short',
      PORT: 'canary-port',
    })
    expect(await child.ended).toBe(1)
    const { stdout, stderr } = child.output()
    expect(stdout).toBe('')
    expect(stderr).toContain('Latchkey did not start. Nothing was changed. 3 problems to fix:')
    for (const setting of ['PORT', 'VAULT_KEYS', 'SESSION_SECRET']) expect(stderr).toContain(setting)
    expect(stderr).not.toContain('canary')
    expect(readdirSync(folder)).toEqual([])
  })

  it('refuses what its .env file holds more of than was read, unless the environment says it', async () => {
    const cut =
      'BRAND_COLOR=#0b5fff\nexport SUPPORT_EMAIL = help#1@n.example # and a comment\nBRAND_NAME=C#-Shop\n'
    const whole = 'PRIVACY_URL="https://n.example/#p"\nPORT=1 # a comment\nHOST= # none\n#D360_RATE=#\n'
    writeFileSync(join(folder, '.env'), cut + whole)
    const { SUPPORT_EMAIL: _, ...settings } = await live()
    const child = start(settings)
    expect(await child.ended).toBe(1)
    const { stderr } = child.output()
    expect(stderr.match(/^\w+ is cut off/gm)).toEqual(['BRAND_COLOR is cut off', 'SUPPORT_EMAIL is cut off'])
    expect(stderr).not.toContain('0b5fff')
  })

  it('takes quotes off and says so once; and names a folder in the place of its .env file', async () => {
    const settings = { ...(await live()), BRAND_NAME: '"Nordlicht"', D360_PARTNER_API_KEY: "'canary-key'" }
    const child = start(settings)
    await eventually(() => child.output().stdout.includes('Redirect URL'))
    expect(child.output().stderr).toBe(
      'Quotes around a value are no part of it, and were taken off: D360_PARTNER_API_KEY, BRAND_NAME.\n',
    )
    const { text } = await request(`http://localhost:${settings.PORT}`).get('/').expect(200)
    expect(text).not.toContain('&#34;Nordlicht')
    child.process.kill('SIGTERM')
    await child.ended

    mkdirSync(join(folder, '.env'))
    const refused = start(settings)
    expect(await refused.ended).toBe(1)
    expect(refused.output().stderr).toMatch(
      /^Latchkey did not start. Nothing was changed. 1 problem to fix:\n\n\.env is a folder/,
    )
    const command = runProgram('src/cli.ts', ['vault', 'new-key'], { cwd: folder })
    expect([await command.ended, command.output().stderr]).toEqual([0, ''])
  })

  it('refuses a database of the demo, a missing vault key and a wrong one, by name', async () => {
    const demo = await startDemo()
    demo.child.process.kill('SIGTERM')
    await demo.child.ended
    const settings = await live()
    const other = start(settings)
    expect(await other.ended).toBe(1)
    expect(other.output().stderr).toContain('This database belongs to the demo')
    expect(other.output().stderr).toContain('Delete the data folder of the demo')

    const own = { ...settings, DATABASE_URL: `sqlite:${join(folder, 'own.db')}` }
    const first = start(own)
    await eventually(() => first.output().stdout.includes('Redirect URL'))
    const url = `http://localhost:${settings.PORT}`
    expect(first.output().stdout).toContain(`Latchkey 0.1.0 serves partner hub NordlichtPA at ${url}\n`)
    expect(first.output().stdout).toContain(`  ${url}   (sign-up is closed: customers need a link)\n`)
    expect(first.output().stdout).toContain(`Admin         ${url}/admin\n`)
    expect(first.output().stdout).toContain(`Redirect URL  ${url}/callback   (`)
    first.process.kill('SIGTERM')
    await first.ended
    const wrong = start({ ...own, VAULT_KEYS: newVaultKey() })
    expect(await wrong.ended).toBe(1)
    const kid = JSON.parse(settings.VAULT_KEYS).keys[0].kid
    expect(wrong.output().stderr).toContain(`"${kid}"`)
  })

  it('ends when the simulator’s port is taken, rather than go on without it', async () => {
    const free = await freePort({ above: 1 })
    const above = createServer().listen(free + 1, '127.0.0.1')
    await once(above, 'listening')
    const halfway = start({ PORT: String(free) })
    const code = await halfway.ended
    above.close()
    expect([code, halfway.output().stderr]).toEqual([
      1,
      expect.stringContaining(`Port ${free + 1} is in use`),
    ])
  })

  it('says whether 360dialog accepts the credentials, without them and without waiting', async () => {
    const simulator = await startTestSimulator()
    const to = async (more: Record<string, string>, database: string) =>
      start({ ...(await live()), ...more, DATABASE_URL: `sqlite:${database}.db` })
    const url = { D360_API_URL: `${simulator.url}/api/v2` }
    const accepted = await to({ ...url, D360_PARTNER_API_KEY: PARTNER_API_KEY }, 'accepted')
    const refused = await to(url, 'refused')
    const login = { ...url, D360_PARTNER_API_KEY: '', D360_USERNAME: 'canary-u', D360_PASSWORD: 'canary-p' }
    const refusedLogin = await to(login, 'login')
    const silent = await to({}, 'silent')
    await eventually(() => accepted.output().stdout.includes('360dialog accepts the credentials'))
    for (const one of [refused, refusedLogin])
      await eventually(() => /refuses the credentials \(40[13]\)\. Check D360_/.test(one.output().stderr))
    await eventually(() => silent.output().stderr.includes('360dialog did not answer'))
    for (const one of [accepted, refused, refusedLogin, silent]) {
      const { stdout, stderr } = one.output()
      expect(stdout).toContain('serves partner hub')
      expect(stdout + stderr).not.toContain('canary')
    }
    await simulator.close()
  })

  it('says when its port or its database cannot be used', async () => {
    const { port } = await startDemo()
    const second = start({ ...(await live()), PORT: String(port), DATABASE_URL: 'sqlite:other/latchkey.db' })
    expect(await second.ended).toBe(1)
    expect(second.output().stderr).toContain(`Port ${port} is in use`)
    expect(second.output().stderr).not.toMatch(/\bat .*\.ts/)
  })

  it('waits for a database that is not up yet, with a line, and goes on', async () => {
    const empty = await createEmptyDatabase('postgres')
    const server = await startFakePostgres({ code: '57P03', message: 'the database system is starting up' })
    const DATABASE_URL = Object.assign(new URL(empty.url), { port: server.port }).href
    const child = start({ ...(await live()), DATABASE_URL })
    await eventually(() => child.output().stdout.includes('Trying again for up to 30 s'))
    expect(child.output().stdout).toContain('PostgreSQL is starting or stopping. Trying again for up to 30 s')
    server.become(new URL(empty.url))
    await eventually(() => child.output().stdout.includes('Redirect URL'))
    child.process.kill('SIGTERM')
    expect(await child.ended).toBe(0)
    await server.stop()
    await empty.drop()
  })

  it('shows no stack trace for a database that cannot be used, in a command too', async () => {
    const empty = await createEmptyDatabase('postgres')
    const DATABASE_URL = Object.assign(new URL(empty.url), { pathname: '/canary_nowhere' }).href
    const settings = { ...(await live()), DATABASE_URL }
    const command = runProgram('src/cli.ts', ['migrate'], { cwd: folder, env: settings })
    for (const child of [start(settings), command]) {
      expect(await child.ended).toBe(1)
      expect(child.output().stderr).toMatch(
        /^The database in DATABASE_URL is not there \(3D000\)\. Create it [^\n]*\n$/,
      )
    }
    await empty.drop()
  })
})
