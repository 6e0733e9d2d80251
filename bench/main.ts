import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { newVaultKey } from '../src/config/vault-keys.ts'
import type { Engine } from '../src/database/database.ts'
import { openBench } from './bench.ts'
import { type Figures, type Load, measure, median } from './load.ts'
import { measureScale } from './scale.ts'
import { freePort, residentMegabytes, startServer } from './servers.ts'

const { values } = parseArgs({
  options: {
    json: { type: 'boolean' },
    scale: { type: 'boolean' },
    engine: { type: 'string', default: 'sqlite' },
    seconds: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '5' },
  },
})
const say = (line: string) => void (values.json ? undefined : process.stdout.write(`${line}\n`))

interface Result {
  readonly name: string
  readonly rps: number
  readonly baseline_rps: number
  readonly ratio: number
  readonly p50_ms: number
  readonly p99_ms: number
}

const folder = mkdtempSync(join(tmpdir(), 'latchkey-bench-'))
try {
  const results = values.scale ? await measureScale(engineNamed(values.engine), say) : await runAll()
  if (values.json) process.stdout.write(`${JSON.stringify(results, null, 2)}\n`)
  else if (!values.scale) await measureStart()
} finally {
  rmSync(folder, { recursive: true, force: true })
}

function engineNamed(name: string): Engine {
  if (name === 'sqlite' || name === 'postgres') return name
  throw new Error('--engine takes sqlite or postgres')
}

async function runAll(): Promise<Result[]> {
  const bench = await openBench(folder, Number(values.rounds))
  try {
    say('32 connections, worker running; medians of alternating rounds beside bare Express.\n')
    const results: Result[] = []
    for (const { name, site, baseline, bar } of bench.scenarios) {
      results.push(await compare(name, site, baseline, bar, bench.settle))
    }
    const healthy = results.find(({ name }) => name === 'return')?.p99_ms ?? Number.NaN
    for (const [how, breakHub, bar] of [
      ['stalled', bench.stall, 2],
      ['dead', bench.kill, 1.3],
    ] as const) {
      const { site, baseline } = await breakHub()
      const result = await compare(`return, 360dialog ${how}`, site, baseline, 0.4, async () => {})
      say(`  p99 ${(result.p99_ms / healthy).toFixed(2)} times the healthy one (bar ${bar})`)
      results.push(result)
    }
    return results
  } finally {
    await bench.close()
  }
}

async function compare(
  name: string,
  site: Load,
  baseline: Load,
  bar: number,
  settle: () => Promise<void>,
): Promise<Result> {
  const rounds: { site: Figures[]; baseline: Figures[] } = { site: [], baseline: [] }
  await measure(site, 1)
  await settle()
  for (let round = 0; round < Number(values.rounds); round += 1) {
    rounds.baseline.push(await measure(baseline, Number(values.seconds)))
    rounds.site.push(await measure(site, Number(values.seconds)))
    await settle()
  }
  const [own, bare] = [median(rounds.site), median(rounds.baseline)]
  // Round by round, so that a machine that changes its speed changes both sides of a ratio.
  const ratios = rounds.site.map(({ rps }, round) => rps / (rounds.baseline[round]?.rps ?? Number.NaN))
  const ratio = ratios.toSorted((a, b) => a - b)[Math.floor(ratios.length / 2)] ?? Number.NaN
  say(
    `${name.padEnd(28)} ${own.rps.toFixed(0).padStart(6)} /s beside ${bare.rps.toFixed(0).padStart(6)} /s: ` +
      `${ratio.toFixed(2)} (bar ${bar})   p50 ${own.p50} ms, p99 ${own.p99} ms`,
  )
  return { name, rps: own.rps, baseline_rps: bare.rps, ratio, p50_ms: own.p50, p99_ms: own.p99 }
}

/** From the command to the first 200 of /readyz, and the memory then: on a new SQLite file each time. */
async function measureStart(): Promise<void> {
  const starts: { ms: number; megabytes: number }[] = []
  for (let round = 0; round <= Number(values.rounds); round += 1) {
    const port = await freePort()
    const began = performance.now()
    const env = {
      PORT: String(port),
      DATABASE_URL: `sqlite:${join(folder, `start-${round}.db`)}`,
      D360_PARTNER_ID: 'BenchPA',
      D360_PARTNER_API_KEY: 'sample',
      D360_PLATFORM_SECRET: 'sample',
      D360_API_URL: 'http://localhost:9/api/v2',
      VAULT_KEYS: newVaultKey(),
      SESSION_SECRET: 'a-sample-of-a-session-secret-0123456789',
      BRAND_NAME: 'Nordlicht',
      SUPPORT_EMAIL: 'help@nordlicht.example',
    }
    const server = await startServer('src/main.ts', [], { port, env, path: '/readyz' })
    starts.push({ ms: performance.now() - began, megabytes: residentMegabytes(server) })
    await server.stop()
  }
  // The first start after an installation compiles; it is told apart.
  const [first, ...later] = starts
  const [middle] = later.toSorted((a, b) => a.ms - b.ms).slice(Math.floor(later.length / 2))
  say(
    `\nStart to ready: ${middle?.ms.toFixed(0)} ms, ${middle?.megabytes.toFixed(0)} MB (first ${first?.ms.toFixed(0)} ms; bar 1000 ms, 120 MB)`,
  )
}
