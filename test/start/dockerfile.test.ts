import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { newVaultKey } from '../../src/config/vault-keys.ts'
import { freePort } from '../free-port.ts'
import { eventually } from '../site.ts'
import { root } from './child.ts'

/** The Dockerfile's steps, walked in a folder of their own: no container engine is needed for that. */
const steps = readFileSync(join(root, 'Dockerfile'), 'utf8')
  .trim()
  .split('\n')
  .map((line) => ({ name: line.slice(0, line.indexOf(' ')), text: line.slice(line.indexOf(' ') + 1) }))
const textOf = (name: string) => steps.find((step) => step.name === name)?.text ?? ''

let scratch: string
let app: string
let env: Record<string, string>
/** A copy: the site's user cannot reach the one in a clone in root's own folder. */
let node: string

beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'latchkey-image-'))
  chmodSync(scratch, 0o755)
  node = join(scratch, 'node')
  copyFileSync(process.execPath, node)
  app = join(scratch, textOf('WORKDIR'))
  mkdirSync(app, { recursive: true })
  env = {
    PATH: [dirname(process.execPath), process.env.PATH].join(delimiter),
    HOME: process.env.HOME ?? scratch,
  }
  for (const { name, text } of steps) walk(name, text)
}, 120_000)
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

function walk(name: string, text: string): void {
  if (name === 'ENV')
    for (const pair of text.split(' ')) env[pair.split('=')[0] ?? ''] = pair.split('=')[1] ?? ''
  if (name === 'COPY') {
    const names = text.split(' ')
    const target = names.pop() ?? ''
    for (const from of names)
      cpSync(join(root, from), target === './' ? join(app, from) : join(app, target), { recursive: true })
  }
  // npm needs to know where this machine's registry is, as an image's builder does.
  const builder = { ...process.env, ...env }
  if (name === 'RUN') execFileSync('sh', ['-c', asAnybody(text)], { cwd: app, env: builder, timeout: 90_000 })
}

/** Only root may give a folder away; whoever else runs this is the one that the site runs as. */
function asAnybody(command: string): string {
  return process.getuid?.() === 0 ? command : command.replace(/ && chown \S+ \S+/, '')
}

/** Only root may become somebody else. */
const become = (user: string) => {
  const [uid = 0, gid = 0] = user.split(':').map(Number)
  return process.getuid?.() === 0 ? { uid, gid } : {}
}

describe('the image', () => {
  it('names Node 24, a numeric user and a health check', () => {
    expect(textOf('FROM')).toBe('node:24-slim')
    expect(textOf('USER')).toMatch(/^\d+:\d+$/)
    expect(textOf('HEALTHCHECK')).toContain('/readyz')
  })

  it('installs for production only', () => {
    const installed = JSON.parse(
      execFileSync('npm', ['ls', '--json', '--depth=0'], { cwd: app, env }).toString(),
    )
    const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    expect(Object.keys(installed.dependencies).sort()).toEqual(Object.keys(dependencies).sort())
  })

  it.each([
    ['its user', textOf('USER')],
    ['any other of group 0', '23456:0'],
  ])(
    'starts with production settings as %s, is healthy, and stops with 0',
    async (_whom, user) => {
      const secret = join(scratch, 'session-secret')
      writeFileSync(secret, 'a-sample-of-a-session-secret-0123456789\n')
      chmodSync(secret, 0o644)
      const port = String(await freePort())
      const settings = {
        ...env,
        PORT: port,
        DATABASE_URL: `sqlite:data/${port}.db`,
        // In a container it listens everywhere; here only where a test may.
        HOST: '127.0.0.1',
        PUBLIC_URL: 'https://connect.nordlicht.example',
        TRUST_PROXY: '1',
        D360_PARTNER_ID: 'NordlichtPA',
        D360_PARTNER_API_KEY: 'sample',
        D360_PLATFORM_SECRET: 'sample',
        VAULT_KEYS: newVaultKey(),
        SESSION_SECRET: `file:${secret}`,
        BRAND_NAME: 'Nordlicht',
        SUPPORT_EMAIL: 'help@nordlicht.example',
      }
      const [command = '', ...args] = JSON.parse(textOf('CMD')) as string[]
      const site = spawn(command === 'node' ? node : command, args, {
        cwd: app,
        env: settings,
        ...become(user),
      })
      const output: string[] = []
      site.stderr.on('data', (chunk) => output.push(String(chunk)))
      site.stdout.on('data', (chunk) => output.push(String(chunk)))
      try {
        await eventually(() => output.join('').includes('serves partner hub') || site.exitCode !== null)
        const check = textOf('HEALTHCHECK').replace(/^.*? CMD /, '')
        expect(() =>
          execFileSync('sh', ['-c', check], { cwd: app, env: { ...env, PORT: port } }),
        ).not.toThrow()
        const asked = { cwd: app, env: settings, ...become(user) }
        const token = execFileSync(
          node,
          ['src/cli.ts', ...'token create --name p --scope keys:read'.split(' ')],
          asked,
        )
        expect(String(token)).toMatch(/^lk_/)
        const page = await fetch(`http://127.0.0.1:${port}/admin/sign-in`)
        expect(page.headers.get('strict-transport-security')).toContain('max-age=')
      } finally {
        site.kill('SIGTERM')
      }
      const [code] = await once(site, 'exit')
      expect({ code, output: output.join('').includes('Error') }).toEqual({ code: 0, output: false })
      expect(() =>
        execFileSync('sh', ['-c', textOf('HEALTHCHECK').replace(/^.*? CMD /, '')], {
          cwd: app,
          env: { ...env, PORT: port },
        }),
      ).toThrow()
    },
    60_000,
  )
})
