/** Where what operators watch is counted. */
export interface Metrics {
  onAnswered(method: string, route: string, status: number, seconds: number): void
  onCall(endpoint: string, status: number | 'error', seconds: number): void
  onMint(outcome: string): void
  onNotice(outcome: string): void
  /** Everything counted, in Prometheus's text format. */
  read(): Promise<string>
}

const SECONDS = [0.005, 0.02, 0.1, 0.5, 2, 10]

/**
 * Counts only if the counts can be read: without a METRICS_TOKEN the library is not even loaded.
 * Labels are route patterns, endpoint names and outcomes: never an id or an address.
 */
export async function createMetrics(wanted: boolean): Promise<Metrics> {
  const nothing = () => {}
  if (!wanted)
    return { onAnswered: nothing, onCall: nothing, onMint: nothing, onNotice: nothing, read: async () => '' }
  const { Counter, collectDefaultMetrics, Histogram, Registry } = await import('prom-client')
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const requests = new Histogram({
    name: 'latchkey_request_seconds',
    help: 'Time to answer, by method, route pattern and status.',
    labelNames: ['method', 'route', 'status'],
    buckets: SECONDS,
    registers,
  })
  const calls = new Histogram({
    name: 'latchkey_upstream_call_seconds',
    help: 'Time of calls to 360dialog, by endpoint and status.',
    labelNames: ['endpoint', 'status'],
    buckets: SECONDS,
    registers,
  })
  const mints = new Counter({
    name: 'latchkey_mints_total',
    help: 'Key creations by outcome: answered, stored, refused, never_sent, unknown, second_mint.',
    labelNames: ['outcome'],
    registers,
  })
  const notices = new Counter({
    name: 'latchkey_notices_total',
    help: 'Deliveries of the partner webhook by outcome: stored, stored_again, stored_unsigned, refused.',
    labelNames: ['outcome'],
    registers,
  })
  return {
    onAnswered: (method, route, status, seconds) => requests.observe({ method, route, status }, seconds),
    onCall: (endpoint, status, seconds) => calls.observe({ endpoint, status }, seconds),
    onMint: (outcome) => mints.inc({ outcome }),
    onNotice: (outcome) => notices.inc({ outcome }),
    read: () => registry.metrics(),
  }
}
