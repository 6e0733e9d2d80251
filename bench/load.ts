import autocannon from 'autocannon'

export interface Load {
  readonly url: string
  readonly method?: 'GET' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  /** Makes the path of each request; otherwise that of `url`. */
  readonly nextPath?: () => string
  /** Makes the body of each request, and the headers that go with it. */
  readonly nextBody?: () => { readonly body: string; readonly headers: Readonly<Record<string, string>> }
  /** So many requests, and not so many seconds. */
  readonly amount?: number
  /** The only status that counts; any other ends the bench. */
  readonly status: number
}

export interface Figures {
  readonly rps: number
  readonly p50: number
  readonly p99: number
}

const CONNECTIONS = 32

/** Sends requests for some seconds over 32 connections. */
export async function measure(load: Load, seconds: number): Promise<Figures> {
  const { nextPath, nextBody, amount } = load
  const result = await autocannon({
    url: load.url,
    method: load.method ?? 'GET',
    headers: { ...load.headers },
    connections: CONNECTIONS,
    duration: seconds,
    ...(amount && { amount }),
    ...(nextBody && { requests: [{ setupRequest: (request) => ({ ...request, ...nextBody() }) }] }),
    ...(nextPath && { requests: [{ setupRequest: (request) => ({ ...request, path: nextPath() }) }] }),
  })
  const statuses = Object.keys(result.statusCodeStats ?? {})
  if (result.errors > 0 || statuses.some((status) => Number(status) !== load.status)) {
    throw new Error(
      `${load.url}: answered ${statuses.join(', ')} with ${result.errors} errors, not ${load.status}`,
    )
  }
  return { rps: result.requests.average, p50: result.latency.p50, p99: result.latency.p99 }
}

/** The middle of the rounds, figure by figure. */
export function median(rounds: readonly Figures[]): Figures {
  const middle = (pick: (figures: Figures) => number) =>
    rounds.map(pick).toSorted((a, b) => a - b)[Math.floor(rounds.length / 2)] ?? Number.NaN
  return { rps: middle(({ rps }) => rps), p50: middle(({ p50 }) => p50), p99: middle(({ p99 }) => p99) }
}
