/** Where what operators watch is counted. */
export interface Metrics {
  onAnswered(method: string, route: string, status: number, seconds: number): void
  onCall(endpoint: string, status: number | 'error', seconds: number): void
  onMint(outcome: string): void
  /** Everything counted, in Prometheus's text format. */
  read(): Promise<string>
}

/** Counts if anybody may read it: without a METRICS_TOKEN the library is not even loaded. */
export async function createMetrics(wanted: boolean): Promise<Metrics> {
  if (!wanted) return { onAnswered: () => {}, onCall: () => {}, onMint: () => {}, read: async () => '' }
  const { PrometheusMetrics } = await import('./prometheus-metrics.ts')
  return new PrometheusMetrics()
}
