import { Counter, collectDefaultMetrics, Histogram, Registry } from 'prom-client'
import type { Metrics } from './metrics.ts'

const SECONDS = [0.005, 0.02, 0.1, 0.5, 2, 10]

/** Prometheus metrics. Labels are route patterns, endpoint names and outcomes: never an id or an address. */
export class PrometheusMetrics implements Metrics {
  readonly #registry = new Registry()

  readonly #requests = new Histogram({
    name: 'latchkey_request_seconds',
    help: 'Time to answer, by method, route pattern and status.',
    labelNames: ['method', 'route', 'status'],
    buckets: SECONDS,
    registers: [this.#registry],
  })
  readonly #calls = new Histogram({
    name: 'latchkey_upstream_call_seconds',
    help: 'Time of calls to 360dialog, by endpoint and status.',
    labelNames: ['endpoint', 'status'],
    buckets: SECONDS,
    registers: [this.#registry],
  })
  readonly #mints = new Counter({
    name: 'latchkey_mints_total',
    help: 'Key creations by outcome: answered, stored, refused, never_sent, unknown, second_mint.',
    labelNames: ['outcome'],
    registers: [this.#registry],
  })

  constructor() {
    collectDefaultMetrics({ register: this.#registry })
  }

  readonly onAnswered = (method: string, route: string, status: number, seconds: number): void =>
    this.#requests.observe({ method, route, status }, seconds)

  readonly onCall = (endpoint: string, status: number | 'error', seconds: number): void =>
    this.#calls.observe({ endpoint, status }, seconds)

  readonly onMint = (outcome: string): void => this.#mints.inc({ outcome })

  readonly read = (): Promise<string> => this.#registry.metrics()
}
