import { type DestinationStream, type Logger, pino } from 'pino'

/**
 * The site's log: JSON lines on standard output. What carries a secret is never handed to it (routes are
 * logged by their pattern); the redaction is the second fence.
 */
export function createLogger(level: string, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: toLogged },
    redact: { paths: ['apiKey', 'password', 'token', 'nonce', 'secret'], censor: '[redacted]' },
  }
  // Not one write for each line: while one is on its way, the next ones gather. What is left is written at the end.
  return pino(options, destination ?? pino.destination({ dest: 1, sync: false }))
}

/** An error's own words and where it happened; no cause and no other member, where a foreign secret could be. */
function toLogged(error: unknown): object {
  if (!(error instanceof Error)) return { type: typeof error }
  return { type: error.name, message: error.message, stack: error.stack }
}
