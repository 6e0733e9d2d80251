import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import packed from '@sparticuz/chromium'
import { type Browser, chromium, type Page } from 'playwright-core'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const FADED_IN =
  'Promise.allSettled(document.getAnimations().filter((one) => one instanceof CSSTransition).map((one) => one.finished))'
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']

/** The first run on a machine unpacks the browser. */
export const UNPACKING_MS = 120_000

/** A real browser with its security on. The package's own arguments switch that off, so none of them is used. */
export async function launchChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: await unpack(), args: ['--no-sandbox', '--headless=shell'] })
}

/**
 * Test files run side by side, and the package takes a half-written browser for a whole one: one at a time,
 * behind a lock that ends with its process.
 */
async function unpack(): Promise<string> {
  const lock = new DatabaseSync(join(tmpdir(), 'latchkey-chromium.lock'), { timeout: 60_000 })
  lock.exec('begin exclusive')
  try {
    return await packed.executablePath()
  } finally {
    lock.close()
  }
}

/**
 * What axe finds wrong on the page: rule and elements. It is put in from outside, past the page's own policy, and
 * looks once every colour has arrived: a button that is still fading in has neither its own nor the page's contrast.
 */
export async function findBarriers(page: Page): Promise<string[]> {
  await page.evaluate(FADED_IN)
  await page.evaluate(AXE)
  const options = { runOnly: TAGS, resultTypes: ['violations'] }
  const { violations } = await page.evaluate<Findings>(`axe.run(document, ${JSON.stringify(options)})`)
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`)
}

interface Findings {
  violations: { id: string; nodes: { target: string[] }[] }[]
}

/** Everything that the browser complains about: policies that stopped something, errors, failed files. */
export function collectComplaints(page: Page): string[] {
  const complaints: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(String(error)))
  return complaints
}
