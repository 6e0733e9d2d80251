import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import type { Browser, Page } from 'playwright-core'
import { launchChromium, UNPACKING_MS } from './browser/chromium.ts'
import { freePort } from './free-port.ts'
import { eventually } from './site.ts'

const section = /^## Try it\n(.*?)^## /ms.exec(readFileSync('README.md', 'utf8'))?.[1] ?? ''
const [start = '', ...commands] = [...section.matchAll(/^```sh\n(.*?)^```/gms)].map(([, block = '']) => block)
/** What the customer presses, in this order. */
const presses = [...section.matchAll(/^(?:\d\.| {2}).*$/gm)].flatMap(([line]) =>
  [...line.matchAll(/\*\*(.+?)\*\*/g)].map(([, name = '']) => name),
)
const number = /`(\+\d[\d ]+)`/.exec(section)?.[1] ?? ''

let folder: string
let browser: Browser
let demo: ChildProcess
let port: number
let printed = ''

beforeAll(async () => {
  // The project as somebody has just cloned and installed it.
  folder = mkdtempSync(join(tmpdir(), 'latchkey-readme-'))
  for (const name of ['package.json', 'node_modules', 'src', 'views', 'public', 'locales'])
    symlinkSync(resolve(name), join(folder, name))
  port = await freePort({ above: 1 })
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, PORT: String(port) }
  demo = spawn('sh', ['-c', start.replace('npm ci && ', '')], { cwd: folder, env, detached: true })
  demo.stdout?.on('data', (chunk) => {
    printed += chunk
  })
  browser = await launchChromium()
  await eventually(() => printed.includes('Go live'))
}, UNPACKING_MS)
afterAll(async () => {
  await browser.close()
  const ended = once(demo, 'close')
  // npm, and what it started.
  process.kill(-Number(demo.pid), 'SIGTERM')
  await ended
  rmSync(folder, { recursive: true, force: true })
})

async function press(page: Page, name: string): Promise<void> {
  const field = page.getByLabel('Phone number')
  if (await field.isVisible()) await field.fill(number)
  await page
    .getByRole('button', { name, exact: true })
    .or(page.getByRole('link', { name, exact: true }))
    .click()
}

/** In a second terminal, whose environment knows nothing of the first. */
async function type(block: string): Promise<string> {
  const here = block
    .replaceAll('localhost:3000', `localhost:${port}`)
    .replaceAll('localhost:3001', `localhost:${port + 1}`)
  const env = { PATH: process.env.PATH, HOME: process.env.HOME }
  return (await promisify(execFile)('sh', ['-ec', here], { cwd: folder, env })).stdout
}

it('“Try it” in the README leads from a fresh clone to the key, as it is written there', async () => {
  expect(start).toBe('npm ci && npm start\n')
  expect(presses).toHaveLength(7)
  const page = await browser.newPage()
  await page.goto(/Connect link +(\S+)/.exec(printed)?.[1] ?? '')
  for (const name of presses) await press(page, name)
  const pressed = performance.now()
  await eventually(async () => {
    await page.reload()
    return page.getByRole('heading', { name: 'Connected' }).isVisible()
  })
  // The simulator's notice woke the worker: without it, the number would be looked at after 30 seconds.
  expect(performance.now() - pressed).toBeLessThan(20_000)

  const [product = '', link = ''] = commands
  const [listed = '', read = ''] = (await type(product)).split('\n')
  expect(JSON.parse(listed).data).toMatchObject([{ tenant_id: 'shop-a', key: { status: 'stored' } }])
  expect(JSON.parse(read)).toMatchObject({ api_key: expect.stringMatching(/^\w{20,}/), version: 1 })
  expect(await type(link)).toMatch(new RegExp(`^http://localhost:${port}/connect/`))
})
