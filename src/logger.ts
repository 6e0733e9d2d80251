import { writeSync } from 'node:fs'
import { isatty } from 'node:tty'
import { type DestinationStream, type Logger, pino } from 'pino'

/**
 * The site's log: JSON lines on standard output, if nothing else is said. What carries a secret is never handed to it (routes are
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

/** What a terminal would obey, as JSON spells it. */
const CONTROL = /\\u00[01][0-9a-f]|[^\P{Cc}\n]/gu

/** Where a person watches: short lines instead of JSON, if what makes them is installed. Undefined elsewhere. */
export async function openTerminal(fd: 1 | 2): Promise<DestinationStream | undefined> {
  const show = isatty(fd) ? await loadPretty() : undefined
  return show && { write: (line) => void writeSync(fd, show(line)) }
}

/** Makes a short line of a JSON line; undefined in production, where it is not installed. */
export async function loadPretty(): Promise<((line: string) => string) | undefined> {
  const pretty = await import('pino-pretty').catch(() => undefined)
  const show = pretty?.prettyFactory({
    singleLine: true,
    translateTime: 'SYS:HH:MM:ss',
    ignore: 'audit,method,route,status',
    messageFormat:
      '{msg}{if audit}: {audit.action} by {audit.actor}{end}{if route}: {method} {route} {status}{end}',
  })
  return show && ((line) => show(line.replace(CONTROL, '?')))
}

/** An error's own words and where it happened; no cause and no other member, where a foreign secret could be. */
function toLogged(error: unknown): object {
  if (!(error instanceof Error)) return { type: typeof error }
  return { type: error.name, message: error.message, stack: error.stack }
}
