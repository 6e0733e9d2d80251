import { timingSafeEqual } from 'node:crypto'
import { type Request, Router } from 'express'
import { NotFoundError } from '../errors.ts'
import { hashOf } from '../identifiers.ts'
import { paths } from '../paths.ts'

interface Dependencies {
  /** Throws when the site cannot work. */
  readonly checks: Readonly<Record<string, () => Promise<void>>>
  /** What else an operator wants to know; the site is able to work, whatever it says. */
  readonly details: Readonly<Record<string, () => Promise<string>>>
  readonly metricsTokens: readonly string[]
  readonly readMetrics: () => Promise<string>
}

/** Alive, able to work, and what operators watch. */
export function createHealthRoutes({ checks, details, metricsTokens, readMetrics }: Dependencies): Router {
  const router = Router()

  router.get(paths.healthz, (_req, res) => {
    res.json({ status: 'alive' })
  })

  router.get(paths.readyz, async (_req, res) => {
    const results = await Promise.all(
      Object.entries(checks).map(async ([name, check]) => [name, await passes(check)] as const),
    )
    const ready = results.every(([, passed]) => passed)
    const report = Object.fromEntries(results.map(([name, passed]) => [name, passed ? 'ok' : 'failed']))
    const told = await Promise.all(
      Object.entries(details).map(async ([name, tell]) => [name, await tell().catch(() => 'unknown')]),
    )
    const status = ready ? 'ready' : 'unready'
    res.status(ready ? 200 : 503).json({ status, ...report, ...Object.fromEntries(told) })
  })

  router.get(paths.metrics, async (req, res) => {
    if (!metricsTokens.some((token) => hasToken(req, token))) throw new NotFoundError()
    res.type('text/plain; version=0.0.4').send(await readMetrics())
  })

  return router
}

async function passes(check: () => Promise<void>): Promise<boolean> {
  try {
    await check()
    return true
  } catch {
    return false
  }
}

function hasToken(req: Request, token: string): boolean {
  const given = hashOf(req.get('authorization') ?? '')
  return timingSafeEqual(Buffer.from(given), Buffer.from(hashOf(`Bearer ${token}`)))
}
