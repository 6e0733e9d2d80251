import { performance } from 'node:perf_hooks'
import type { Answer, Lost } from './http-exchange.ts'

/** Told of each request when it ended: the endpoint's name, the status or `error`, and how long it took. */
export type OnCall = (endpoint: string, status: number | 'error', seconds: number) => void

/** Runs one exchange and tells `onCall` of it. */
export async function timed(
  onCall: OnCall,
  endpoint: string,
  send: () => Promise<Answer | Lost>,
): Promise<Answer | Lost> {
  const start = performance.now()
  const outcome = await send()
  const seconds = (performance.now() - start) / 1000
  try {
    onCall(endpoint, 'status' in outcome ? outcome.status : 'error', seconds)
  } catch {
    // A metric that fails must not lose the only copy of a key.
  }
  return outcome
}
